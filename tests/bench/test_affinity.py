"""The simulation that shows what adapter affinity saves."""

from __future__ import annotations

from router.bench.affinity import REQUESTS, SLOTS, simulate
from router.catalog import Balancing


def test_it_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert simulate(Balancing.WEIGHTED, seed=3) == simulate(Balancing.WEIGHTED, seed=3)
    assert simulate(Balancing.WEIGHTED, seed=3) != simulate(Balancing.WEIGHTED, seed=4)


def test_chance_spreads_requests_evenly_and_loads_often() -> None:
    loads, busiest = simulate(Balancing.WEIGHTED)
    assert SLOTS * 3 < loads < REQUESTS
    assert 1.0 <= busiest < 1.1
