from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from router.mcp_client.pauses import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(0.2, 1.0, chance=lambda: 0.0)
    assert [backoff.next() for _ in range(5)] == [0.2, 0.4, 0.8, 1.0, 1.0]


def test_after_a_success_they_begin_anew() -> None:
    backoff = Backoff(0.2, 1.0, chance=lambda: 0.0)
    backoff.next()
    backoff.next()
    backoff.reset()
    assert backoff.next() == 0.2


@settings(deadline=None)
@given(chance=st.floats(0, 1), attempts=st.integers(1, 2000))
def test_chance_takes_up_to_half_of_a_pause_and_adds_nothing(chance: float, attempts: int) -> None:
    backoff = Backoff(0.2, 30.0, chance=lambda: chance)
    pauses = [backoff.next() for _ in range(attempts)]
    assert all(0.1 <= pause <= 30.0 for pause in pauses)
