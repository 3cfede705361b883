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
    return Report(
        rows=len(observed.truths),
        accuracy=float(right.mean()),
        macro_f1=_macro_f1(classes, matrix),
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


def _observe(model: Classifier, rows: Iterable[Row]) -> Observations:
    index = {label: number for number, label in enumerate(model.labels)}
    truths, seconds, encodings = [], [], []
    for row in rows:
        start = time.perf_counter()
        encodings += model.run([row.text])
        seconds.append(time.perf_counter() - start)
        truths.append(index[row.label])
    if not truths:
        raise ValueError("no rows to evaluate")
    probabilities = np.array([encoding.probabilities for encoding in encodings], dtype=np.float64)
    return Observations(
        truths=np.array(truths),
        predictions=probabilities.argmax(axis=1),
        confidences=probabilities.max(axis=1),
        tokens=np.array([encoding.tokens for encoding in encodings]),
        seconds=np.array(seconds),
        truncated=sum(encoding.truncated for encoding in encodings),
    )


def calibration_error(confidences: Floats, right: NDArray[np.bool_]) -> float:
    """How far confidence is from accuracy, over bins of equal width, weighted by their rows."""
    bins = np.minimum((confidences * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        (bins == bin_).mean() * abs(right[bins == bin_].mean() - confidences[bins == bin_].mean())
        for bin_ in np.unique(bins)
    ]
    return float(sum(gaps))


def _confusion_matrix(observed: Observations, size: int) -> Integers:
    matrix = np.zeros((size, size), dtype=np.int64)
    np.add.at(matrix, (observed.truths, observed.predictions), 1)
    return matrix


def _classes(labels: Sequence[str], matrix: Integers) -> list[ClassScore]:
    return [_class_score(label, index, matrix) for index, label in enumerate(labels)]


def _class_score(label: str, index: int, matrix: Integers) -> ClassScore:
    """0 stands where a figure is undefined, as in scikit-learn."""
    hits, called, support = matrix[index, index], matrix[:, index].sum(), matrix[index].sum()
    precision = float(hits / called) if called else 0.0
    recall = float(hits / support) if support else 0.0
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return ClassScore(label, precision, recall, f1, int(support))


def _macro_f1(classes: Sequence[ClassScore], matrix: Integers) -> float:
    """The mean over labels that occur, be it only as an answer."""
    occurs = (matrix.sum(axis=0) + matrix.sum(axis=1)) > 0
    return float(np.mean([score.f1 for score, used in zip(classes, occurs, strict=True) if used]))


def _confusions(labels: Sequence[str], matrix: Integers) -> list[Confusion]:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    pairs = [divmod(int(flat), len(labels)) for flat in order]
    return [Confusion(labels[i], labels[j], int(wrong[i, j])) for i, j in pairs if wrong[i, j]]


def _latencies(tokens: Integers, seconds: Floats) -> list[Latency]:
    """Buckets of token length that hold any row."""
    found = []
    for low, high in zip((0, *LENGTHS), (*LENGTHS, None), strict=True):
        inside = (tokens > low) & (tokens <= high) if high else tokens > low
        if inside.any():
            p50, p99 = np.quantile(seconds[inside], (0.5, 0.99)) * 1000
            name = f"{low + 1}-{high}" if high else f"{low + 1}+"
            found.append(Latency(name, int(inside.sum()), float(p50), float(p99)))
    return found
