"""Keywords with a few letters wrong."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.signals.keywords.fuzzy import FuzzyKeywords, allowed, is_fuzzy
from router.signals.keywords.places import Place


def find(text: str, *keywords: str, threshold: int = 1) -> dict[str, Place]:
    fuzzy = FuzzyKeywords([(keyword, threshold) for keyword in keywords])
    return {keywords[at]: place for at, place in fuzzy.find(text, 0, len(text)).items()}


@pytest.mark.parametrize(
    ("word", "threshold", "expected"),
    [
        ("law", 3, 0),
        ("laws", 3, 1),
        ("lawsuit", 3, 1),
        ("contract", 3, 2),
        ("contract", 1, 1),
        ("immediately", 3, 2),
        ("jurisdiction", 3, 3),
        ("jurisdiction", 2, 2),
        ("iso9001", 3, 0),
        ("max_tokens", 3, 0),
    ],
)
def test_longer_words_may_differ_in_more_letters(word: str, threshold: int, expected: int) -> None:
    assert allowed(word, threshold) == expected


@pytest.mark.parametrize(
    "keyword", ["us law", "合同", "c++", "iso9001", ".network", "合同contract"]
)
def test_a_keyword_that_must_be_exact_has_no_fuzzy_form(keyword: str) -> None:
    assert not is_fuzzy(keyword, 3)


@pytest.mark.parametrize("keyword", ["laws", "eu laws", "e-mail us", "договор", "don't panic"])
def test_a_keyword_with_a_word_of_four_letters_has_one(keyword: str) -> None:
    assert is_fuzzy(keyword, 1)


@pytest.mark.parametrize("typo", ["contrct", "contraact", "contrakt", "contarct", "ontract"])
def test_one_letter_may_be_missing_added_wrong_or_swapped(typo: str) -> None:
    assert find(f"the {typo}.", "contract") == {"contract": Place(4, 4 + len(typo), 1)}


@pytest.mark.parametrize("text", ["contr", "kontrakt", "contract2", "subcontract", "con tract"])
def test_more_letters_may_not(text: str) -> None:
    assert find(text, "contract") == {}


def test_more_letters_may_where_the_rule_allows_them() -> None:
    assert find("kontrakt", "contract", threshold=2) == {"contract": Place(0, 8, 2)}


def test_each_word_of_a_phrase_may_differ() -> None:
    assert find("a fedral  coort, federal", "federal  court") == {"federal  court": Place(2, 15, 2)}


def test_what_stands_between_words_and_short_words_must_be_exact() -> None:
    keywords = ["us contract", "e-mail address"]
    assert find("us-contract un contrakt email address e mail adress", *keywords) == {}
    assert set(find("us contrakt, e-mail adress", *keywords)) == set(keywords)


def test_a_phrase_is_found_after_a_false_start() -> None:
    assert find("federal federal court", "federal court") == {"federal court": Place(8, 21)}
    assert find("federal a court of federal court", "federal court") == {
        "federal court": Place(19, 32)
    }


def test_a_phrase_that_ends_in_c_is_not_found_in_one_that_ends_in_c_plus_plus() -> None:
    assert find("objectve c++", "objective c") == {}
    assert find("objectve c", "objective c") == {"objective c": Place(0, 10, 1)}


def test_nothing_is_found_outside_the_bounds() -> None:
    fuzzy = FuzzyKeywords([("contract", 1)])
    text = "contrct contrct contrct"
    assert fuzzy.find(text, 1, 15) == {0: Place(8, 15, 1)}
    assert fuzzy.find(text, 1, 14) == {}


def test_a_word_may_belong_to_keywords_of_different_thresholds() -> None:
    fuzzy = FuzzyKeywords([("contract", 1), ("contract", 2), ("contract law", 2)])
    assert fuzzy.find("kontrakt law", 0, 12) == {1: Place(0, 8, 2), 2: Place(0, 12, 2)}


def test_only_so_many_different_words_are_looked_at() -> None:
    names = [
        f"{a}{b}{c}xx" for a in "abcdefghijklm" for b in "abcdefghijklm" for c in "abcdefghijklm"
    ]
    filler = " ".join(names)
    assert find(f"contrct {filler}", "contract")
    assert find(f"{filler} contrct", "contract") == {}


words = st.text("abcd", min_size=1, max_size=13)
phrases = st.lists(words, min_size=1, max_size=3).map(" ".join)


@st.composite
def typed(draw: st.DrawFn) -> tuple[list[tuple[str, int]], str]:
    """Keywords, and a text of their words with some letters wrong."""
    keywords = draw(
        st.lists(st.tuples(phrases, st.integers(1, 3)), min_size=1, max_size=4).map(
            lambda pairs: [(text, most) for text, most in pairs if is_fuzzy(text, most)]
        )
    )
    known = [word for text, _ in keywords for word in text.split()] or ["a"]
    text = [mistyped(draw, draw(st.sampled_from(known))) for _ in range(draw(st.integers(0, 6)))]
    return keywords, "".join(word + draw(st.sampled_from([" ", ", "])) for word in text)


def mistyped(draw: st.DrawFn, word: str) -> str:
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(word)))
        letter = draw(st.sampled_from(["", *"abcd"]))
        rest = draw(st.sampled_from([word[at:], word[at + 1 :], word[at + 1 : at + 2] + word[at:]]))
        word = word[:at] + letter + rest
    return word or "a"


def apart(one: str, other: str) -> int:
    """Letters missing, added, wrong or swapped between two words, by the textbook."""
    rows = [
        [max(i, j) if 0 in (i, j) else 0 for j in range(len(other) + 1)]
        for i in range(len(one) + 1)
    ]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            wrong = one[i - 1] != other[j - 1]
            best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + wrong)
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                best = min(best, rows[i - 2][j - 2] + 1)
            rows[i][j] = best
    return rows[-1][-1]


def slowly(keyword: str, threshold: int, text: str) -> tuple[int, int, int] | None:
    wanted = keyword.split()
    there = list(re.finditer(r"\w+", text))
    for at in range(len(there) - len(wanted) + 1):
        piece = there[at : at + len(wanted)]
        gaps = [text[a.end() : b.start()] for a, b in itertools.pairwise(piece)]
        far = [apart(word.group(), want) for word, want in zip(piece, wanted, strict=True)]
        limits = [allowed(want, threshold) for want in wanted]
        if set(gaps) <= {" "} and all(d <= most for d, most in zip(far, limits, strict=True)):
            return piece[0].start(), piece[-1].end(), sum(far)
    return None


@settings(max_examples=300, deadline=None)
@given(typed())
def test_what_is_found_is_what_the_slow_way_finds(case: tuple[list[tuple[str, int]], str]) -> None:
    keywords, text = case
    if not keywords:
        return
    found = FuzzyKeywords(keywords).find(text, 0, len(text))
    slow = [slowly(keyword, threshold, text) for keyword, threshold in keywords]
    assert [tuple(found[at]) if at in found else None for at in range(len(slow))] == slow
