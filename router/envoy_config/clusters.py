"""Envoy's clusters: one for each endpoint, under the endpoint's name, and the router's own.

An endpoint's cluster holds its own server at the first priority, and below it its siblings, each at
a priority of its own: every attempt at a request then finds a server that was not asked before. Two
servers at one priority would lead the second attempt back to the first server.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstreams
from envoy_data_plane.google.protobuf import Any, Struct

from router.config import Config
from router.config.process import EnvoySettings
from router.config.schema import VllmEndpoint
from router.envoy_config.addresses import is_ip, reachable, tcp
from router.envoy_config.document import pack
from router.envoy_config.health import (
    balanced_by_health,
    endpoint_health_check,
    outlier_detection,
    router_health_check,
)
from router.envoy_config.siblings import siblings
from router.extproc.wire import METADATA_NAMESPACE

ROUTER_CLUSTER = "lora_router"
ENDPOINT_KEY = "endpoint"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

# Envoy's default of 1,024 requests a cluster would refuse the next long stream. vLLM has a queue
# of its own, and the router answers at once when it is overloaded.
_UNLIMITED = 1_000_000
# vLLM (uvicorn) closes idle connections after 5 s; reusing one just then would lose the request.
_BACKEND_IDLE = timedelta(seconds=4)


def endpoint_clusters(config: Config) -> list[cluster.Cluster]:
    """The cluster of every endpoint."""
    others = siblings(config)
    return [
        _endpoint_cluster([server, *others[server.name]], config.envoy)
        for server in config.vllm_endpoints
    ]


def _endpoint_cluster(servers: Sequence[VllmEndpoint], envoy: EnvoySettings) -> cluster.Cluster:
    """The cluster of the first of `servers`; the others stand in for it, in their order."""
    name, alone = servers[0].name, len(servers) == 1
    named = not all(is_ip(server.address) for server in servers)
    return cluster.Cluster(
        name=name,
        type=_discovery(named=named),
        dns_lookup_family=_lookup(named=named),
        # A server that its name no longer leads to gets nothing more.
        ignore_health_on_host_removal=named,
        connect_timeout=timedelta(milliseconds=envoy.connect_timeout_ms),
        lb_policy=cluster.ClusterLbPolicy.LEAST_REQUEST,
        common_lb_config=balanced_by_health(),
        load_assignment=_assignment(name, [_member(server) for server in servers]),
        health_checks=[endpoint_health_check(envoy.health_check)],
        # A single server that is put aside would leave nobody, and it may just be slow.
        outlier_detection=None if alone else outlier_detection(),
        circuit_breakers=_circuit_breakers(),
        typed_extension_protocol_options=_http(_http1_options()),
    )


def _member(server: VllmEndpoint) -> endpoint.LbEndpoint:
    """A server that tells its name wherever it answers."""
    named = core.Metadata(
        filter_metadata={METADATA_NAMESPACE: Struct.from_dict({ENDPOINT_KEY: server.name})}
    )
    address = endpoint.Endpoint(address=tcp(server.address, server.port))
    return endpoint.LbEndpoint(endpoint=address, metadata=named)


def router_cluster(config: Config) -> cluster.Cluster:
    """The cluster of the ext_proc service."""
    name, address = reachable(config.envoy.extproc_address or config.server.extproc)
    named = name is not None
    return cluster.Cluster(
        name=ROUTER_CLUSTER,
        type=_discovery(named=named),
        dns_lookup_family=_lookup(named=named),
        connect_timeout=timedelta(milliseconds=250),
        load_assignment=_assignment(ROUTER_CLUSTER, [_server(address)]),
        circuit_breakers=_circuit_breakers(),
        health_checks=[router_health_check()],
        common_lb_config=balanced_by_health(),
        typed_extension_protocol_options=_http(_http2_options()),
    )


def _discovery(*, named: bool) -> cluster.ClusterDiscoveryType:
    kinds = cluster.ClusterDiscoveryType
    return kinds.STRICT_DNS if named else kinds.STATIC


def _lookup(*, named: bool) -> cluster.ClusterDnsLookupFamily:
    # `localhost` has two addresses, and most servers listen on the IPv4 one.
    families = cluster.ClusterDnsLookupFamily
    return families.V4_PREFERRED if named else families.AUTO


def _server(address: core.Address) -> endpoint.LbEndpoint:
    return endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address))


def _assignment(
    name: str, members: Sequence[endpoint.LbEndpoint]
) -> endpoint.ClusterLoadAssignment:
    """`members`, each at a priority of its own."""
    return endpoint.ClusterLoadAssignment(
        cluster_name=name,
        endpoints=[
            endpoint.LocalityLbEndpoints(priority=priority, lb_endpoints=[member])
            for priority, member in enumerate(members)
        ],
    )


def _circuit_breakers() -> cluster.CircuitBreakers:
    # No retry budget: a retry holds its place until its answer begins, so that a backend with a
    # hundred requests waiting would take three of four with it.
    thresholds = cluster.CircuitBreakersThresholds(
        max_connections=_UNLIMITED,
        max_pending_requests=_UNLIMITED,
        max_requests=_UNLIMITED,
        max_retries=_UNLIMITED,
    )
    return cluster.CircuitBreakers(thresholds=[thresholds])


def _http1_options() -> upstreams.HttpProtocolOptions:
    return upstreams.HttpProtocolOptions(
        common_http_protocol_options=core.HttpProtocolOptions(idle_timeout=_BACKEND_IDLE),
        explicit_http_config=upstreams.HttpProtocolOptionsExplicitHttpConfig(
            http_protocol_options=core.Http1ProtocolOptions()
        ),
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
