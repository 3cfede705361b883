from __future__ import annotations

import pytest

from router.config.labels import Vocabulary
from router.config.relations import relations_of
from router.config.schema import Config

WORDS = Vocabulary(("biology", "law", "math"), {"science": ("biology", "math")})
MINIMAL = {
    "vllm_endpoints": [{"name": "a", "address": "h", "port": 1}],
    "model_config": {"base": {}},
    "default_model": "base",
}


def relation(kind: str, signals, *, threshold: float = 0.6, asked: tuple[str, ...] = (), **keys):
    """The relation of `kind` in a file whose decisions ask for the names `asked`."""
    decisions = [
        {"name": name, "modelRefs": [{"model": "base"}], "rules": {"type": kind, "name": name}}
        for name in asked
    ]
    model = {"category_model": {"model_id": "m", "threshold": threshold}}
    document = {**MINIMAL, "signals": signals, "decisions": decisions, "classifier": model, **keys}
    return relations_of(Config.model_validate(document), WORDS)[kind]


LANGUAGES = {
    "language": [{"name": "cjk", "codes": ["zh", "ja"]}, {"name": "ja"}, {"name": "fr"}],
}


def test_a_prompt_has_one_language():
    languages = relation("language", LANGUAGES, asked=("zh",))
    assert languages.excludes("cjk", "fr") == "a prompt has one language, not 'cjk' and 'fr'"
    assert languages.excludes("cjk", "ja") is None
    assert languages.excludes("zh", "ja")
    assert languages.implies("ja", "cjk")
    assert languages.implies("zh", "cjk")
    assert not languages.implies("cjk", "ja")
    assert not languages.implies("nothing", "cjk")


DOMAINS = {
    "domains": [
        {"name": "lawyers", "mmlu_categories": ["law"]},
        {"name": "both", "mmlu_categories": ["law", "science"]},
        {"name": "nothing"},
    ]
}


def test_two_domains_without_a_common_label_cannot_both_have_more_than_half():
    domains = relation("domain", DOMAINS, asked=("science", "math"))
    assert domains.excludes("lawyers", "science") == (
        "domains 'lawyers' and 'science' share no label, and both cannot reach 0.6"
    )
    assert domains.excludes("both", "science") is None
    assert domains.excludes("nothing", "science") is None
    assert domains.implies("math", "science")
    assert domains.implies("lawyers", "both")
    assert not domains.implies("both", "lawyers")


def test_below_one_half_two_domains_may_both_be_found():
    domains = relation("domain", DOMAINS, threshold=0.5, asked=("science",))
    assert domains.excludes("lawyers", "science") is None
    assert domains.implies("lawyers", "both")


def test_without_the_labels_nothing_is_said_of_domains():
    config = Config.model_validate({**MINIMAL, "signals": DOMAINS})
    assert "domain" not in relations_of(config, None)


CONTEXTS = {
    "context": [
        {"name": "short", "max_tokens": 1000},
        {"name": "tiny", "max_tokens": 10},
        {"name": "long", "min_tokens": "1K"},
        {"name": "longer", "min_tokens": 1001},
        {"name": "any"},
    ]
}


def test_ranges_of_length_exclude_and_contain_each_other():
    contexts = relation("context", CONTEXTS)
    assert contexts.excludes("short", "longer") == "contexts 'short' and 'longer' share no length"
    assert contexts.excludes("longer", "short") is None  # asked the other way round as well
    assert contexts.excludes("short", "long") is None
    assert contexts.implies("tiny", "short")
    assert contexts.implies("longer", "long")
    assert contexts.implies("short", "any")
    assert not contexts.implies("any", "short")
    assert not contexts.implies("long", "longer")


REQUESTS = {
    "requests": [
        {"name": "images", "images": True},
        {"name": "texts", "images": False},
        {"name": "gold", "headers": {"x-plan": ["Gold", "platinum"], "x-a": "1"}},
        {"name": "free", "headers": {"x-plan": "free", "x-b": "1"}},
        {"name": "golden", "headers": {"x-plan": "gold"}},
        {"name": "some", "headers": {"x-plan": "f*"}},
        {"name": "other", "headers": {"x-c": "1"}, "path": "/v1/messages"},
        {"name": "chat", "path": ["/v1/chat/completions"]},
    ]
}


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        ("images", "texts", "requests 'images' and 'texts' differ in images"),
        ("gold", "free", "requests 'gold' and 'free' differ in headers"),
        ("gold", "golden", None),
        ("gold", "some", None),
        ("gold", "other", None),
        ("chat", "other", "requests 'chat' and 'other' differ in path"),
        ("images", "gold", None),
        ("images", "nothing", None),
    ],
)
def test_facts_about_a_request_exclude_others(one, other, why):
    assert relation("request", REQUESTS).excludes(one, other) == why


KEYWORDS = {
    "keywords": [
        {"name": "clean", "operator": "NOR", "keywords": ["urgent", "now"]},
        {"name": "urgent", "keywords": ["urgent"]},
        {"name": "soon", "keywords": ["urgent", "soon"]},
        {"name": "both", "operator": "AND", "keywords": ["urgent", "please"]},
        {"name": "shouted", "keywords": ["urgent"], "case_sensitive": True},
        {"name": "two", "operator": "NOR", "keywords": ["urgent"]},
    ]
}


@pytest.mark.parametrize(
    ("name", "excluded"),
    [
        ("urgent", True),
        ("soon", False),
        ("both", True),
        ("shouted", False),
        ("two", False),
        ("clean", False),
    ],
)
def test_a_nor_excludes_rules_that_need_one_of_its_words(name, excluded):
    why = f"keyword 'clean' matches only without the words that {name!r} needs"
    assert relation("keyword", KEYWORDS).excludes("clean", name) == (why if excluded else None)


def test_several_rules_of_one_name_exclude_only_what_all_of_them_do():
    rules = [
        {"category": "clean", "operator": "NOR", "keywords": ["urgent"]},
        {"category": "urgent", "keywords": ["urgent"]},
        {"category": "urgent", "keywords": ["now"]},
    ]
    assert relation("keyword", {}, keyword_rules=rules).excludes("clean", "urgent") is None
    assert relation("keyword", {}, keyword_rules=rules[:2]).excludes("clean", "urgent")
