"""The embedding signal: which phrases of the operator's mean what the prompt means.

All phrases of all rules are one matrix, so that a prompt costs one product with it. Knows rules,
thresholds and what is reported; leaves vectors to the embedder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.config import Config
from router.config.signals import EmbeddingRule
from router.errors import ConfigError, RouterError
from router.matches import Match
from router.request import InferenceRequest
from router.signals import Report, Resources
from router.signals.embedder import Embedder, encoder_settings
from router.signals.space import Floats, similarities

MISSES_SHOWN = 16
_AVERAGES = ("mean", "avg")
_NO_MODEL = (
    "embedding rules need a model: configure classifier.category_model, or embedding_model with a "
    "sentence encoder"
)
_ROUNDING = 1e-6  # of a cosine in float32: the threshold itself suffices


class EmbeddingSignal:
    """Similarities of a prompt to the phrases of rules.

    Reported are the rules that hold and the best MISSES_SHOWN that do not; of several rules with
    one title the best. A match's `rule` and `candidate` say which phrase came closest: positions
    among all embedding rules, in the file's order, and among that rule's phrases.
    """

    kind = "embedding"
    waits = True

    def __init__(self, embedder: Embedder, rules: Sequence[EmbeddingRule], phrases: Floats) -> None:
        """`phrases` are the vectors of all rules' phrases in order, shape [phrases, dimensions]."""
        self._embedder = embedder
        self._rules = _Rules.compile(rules, phrases)

    @classmethod
    async def build(cls, config: Config, resources: Resources) -> EmbeddingSignal | None:
        """Raises ModelFilesError where the model cannot be loaded or has no sentence vectors."""
        rules = [rule for rule in config.every_embedding_rule if rule.phrases]
        if not rules:
            return None
        settings = encoder_settings(config)
        if settings is None:
            raise ConfigError([_NO_MODEL])
        embedder = await Embedder.open(resources.embedding_model(), settings)
        phrases = [phrase for rule in rules for phrase in rule.phrases]
        return cls(embedder, rules, await embedder.phrases(phrases))

    async def evaluate(self, request: InferenceRequest) -> Report:
        text = request.prompt.text
        if not text.strip():
            return Report(self.kind, facts={"text": "empty"})
        try:
            vector, encoding = await self._embedder.prompt(text)
        except RouterError as error:
            return Report(self.kind, error=error)
        matches = tuple(self._rules.matches(vector))
        return Report(self.kind, matches, encoding.facts)


@dataclass(frozen=True, slots=True)
class _Rules:
    """Rules by index, and their phrases as rows of one matrix: those of rule i from `starts[i]`."""

    rules: tuple[EmbeddingRule, ...]
    phrases: Floats
    starts: NDArray[np.intp]
    counts: NDArray[np.intp]
    thresholds: Floats
    averaged: NDArray[np.bool_]

    @classmethod
    def compile(cls, rules: Sequence[EmbeddingRule], phrases: Floats) -> _Rules:
        counts = np.array([len(rule.phrases) for rule in rules])
        return cls(
            rules=tuple(rules),
            phrases=np.ascontiguousarray(phrases),
            starts=np.cumsum(counts) - counts,
            counts=counts,
            thresholds=np.array([rule.threshold for rule in rules], np.float32),
            averaged=np.array([rule.aggregation_method in _AVERAGES for rule in rules]),
        )

    def matches(self, vector: Floats) -> Iterator[Match]:
        closeness = similarities(self.phrases, vector)
        scores = self._aggregate(closeness)
        holds = scores >= self.thresholds - _ROUNDING
        seen: set[str] = set()
        misses = 0
        for index in np.lexsort((-scores, ~holds)).tolist():
            title = self.rules[index].title
            if title in seen:
                continue
            misses += not holds[index]
            if misses > MISSES_SHOWN:
                return
            seen.add(title)
            yield self._match(index, float(scores[index]), bool(holds[index]), closeness)

    def _aggregate(self, closeness: Floats) -> Floats:
        """One score for each rule."""
        scores: Floats = np.maximum.reduceat(closeness, self.starts)
        if self.averaged.any():
            averages = np.add.reduceat(closeness, self.starts) / self.counts
            scores = np.where(self.averaged, averages, scores)
        return scores

    def _match(self, index: int, score: float, holds: bool, closeness: Floats) -> Match:
        rule = self.rules[index]
        start, count = self.starts[index], self.counts[index]
        return Match(
            EmbeddingSignal.kind,
            rule.title,
            confidence=min(1.0, max(0.0, score)),
            holds=holds,
            detail={
                "score": round(score, 4),
                "threshold": rule.threshold,
                "rule": index,
                "candidate": int(closeness[start : start + count].argmax()),
                "aggregation": rule.aggregation_method,
            },
        )
