"""Regular expressions: all in one pass, where they first match, in time that stays linear."""

from __future__ import annotations

import pytest
import re2

from router.signals.keywords import patterns
from router.signals.keywords.patterns import Patterns
from router.signals.keywords.places import Place, Window


def find(text: str, *spelled: str, cased: bool = False) -> dict[str, Place]:
    numbers = {(pattern, cased): number for number, pattern in enumerate(spelled)}
    return {spelled[at]: place for at, place in Patterns(numbers).find(Window(text)).items()}


def test_patterns_are_found_at_their_first_match() -> None:
    assert find("see Art. 12 and art. 3", r"art\.\s*\d+", r"\d", "nothing") == {
        r"art\.\s*\d+": Place(4, 11),
        r"\d": Place(9, 10),
    }


def test_case_matters_where_the_rule_says_so() -> None:
    assert find("US law", "us|eu") == {"us|eu": Place(0, 2)}
    assert find("US law", "us|eu", cased=True) == {}
    assert find("US law", "(?i)us|eu", cased=True) == {"(?i)us|eu": Place(0, 2)}


def test_one_pattern_may_be_asked_for_with_case_and_without() -> None:
    both = Patterns({("us", True): 7, ("us", False): 3})
    assert both.find(Window("the US")) == {3: Place(4, 6)}
    assert both.find(Window("the us")) == {3: Place(4, 6), 7: Place(4, 6)}


@pytest.mark.parametrize(
    ("text", "pattern", "stood"),
    [
        ("美国法律，合同", r"\p{Han}同", "合同"),
        ("🚀🚀 naïve", "na.ve", "naïve"),
        ("e\u0301 cafe\u0301 x", "café", "cafe\u0301"),
        ("a\ud800 law", "law", "law"),
        ("\x00law", r"\x00l", "\x00l"),
        ("ß STRASSE", "strasse", "STRASSE"),
    ],
)
def test_places_are_characters_of_the_original(text: str, pattern: str, stood: str) -> None:
    [place] = find(text, pattern).values()
    assert text[place.start : place.end] == stood


def test_a_boundary_is_the_patterns_to_ask_for() -> None:
    assert find("virus lawyer", "us law") == {"us law": Place(3, 9)}
    assert find("virus lawyer", r"\bus law\b") == {}


def test_a_pattern_does_not_begin_in_the_context_of_a_cut() -> None:
    one = Patterns({("[法a]+", True): 0})
    assert one.find(Window("法a 法", cut_left=True)) == {0: Place(1, 2)}
    assert one.find(Window("法 法", cut_left=True)) == {0: Place(2, 3)}


def test_patterns_too_many_for_one_set_are_searched_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patterns, "_SET_BYTES", 1)
    assert find("the US law", "l.w", "x") == {"l.w": Place(7, 10)}


def test_a_set_tells_which_patterns_need_not_be_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []

    class Counted:
        def __init__(self, pattern: str) -> None:
            self._pattern, self._compiled = pattern, re2.compile(pattern)

        def search(self, data: bytes, skipped: int) -> object:
            searched.append(self._pattern)
            return self._compiled.search(data, skipped)

    monkeypatch.setattr(patterns, "compile_pattern", Counted)
    find("law", *(f"word{number}" for number in range(50)), "law")
    assert searched == ["(?i)law"]


def test_a_set_whose_states_do_not_fit_still_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_SET_BYTES", 20_000)
    spelled = [f"[ab]*a[ab]{{{gap}}}c" for gap in (9, 11, 13)]
    text = "abbbabab" * 2_000 + "bbb"
    assert set(find(text + "a" + "b" * 11 + "c", *spelled, "nothing")) == {spelled[1]}


def test_a_pattern_that_ruins_others_stays_linear_here() -> None:
    assert find("a" * 100_000 + "!", "(a|aa)+$", "(a*)*b") == {}


def test_a_pattern_may_match_half_a_character() -> None:
    assert find("é", r"\C") == {r"\C": Place(0, 0)}
