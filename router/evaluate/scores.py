"""The figures of a classifier on labelled prompts.

Knows definitions and does arithmetic; leaves reading and printing to its neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from router.encoder import Encoding
from router.evaluate.rows import Row

CALIBRATION_BINS = 15
LENGTHS = (16, 32, 64, 128, 256)
MOST_CONFUSIONS = 10

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Classifier(Protocol):
    """What can be measured; OnnxModel is one."""

    labels: tuple[str, ...]

    def run(self, texts: Sequence[str]) -> list[Encoding]: ...


@dataclass(frozen=True, slots=True)
class ClassScore:
    label: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Confusion:
    label: str
    predicted: str
    count: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Wall time of one text alone, tokenising included, for texts of `tokens` tokens."""

    tokens: str
    count: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """`confusion_matrix[i][j]` counts rows of label i that were called label j."""

    rows: int
    accuracy: float
    macro_f1: float
    expected_calibration_error: float
    threshold: float
    share_above_threshold: float
    accuracy_above_threshold: float | None
    truncated: int
    classes: list[ClassScore]
    confusions: list[Confusion]
    latencies: list[Latency]
    labels: list[str]
    confusion_matrix: list[list[int]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Observations:
    """One entry for each row."""

    truths: Integers
    predictions: Integers
    confidences: Floats
    tokens: Integers
    seconds: Floats
    truncated: int


def evaluate(model: Classifier, rows: Iterable[Row], *, threshold: float = 0.6) -> Report:
    """Run every row alone, as a request would be, and score the answers.

    Raises ClassifierFailed where the model does, and ValueError without a single row.
    """
    observed = _observe(model, rows)
    matrix = _confusion_matrix(observed, len(model.labels))
    classes = _classes(model.labels, matrix)
    above = observed.confidences >= threshold
    right = observed.truths == observed.predictions
    seen = [score.f1 for score in classes if score.support or score.precision or _called(score)]
    return Report(
        rows=len(observed.truths),
        accuracy=float(right.mean()),
        macro_f1=float(np.mean(seen)),
        expected_calibration_error=calibration_error(observed.confidences, right),
        threshold=threshold,
        share_above_threshold=float(above.mean()),
        accuracy_above_threshold=float(right[above].mean()) if above.any() else None,
        truncated=observed.truncated,
        classes=classes,
        confusions=_confusions(model.labels, matrix),
        latencies=_latencies(observed.tokens, observed.seconds),
        labels=list(model.labels),
        confusion_matrix=matrix.tolist(),
    )
