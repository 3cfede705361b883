"""The domain signal: which category the prompt's subject belongs to, by the domain model.

A category, or a domain that a condition names, stands for a group of the model's labels (its name,
its `mmlu_categories`, the model's aliases); its probability is the sum over that group.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from router.config import Config, domains_asked_for, labels_of
from router.encoder import Encoder, Encoding
from router.errors import RouterError
from router.matches import Match
from router.request import InferenceRequest
from router.signals import Report, Resources

_SHOWN_LABELS = 3
_ROUNDING = 1e-6  # sums are of single precision


class DomainSignal:
    """Category probabilities from one pass of the domain model."""

    kind = "domain"
    waits = True

    def __init__(
        self,
        encoder: Encoder,
        groups: dict[str, tuple[str, ...]],
        *,
        threshold: float,
        timeout: float,
    ) -> None:
        self._encoder = encoder
        self._names = tuple(groups)
        self._members = _membership(groups, encoder.labels)
        self._threshold = threshold
        self._timeout = timeout

    @classmethod
    async def build(cls, config: Config, resources: Resources) -> DomainSignal | None:
        settings = config.classifier.category_model
        if settings is None:
            return None
        encoder = resources.category_model()
        groups = {
            domain.name: labels
            for domain in domains_asked_for(config)
            if (labels := labels_of(domain, encoder.labels, encoder.aliases))
        }
        return cls(
            encoder, groups, threshold=settings.threshold, timeout=settings.timeout_ms / 1000
        )

    async def evaluate(self, request: InferenceRequest) -> Report:
        text = request.prompt.text
        if not text.strip():
            return Report(self.kind, facts={"text": "empty"})
        try:
            encoding = await self._encoder.encode(text, timeout=self._timeout)
        except RouterError as error:
            return Report(self.kind, error=error)
        return self._report(encoding)

    def _report(self, encoding: Encoding) -> Report:
        assert encoding.probabilities is not None  # a model without a head is refused at load
        sums = self._members @ encoding.probabilities
        matches = tuple(
            Match(self.kind, name, min(1.0, sum_), sum_ >= self._threshold - _ROUNDING)
            for name, sum_ in zip(self._names, sums.tolist(), strict=True)
        )
        return Report(self.kind, matches, self._facts(encoding))

    def _facts(self, encoding: Encoding) -> dict[str, object]:
        assert encoding.probabilities is not None
        likeliest = np.argsort(encoding.probabilities)[::-1][:_SHOWN_LABELS].tolist()
        return {
            "labels": {
                self._encoder.labels[index]: round(float(encoding.probabilities[index]), 4)
                for index in likeliest
            },
            "threshold": self._threshold,
            **encoding.facts,
        }


def _membership(groups: dict[str, tuple[str, ...]], labels: tuple[str, ...]) -> NDArray[np.float32]:
    """1 where a category (row) stands for a label (column). Shape [categories, labels]."""
    index = {label: position for position, label in enumerate(labels)}
    members = np.zeros((len(groups), len(labels)), np.float32)
    for row, group in enumerate(groups.values()):
        members[row, [index[label] for label in group]] = 1.0
    return members
