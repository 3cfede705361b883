from __future__ import annotations

from typing import Any

import pytest

from router.config import Config
from tests.envoy_config.conftest import changed, endpoint, rendered, with_endpoints


def address(cluster: dict[str, Any], priority: int = 0) -> Any:
    """The address of the only server at a priority."""
    at = [e for e in cluster["load_assignment"]["endpoints"] if e.get("priority", 0) == priority]
    ((server,),) = (locality["lb_endpoints"] for locality in at)
    return server["endpoint"]["address"]


def test_each_endpoint_is_a_cluster_of_its_name(config: Config) -> None:
    clusters = rendered(with_endpoints(config, endpoint("a"), endpoint("b", "::1"))).clusters
    assert list(clusters) == ["a", "b"]
    assert address(clusters["a"])["socket_address"]["address"] == "10.0.0.7"
    assert address(clusters["b"])["socket_address"]["address"] == "::1"


def test_siblings_stand_below_it_one_at_each_priority(config: Config) -> None:
    three = [endpoint(name, f"10.0.0.{place}") for place, name in enumerate("abc")]
    cluster = rendered(with_endpoints(config, *three)).clusters["b"]
    hosts = [address(cluster, priority)["socket_address"]["address"] for priority in range(3)]
    assert hosts == ["10.0.0.1", "10.0.0.2", "10.0.0.0"]


def test_every_server_of_a_cluster_tells_its_own_name(config: Config) -> None:
    both = rendered(with_endpoints(config, endpoint("a"), endpoint("b", "10.0.0.8")))
    named = [
        server["metadata"]["filter_metadata"]["lora-router"]["endpoint"]
        for locality in both.clusters["b"]["load_assignment"]["endpoints"]
        for server in locality["lb_endpoints"]
    ]
    assert named == ["b", "a"]


@pytest.mark.parametrize(
    ("host", "kind"), [("10.0.0.7", "STATIC"), ("::1", "STATIC"), ("vllm.internal", "STRICT_DNS")]
)
def test_names_are_looked_up_and_addresses_are_not(config: Config, host: str, kind: str) -> None:
    assert rendered(with_endpoints(config, endpoint("a", host))).clusters["a"]["type"] == kind


def test_one_name_among_its_servers_has_a_whole_cluster_looked_up(config: Config) -> None:
    both = rendered(with_endpoints(config, endpoint("a"), endpoint("b", "vllm.internal")))
    for cluster in both.clusters.values():
        assert cluster["type"] == "STRICT_DNS"
        assert cluster["dns_lookup_family"] == "V4_PREFERRED"
        assert cluster["ignore_health_on_host_removal"] is True


def test_the_router_is_reached_where_it_listens(config: Config) -> None:
    assert address(rendered(config).router)["socket_address"]["port_value"] == 50051
    by_pipe = rendered(changed(config, "server", extproc="unix:/run/r.sock")).router
    assert address(by_pipe) == {"pipe": {"path": "/run/r.sock"}}


def test_another_address_of_the_router_takes_precedence(config: Config) -> None:
    router = rendered(changed(config, "envoy", extproc_address="router:6")).router
    assert router["type"] == "STRICT_DNS"
    assert address(router)["socket_address"] == {"address": "router", "port_value": 6}


def test_no_circuit_breaker_stands_in_the_way_of_long_streams(config: Config) -> None:
    both = rendered(config)
    for cluster in (both.router, both.clusters["vllm-primary"]):
        (thresholds,) = cluster["circuit_breakers"]["thresholds"]
        assert thresholds["max_requests"] >= 100_000
        # A budget would let most of what a killed backend had pending fail.
        assert thresholds["max_retries"] >= 100_000
        assert "retry_budget" not in thresholds


def test_idle_connections_are_closed_before_vllm_closes_them(config: Config) -> None:
    options = rendered(config).clusters["vllm-primary"]["typed_extension_protocol_options"]
    (settings,) = options.values()
    assert settings["common_http_protocol_options"]["idle_timeout"] == "4s"


def test_the_connect_timeout_is_configured(config: Config) -> None:
    clusters = rendered(changed(config, "envoy", connect_timeout_ms=1500)).clusters
    assert clusters["vllm-primary"]["connect_timeout"] == "1.500s"
