"""The description signal: categories that nothing else names, found by what they say of themselves.

A category's name and description are all there is to go by: no examples, no training. A prompt fits
where it is far closer to the description than unrelated prompts are to each other, and closer than
to small talk. Knows which categories are meant and how sure a similarity is; leaves vectors to the
embedder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.config import Config, labels_of
from router.config.schema import Category
from router.errors import ModelFilesError, RouterError
from router.matches import Match
from router.request import InferenceRequest
from router.signals import McpClient, Report, Resources
from router.signals.anchors import SMALL_TALK
from router.signals.embedder import Embedder, encoder_settings
from router.signals.space import Floats, similarities, unit

# Measured on everyday requests, exam questions and chat in English and Chinese against descriptions
# of forty categories. Similarity is counted in spreads, so that it carries over to other models.
_EVEN = 3.3  # spreads at which a prompt is as likely to fit as not
_STEEPNESS = 2.15  # of the logistic curve, for each spread
_NAME_WEIGHT = 0.5  # the description says more than the name
_LEAST_LATIN, _LEAST_HAN = 3, 2  # letters of a clause that means something by itself
_CLAUSES = re.compile(r"[,;:.!?()、，；：。！？（）]|\b(?:and|or)\b", re.IGNORECASE)


class DescriptionSignal:
    """How well a prompt fits the descriptions of categories.

    What an MCP server lists is its own to find: such categories are passed over while it does.
    """

    kind = "description"
    waits = True

    def __init__(
        self,
        embedder: Embedder,
        described: Described,
        small_talk: Floats,
        *,
        threshold: float,
        server: McpClient | None = None,
    ) -> None:
        self._embedder = embedder
        self._described = described
        self._small_talk = small_talk
        self._threshold = threshold
        self._server = server

    @classmethod
    async def build(cls, config: Config, resources: Resources) -> DescriptionSignal | None:
        """None where every category is found otherwise, or no model has sentence vectors.

        Raises ModelFilesError where a model cannot be loaded.
        """
        settings = encoder_settings(config)
        categories = _left_over(config, resources)
        if settings is None or not categories:
            return None
        encoder = resources.embedding_model()
        try:
            embedder = await Embedder.open(encoder, settings)
        except ModelFilesError:
            return None  # a classifier without sentence vectors: descriptions are texts for people
        return cls(
            embedder,
            await Described.read(categories, embedder),
            await embedder.phrases(SMALL_TALK),
            threshold=config.classifier.description_threshold,
            server=resources.mcp_server() if _asks_server(config) else None,
        )

    async def evaluate(self, request: InferenceRequest) -> Report:
        text = request.prompt.text
        if not text.strip():
            return Report(self.kind, facts={"text": "empty"})
        try:
            vector, encoding = await self._embedder.prompt(text)
        except RouterError as error:
            return Report(self.kind, error=error)
        scores = self._described.scores(vector)
        background = float(similarities(self._small_talk, vector).max())
        passed_over = frozenset(self._server.categories) if self._server else frozenset()
        matches = tuple(
            self._match(name, score, background)
            for name, score in zip(self._described.names, scores.tolist(), strict=True)
            if name not in passed_over
        )
        return Report(self.kind, matches, encoding.facts)

    def _match(self, name: str, score: float, background: float) -> Match:
        spread = self._embedder.space.spread
        margin = min(score / spread - _EVEN, (score - background) / spread)
        confidence = _logistic(_STEEPNESS * margin)
        return Match(
            self.kind,
            name,
            confidence,
            confidence >= self._threshold,
            detail={
                "score": round(score, 4),
                "background": round(background, 4),
                "threshold": self._threshold,
            },
        )


@dataclass(frozen=True, slots=True)
class Described:
    """Categories by what they say, as unit vectors.

    `wholes` [categories, dimensions] are name and description together; `parts` [clauses,
    dimensions] are the clauses and the name, those of category i from `starts[i]`.
    """

    names: tuple[str, ...]
    wholes: Floats
    parts: Floats
    starts: NDArray[np.intp]

    @classmethod
    async def read(cls, categories: Sequence[Category], embedder: Embedder) -> Described:
        clauses = [clauses_of(category) for category in categories]
        names = [_spoken(category.name) for category in categories]
        wholes = [category.description for category in categories]
        parts = [clause for entry in clauses for clause in entry]
        vectors = await embedder.phrases([*names, *wholes, *parts])
        named, described, listed = np.split(vectors, [len(names), len(names) + len(wholes)])
        counts = np.array([len(entry) for entry in clauses])
        return cls(
            names=tuple(category.name for category in categories),
            wholes=unit(described + _NAME_WEIGHT * named),
            parts=listed,
            starts=np.cumsum(counts) - counts,
        )

    def scores(self, vector: Floats) -> Floats:
        """How similar a prompt is to each category: to all of it, and to its closest clause."""
        closest: Floats = np.maximum.reduceat(similarities(self.parts, vector), self.starts)
        return (similarities(self.wholes, vector) + closest) * np.float32(0.5)


def clauses_of(category: Category) -> tuple[str, ...]:
    """The things that a description lists, and the category's name."""
    listed = (clause.strip() for clause in _CLAUSES.split(category.description))
    return (_spoken(category.name), *filter(_means_something, listed))


def _means_something(clause: str) -> bool:
    return len(clause) >= (_LEAST_LATIN if clause.isascii() else _LEAST_HAN)


def _spoken(name: str) -> str:
    return name.replace("-", " ").replace("_", " ")


def _left_over(config: Config, resources: Resources) -> list[Category]:
    """The described categories that no other method in use can name."""
    named = _named(config)
    by_domain = config.classifier.category_model and "domain" in config.classification_order
    model = resources.category_model() if by_domain else None
    return [
        category
        for category in config.categories
        if category.description.strip()
        and category.name not in named
        and not (model and labels_of(category, model.labels, model.aliases))
    ]


def _named(config: Config) -> Collection[str]:
    """Titles of rules whose method is in use."""
    rules = {
        "keyword": config.every_keyword_rule,
        "embedding": config.every_embedding_rule,
    }
    return {rule.title for method in config.classification_order for rule in rules.get(method, ())}


def _asks_server(config: Config) -> bool:
    server = config.classifier.mcp_category_model
    return server is not None and server.enabled and "mcp" in config.classification_order


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, value))))
