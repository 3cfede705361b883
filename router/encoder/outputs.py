"""What a graph's outputs mean: label probabilities, sentence vectors, or both.

Knows output names, softmax and pooling; leaves running the graph to `onnx`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.encoder import Vector
from router.errors import ClassifierFailed

POOLED = ("embedding", "sentence_embedding", "pooler_output")
TOKEN_VECTORS = ("last_hidden_state", "token_embeddings")

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs worth fetching. `pooling` is set where the vectors are still one per token."""

    logits: str | None
    embedding: str | None
    pooling: str | None

    @classmethod
    def choose(cls, ranks: Mapping[str, int], pooling: str | None) -> Outputs:
        """Pick by name. A stated pooling goes before BERT's pooler, which was trained for another
        task, but not before an export's own sentence vector."""
        logits = "logits" if "logits" in ranks else None
        order = (*POOLED[:2], *TOKEN_VECTORS, POOLED[2]) if pooling else (*POOLED, *TOKEN_VECTORS)
        name = next((name for name in order if name in ranks), None)
        if name is None or ranks[name] == 2:
            return cls(logits, name, None)
        return cls(logits, name, pooling or "mean")

    @property
    def names(self) -> list[str]:
        return [name for name in (self.logits, self.embedding) if name is not None]

    def read(self, values: Sequence[Array], mask: Array) -> tuple[Vector | None, Vector | None]:
        """Probabilities and vectors, one row for each text, neither of which can be written to.

        Raises ClassifierFailed on numbers that are not finite.
        """
        by_name = dict(zip(self.names, values, strict=True))
        probabilities = embedding = None
        with np.errstate(all="ignore"):
            if self.logits:
                probabilities = softmax(by_name[self.logits])
            if self.embedding:
                embedding = normalise(_pool(by_name[self.embedding], mask, self.pooling))
        return probabilities, embedding


# Few numpy calls: right after a forward pass each finds cold caches and costs ten times its usual.


def softmax(logits: Array) -> Vector:
    """Row by row, safe for large logits; half-precision graphs are widened first."""
    weights: Vector = logits.astype(np.float32)
    weights -= weights.max(axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    return _finished(weights, weights.sum())


def normalise(vectors: Array) -> Vector:
    """Rows of length 1; a zero row is a failure, for it has no direction."""
    unit: Vector = vectors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", unit, unit))
    unit /= lengths[:, None]
    return _finished(unit, (lengths + 1 / lengths).sum())


def _finished(rows: Vector, witness: np.floating[Any]) -> Vector:
    """One sum tells whether any number behind it was not finite."""
    if not math.isfinite(witness):
        raise ClassifierFailed("the graph gave numbers that are not finite")
    rows.flags.writeable = False
    return rows


def _pool(vectors: Array, mask: Array, pooling: str | None) -> Array:
    if pooling is None:
        return vectors
    if pooling == "cls":
        return vectors[:, 0]
    weights = mask[:, :, None].astype(np.float32)
    return np.asarray((vectors * weights).sum(axis=1) / weights.sum(axis=1))
