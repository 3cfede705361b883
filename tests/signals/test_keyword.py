"""The keyword signal: what a decision, and an auditor, learn from it."""

from __future__ import annotations

import json
from typing import Any

from router.config import Config
from router.config.signals import KeywordRule, Signals
from router.request import Api, InferenceRequest, Prompt, Turn
from router.signals import Report
from router.signals.keyword import KeywordSignal
from router.signals.keywords.matcher import KeywordMatcher
from router.signals.keywords.places import WINDOW


def rule(title: str, *keywords: str, **settings: Any) -> KeywordRule:
    return KeywordRule(name=title, keywords=keywords, **settings)


def report(text: str, *rules: KeywordRule) -> Report:
    return KeywordSignal(KeywordMatcher(rules)).report(text)


def details(text: str, *rules: KeywordRule) -> dict[str, object]:
    return {match.name: match.detail for match in report(text, *rules).matches}


def config(*, keyword_rules: tuple[KeywordRule, ...] = (), signals: tuple[KeywordRule, ...] = ()):
    return Config.model_construct(keyword_rules=keyword_rules, signals=Signals(keywords=signals))


async def test_rules_of_both_sections_are_built_into_one_signal() -> None:
    both = config(
        keyword_rules=(KeywordRule(category="legal", keywords=("law",)),),
        signals=(rule("tax", "VAT"),),
    )
    signal = await KeywordSignal.build(both, None)
    assert signal
    assert not signal.waits
    request = InferenceRequest(
        Api.CHAT_COMPLETIONS, "auto", Prompt((Turn("user", "VAT"), Turn("user", "the law")))
    )
    found = await signal.evaluate(request)
    assert found.kind == "keyword"
    assert [(match.kind, match.name, match.holds) for match in found.matches] == [
        ("keyword", "legal", True)
    ]


async def test_without_rules_there_is_no_signal() -> None:
    assert await KeywordSignal.build(config(), None) is None


def test_a_match_names_the_keywords_as_configured_and_where_they_stand() -> None:
    [match] = report("Under ｕｓ\n LAW the 合同", rule("us", "合同", "US law", "EU law")).matches
    assert (match.confidence, match.holds) == (1.0, True)
    assert match.detail == {
        "operator": "OR",
        "keywords": [
            {"keyword": "US law", "start": 6, "end": 13},
            {"keyword": "合同", "start": 18, "end": 20},
        ],
    }


def test_a_fuzzy_keyword_tells_how_many_letters_differ() -> None:
    found = details("imediatly", rule("x", "immediately", fuzzy_match=True, fuzzy_threshold=2))
    assert found["x"] == {
        "operator": "OR",
        "keywords": [{"keyword": "immediately", "start": 0, "end": 9, "distance": 2}],
    }


def test_the_text_itself_is_never_repeated() -> None:
    rules = [rule("x", r"ssn \d+", method="regex"), rule("y", "pasword", fuzzy_match=True)]
    found = report("my ssn 123456789 and password hunter2", *rules)
    log = json.dumps([[match.detail for match in found.matches], found.facts])
    assert len(found.matches) == 2
    for secret in ("123456789", "password", "hunter2"):
        assert secret not in log


def test_of_many_keywords_some_are_shown_and_the_others_counted() -> None:
    words = [f"word{number}" for number in range(20)]
    detail = details(" ".join(words), rule("x", *words))["x"]
    assert isinstance(detail, dict)
    assert [shown["keyword"] for shown in detail["keywords"]] == words[:8]
    assert detail["more"] == 12


def test_a_rule_that_lacks_keywords_is_told_and_does_not_hold() -> None:
    [match] = report("the law", rule("x", "law", "tax", operator="AND")).matches
    assert (match.holds, match.confidence) == (False, 0.0)
    assert match.detail == {
        "operator": "AND",
        "keywords": [{"keyword": "law", "start": 4, "end": 7}],
        "missing": 1,
    }


def test_none_of_the_keywords_is_told_without_any() -> None:
    none = rule("safe", "bomb", "virus", operator="NOR")
    assert details("hello", none)["safe"] == {"operator": "NOR", "keywords": []}
    [match] = report("a virus", none).matches
    assert not match.holds
    assert match.detail["keywords"] == [{"keyword": "virus", "start": 2, "end": 7}]


def test_rules_of_one_title_are_one_match_that_keeps_all_that_hold() -> None:
    rules = [
        rule("x", "law", "tax", operator="AND"),
        rule("y", "law"),
        rule("x", "court"),
        rule("x", "bomb", operator="NOR"),
    ]
    found = report("a court of law", *rules).matches
    assert [match.name for match in found] == ["x", "y"]
    assert found[0].holds
    assert found[0].detail == {
        "operator": "OR",
        "keywords": [{"keyword": "court", "start": 2, "end": 7}],
        "others": [{"operator": "NOR", "keywords": []}],
    }


def test_the_rules_of_one_title_that_are_told_are_bounded() -> None:
    [match] = report("law", *(rule("x", "law") for _ in range(40))).matches
    others = match.detail["others"]
    assert isinstance(others, list)
    assert len(others) == 8
    assert match.detail["more_others"] == 31


def test_facts_tell_how_much_was_read() -> None:
    assert report("a law", rule("x", "law"), rule("y", "tax")).facts == {
        "rules": 2,
        "characters": 5,
        "truncated": False,
    }
    assert report("x" * (2 * WINDOW + 1), rule("x", "law")).facts["truncated"]


def test_an_empty_prompt_matches_nothing() -> None:
    found = report("", rule("x", "law"), rule("safe", "bomb", operator="NOR"))
    assert found.matches == ()
    assert found.error is None
