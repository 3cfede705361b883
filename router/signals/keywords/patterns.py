"""Many regular expressions in one pass over the text, by RE2, in time linear in the text.

They see the text as it was sent, but for accents, which are composed (NFC). Boundaries are theirs
to ask for: RE2's `\\b`, `\\w` and `\\d` know ASCII alone, `\\p{L}` and the like know every script.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import re2

from router.config.patterns import compile_pattern
from router.signals.keywords.forms import COMPOSED
from router.signals.keywords.places import Place, Window

# A pattern, and whether case matters.
Spelling = tuple[str, bool]

_SET_BYTES = 64 << 20  # for the states of all patterns together; taken as they are reached


class Patterns:
    """Patterns with their numbers, and where they first match."""

    def __init__(self, numbers: Mapping[Spelling, int]) -> None:
        spelled = [COMPOSED.of(text if cased else f"(?i){text}").text for text, cased in numbers]
        self._numbers = list(numbers.values())
        self._patterns = [compile_pattern(pattern) for pattern in spelled]
        self._together = _together(spelled)

    def find(self, window: Window) -> Mapping[int, Place]:
        formed = COMPOSED.of(window.text)
        data = formed.text.encode()
        skipped = len(formed.text[:1].encode()) if window.cut_left else 0
        found = {}
        for at in self._matching(data):
            match = self._patterns[at].search(data, skipped)
            if match:
                start, end = (_characters(data, offset) for offset in match.span())
                found[self._numbers[at]] = Place(*formed.origin(start, end))
        return found

    def _matching(self, data: bytes) -> Iterable[int]:
        """Which patterns match somewhere."""
        if self._together is None:
            return range(len(self._patterns))
        return self._together.Match(data) or ()


def _together(patterns: Sequence[str]) -> re2.Set | None:
    """All patterns as one; None where they are too many, and each is searched for by itself."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _SET_BYTES
    together = re2.Set.SearchSet(options)
    try:
        for pattern in patterns:
            together.Add(pattern)
        together.Compile()
    except re2.error:
        return None
    return together


def _characters(data: bytes, offset: int) -> int:
    """How many characters the first `offset` bytes hold."""
    return len(data[:offset].decode(errors="ignore"))
