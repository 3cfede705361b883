"""Where meanings are compared: sentence vectors without what all prompts have in common.

Raw vectors of one model all point somewhat the same way, those of one language even more: two
unrelated Chinese prompts look as alike as two related English ones. `anchors` show what is common;
without it, one threshold fits every language. Knows geometry only; leaves models to the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_COMMON_DIRECTIONS = 4
_LEAST_DIMENSIONS = 64  # for each direction that is taken out: small vectors have none to spare
_NEGLIGIBLE = 1e-4
_LEAST_SPREAD = 0.01


@dataclass(frozen=True, slots=True)
class Space:
    """`centre` has shape [dimensions], `common` [directions, dimensions] with orthonormal rows.

    `spread` is the standard deviation of the similarity of two unrelated prompts.
    """

    centre: Floats
    common: Floats
    spread: float

    @classmethod
    def around(cls, anchors: Floats) -> Space:
        """The space in which `anchors`, unit vectors [prompts, dimensions], share little."""
        centre = anchors.mean(axis=0)
        _, strengths, directions = np.linalg.svd(anchors - centre, full_matrices=False)
        count = min(_COMMON_DIRECTIONS, anchors.shape[1] // _LEAST_DIMENSIONS)
        common = directions[:count][strengths[:count] > _NEGLIGIBLE]
        space = cls(centre, common, _LEAST_SPREAD)
        return cls(centre, common, max(_LEAST_SPREAD, _spread(space.place(anchors))))

    def place(self, vectors: Floats) -> Floats:
        """The same vectors in this space, of length 1 (0 for one that is like every other).

        Shape [..., dimensions], as given. The dot product of two results is their similarity.
        """
        moved: Floats = vectors - self.centre
        moved -= (moved @ self.common.T) @ self.common
        return unit(moved)


def similarities(placed: Floats, vector: Floats) -> Floats:
    """How similar each of `placed` [vectors, dimensions] is to `vector` [dimensions].

    Computed in this thread: a product shared out to others would wait for them on a busy machine.
    """
    found: Floats = np.einsum("ij,j->i", placed, vector)
    return found


def unit(vectors: Floats) -> Floats:
    """Vectors of length 1; those without direction become 0."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = np.where(length > _NEGLIGIBLE, vectors / np.maximum(length, _NEGLIGIBLE), 0)
    return scaled.astype(np.float32, copy=False)


def _spread(placed: Floats) -> float:
    between = (placed @ placed.T)[~np.eye(len(placed), dtype=bool)]
    return float(between.std()) if between.size else 0.0
