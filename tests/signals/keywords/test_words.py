"""Keywords of one form: exact ones, fuzzy ones, and the original's offsets."""

from __future__ import annotations

from router.signals.keywords.forms import CASED, CASELESS
from router.signals.keywords.places import Place, Window
from router.signals.keywords.words import Words, worded


def test_a_keyword_is_worded_as_texts_are() -> None:
    assert worded(CASELESS, " ＵＳ \n Law ", 0) == ("us law", 0)
    assert worded(CASED, "Cafe\u0301", 0) == ("Café", 0)


def test_a_threshold_that_changes_nothing_is_dropped() -> None:
    assert worded(CASELESS, "US law", 2) == ("us law", 0)
    assert worded(CASELESS, "US laws", 2) == ("us laws", 2)


def test_places_are_characters_of_the_original() -> None:
    words = Words(CASELESS, {("us law", 0): 5, ("strasse", 1): 6})
    text = "ßß US  \u200bLaw, Strase"
    found = words.find(Window(text))
    assert {number: text[start:end] for number, (start, end, _) in found.items()} == {
        5: "US  \u200bLaw",
        6: "Strase",
    }


def test_an_exact_place_goes_before_a_fuzzy_one() -> None:
    words = Words(CASELESS, {("contract", 1): 0, ("contract", 0): 1})
    assert words.find(Window("contrct contract")) == {0: Place(9 - 1, 16), 1: Place(8, 16)}
    assert words.find(Window("contrct")) == {0: Place(0, 7, 1)}


def test_nothing_is_found_in_the_context_of_a_cut() -> None:
    words = Words(CASELESS, {("laws", 1): 0, ("法", 0): 1})
    assert words.find(Window("laws", cut_left=True)) == {}
    assert words.find(Window("laws", cut_right=True)) == {}
    assert words.find(Window("法 law 法", cut_left=True, cut_right=True)) == {0: Place(2, 5, 1)}
