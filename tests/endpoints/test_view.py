"""What is known of endpoints, and how it fades."""

from __future__ import annotations

import pytest

from router.catalog import Endpoint
from router.endpoints import NOTHING_KNOWN
from router.endpoints.view import DEFAULT_SLOTS, LiveView
from router.endpoints.vllm import Load, Served

A = Endpoint("a", "10.0.0.1", 8000)
SAME_ADDRESS = Endpoint("renamed", "10.0.0.1", 8000)
B = Endpoint("b", "10.0.0.2", 8000)


@pytest.fixture
def view() -> LiveView:
    return LiveView()


def test_of_an_endpoint_without_news_nothing_is_known(view: LiveView) -> None:
    assert view.state(A, 0.0) is NOTHING_KNOWN


def test_what_an_endpoint_tells_is_its_load(view: LiveView) -> None:
    view.observed(A, Load(waiting=2, running=3), 10.0)
    assert view.state(A, 10.0).load == 5.0


def test_requests_sent_since_count_at_once(view: LiveView) -> None:
    view.observed(A, Load(running=1), 10.0)
    view.sent(A, None, 10.0)
    view.sent(A, None, 10.0)
    assert view.state(A, 10.0).load == 3.0
    view.observed(A, Load(running=2), 10.1)
    assert view.state(A, 10.1).load == 2.0


def test_an_old_observation_counts_less_and_less(view: LiveView) -> None:
    view.observed(A, Load(running=100), 0.0)
    loads = [view.state(A, float(second)).load for second in (0, 1, 10, 60)]
    assert loads == sorted(loads, reverse=True)
    assert loads[0] == 100
    assert loads[-1] < 1


def test_without_observations_the_routers_own_requests_are_the_load_and_fade(
    view: LiveView,
) -> None:
    for _ in range(4):
        view.sent(A, None, 5.0)
    assert view.state(A, 5.0).load == 4.0
    assert view.state(A, 15.0).load == pytest.approx(4 / 2.718, rel=0.01)


def test_one_failed_probe_is_no_reason_to_doubt_and_an_answer_ends_all_doubt(
    view: LiveView,
) -> None:
    view.failed(A)
    assert view.state(A, 0.0).healthy
    view.failed(A)
    assert not view.state(A, 0.0).healthy
    view.answered(A)
    assert view.state(A, 0.0).healthy


def test_the_adapters_used_last_are_in_memory(view: LiveView) -> None:
    for number in range(DEFAULT_SLOTS + 2):
        view.sent(A, f"lora-{number}", float(number))
    view.sent(A, "lora-2", 20.0)
    resident = view.state(A, 20.0).resident
    assert len(resident) == DEFAULT_SLOTS
    assert {"lora-2", f"lora-{DEFAULT_SLOTS + 1}"} <= resident
    assert "lora-0" not in resident
    assert view.state(A, 20.0).free_slots is None


def test_an_endpoint_that_tells_its_slots_is_believed(view: LiveView) -> None:
    view.observed(A, Load(max_lora=2, active=frozenset({"x"})), 0.0)
    assert view.state(A, 0.0).free_slots == 1
    for name in ("x", "y", "z"):
        view.sent(A, name, 1.0)
    state = view.state(A, 1.0)
    assert (state.resident, state.free_slots) == ({"x", "y", "z"}, 0)


def test_the_models_that_an_endpoint_lists_are_remembered(view: LiveView) -> None:
    assert view.served_by(A) is None
    view.serves(A, Served(frozenset({"llama"}), {}))
    assert view.state(A, 0.0).models == {"llama"}


def test_an_address_keeps_its_history_under_another_name(view: LiveView) -> None:
    view.observed(A, Load(running=7), 0.0)
    assert view.state(SAME_ADDRESS, 0.0).load == 7.0


def test_addresses_that_are_gone_are_forgotten(view: LiveView) -> None:
    view.failed(A)
    view.failed(B)
    view.forget_all_but([B])
    assert view.state(A, 0.0) is NOTHING_KNOWN
    assert view.state(B, 0.0) is not NOTHING_KNOWN


def test_the_memory_of_adapters_is_bounded(view: LiveView) -> None:
    view.observed(A, Load(max_lora=10_000), 0.0)
    for number in range(1000):
        view.sent(A, f"lora-{number}", 0.0)
    assert len(view.state(A, 0.0).resident) <= 256


def test_a_burst_of_errors_is_a_burden_that_fades(view: LiveView) -> None:
    view.sent(A, None, -1000.0)
    for status in (200, 404, 400):
        view.responded(A, status, 0.0)
    assert view.state(A, 0.0).load == pytest.approx(0.0)
    for status in (500, 503, 429):
        view.responded(A, status, 0.0)
    assert view.state(A, 0.0).load == pytest.approx(30.0)
    assert view.state(A, 60.0).load < 0.1


def test_requests_weigh_more_where_the_cache_is_full(view: LiveView) -> None:
    view.observed(A, Load(running=4, cache_usage=0.0), 0.0)
    view.observed(B, Load(running=4, cache_usage=1.0), 0.0)
    assert (view.state(A, 0.0).load, view.state(B, 0.0).load) == (4.0, 8.0)
