"""A figure holds when it should, and timing does the work that it times."""

from __future__ import annotations

import asyncio

import pytest

from router.bench.measure import Figure, best_of, finished


def test_a_figure_holds_up_to_its_limit() -> None:
    assert Figure("f", 1.3, 1.3, "x").holds
    assert not Figure("f", 1.31, 1.3, "x").holds


def test_a_figure_that_is_to_be_reached_holds_from_its_limit_on() -> None:
    assert Figure("f", 3.0, 3, "x", at_least=True).holds
    assert not Figure("f", 2.99, 3, "x", at_least=True).holds


@pytest.mark.parametrize("at_least", [False, True])
def test_a_ratio_to_nothing_does_not_hold(at_least: bool) -> None:
    assert not Figure("f", float("nan"), 1.3, "x", at_least=at_least).holds
    assert not Figure("f", -0.5, 1.3, "x", at_least=at_least).holds


def test_a_table_shows_which_way_a_limit_counts() -> None:
    assert Figure("f", 1, 1.5, "x").bound == "≤ 1.5"
    assert Figure("f", 1, 100_000, "a second", at_least=True).bound == "≥ 100000"


def test_a_round_repeats_the_work_as_often_as_it_has_time() -> None:
    calls: list[int] = []
    seconds = best_of(lambda: calls.append(1), rounds=3, seconds=0.001)
    assert 0 < seconds < 0.001
    assert len(calls) > 3 * 10


def test_work_that_takes_longer_than_a_round_is_done_once_in_each() -> None:
    calls: list[int] = []
    best_of(lambda: calls.append(1), rounds=3, seconds=0)
    assert len(calls) == 2 + 3  # once to warm up, once to see how long it takes


async def three() -> int:
    return 3


async def waiting() -> None:
    await asyncio.sleep(0)


def test_a_coroutine_that_waits_for_nothing_is_run_without_a_loop() -> None:
    assert finished(three()) == 3


def test_a_coroutine_that_waits_is_refused() -> None:
    with pytest.raises(RuntimeError, match="waits for nothing"):
        finished(waiting())
