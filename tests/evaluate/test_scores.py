"""The figures, on answers whose scores can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from router.encoder import Encoding
from router.evaluate.rows import Row
from router.evaluate.scores import Confusion, Report, calibration_error, evaluate


class Oracle:
    """Answers what the text says: label, confidence and token count."""

    labels = ("health", "law", "math", "never")

    def run(self, texts: Sequence[str]) -> list[Encoding]:
        return [self.answer(text) for text in texts]

    def answer(self, text: str) -> Encoding:
        label, confidence, tokens = text.split()
        probabilities = np.full(4, (1 - float(confidence)) / 3, dtype=np.float32)
        probabilities[self.labels.index(label)] = confidence
        return Encoding(probabilities, None, int(tokens), truncated=int(tokens) > 255)


def report(*rows: tuple[str, str], threshold: float = 0.6) -> Report:
    return evaluate(Oracle(), [Row(text, label) for text, label in rows], threshold=threshold)


FOUR = (
    ("health 0.9 10", "health"),
    ("health 0.9 20", "law"),
    ("law 0.5 16", "law"),
    ("math 0.7 300", "math"),
)


def test_accuracy_and_shares() -> None:
    found = report(*FOUR)
    assert found.rows == 4
    assert found.accuracy == 0.75
    assert found.share_above_threshold == 0.75
    assert found.accuracy_above_threshold == pytest.approx(2 / 3)
    assert found.truncated == 1


def test_no_row_above_the_threshold_has_no_accuracy_there() -> None:
    assert report(*FOUR, threshold=0.99).accuracy_above_threshold is None


def test_precision_recall_and_f1_of_each_class() -> None:
    health, law, math, never = report(*FOUR).classes
    assert (health.precision, health.recall, health.support) == (0.5, 1.0, 1)
    assert health.f1 == pytest.approx(2 / 3)
    assert (law.precision, law.recall, law.support) == (1.0, 0.5, 2)
    assert (math.precision, math.recall, math.f1) == (1, 1, 1)
    assert (never.precision, never.recall, never.f1, never.support) == (0, 0, 0, 0)


def test_macro_f1_leaves_out_labels_that_never_occur_but_not_those_only_answered() -> None:
    assert report(*FOUR).macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert report(("never 0.9 3", "law")).macro_f1 == 0


def test_confusions_come_most_frequent_first() -> None:
    found = report(
        ("law 0.9 3", "health"), ("math 0.9 3", "law"), ("math 0.9 3", "law"), ("law 0.9 3", "law")
    )
    assert found.confusions == [Confusion("law", "math", 2), Confusion("health", "law", 1)]
    assert found.confusion_matrix[1] == [0, 1, 2, 0]


def test_latency_is_told_by_token_length() -> None:
    latencies = report(*FOUR).latencies
    assert [(one.tokens, one.count) for one in latencies] == [
        ("1-16", 2),
        ("17-32", 1),
        ("257+", 1),
    ]
    assert all(0 < one.p50_ms <= one.p99_ms for one in latencies)


def test_calibration_error_is_0_where_confidence_is_accuracy() -> None:
    confidences = np.array([0.5, 0.5, 1.0, 1.0])
    assert calibration_error(confidences, np.array([True, False, True, True])) == 0


def test_calibration_error_weighs_each_bins_gap_by_its_rows() -> None:
    confidences = np.array([0.9, 0.9, 0.9, 0.5])
    right = np.array([True, False, False, True])
    assert calibration_error(confidences, right) == pytest.approx(0.75 * (0.9 - 1 / 3) + 0.25 * 0.5)


def test_nothing_to_evaluate_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rows"):
        report()


def test_a_report_is_plain_json() -> None:
    plain = report(*FOUR).as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["classes"][0]["label"] == "health"
