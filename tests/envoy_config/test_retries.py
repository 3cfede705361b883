from __future__ import annotations

from typing import Any

import pytest

from router.config import Config
from tests.envoy_config.conftest import changed, rendered


def policy(config: Config, **envoy: object) -> dict[str, Any]:
    found: dict[str, Any] = rendered(changed(config, "envoy", **envoy)).host["retry_policy"]
    return found


def full_duplex(config: Config) -> Config:
    return changed(config, "server", body_mode="FULL_DUPLEX_STREAMED")


def test_what_no_backend_answered_is_tried_again(config: Config) -> None:
    found = policy(config, retries=4)
    assert found["retry_on"] == "connect-failure,refused-stream,reset,retriable-status-codes"
    assert found["retriable_status_codes"] == [404, 502, 503]
    assert found["num_retries"] == 4


def test_another_server_is_asked_each_time(config: Config) -> None:
    found = policy(config)
    (predicate,) = found["retry_host_predicate"]
    assert predicate["name"] == "envoy.retry_host_predicates.previous_hosts"
    assert found["retry_priority"]["name"] == "envoy.retry_priorities.previous_priorities"
    assert found["retry_priority"]["typed_config"]["update_frequency"] == 1


def test_in_full_duplex_only_what_is_complete_is_tried_again(config: Config) -> None:
    both = rendered(full_duplex(config))
    assert "retry_on" not in both.host["retry_policy"]
    complete = both.routes["selected-complete"]
    assert complete["route"]["retry_policy"] == policy(config)
    assert [header["name"] for header in complete["match"]["headers"]] == [
        "x-selected-endpoint",
        "x-vsr-request-complete",
    ]
    assert list(both.routes).index("selected-complete") < list(both.routes).index("selected")


@pytest.mark.parametrize("mode", ["BUFFERED", "FULL_DUPLEX_STREAMED"])
def test_the_time_for_the_first_byte_does_not_depend_on_retries(config: Config, mode: str) -> None:
    config = changed(config, "server", body_mode=mode)
    found = policy(config, retries=0, first_byte_timeout_seconds=7.5)
    assert found["per_try_timeout"] == "7.500s"
    assert found["num_retries"] == 0
    assert not {"retry_on", "retriable_status_codes"} & found.keys()


@pytest.mark.parametrize(
    ("first_byte", "idle", "retries", "silence"),
    [
        (300.0, 300.0, 2, "910s"),
        (30.0, 300.0, 2, "310s"),
        (300.0, 30.0, 0, "310s"),
        (100.0, 150.0, 1, "210s"),
    ],
)
def test_silence_may_last_as_long_as_first_bytes_may_take(
    config: Config, first_byte: float, idle: float, retries: int, silence: str
) -> None:
    settings = {
        "first_byte_timeout_seconds": first_byte,
        "idle_timeout_seconds": idle,
        "retries": retries,
    }
    both = rendered(changed(config, "envoy", **settings))
    for name in ("selected", "fallback"):
        assert both.routes[name]["route"]["idle_timeout"] == silence
    # It would be gone as soon as the time for the first byte is over.
    assert "per_try_idle_timeout" not in both.host["retry_policy"]
