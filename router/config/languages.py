"""The languages that prompts can be told apart by, grouped by the script that they are written in.

How a language is found is the language signal's matter; it finds these and no others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator

from router.config.problems import did_you_mean
from router.config.texts import shown

# A script with one language decides by itself; Chinese is Han without Kana, Japanese has both.
BY_SCRIPT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "latin": (
            *("en", "es", "fr", "de", "it", "pt", "nl", "pl", "sv", "da", "no", "fi", "cs", "sk"),
            *("hu", "ro", "hr", "sl", "et", "lv", "lt", "tr", "vi", "id", "tl", "sw", "ca", "sq"),
            *("is", "eu"),
        ),
        "cyrillic": ("ru", "uk", "be", "bg", "mk", "sr", "kk", "mn"),
        "arabic": ("ar", "fa", "ur", "ps", "ckb"),
        "devanagari": ("hi", "mr", "ne"),
        "han": ("zh",),
        "kana": ("ja",),
        "hangul": ("ko",),
        "greek": ("el",),
        "hebrew": ("he",),
        "armenian": ("hy",),
        "georgian": ("ka",),
        "bengali": ("bn",),
        "gurmukhi": ("pa",),
        "gujarati": ("gu",),
        "tamil": ("ta",),
        "telugu": ("te",),
        "kannada": ("kn",),
        "malayalam": ("ml",),
        "sinhala": ("si",),
        "thai": ("th",),
        "lao": ("lo",),
        "burmese": ("my",),
        "khmer": ("km",),
        "ethiopic": ("am",),
    }
)
CODES: tuple[str, ...] = tuple(sorted(code for codes in BY_SCRIPT.values() for code in codes))

# What people write for some of them.
_NAMES = {
    "arabic": "ar",
    "chinese": "zh",
    "cn": "zh",
    "english": "en",
    "french": "fr",
    "german": "de",
    "italian": "it",
    "japanese": "ja",
    "jp": "ja",
    "korean": "ko",
    "kr": "ko",
    "portuguese": "pt",
    "russian": "ru",
    "spanish": "es",
    "ukrainian": "uk",
    "nb": "no",
    "nn": "no",
    "iw": "he",
    "cmn": "zh",
}


def known_language(code: str) -> str:
    """One of CODES, in lower case."""
    folded = code.lower()
    if folded in CODES:
        return folded
    meant = _NAMES.get(folded) or re.split("[-_]", folded)[0]
    hint = f"; did you mean {meant!r}?" if meant in CODES else did_you_mean(folded, CODES)
    raise ValueError(
        f"found {shown(code)}, expected the code of a language that can be told"
        + (hint or f"; known are {' '.join(CODES)}")
    )


KnownLanguage = Annotated[str, AfterValidator(known_language)]
