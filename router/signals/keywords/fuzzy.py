"""Keywords whose words differ in a few letters, by an index of words with letters left out.

A letter more, less, another one, or two swapped count as one difference. How many a word may have
grows with its length: none up to three letters, one up to seven, two up to eleven, three beyond,
and never more than the rule says. Words that hold digits or underscores must be exact, and so must
what stands between words, blanks apart. A keyword that does not begin and end with a letter or
digit, or that holds letters of a script that runs on without blanks, has no fuzzy form. Of a
text's words the first 2,048 different ones are looked at.

Leaves to others what counts as the same text (`forms`) and exact keywords (`literals`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from rapidfuzz.distance import OSA

from router.signals.keywords.boundaries import (
    GAPS,
    PARTED,
    ends_with_letter_word,
    is_other_name,
    runs_on,
)
from router.signals.keywords.places import Place

Near = tuple[int, int]  # a word's number, and the letters that differ

# The lengths from which words may differ in one letter, in two, in three.
_DIFFER_FROM = (4, 8, 12)
_HEAD = 7  # words whose first letters, so many, are far apart are far apart themselves
_MOST_WORDS = 2048  # different ones that are looked at; people write fewer
_REMEMBERED = 16384
_WORD = re.compile("[^ ]+")


def allowed(word: str, threshold: int) -> int:
    """How many letters of `word` may differ."""
    return 0 if _is_code(word) else min(threshold, bisect_right(_DIFFER_FROM, len(word)))


def is_fuzzy(keyword: str, threshold: int) -> bool:
    """Whether `keyword` has another form than its exact one."""
    if not (PARTED[keyword[0]] and PARTED[keyword[-1]]) or runs_on(keyword):
        return False
    return any(allowed(word, threshold) for word in _words_of(keyword))


@dataclass(slots=True)
class _Node:
    """A beginning of keywords: what may follow, and the keywords that end here."""

    following: dict[tuple[str, int], _Node] = field(default_factory=dict)
    ending: list[int] = field(default_factory=list)


# How far a keyword has grown: its node, where it starts and ends so far, the letters that differ.
Grown = tuple[_Node, int, int, int]


class FuzzyKeywords:
    """Keywords by number, each with its threshold and fuzzy by `is_fuzzy`."""

    def __init__(self, keywords: Sequence[tuple[str, int]]) -> None:
        self._words = _Vocabulary()
        self._root = _Node()
        self._single = [ends_with_letter_word(keyword) for keyword, _ in keywords]
        for number, (keyword, threshold) in enumerate(keywords):
            self._plant(number, keyword, threshold)
        self._near = lru_cache(_REMEMBERED)(self._words.near)

    def find(self, text: str, low: int, high: int) -> dict[int, Place]:
        """The first place of each keyword between `low` and `high`."""
        found: dict[int, Place] = {}
        parted = text.translate(GAPS)
        longest = self._words.longest  # and no hostile giants are remembered
        words = islice(dict.fromkeys(parted.split()), _MOST_WORDS)
        near = {w: hits for w in words if len(w) <= longest and (hits := self._near(w))}
        if not near:
            return found
        for node, start, end, distance in self._grown(text, parted, near):
            for number in node.ending:
                if number in found or start < low or end > high:
                    continue
                if not (self._single[number] and is_other_name(text, end)):
                    found[number] = Place(start, end, distance)
        return found

    def _plant(self, number: int, keyword: str, threshold: int) -> None:
        node, done = self._root, 0
        for word in _WORD.finditer(keyword.translate(GAPS)):
            gap = keyword[done : word.start()]
            done = word.end()
            step = self._words.number(word.group(), allowed(word.group(), threshold))
            node = node.following.setdefault((gap, step), _Node())
        node.ending.append(number)

    def _grown(
        self, text: str, parted: str, near: Mapping[str, tuple[Near, ...]]
    ) -> Iterator[Grown]:
        """Every beginning of a keyword that the text holds, keywords themselves included."""
        growing: list[Grown] = []
        done = 0
        for word in _WORD.finditer(parted):
            hits = near.get(word.group())
            if not hits:
                growing = []
                continue
            start, end = word.span()
            gap = text[done:start] if growing else ""
            growing = [
                (child, since, end, distance + more)
                for node, since, _, distance in (*growing, (self._root, start, start, 0))
                for step, more in hits
                if (child := node.following.get((gap if since < start else "", step)))
            ]
            done = end
            yield from growing


class _Vocabulary:
    """The words of all keywords by number, each with the letters that may differ."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int], int] = {}
        self._spelled: list[str] = []
        self._exact: dict[str, int] = {}
        self._indexes: dict[int, _Index] = {}
        self.longest = 0
        """Letters of the longest word that may be near any."""

    def number(self, word: str, distance: int) -> int:
        """The number of `word`, which is added where it is new."""
        if (word, distance) not in self._numbers:
            self._numbers[word, distance] = number = len(self._spelled)
            self._spelled.append(word)
            self.longest = max(self.longest, len(word) + distance)
            if distance:
                self._indexes.setdefault(distance, _Index(distance)).add(word, number)
            else:
                self._exact[word] = number
        return self._numbers[word, distance]

    def near(self, word: str) -> tuple[Near, ...]:
        """The keywords' words that `word` may stand for, with the letters that differ."""
        found = [(self._exact[word], 0)] if word in self._exact else []
        if not _is_code(word):
            for distance, index in self._indexes.items():
                for number in index.candidates(word):
                    apart = OSA.distance(word, self._spelled[number], score_cutoff=distance)
                    if apart <= distance:
                        found.append((number, apart))
        return tuple(found)


class _Index:
    """Words by what is left of their heads when letters are left out."""

    def __init__(self, distance: int) -> None:
        self._distance = distance
        self._numbers: dict[str, tuple[int, ...]] = {}
        self._shortest = self._longest = 0

    def add(self, word: str, number: int) -> None:
        self._shortest = min(self._shortest or len(word), len(word))
        self._longest = max(self._longest, len(word))
        for rest in _shortened(word[:_HEAD], self._distance):
            self._numbers[rest] = (*self._numbers.get(rest, ()), number)

    def candidates(self, word: str) -> set[int]:
        """The words that may be near: all that are, and others."""
        if not self._shortest - self._distance <= len(word) <= self._longest + self._distance:
            return set()
        rests = self._numbers.keys() & _shortened(word[:_HEAD], self._distance)
        return {number for rest in rests for number in self._numbers[rest]}


def _shortened(word: str, letters: int) -> set[str]:
    """`word` with up to so many letters left out."""
    found = shorter = {word}
    for _ in range(letters):
        shorter = {rest[:at] + rest[at + 1 :] for rest in shorter for at in range(len(rest))}
        found = found | shorter
    return found


def _is_code(word: str) -> bool:
    """Whether `word` holds what is no letter: a digit, an underscore."""
    return not word.isalpha() and any(char == "_" or char.isnumeric() for char in word)


def _words_of(keyword: str) -> list[str]:
    return keyword.translate(GAPS).split()
