"""What counts as the same text: letters under one form, with the way back to where they stood.

Composed and decomposed letters are one (NFC). So are letters of full and half width, Arabic's and
mathematics' letter shapes, Latin ligatures, curly and straight apostrophes, the two hyphens. A run
of blanks is one blank; characters that no reader sees are left out; what is no character (half a
surrogate pair) becomes U+FFFD. Without case, Unicode's full case folding applies: `ß` is `ss`, and
`İ` is a plain `i`, though `ı` stays another letter.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter

from router.signals.keywords.boundaries import ascii_table, character_class

# A piece of text whose length changed: from and to in the form, from and to in the original.
Shift = tuple[int, int, int, int]

_MOST_JOINED = 30  # as in Unicode's stream-safe texts; sorting more marks takes quadratic time
_CACHED_PIECES = 4096
_SHAPES = {"<wide>", "<narrow>", "<font>", "<initial>", "<medial>", "<final>", "<isolated>"}
_SHAPED = ((0x2100, 0x214F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF), (0xFF01, 0xFFEF))
_MATHEMATICAL = (0x1D400, 0x1D7FF)
_UNSEEN = (
    *(0x00AD, 0x034F, 0x061C, 0xFEFF),
    *chain(range(0x180B, 0x1810), range(0x200B, 0x2010), range(0x202A, 0x202F)),
    *chain(range(0x2060, 0x2070), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0)),
)
_SAME = {"\u2010": "-", "\u2011": "-", "\u2018": "'", "\u2019": "'", "\u02bc": "'"}
_LIGATURES = ("ff", "fi", "fl", "ffi", "ffl", "ſt", "st")


def _shapes() -> dict[int, str]:
    """The plain letters behind letters of another shape."""
    found = {}
    for first, last in (*_SHAPED, _MATHEMATICAL):
        for code in range(first, last + 1):
            shape, *letters = unicodedata.decomposition(chr(code)).split() or [""]
            plain = "".join(chr(int(letter, 16)) for letter in letters)
            if shape in _SHAPES and " " not in plain:
                found[code] = plain
    return found


_WHOLE = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_PLAIN: Mapping[int, str] = {
    **_WHOLE,
    **_shapes(),
    **{ord(char): same for char, same in _SAME.items()},
    **dict(enumerate(_LIGATURES, start=0xFB00)),
    **dict.fromkeys(_UNSEEN, ""),
}
_WIDENED = tuple(
    code
    for code in chain(range(0x80, 0x2000), range(0xFB00, 0xFB20))
    if len(chr(code).casefold()) != 1
)
_ALIASES = frozenset(  # other codes of one character, such as the compatibility ideographs
    code for code in range(0x340, 0xFB50) if not unicodedata.is_normalized("NFC", chr(code))
)
_VOICE_MARKS = (0xFF9E, 0xFF9F)
_LAST_MARK = 0x1E950  # but for the unseen ones
_LAST_CHANGED = 0x1EFFF  # but for the unseen ones
_GONE = "\ufdd0"  # stands for no character, and for those that vanish
_BEYOND = r"\U00010000-\U0010ffff"  # changed one by one: a class of many of them is slow


# What may melt into the character before it: marks, the later letters of a Hangul syllable.
_JOINING = frozenset(
    chain(
        (code for code in range(0x300, _LAST_MARK) if unicodedata.category(chr(code))[0] == "M"),
        chain(range(0x1160, 0x1200), range(0xD7B0, 0xD800)),
        chain(_UNSEEN, _VOICE_MARKS),
    )
)
_JOINED = f"[{character_class(_JOINING)}]{{0,{_MOST_JOINED}}}"


def _short_class(codes: Iterable[int]) -> str:
    return character_class(code for code in codes if code < 0x10000) + _BEYOND


class Formed:
    """A text in one form. Offsets into it lead back to the original."""

    __slots__ = ("_shifts", "text")

    def __init__(self, text: str, shifts: Sequence[Shift] = ()) -> None:
        self.text = text
        self._shifts = shifts

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The smallest piece of the original that text[start:end] stands in."""
        if not self._shifts:
            return start, end
        first = bisect_right(self._shifts, start, key=itemgetter(0)) - 1
        last = bisect_left(self._shifts, end, key=itemgetter(0)) - 1
        return self._start(first, start), self._end(last, end)

    def _start(self, at: int, offset: int) -> int:
        if at < 0:
            return offset
        _, end, origin_start, origin_end = self._shifts[at]
        return origin_start if offset < end else origin_end + offset - end

    def _end(self, at: int, offset: int) -> int:
        if at < 0:
            return offset
        _, end, _, origin_end = self._shifts[at]
        return origin_end + max(0, offset - end)


