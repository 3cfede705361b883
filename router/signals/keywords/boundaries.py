"""Where words end, in every script.

Latin, Cyrillic, Arabic, Devanagari and most other scripts part their words; Han, kana, Hangul
(whose particles follow the word at once), Thai and their like do not. A keyword's edge needs a
boundary only where it and its neighbour are both part of words of the first sort.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping

# Scripts that run on without blanks, by code point: first and last of each range.
_RUNNING = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai Le, New Tai Lue, Khmer symbols
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x2E80, 0x2FDF),  # Han radicals
    (0x3005, 0x3007),  # Han iteration marks and zero
    (0x3021, 0x303C),  # Hangzhou numerals, kana repeat marks
    (0x3040, 0x318F),  # kana, Bopomofo, Hangul
    (0x31A0, 0x31BF),  # Bopomofo
    (0x31F0, 0x31FF),  # kana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),  # Han
    (0xA000, 0xA4CF),  # Yi
    (0xA960, 0xA97F),  # Hangul letters
    (0xA980, 0xA9FF),  # Javanese, Myanmar
    (0xAA60, 0xAADF),  # Myanmar, Tai Viet
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han
    (0xFF66, 0xFFDC),  # kana and Hangul of half width
    (0x1AFF0, 0x1B16F),  # kana
    (0x20000, 0x3FFFF),  # Han
)
_FIRSTS = [first for first, _ in _RUNNING]
_LASTS = [last for _, last in _RUNNING]
_LAST_PARTED = 0x1EFFF  # beyond lie symbols, Han, and characters that no reader sees


def _is_word(char: str) -> bool:
    """Letters, digits, combining marks and the underscore; superscript figures are none."""
    category = unicodedata.category(char)
    return category[0] in "LM" or category in ("Nd", "Nl") or char == "_"


def _is_running(char: str) -> bool:
    at = bisect_right(_FIRSTS, ord(char)) - 1
    return at >= 0 and ord(char) <= _LASTS[at]


class _Parted(dict[str, bool]):
    """Whether a character belongs to words that its script parts, remembered as it is asked."""

    def __missing__(self, char: str) -> bool:
        if ord(char) > _LAST_PARTED:
            return False
        self[char] = answer = _is_word(char) and not _is_running(char)
        return answer


class _Gaps(dict[int, str]):
    """For str.translate: every character that PARTED does not name becomes a blank."""

    def __missing__(self, code: int) -> str:
        char = chr(code) if PARTED[chr(code)] else " "
        if code <= _LAST_PARTED:
            self[code] = char
        return char


PARTED = _Parted()
GAPS = _Gaps()


def ascii_table(changes: Mapping[int, int | str]) -> bytes:
    """For bytes.translate: what str.translate does with `changes` to ASCII, one for one."""
    return "".join(map(chr, range(128))).translate(changes).encode() + bytes(128)


_ASCII_GAPS = ascii_table(GAPS)


def spaced(text: str) -> str:
    """`text` with a blank for every character that PARTED does not name."""
    if text.isascii():
        return text.encode().translate(_ASCII_GAPS).decode()
    return text.translate(GAPS)


# Any character but those of East Asian scripts and punctuation, none of which PARTED names.
_ELSEWHERE = re.compile("[^\u2e80-\ua4cf\uac00-\ud7ff\u2000-\u203a \"'(),.:;<>?!\\-]")


def has_parted(text: str) -> bool:
    """Whether PARTED may name any character of `text`; cheap, and now and then wrong with True."""
    return _ELSEWHERE.search(text) is not None


def runs_on(text: str) -> bool:
    """Whether any character of `text` belongs to a word of a script that does not part them."""
    return any(_is_word(char) and _is_running(char) for char in text)


def ends_with_letter_word(text: str) -> bool:
    """Whether the last word of `text` is a single letter, such as C."""
    return text[-1:].isalpha() and PARTED[text[-1]] and not (text[1:] and PARTED[text[-2]])


def is_other_name(text: str, end: int) -> bool:
    """Whether a one-letter word that ends here goes on as in C# or C++, which are other names."""
    return text.startswith(("#", "++"), end)


def character_class(codes: Iterable[int]) -> str:
    """The inside of a regular expression's class of these characters."""
    ranges: list[list[int]] = []
    for code in sorted(codes):
        if ranges and code <= ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
