"""Which model of a decision, which endpoint of a model."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.catalog import Endpoint, ModelRef
from router.selection import pick_endpoint, pick_model


def endpoint(name: str, weight: int) -> Endpoint:
    return Endpoint(name, "127.0.0.1", 8000, weight)


def test_the_highest_score_wins() -> None:
    refs = (ModelRef("a", score=0.5), ModelRef("b", "lora", score=0.9))
    assert pick_model(refs) is refs[1]


def test_the_first_of_equal_scores_wins() -> None:
    refs = (ModelRef("a", score=0.9), ModelRef("b", score=0.9))
    assert pick_model(refs) is refs[0]


def test_endpoints_share_the_requests_by_weight() -> None:
    endpoints = (endpoint("a", 1), endpoint("b", 3))
    picked = Counter(pick_endpoint(endpoints, step / 100).name for step in range(100))
    assert picked == {"a": 25, "b": 75}


def test_an_endpoint_of_weight_zero_is_not_chosen() -> None:
    endpoints = (endpoint("drained", 0), endpoint("b", 1), endpoint("drained too", 0))
    assert {pick_endpoint(endpoints, step / 100).name for step in range(100)} == {"b"}


def test_the_only_endpoint_is_chosen_whatever_its_weight() -> None:
    assert pick_endpoint((endpoint("a", 0),), 0.5).name == "a"


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8), st.floats(0, 1, exclude_max=True))
def test_some_endpoint_with_weight_is_always_chosen(weights: list[int], chance: float) -> None:
    endpoints = tuple(endpoint(f"e{i}", weight) for i, weight in enumerate(weights))
    picked = pick_endpoint(endpoints, chance)
    assert picked.weight > 0 or not any(weights)


@pytest.mark.parametrize(
    ("address", "authority"),
    [("10.0.0.1", "10.0.0.1:8000"), ("::1", "[::1]:8000"), ("vllm.local", "vllm.local:8000")],
)
def test_an_authority_brackets_ipv6(address: str, authority: str) -> None:
    assert Endpoint("e", address, 8000).authority == authority
