"""Many literal keywords in one pass over the text, by automata.

Keywords that begin and end with a letter or digit of a script that parts its words are looked for
in a copy of the text whose other characters are all blanks, with a blank on either side: what is
found there stands alone, and of the many keywords inside other words none is found. All others are
looked for in the text itself; their time grows with the text, and with how many of them end at one
character of it. Leaves to others what counts as the same text (`forms`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ahocorasick_rs import AhoCorasick

from router.signals.keywords.boundaries import (
    GAPS,
    PARTED,
    ends_with_letter_word,
    has_parted,
    is_other_name,
    spaced,
)

Span = tuple[int, int]

# An automaton lists all that it finds: the list of a longer text would take much memory where
# keywords stand everywhere.
_BLOCK = 8192


class Literals:
    """Keywords by number, none of them empty or there twice, and where they first stand."""

    def __init__(self, keywords: Sequence[str]) -> None:
        sorts: dict[bool, dict[str, int]] = {True: {}, False: {}}
        for number, keyword in enumerate(keywords):
            sorts[PARTED[keyword[0]] and PARTED[keyword[-1]]][keyword] = number
        self._parts: list[_Enclosed | _Open] = []
        if sorts[True]:
            self._parts.append(_Enclosed(sorts[True]))
        if sorts[False]:
            self._parts.append(_Open(sorts[False]))

    def find(self, text: str, low: int, high: int) -> dict[int, Span]:
        """The first place of each keyword between `low` and `high` that is a word of its own."""
        found: dict[int, Span] = {}
        for part in self._parts:
            part.find(text, low, high, found)
        return found


class _Enclosed:
    """Keywords that need a boundary at both ends."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        alike: dict[str, list[tuple[str, int]]] = {}
        for keyword, number in numbers.items():
            alike.setdefault(f" {keyword.translate(GAPS)} ", []).append((keyword, number))
        self._search = _Search(alike)
        self._alike = list(alike.values())
        self._single = _single(numbers)

    def find(self, text: str, low: int, high: int, found: dict[int, Span]) -> None:
        parted = f" {spaced(text)} " if has_parted(text) else ""
        for at, start, end in self._search.all(parted):
            end -= 2  # one blank before the text, one after the keyword
            for keyword, number in self._alike[at]:
                if number in found or not text.startswith(keyword, start):
                    continue
                if low <= start and end <= high and not self._goes_on(number, text, end):
                    found[number] = start, end

    def _goes_on(self, number: int, text: str, end: int) -> bool:
        return number in self._single and is_other_name(text, end)


class _Open:
    """Keywords that need no boundary at one end at least."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        self._search = _Search(numbers)
        self._numbers = list(numbers.values())
        self._left = [PARTED[keyword[0]] for keyword in numbers]
        self._right = [PARTED[keyword[-1]] for keyword in numbers]
        self._single = _single(numbers)
        self._beyond_ascii = not any(map(str.isascii, numbers))

    def find(self, text: str, low: int, high: int, found: dict[int, Span]) -> None:
        if self._beyond_ascii and text.isascii():
            return
        ended = text + " "  # what follows the last character, and as [-1] precedes the first
        for at, start, end in self._search.all(text):
            number = self._numbers[at]
            if number in found or not (low <= start and end <= high):
                continue
            if self._left[at] and PARTED[ended[start - 1]]:
                continue
            if self._right[at] and PARTED[ended[end]]:
                continue
            if number not in self._single or not is_other_name(text, end):
                found[number] = start, end


class _Search:
    """All places of all patterns, overlapping or not, by the patterns' order; ends ascend."""

    def __init__(self, patterns: Iterable[str]) -> None:
        listed = list(patterns)
        self._automaton = AhoCorasick(listed, store_patterns=False)
        self._overlap = max(map(len, listed)) - 1

    def all(self, text: str) -> Iterable[tuple[int, int, int]]:
        if len(text) <= _BLOCK:
            return self._automaton.find_matches_as_indexes(text, overlapping=True)
        return self._by_block(text)

    def _by_block(self, text: str) -> Iterator[tuple[int, int, int]]:
        """The same with little in memory at once; what two blocks share is found twice."""
        for base in range(0, len(text), _BLOCK):
            block = text[base : base + _BLOCK + self._overlap]
            for at, start, end in self._automaton.find_matches_as_indexes(block, overlapping=True):
                yield at, start + base, end + base


def _single(numbers: Mapping[str, int]) -> frozenset[int]:
    return frozenset(number for word, number in numbers.items() if ends_with_letter_word(word))
