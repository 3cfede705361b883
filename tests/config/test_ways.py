from __future__ import annotations

from router.config.labels import Vocabulary
from router.config.schema import Config
from router.config.ways import Ways

NAMES = ("law", "garden", "keyed", "close", "bare")
DOCUMENT = {
    "vllm_endpoints": [{"name": "a", "address": "h", "port": 1}],
    "model_config": {"base": {}},
    "default_model": "base",
    "classifier": {"category_model": {"model_id": "m"}},
    "keyword_rules": [{"category": "keyed", "keywords": ["x"]}],
    "embedding_rules": [{"name": "close", "candidates": ["x"]}],
    "categories": [
        {
            "name": name,
            "description": " " if name == "bare" else f"About {name}",
            "model_scores": [{"model": "base", "score": 1}],
        }
        for name in NAMES
    ],
}
WORDS = Vocabulary(("law", "math"), {})


def ways(vocabulary: Vocabulary | None = WORDS, **keys) -> Ways:
    return Ways(Config.model_validate({**DOCUMENT, **keys}), vocabulary)


def by_name(found: Ways) -> dict[str, tuple[str, ...]]:
    return {category.name: found.of(category) for category in found.config.categories}


def test_each_category_is_found_by_what_names_it_and_by_its_description():
    assert by_name(ways()) == {
        "law": ("description", "domain"),
        "garden": ("description",),
        "keyed": ("keyword", "description"),
        "close": ("embedding", "description"),
        "bare": (),
    }


def test_a_method_that_is_not_in_the_order_finds_nothing():
    found = by_name(ways(classification_order=["domain", "keyword"]))
    assert found["law"] == ("domain",)
    assert found["close"] == ()


def test_a_server_that_is_asked_may_name_every_category():
    server = {"enabled": True, "url": "http://h/mcp"}
    assert by_name(ways(classifier={"mcp_category_model": server}))["bare"] == ("mcp",)
    off = {"enabled": False, "url": "http://h/mcp"}
    assert by_name(ways(classifier={"mcp_category_model": off}))["bare"] == ()


def test_only_what_nothing_else_names_is_left_to_descriptions():
    assert [category.name for category in ways().described()] == ["garden"]


def test_without_the_classifiers_words_nothing_is_said_of_descriptions():
    assert ways(None).described() == ()


def test_an_embedding_model_reads_descriptions_where_there_is_no_classifier():
    found = ways(None, classifier={}, embedding_model={"model_id": "m"})
    assert [category.name for category in found.described()] == ["law", "garden"]
    assert ways(None, classifier={}, embedding_rules=[]).described() == ()
