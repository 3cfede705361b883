"""Keyword rules together: which hold, by which keywords, and where those stand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config.signals import KeywordRule
from router.signals.keywords.matcher import Finding, KeywordMatcher
from router.signals.keywords.places import WINDOW, Place
from tests.signals.keywords.reference import ALPHABET, first_place, holds, letters


def rule(title: str, *keywords: str, **settings: Any) -> KeywordRule:
    return KeywordRule(name=title, keywords=keywords, **settings)


def told(text: str, *rules: KeywordRule) -> dict[str, tuple[bool, dict[str, str]]]:
    """By rule: whether it holds, and the text at each keyword's place."""
    return {
        finding.rule.title: (
            finding.holds,
            {hit.keyword: text[hit.place.start : hit.place.end] for hit in finding.hits},
        )
        for finding in KeywordMatcher(rules).find(text)
    }


def test_every_rule_that_holds_is_told_with_all_its_keywords() -> None:
    rules = [
        rule("us", "US law", "federal court", "美国法律"),
        rule("eu", "EU law"),
        rule("contract", "contract", "合同"),
    ]
    assert told("Is this contract void under US\n law? 美国法律", *rules) == {
        "us": (True, {"US law": "US\n law", "美国法律": "美国法律"}),
        "contract": (True, {"contract": "contract"}),
    }


@pytest.mark.parametrize(
    ("operator", "text", "expected"),
    [
        ("OR", "a law", [True]),
        ("OR", "nothing", []),
        ("AND", "tax law", [True]),
        ("AND", "a law", [False]),
        ("AND", "nothing", []),
        ("NOR", "nothing", [True]),
        ("NOR", "a law", [False]),
    ],
)
def test_operators_ask_for_any_all_or_none(operator: str, text: str, expected: list[bool]) -> None:
    found = KeywordMatcher([rule("x", "law", "tax", operator=operator)]).find(text)
    assert [finding.holds for finding in found] == expected


@pytest.mark.parametrize("operator", ["OR", "AND", "NOR"])
@pytest.mark.parametrize("text", ["", " \n\t\u3000"])
def test_a_text_without_words_says_nothing(operator: str, text: str) -> None:
    assert KeywordMatcher([rule("x", "law", operator=operator)]).find(text) == []


def test_an_and_rule_that_lacks_keywords_says_how_many() -> None:
    [finding] = KeywordMatcher([rule("x", "law", "tax", "court", operator="AND")]).find("law")
    assert (finding.holds, finding.missing, len(finding.hits)) == (False, 2, 1)


def test_keywords_that_are_the_same_text_count_once() -> None:
    one = rule("x", "US law", "us  LAW", "ＵＳ law", operator="AND")
    [finding] = KeywordMatcher([one]).find("under us law")
    assert finding.holds
    assert [hit.keyword for hit in finding.hits] == ["US law"]


def test_each_rule_names_a_keyword_as_it_spells_it() -> None:
    rules = [rule("a", "US law"), rule("b", "us law"), rule("c", "US law", case_sensitive=True)]
    assert told("US law", *rules) == {
        "a": (True, {"US law": "US law"}),
        "b": (True, {"us law": "US law"}),
        "c": (True, {"US law": "US law"}),
    }


def test_case_matters_where_the_rule_says_so() -> None:
    rules = [rule("us", "US", case_sensitive=True), rule("it", "IT")]
    assert told("give us it", *rules) == {"it": (True, {"IT": "it"})}


def test_literal_fuzzy_and_regular_keywords_work_side_by_side() -> None:
    rules = [
        rule("literal", "a.b"),
        rule("fuzzy", "immediately", fuzzy_match=True),
        rule("regex", "a.c", method="regex"),
    ]
    assert told("A.B immediatly axc", *rules) == {
        "literal": (True, {"a.b": "A.B"}),
        "fuzzy": (True, {"immediately": "immediatly"}),
        "regex": (True, {"a.c": "axc"}),
    }


def test_a_fuzzy_rule_with_case_heeds_case() -> None:
    fuzzy = rule("x", "Contract", fuzzy_match=True, case_sensitive=True)
    assert told("Contrct", fuzzy) == {"x": (True, {"Contract": "Contrct"})}
    assert told("CONTRCT", fuzzy) == {}


