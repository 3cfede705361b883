"""Where a keyword stands, and the piece of a text that is searched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

WINDOW = 64 * 1024
"""Characters that are read at each end of a text; what lies between is not.

An ordinary text of twice as many takes a few milliseconds, a hostile one two hundred.
"""


class Place(NamedTuple):
    """Characters from `start` up to `end`, and how many letters differ there."""

    start: int
    end: int
    distance: int = 0

    def moved(self, by: int) -> Place:
        """The same place in a text that begins `by` characters earlier."""
        return Place(self.start + by, self.end + by, self.distance) if by else self


class Window(NamedTuple):
    """A piece of a longer text, `offset` characters from its beginning.

    Where it was cut, on its left or on its right, one character of context goes along, which no
    keyword may include.
    """

    text: str
    offset: int = 0
    cut_left: bool = False
    cut_right: bool = False


class Finder(Protocol):
    """Looks for many keywords of one sort at once."""

    def find(self, window: Window) -> Mapping[int, Place]:
        """The first place of each keyword that is there, by the keyword's number.

        Offsets are those of the window's text.
        """
        ...


def is_read_whole(text: str) -> bool:
    """Whether all of `text` is read, and not its two ends alone."""
    return len(text) <= 2 * WINDOW


def windows(text: str) -> Iterator[Window]:
    """The pieces of `text` that are read."""
    if is_read_whole(text):
        yield Window(text)
        return
    yield Window(text[: WINDOW + 1], cut_right=True)
    yield Window(text[-WINDOW - 1 :], len(text) - WINDOW - 1, cut_left=True)