class Form:
    """One way to bring texts under one form.

    `changes` map characters, `caseless` folds case, `blanks` makes runs of them one.
    """

    def __init__(self, changes: Mapping[int, str], *, caseless: bool, blanks: bool) -> None:
        self._changes = changes
        self._caseless = caseless
        self._blanks = blanks
        self._table = _Table(self)
        gaps = r"\s\s+|[^\S ]|" if blanks else ""
        odd = {*changes, *(_WIDENED if caseless else ()), *_JOINING, *_ALIASES}
        self._clusters = re.compile(f"{gaps}[{_short_class(odd)}]{_JOINED}")
        self._piece = lru_cache(_CACHED_PIECES)(self.piece)
        self._ascii = ascii_table(self._table)

    def of(self, text: str) -> Formed:
        """`text` in this form."""
        if text.isascii():  # as most texts are, and bytes are translated much faster
            plain = text.encode().translate(self._ascii).decode()
        else:
            plain = text.translate(self._table)
            if _moves(text, plain):
                return self._rebuilt(text, self._clusters)
        if self._blanks and "  " in plain:
            return self._rebuilt(plain, _RUNS)
        return Formed(plain)

    def piece(self, piece: str) -> str:
        """A character, and what joins it, in this form."""
        if self._blanks and piece.isspace():
            return " "
        return self._folded(unicodedata.normalize("NFC", piece.translate(self._changes)))

    def _rebuilt(self, text: str, pattern: re.Pattern[str]) -> Formed:
        """`text` with what `pattern` finds changed, each with the character that it joins."""
        pieces: list[str] = []
        shifts: list[Shift] = []
        done = length = 0
        for found in pattern.finditer(text):
            start, end = found.span()
            if start > done and ord(text[start]) in _JOINING and not text[start - 1].isspace():
                start -= 1
            is_gap = self._blanks and text[end - 1].isspace()
            new = " " if is_gap else self._piece(text[start:end])
            if start > done:
                pieces.append(self._folded(text[done:start]))
                length += start - done
            pieces.append(new)
            if not self._is_one_for_one(text, start, end, new):
                shifts.append((length, length + len(new), start, end))
            length += len(new)
            done = end
        pieces.append(self._folded(text[done:]))
        return Formed("".join(pieces), shifts)

    def _is_one_for_one(self, text: str, start: int, end: int, new: str) -> bool:
        if end - start == 1:
            return len(new) == 1
        return len(new) == end - start and new == text[start:end].translate(self._table)

    def _folded(self, text: str) -> str:
        return text.casefold().replace("i\u0307", "i") if self._caseless else text


class _Table(dict[int, int | str]):
    """What becomes of each character alone, remembered as it is asked; never of length zero."""

    def __init__(self, form: Form) -> None:
        self._form = form

    def __missing__(self, code: int) -> int | str:
        new = self._form.piece(chr(code)) or _GONE
        answer = code if new == chr(code) else new
        if code <= _LAST_CHANGED:  # what a hostile text can fill is bounded
            self[code] = answer
        return answer


def _moves(text: str, plain: str) -> bool:
    """Whether characters of `text` melt, vanish or widen where `plain` has them one for one."""
    return (
        len(plain) != len(text)
        or _GONE in plain
        or "\u0307" in plain
        or not unicodedata.is_normalized("NFC", text)
        or not unicodedata.is_normalized("NFC", plain)
    )


_RUNS = re.compile("  +")

CASELESS = Form(_PLAIN, caseless=True, blanks=True)
CASED = Form(_PLAIN, caseless=False, blanks=True)
COMPOSED = Form(_WHOLE, caseless=False, blanks=False)
