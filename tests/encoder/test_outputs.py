"""What outputs mean: chosen by name, made into probabilities and unit vectors."""

from __future__ import annotations

import numpy as np
import pytest

from router.encoder.outputs import Outputs, normalise, softmax
from router.errors import ClassifierFailed

BOTH = {"last_hidden_state": 3, "pooler_output": 2}


@pytest.mark.parametrize(
    ("ranks", "pooling", "expected"),
    [
        ({"logits": 2}, None, Outputs("logits", None, None)),
        ({"logits": 2, "embedding": 2}, None, Outputs("logits", "embedding", None)),
        (BOTH, None, Outputs(None, "pooler_output", None)),
        (BOTH, "cls", Outputs(None, "last_hidden_state", "cls")),
        (BOTH | {"sentence_embedding": 2}, "cls", Outputs(None, "sentence_embedding", None)),
        ({"token_embeddings": 3}, None, Outputs(None, "token_embeddings", "mean")),
        ({"hidden": 3}, None, Outputs(None, None, None)),
    ],
)
def test_the_best_output_is_chosen_by_name(
    ranks: dict[str, int], pooling: str | None, expected: Outputs
) -> None:
    assert Outputs.choose(ranks, pooling) == expected


def test_huge_logits_do_not_overflow() -> None:
    np.testing.assert_allclose(softmax(np.array([[1e30, 0.0], [1.0, 1.0]])), [[1, 0], [0.5, 0.5]])


def test_half_precision_logits_are_widened() -> None:
    found = softmax(np.array([[60000, 0]], dtype=np.float16))
    assert found.dtype == np.float32
    assert found[0, 0] == 1


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_logits_that_are_not_finite_fail(bad: float) -> None:
    with pytest.raises(ClassifierFailed, match="not finite"):
        softmax(np.array([[0.0, 1.0], [bad, 1.0]]))


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
@pytest.mark.parametrize("bad", [[np.nan, 1.0], [np.inf, 1.0], [0.0, 0.0]])
def test_vectors_without_a_direction_fail(bad: list[float]) -> None:
    with pytest.raises(ClassifierFailed, match="not finite"):
        normalise(np.array([[3.0, 4.0], bad]))


def test_vectors_get_length_1() -> None:
    np.testing.assert_allclose(normalise(np.array([[3.0, 4.0]])), [[0.6, 0.8]], rtol=1e-6)


def test_a_failing_read_raises_no_warning() -> None:
    outputs = Outputs("logits", None, None)
    with pytest.raises(ClassifierFailed):
        outputs.read([np.array([[np.inf, np.inf]])], np.ones((1, 2)))


def test_the_mean_leaves_padding_out() -> None:
    vectors = np.array([[[2.0, 0.0], [0.0, 2.0], [9.0, 9.0]]])
    outputs = Outputs(None, "last_hidden_state", "mean")
    _, embedding = outputs.read([vectors], np.array([[1, 1, 0]]))
    np.testing.assert_allclose(embedding, [[0.5**0.5, 0.5**0.5]], rtol=1e-6)
