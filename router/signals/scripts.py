"""Which script a text is written in, and its words: what tells languages apart before any model.

Prompts mix scripts: a Chinese question has English terms in it, an English question quotes a
Chinese word. Code, addresses and quotations are left out, and the words that hold a sentence
together weigh more than terms. Which language a script's words are in is left to the language
signal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from router.signals.common_words import common_words, split

# How much of a text is read, in characters: its beginning and, where it is longer, its end.
HEAD, TAIL = 500, 200
# How many words are read of it; in mixed text, how many runs of letters of one script.
MAX_WORDS, MAX_RUNS = 40, 60

# Of each script, its letters and how much a letter weighs, where a word weighs 1; scripts without
# a weight are written in words.
LETTERS: Mapping[str, tuple[str, float | None]] = {
    "han": (r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af", 0.6),
    "kana": (r"\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f", 0.4),
    "hangul": (r"\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3", 0.4),
    "thai": (r"\u0e01-\u0e4e", 0.2),
    "lao": (r"\u0e80-\u0eff", 0.2),
    "burmese": (r"\u1000-\u103f\u104c-\u109f", 0.2),
    "khmer": (r"\u1780-\u17d3", 0.2),
    "cyrillic": (r"\u0400-\u052f", None),
    "arabic": (r"\u0620-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u077f\u08a0-\u08ff\u200c", None),
    "greek": (r"\u0370-\u03ff\u1f00-\u1fff", None),
    "hebrew": (r"\u05d0-\u05f4", None),
    "armenian": (r"\u0531-\u0587", None),
    "georgian": (r"\u10a0-\u10ff", None),
    "devanagari": (r"\u0900-\u0963\u0971-\u097f", None),
    "bengali": (r"\u0980-\u09e3\u09f0-\u09ff", None),
    "gurmukhi": (r"\u0a00-\u0a65\u0a70-\u0a7f", None),
    "gujarati": (r"\u0a80-\u0ae5\u0af0-\u0aff", None),
    "tamil": (r"\u0b80-\u0be5", None),
    "telugu": (r"\u0c00-\u0c65", None),
    "kannada": (r"\u0c80-\u0ce5", None),
    "malayalam": (r"\u0d00-\u0d65", None),
    "sinhala": (r"\u0d80-\u0de5", None),
    "ethiopic": (r"\u1200-\u135f", None),
}
# Neither a part of something longer, such as a path or a call, nor followed by more of it.
_LATIN = (
    r"(?<![\w./\\@#$%&=<-])[A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿ]++(?:['’-][A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ]++)*+"
    r"(?![0-9_/\\@(=]|[.:][\w/\\])"
)

_WORDS = re.compile(_LATIN)
_FOREIGN = re.compile("[{}]".format("".join(letters for letters, _ in LETTERS.values())))
_RUNS = re.compile(
    "|".join([f"(?P<latin>{_LATIN})", *(f"(?P<{n}>[{c}]++)" for n, (c, _) in LETTERS.items())])
)
_CODE = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|(?:https?://|www\.)[!-~]+"
    r"|(?<![A-Za-z0-9._+-])[A-Za-z0-9._+-]++@[!-~]+",
    re.DOTALL,
)
_QUOTED = re.compile(
    "“[^“”]*”|「[^「」]*」|『[^『』]*』|«[^«»]*»|„[^„“”]*[“”]|‘[^‘’\n]*’(?!\\w)"
    "|\"[^\"\n]*\"|(?<!\\w)'[^'\n]*'(?!\\w)"
)
# Looked for first, which is much cheaper.
_MARKS_CODE = ("`", "://", "www.", "@")
_MARKS_QUOTE = ('"', "'", "“", "「", "『", "«", "„", "‘")

# A Latin word in mixed text; less where all are likely terms, at home in any language, and more for
# those that hold a sentence of some language together.
_WORD, _TERM, _COMMON = 0.5, 0.2, 1.5
# Common words that programs are made of as well.
_OF_CODE = frozenset(
    [
        *("a", "and", "as", "assert", "do", "for", "from", "i", "if", "in", "let", "no", "not"),
        *("on", "or", "var", "with"),
    ]
)
# The script that a text both begins and ends in is its own, unless the other outweighs it so often.
_FRAME = 4.0
# Latin is a text's own only where it outweighs the other by far; in between it may be either.
_LATIN_WINS = 0.6
# The least part of a text that its own script makes up, and Kana of Japanese.
_OWN, _JAPANESE = 0.5, 0.1

_Runs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Written:
    """A text's own script, its words in that script in lower case, and its share of all words."""

    script: str
    words: tuple[str, ...] = field(repr=False)
    share: float = 1.0


def read(text: str) -> Written | None:
    """What `text` is written in; None where it has no words, or where that is unclear."""
    part = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
    if any(mark in part for mark in _MARKS_CODE):
        part = _CODE.sub(" ", part)
    if not any(mark in part for mark in _MARKS_QUOTE):
        return _read(part)
    return _read(_QUOTED.sub(" ", part)) or _read(part)


def _read(text: str) -> Written | None:
    if not _FOREIGN.search(text):
        words = _plain(found[0] for found in islice(_WORDS.finditer(text), MAX_WORDS))
        return Written("latin", words) if words else None
    found = islice(_RUNS.finditer(text), MAX_RUNS)
    return _judge([(str(run.lastgroup), run[0]) for run in found])


def _plain(words: Iterable[str]) -> tuple[str, ...]:
    """Words in lower case; without identifiers such as `useEffect`, if there is anything else."""
    found = tuple(words)
    plain = tuple(word.lower() for word in found if word[1:].islower() or len(word) == 1)
    return plain or tuple(map(str.lower, found))


def _judge(runs: _Runs) -> Written | None:
    words = {script: [run for name, run in runs if name == script] for script in dict(runs)}
    latin = _plain(words.pop("latin", ()))
    terms = _latin_weight(latin) * _frame(runs)
    weights = _japanese_joined({script: _weight(script, words[script]) for script in words})
    own = max(weights, key=weights.__getitem__, default="")
    weight, total = weights.get(own, 0.0), terms + sum(weights.values())
    if latin and weight <= _LATIN_WINS * terms:
        return Written("latin", latin, terms / total)
    if weight and weight >= max(terms, _OWN * total):
        return Written(own, tuple(map(str.lower, words[own])), weight / total)
    return None


def _latin_weight(words: Sequence[str]) -> float:
    parts = split(words)
    common = max(common_words(parts, but=_OF_CODE).values(), default=0)
    is_sentence = common >= 2 or 2 * common >= len(parts)
    return _WORD * len(words) + _COMMON * common if is_sentence else _TERM * len(words)


def _frame(runs: _Runs) -> float:
    """How much more Latin words weigh, or less, for where they stand."""
    first, last = (name == "latin" for name, _ in (runs[0], runs[-1]))
    if first is not last:
        return 1.0
    return _FRAME if first else 1 / _FRAME


def _weight(script: str, words: Iterable[str]) -> float:
    letter = LETTERS[script][1]
    if letter is None:
        return float(sum(len(word) > 1 for word in words))
    return letter * sum(map(len, words))


def _japanese_joined(weights: dict[str, float]) -> dict[str, float]:
    """Han and Kana as one: Japanese where Kana is more than a stray letter, else Chinese."""
    if "han" not in weights or "kana" not in weights:
        return weights
    both = weights["han"] + weights["kana"]
    own, other = ("kana", "han") if weights["kana"] >= _JAPANESE * both else ("han", "kana")
    del weights[other]
    return weights | {own: both}
