"""Keywords that could never be found, and patterns that could not be searched, are refused."""

from __future__ import annotations

import pytest

from router.config.patterns import check_literal, check_pattern, compile_pattern
from tests.config.conftest import SOUND, Workspace


@pytest.mark.parametrize(
    "pattern", [r"\bart\.?\s*\d+", "(?i)US law", r"\p{Han}{2,4}法", "(?P<year>20[0-9]{2})", "a.*b"]
)
def test_what_re2_can_search_is_a_pattern(pattern: str) -> None:
    assert check_pattern(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("a(?=b)", "look-around is not supported, '(?='"),
        ("(?<!a)b", "look-around is not supported, '(?<!'"),
        (r"(a)\1", r"a backreference is not supported, '\\1'"),
        ("(?>a)", "such a group is not supported, '(?>'"),
        ("(a", "missing ), '(a'"),
        ("a{1001}", "invalid repetition size, '{1001}'"),
        ("\\", "trailing \\"),
    ],
)
def test_what_re2_cannot_search_is_refused_with_the_reason(pattern: str, fault: str) -> None:
    assert check_pattern(pattern) == f"found {pattern!r}, expected a pattern in RE2 syntax: {fault}"


@pytest.mark.parametrize("pattern", ["a*", "^", "law|", "(law)?"])
def test_a_pattern_that_every_prompt_matches_is_refused(pattern: str) -> None:
    fault = check_pattern(pattern)
    assert fault
    assert "expected a pattern that does not match the empty text" in fault


def test_a_pattern_that_is_no_text_is_refused() -> None:
    assert check_pattern("a\ud800") == r"found 'a\ud800', expected text without lone surrogates"


def test_a_long_pattern_is_shown_in_part() -> None:
    assert len(check_pattern("(" + "a" * 5000) or "") < 250


@pytest.mark.parametrize("keyword", ["law", "C++", "🚀", "合同", "§", "\ue000"])
def test_what_a_reader_can_see_is_a_keyword(keyword: str) -> None:
    assert check_literal(keyword) is None


@pytest.mark.parametrize("keyword", ["\u200b", "\ufeff \u00ad", "\u0301", "\x00", "\ud800"])
def test_what_no_reader_can_see_is_no_keyword(keyword: str) -> None:
    fault = check_literal(keyword)
    assert fault == f"found {keyword!r}, expected a keyword with a visible character"


def test_a_compiled_pattern_searches() -> None:
    assert compile_pattern("l.w").search("the law").span() == (4, 7)


def findings(workspace: Workspace, rule: str) -> list[str]:
    text = f"{SOUND}keyword_rules:\n  - {{category: law, {rule}}}\n"
    return [line.split(": ", 1)[1] for line in workspace.check(text) if "keyword" in line]


def test_every_fault_of_a_rule_is_told_at_the_keyword(workspace: Workspace) -> None:
    assert findings(workspace, "method: regex, keywords: ['a(?=b)', fine, '(']") == [
        (
            "keyword_rules[0].keywords[0]: found 'a(?=b)', expected a pattern in RE2 syntax: "
            "look-around is not supported, '(?='"
        ),
        "keyword_rules[0].keywords[2]: found '(', expected a pattern in RE2 syntax: missing ), '('",
    ]


def test_a_rule_is_fuzzy_or_a_pattern(workspace: Workspace) -> None:
    assert findings(workspace, "method: regex, fuzzy_match: true, keywords: [law]") == [
        "keyword_rules[0]: found fuzzy_match with method regex, expected one of the two"
    ]


def test_parentheses_are_text_where_the_method_is_literal(workspace: Workspace) -> None:
    assert findings(workspace, "keywords: ['(c', 'a*']") == []
