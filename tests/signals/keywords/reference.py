"""Keywords found the slow way: every rule, every keyword, every character, one after the other.

Says by itself what counts as the same text and where words end, for the letters of ALPHABET.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from router.config.signals import KeywordRule

UNSEEN = "\u200b\u200d\ufe0f\u00ad"
ALPHABET = [
    *"abcCSsiIe_1+#.'- \n",
    *"éßİıſﬁŉ²½",
    *"\u0301\u0307\u0323\u3000\u00a0\x00\ud800’‐",
    *"合同法",
    *"가각\u1100\u1161\u11a8",
    *"カガｶﾞ\u3099",
    *"ＡｃＣ＃＋",
    *"กั",
    *"न\u093c\u094d",
    *"жЖ",
    *"عق",
    *"🚀❤𝐜",
    *UNSEEN,
]
_RUNNING = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "COMBINING KATAKANA")


@dataclass(frozen=True)
class Letter:
    """A character of the common form, and the piece of the text that it stands for."""

    char: str
    start: int
    end: int


def letters(text: str, *, caseless: bool) -> list[Letter]:
    """`text` in its common form, character by character."""
    found: list[Letter] = []
    at = 0
    while at < len(text):
        end = at + 1
        if text[at].isspace():
            while end < len(text) and text[end].isspace():
                end += 1
            found.append(Letter(" ", at, end))
        else:
            while end < len(text) and joins(text[end]):
                end += 1
            found += cluster(text[at:end], at, caseless=caseless)
        at = end
    return found


def joins(char: str) -> bool:
    return (
        unicodedata.category(char)[0] == "M"
        or char in UNSEEN
        or char in "ﾞﾟ"
        or "\u1160" <= char <= "\u11ff"
    )


def cluster(text: str, at: int, *, caseless: bool) -> list[Letter]:
    """What becomes of a character and its marks: each its own, unless they melt into others."""
    together = same(text, caseless=caseless)
    apart = [same(char, caseless=caseless) for char in text]
    if [*together] == apart:
        return [Letter(char, at + i, at + i + 1) for i, char in enumerate(apart)]
    return [Letter(char, at, at + len(text)) for char in together]


def same(text: str, *, caseless: bool) -> str:
    plain = "".join(map(shape, text))
    composed = unicodedata.normalize("NFC", plain)
    return composed.casefold().replace("i\u0307", "i") if caseless else composed


def shape(char: str) -> str:
    if char in UNSEEN:
        return ""
    if char == "\ud800":
        return "\ufffd"
    if char in "’ʼ‐":
        return "-" if char == "‐" else "'"
    name = unicodedata.name(char, "")
    is_shaped = name.startswith(("FULLWIDTH", "HALFWIDTH", "MATHEMATICAL", "LATIN SMALL LIGATURE"))
    if not is_shaped:
        return char
    # half-width voice marks: NFKC makes them the combining ones, as it should be
    return unicodedata.normalize("NFKC", char)


def is_parted(char: str) -> bool:
    """Whether `char` is part of words that end at blanks."""
    category = unicodedata.category(char)
    is_word = category[0] in "LM" or category in ("Nd", "Nl") or char == "_"
    name = unicodedata.name(char, "")
    return is_word and not name.startswith(_RUNNING) and "SOUND MARK" not in name


def stands_alone(form: list[str], start: int, end: int) -> bool:
    first, last = form[start], form[end - 1]
    if start and is_parted(first) and is_parted(form[start - 1]):
        return False
    if end < len(form) and is_parted(last) and is_parted(form[end]):
        return False
    is_single = last.isalpha() and is_parted(last)
    is_single = is_single and not (end - 1 > start and is_parted(form[end - 2]))
    rest = "".join(form[end : end + 2])
    return not (is_single and (rest[:1] == "#" or rest == "++"))


def first_place(keyword: str, text: str, *, caseless: bool) -> tuple[int, int] | None:
    """Where `keyword` first stands in `text`, in characters of `text`."""
    wanted = [letter.char for letter in letters(keyword, caseless=caseless)]
    wanted = [*"".join(wanted).strip()]
    there = letters(text, caseless=caseless)
    form = [letter.char for letter in there]
    for start in range(len(form) - len(wanted) + 1):
        end = start + len(wanted)
        if form[start:end] == wanted and stands_alone(form, start, end):
            return there[start].start, there[end - 1].end
    return None


def holds(rule: KeywordRule, text: str) -> bool:
    """Whether a rule of literal keywords holds, without further ado."""
    found = [
        first_place(keyword, text, caseless=not rule.case_sensitive) for keyword in rule.keywords
    ]
    if not text.strip():
        return False
    are_there = [place is not None for place in found]
    return {"AND": all(are_there), "OR": any(are_there), "NOR": not any(are_there)}[rule.operator]
