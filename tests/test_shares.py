"""Choice in proportion, by chance or by key."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.shares import by_key, proportional

SHARES = st.lists(st.floats(0, 1e6), min_size=1, max_size=8)


def test_chance_is_in_proportion() -> None:
    assert Counter(proportional([1, 3], step / 100) for step in range(100)) == {0: 25, 1: 75}


@given(SHARES, st.floats(0, 1, exclude_max=True))
def test_a_share_of_zero_is_never_chosen_by_chance(shares: list[float], chance: float) -> None:
    assert shares[proportional(shares, chance)] > 0 or not any(shares)


@given(SHARES, st.text())
def test_a_key_orders_all_places_and_zero_shares_last(shares: list[float], key: str) -> None:
    order = by_key([str(index) for index in range(len(shares))], shares, key)
    assert sorted(order) == list(range(len(shares)))
    ranked = [shares[index] > 0 for index in order]
    assert ranked == sorted(ranked, reverse=True)


def test_keys_share_first_places_in_proportion() -> None:
    first = Counter(by_key(["a", "b"], [1, 3], f"key {number}")[0] for number in range(10_000))
    assert first[1] == pytest.approx(7500, abs=130)


def test_when_a_place_goes_only_its_own_keys_move() -> None:
    three, two = ["a", "b", "c"], ["a", "b"]
    for number in range(1000):
        before = three[by_key(three, [1, 1, 1], str(number))[0]]
        after = two[by_key(two, [1, 1], str(number))[0]]
        assert after == before or before == "c"


def test_a_name_that_stands_there_twice_is_two_places() -> None:
    first = Counter(by_key(["a", "a"], [1, 1], f"key {number}")[0] for number in range(2000))
    assert first[1] == pytest.approx(1000, abs=120)
