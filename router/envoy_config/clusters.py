"""Envoy's clusters: one for each endpoint, under the endpoint's name, and the router's own.

An endpoint's cluster holds one priority, its own server; there is room below it for others that
serve the same models.
"""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstreams
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.google.protobuf import Any

from router.config import Config
from router.config.schema import VllmEndpoint
from router.envoy_config.addresses import is_ip, reachable, tcp
from router.envoy_config.document import pack

ROUTER_CLUSTER = "lora_router"
_EXT_PROC_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

# Envoy's default of 1,024 requests a cluster would refuse the next long stream. vLLM has a queue
# of its own, and the router answers at once when it is overloaded.
_UNLIMITED = 1_000_000
# vLLM (uvicorn) closes idle connections after 5 s; reusing one just then would lose the request.
_BACKEND_IDLE = timedelta(seconds=4)


def endpoint_clusters(config: Config) -> list[cluster.Cluster]:
    """The cluster of every endpoint."""
    connect_timeout = timedelta(milliseconds=config.envoy.connect_timeout_ms)
    return [_endpoint_cluster(server, connect_timeout) for server in config.vllm_endpoints]


def _endpoint_cluster(server: VllmEndpoint, connect_timeout: timedelta) -> cluster.Cluster:
    options = upstreams.HttpProtocolOptions(
        common_http_protocol_options=core.HttpProtocolOptions(idle_timeout=_BACKEND_IDLE),
        explicit_http_config=upstreams.HttpProtocolOptionsExplicitHttpConfig(
            http_protocol_options=core.Http1ProtocolOptions()
        ),
    )
    named = not is_ip(server.address)
    return cluster.Cluster(
        name=server.name,
        type=_discovery(named=named),
        dns_lookup_family=_lookup(named=named),
        connect_timeout=connect_timeout,
        lb_policy=cluster.ClusterLbPolicy.LEAST_REQUEST,
        load_assignment=_assignment(server.name, tcp(server.address, server.port)),
        circuit_breakers=_circuit_breakers(),
        typed_extension_protocol_options=_http(options),
    )


def router_cluster(config: Config) -> cluster.Cluster:
    """The cluster of the ext_proc service."""
    name, address = reachable(config.envoy.extproc_address or config.server.extproc)
    named = name is not None
    return cluster.Cluster(
        name=ROUTER_CLUSTER,
        type=_discovery(named=named),
        dns_lookup_family=_lookup(named=named),
        connect_timeout=timedelta(milliseconds=250),
        load_assignment=_assignment(ROUTER_CLUSTER, address),
        circuit_breakers=_circuit_breakers(),
        health_checks=[_grpc_health_check()],
        # Without it Envoy would send to an unhealthy router rather than to none.
        common_lb_config=cluster.ClusterCommonLbConfig(
            healthy_panic_threshold=envoy_type.Percent(value=0.0)
        ),
        typed_extension_protocol_options=_http(_http2_options()),
    )


def _discovery(*, named: bool) -> cluster.ClusterDiscoveryType:
    kinds = cluster.ClusterDiscoveryType
    return kinds.STRICT_DNS if named else kinds.STATIC


def _lookup(*, named: bool) -> cluster.ClusterDnsLookupFamily:
    # `localhost` has two addresses, and most servers listen on the IPv4 one.
    families = cluster.ClusterDnsLookupFamily
    return families.V4_PREFERRED if named else families.AUTO


def _assignment(name: str, address: core.Address) -> endpoint.ClusterLoadAssignment:
    server = endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address))
    return endpoint.ClusterLoadAssignment(
        cluster_name=name, endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=[server])]
    )


def _circuit_breakers() -> cluster.CircuitBreakers:
    thresholds = cluster.CircuitBreakersThresholds(
        max_connections=_UNLIMITED,
        max_pending_requests=_UNLIMITED,
        max_requests=_UNLIMITED,
        retry_budget=cluster.CircuitBreakersThresholdsRetryBudget(
            budget_percent=envoy_type.Percent(value=25.0), min_retry_concurrency=10
        ),
    )
    return cluster.CircuitBreakers(thresholds=[thresholds])


def _grpc_health_check() -> core.HealthCheck:
    return core.HealthCheck(
        timeout=timedelta(seconds=1),
        interval=timedelta(seconds=1),
        # A router that has just started is found soon.
        unhealthy_interval=timedelta(milliseconds=500),
        # Until the first request Envoy would look only once a minute.
        no_traffic_interval=timedelta(seconds=1),
        unhealthy_threshold=2,
        healthy_threshold=1,
        grpc_health_check=core.HealthCheckGrpcHealthCheck(service_name=_EXT_PROC_SERVICE),
    )


def _http2_options() -> upstreams.HttpProtocolOptions:
    http2 = core.Http2ProtocolOptions(
        initial_stream_window_size=4 * 1024 * 1024,
        initial_connection_window_size=16 * 1024 * 1024,
        connection_keepalive=core.KeepaliveSettings(
            interval=timedelta(seconds=30), timeout=timedelta(seconds=5)
        ),
    )
    return upstreams.HttpProtocolOptions(
        explicit_http_config=upstreams.HttpProtocolOptionsExplicitHttpConfig(
            http2_protocol_options=http2
        )
    )


def _http(options: upstreams.HttpProtocolOptions) -> dict[str, Any]:
    return {_HTTP_OPTIONS: pack(options)}
