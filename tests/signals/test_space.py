"""The space that meanings are compared in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.signals.space import Space, similarities, unit

WIDTH = 384


def random_units(seed: int, count: int, *, bias: float = 0.0, width: int = WIDTH) -> np.ndarray:
    """Unit vectors, the more alike the greater the bias."""
    vectors = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    vectors[:, 0] += bias * width**0.5
    return unit(vectors)


def between(vectors: np.ndarray) -> np.ndarray:
    return (vectors @ vectors.T)[~np.eye(len(vectors), dtype=bool)]


@given(seed=st.integers(0, 1000), bias=st.floats(0, 3), count=st.integers(5, 60))
@settings(max_examples=25, deadline=None)
def test_placed_vectors_have_length_one_and_no_common_direction(
    seed: int, bias: float, count: int
) -> None:
    anchors = random_units(seed, count, bias=bias)
    space = Space.around(anchors)
    placed = space.place(random_units(seed + 1, 7, bias=bias))
    assert placed.dtype == np.float32
    assert np.linalg.norm(placed, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.abs(placed @ space.common.T).max() < 1e-4


def test_unrelated_prompts_are_no_longer_alike() -> None:
    anchors, prompts = random_units(1, 80, bias=1.0), random_units(2, 80, bias=1.0)
    assert between(prompts).mean() > 0.4
    placed = Space.around(anchors).place(prompts)
    assert abs(between(placed).mean()) < 0.03


def test_two_languages_that_lie_apart_are_brought_together() -> None:
    language = np.where(np.arange(80)[:, None] % 2, 1, -1) * random_units(7, 1)
    meanings = np.repeat(random_units(8, 40), 2, axis=0)
    prompts = unit(0.6 * language + meanings)
    twins = prompts[::2] @ prompts[1::2].T
    assert np.diag(twins).mean() < 0.5
    placed = Space.around(prompts).place(prompts)
    assert np.diag(placed[::2] @ placed[1::2].T).mean() > 0.9


@given(seed=st.integers(0, 1000), count=st.integers(0, 40))
@settings(max_examples=20, deadline=None)
def test_similarities_are_cosines(seed: int, count: int) -> None:
    vectors, vector = random_units(seed, count, width=16), random_units(seed + 1, 1, width=16)[0]
    assert similarities(vectors, vector) == pytest.approx(vectors @ vector, abs=1e-5)


def test_one_vector_is_placed_as_among_many() -> None:
    space = Space.around(random_units(3, 40, bias=0.5))
    prompts = random_units(4, 5, bias=0.5)
    assert space.place(prompts[2]) == pytest.approx(space.place(prompts)[2], abs=1e-6)


def test_the_spread_is_that_of_unrelated_prompts() -> None:
    space = Space.around(random_units(5, 90, bias=1.0))
    assert space.spread == pytest.approx(WIDTH**-0.5, rel=0.15)


def test_small_vectors_lose_only_their_centre() -> None:
    anchors = random_units(6, 50, width=8)
    space = Space.around(anchors)
    assert space.common.shape == (0, 8)
    assert space.centre == pytest.approx(anchors.mean(axis=0))


def test_anchors_without_direction_change_nothing() -> None:
    space = Space.around(np.zeros((10, 3), np.float32))
    vectors = unit(np.array([[3, 4, 0], [0, 0, 2]], np.float32))
    assert space.place(vectors) == pytest.approx(vectors)
    assert space.spread > 0


def test_a_vector_that_is_like_every_other_resembles_none() -> None:
    anchors = np.tile(unit(np.ones((1, 4), np.float32)), (5, 1))
    assert Space.around(anchors).place(anchors[0]).tolist() == [0, 0, 0, 0]
