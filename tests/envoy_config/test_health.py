"""What is asked how often; that it works is shown on real Envoy in tests/e2e/test_failover.py."""

from __future__ import annotations

from typing import Any

from router.config import Config
from router.config.process import HealthCheckSettings
from tests.envoy_config.conftest import changed, endpoint, rendered, with_endpoints


def cluster(config: Config, name: str = "a") -> dict[str, Any]:
    return rendered(config).clusters[name]


def test_an_endpoint_is_asked_from_the_start_as_often_as_configured(config: Config) -> None:
    settings = HealthCheckSettings(path="/ping", interval_ms=1500, timeout_ms=2500, failures=4)
    config = with_endpoints(changed(config, "envoy", health_check=settings), endpoint("a"))
    assert cluster(config)["health_checks"] == [
        {
            "interval": "1.500s",
            "timeout": "2.500s",
            "unhealthy_threshold": 4,
            "healthy_threshold": 1,
            "unhealthy_interval": "1.500s",
            "no_traffic_interval": "1.500s",
            "http_health_check": {"path": "/ping"},
        }
    ]


def test_what_fails_is_put_aside_for_seconds_where_another_can_take_its_place(
    config: Config,
) -> None:
    both = with_endpoints(config, endpoint("a"), endpoint("b", "10.0.0.8"))
    detection = cluster(both)["outlier_detection"]
    assert detection["max_ejection_time"] == "4s"
    assert detection["max_ejection_percent"] == 100
    assert detection["enforcing_consecutive_gateway_failure"] == 100
    # Both are on by default, and a prompt can make a sound endpoint answer 500.
    assert (detection["enforcing_consecutive_5xx"], detection["enforcing_success_rate"]) == (0, 0)
    assert "split_external_local_origin_errors" not in detection


def test_an_endpoint_without_siblings_is_never_put_aside(config: Config) -> None:
    assert "outlier_detection" not in cluster(with_endpoints(config, endpoint("a")))


def test_what_is_down_is_not_asked_even_where_nothing_else_is_left(config: Config) -> None:
    both = rendered(with_endpoints(config, endpoint("a")))
    for balancing in (both.router["common_lb_config"], both.clusters["a"]["common_lb_config"]):
        # Zero is proto's default and left out; absent altogether it would mean 50 %.
        assert balancing["healthy_panic_threshold"] == {}
        assert balancing["update_merge_window"] == "0s"


def test_the_router_is_asked_about_its_service_and_soon_after_a_failure(config: Config) -> None:
    (check,) = rendered(config).router["health_checks"]
    service = "envoy.service.ext_proc.v3.ExternalProcessor"
    assert check["grpc_health_check"]["service_name"] == service
    assert check["unhealthy_interval"] == check["no_traffic_interval"] == "0.250s"
    assert (check["interval"], check["no_traffic_healthy_interval"]) == ("1s", "1s")