def test_findings_are_in_the_order_of_the_rules_and_hits_in_that_of_the_text() -> None:
    rules = [
        rule("z", "beta", "alpha"),
        rule("none", "gamma", operator="NOR"),
        rule("a", r"b\w+", "alpha", method="regex"),
    ]
    found = KeywordMatcher(rules).find("alpha beta")
    assert [finding.rule.title for finding in found] == ["z", "none", "a"]
    assert [hit.keyword for hit in found[0].hits] == ["alpha", "beta"]
    assert [hit.keyword for hit in found[2].hits] == ["alpha", r"b\w+"]


def test_of_a_text_too_long_both_ends_are_read_and_none_is_not_concluded() -> None:
    rules = [rule("both", "head", "tail", "middle"), rule("none", "absent", operator="NOR")]
    text = "head" + " " * WINDOW + "middle" + " " * WINDOW + "tail"
    [finding] = KeywordMatcher(rules).find(text)
    assert finding.hits[0].place == Place(0, 4)
    assert finding.hits[1].place == Place(len(text) - 4, len(text))
    assert len(finding.hits) == 2


def test_a_word_that_a_window_cuts_is_not_taken_for_a_shorter_one() -> None:
    cut = " " * (WINDOW - 3) + "laws" + " " * WINDOW + "flaw" + " " * (WINDOW - 3)
    rules = [rule("x", "law", fuzzy_match=True), rule("y", "laws", "flaw", fuzzy_match=True)]
    assert KeywordMatcher(rules).find(cut) == []


def test_an_exact_place_in_the_tail_goes_before_a_fuzzy_one_in_the_head() -> None:
    text = "contrct" + " " * (2 * WINDOW) + "contract"
    [finding] = KeywordMatcher([rule("x", "contract", fuzzy_match=True)]).find(text)
    assert finding.hits[0].place == Place(len(text) - 8, len(text))


@pytest.mark.parametrize(
    "text",
    [
        "a" * 300_000,
        "合同" * 150_000,
        "\ud800" * 300_000,
        "\0" * 300_000,
        "ß\u200b" * 150_000,
        "e\u0301" * 150_000,
    ],
    ids=["letters", "keywords", "surrogates", "nuls", "wide", "marks"],
)
def test_a_hostile_text_is_read_like_any_other(text: str) -> None:
    rules = [rule("x", "a", "aa", "合", "合同", "同合", "é", "e"), rule("y", "a+", method="regex")]
    found = KeywordMatcher(rules).find(text)
    assert sum(len(finding.hits) for finding in found) <= 8


literals = st.lists(st.sampled_from(ALPHABET), min_size=1, max_size=4).map("".join)
RULES = st.builds(
    lambda keywords, operator, cased: rule("x", *keywords, operator=operator, case_sensitive=cased),
    st.lists(
        literals.filter(lambda text: "".join(c.char for c in letters(text, caseless=True)).strip()),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["AND", "OR", "NOR"]),
    st.booleans(),
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[KeywordRule], str]:
    """Rules, and a text made of letters and of the rules' own keywords."""
    rules = draw(st.lists(RULES, min_size=1, max_size=4))
    known = [keyword for one in rules for keyword in one.keywords]
    known += [keyword.swapcase() for keyword in known]
    pieces = st.sampled_from(ALPHABET) | st.sampled_from(known) | st.just(" ")
    return rules, "".join(draw(st.lists(pieces, max_size=12)))


@settings(max_examples=300, deadline=None)
@given(cases())
def test_what_is_found_is_what_the_slow_way_finds(case: tuple[list[KeywordRule], str]) -> None:
    rules, text = case
    matcher = KeywordMatcher(rules)
    found: list[Finding | None] = [None] * len(rules)
    for finding in matcher.find(text):
        found[next(i for i, one in enumerate(rules) if one is finding.rule)] = finding
    for one, finding in zip(rules, found, strict=True):
        assert bool(finding and finding.holds) is holds(one, text)
        for hit in finding.hits if finding else ():
            place = first_place(hit.keyword, text, caseless=not one.case_sensitive)
            assert place == hit.place[:2]
