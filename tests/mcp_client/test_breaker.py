from __future__ import annotations

import pytest

from router.mcp_client.breaker import Admission, Breaker
from router.mcp_client.pauses import Backoff


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(3, Backoff(1.0, 4.0, chance=lambda: 0.0), clock)


def fail(breaker: Breaker, times: int = 3) -> None:
    for _ in range(times):
        breaker.failed(breaker.admit())


def test_it_opens_after_so_many_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert breaker.admit() is Admission.FREE
    fail(breaker, 1)
    assert breaker.admit() is Admission.REFUSED
    assert breaker.remaining == 1.0


def test_a_success_between_them_starts_the_count_anew(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    assert breaker.admit() is Admission.FREE


def test_one_call_is_the_probe_after_the_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += 1.0
    assert [breaker.admit() for _ in range(3)] == [
        Admission.PROBE,
        Admission.REFUSED,
        Admission.REFUSED,
    ]


def test_a_probe_that_succeeds_closes_it(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += 1.0
    breaker.admit()
    breaker.succeeded()
    assert breaker.admit() is Admission.FREE
    assert breaker.remaining == 0.0


def test_each_probe_that_fails_lengthens_the_pause(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    pauses = []
    for _ in range(4):
        pauses.append(breaker.remaining)
        clock.now += breaker.remaining
        breaker.failed(breaker.admit())
    assert pauses == [1.0, 2.0, 4.0, 4.0]


def test_the_pause_is_short_again_after_a_success(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += 1.0
    breaker.failed(breaker.admit())
    breaker.succeeded()
    fail(breaker)
    assert breaker.remaining == 1.0


def test_late_failures_of_earlier_calls_do_not_lengthen_the_pause(
    breaker: Breaker, clock: Clock
) -> None:
    early = [breaker.admit() for _ in range(9)]
    fail(breaker)
    clock.now += 0.5
    for admission in early:
        breaker.failed(admission)
    assert breaker.remaining == 0.5


def test_a_probe_whose_caller_left_is_followed_by_another(breaker: Breaker, clock: Clock) -> None:
    fail(breaker)
    clock.now += 1.0
    breaker.withdrew(breaker.admit())
    assert breaker.admit() is Admission.PROBE


def test_a_free_call_that_is_withdrawn_changes_nothing(breaker: Breaker, clock: Clock) -> None:
    early = breaker.admit()
    fail(breaker)
    clock.now += 1.0
    assert breaker.admit() is Admission.PROBE
    breaker.withdrew(early)
    assert breaker.admit() is Admission.REFUSED


def test_a_late_success_closes_it_and_the_probe_then_counts_as_any_call(
    breaker: Breaker, clock: Clock
) -> None:
    fail(breaker)
    clock.now += 1.0
    probe = breaker.admit()
    breaker.succeeded()
    breaker.failed(probe)
    assert breaker.admit() is Admission.FREE
