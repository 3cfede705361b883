"""The listener that clients reach, and the HTTP connection manager behind it.

Every header that steers routing is removed before anything reads it: what a client says about
endpoints counts for nothing, whether the router is there or not.
"""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation_rules
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.extensions.access_loggers.file import v3 as file_log
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.http.early_header_mutation.header_mutation import (
    v3 as early_mutation,
)
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Struct

from router.config import Config
from router.envoy_config.addresses import listening
from router.envoy_config.clusters import ENDPOINT_KEY
from router.envoy_config.document import pack
from router.envoy_config.filters import EXT_PROC, http_filters
from router.envoy_config.local_replies import local_reply_config
from router.envoy_config.routes import route_configuration
from router.extproc.wire import METADATA_NAMESPACE
from router.flow import ENDPOINT_HEADER, MODEL_HEADER

_STAT_PREFIX = "inference"
_MIB = 1024 * 1024

_ROUTING_HEADERS = (ENDPOINT_HEADER, MODEL_HEADER, "x-gateway-destination-endpoint")
_ROUTING_PREFIXES = ("x-vsr-",)

# The decision comes from dynamic metadata, which holds no prompt text; nor does anything else here.
_ACCESS_LOG = {
    "time": "%START_TIME%",
    "request_id": "%REQ(X-REQUEST-ID):128%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ)%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "decision": f"%DYNAMIC_METADATA({METADATA_NAMESPACE})%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "upstream": "%UPSTREAM_HOST%",
    # Of the servers of that cluster, the one that answered.
    "served_by": f"%UPSTREAM_METADATA({METADATA_NAMESPACE}:{ENDPOINT_KEY})%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "failed_open": f"%FILTER_STATE({EXT_PROC}:FIELD:failed_open)%",
    "router_headers_us": f"%FILTER_STATE({EXT_PROC}:FIELD:request_header_latency_us)%",
    "router_body_us": f"%FILTER_STATE({EXT_PROC}:FIELD:request_body_total_latency_us)%",
    "first_byte_ms": "%RESPONSE_DURATION%",
    "duration_ms": "%DURATION%",
    "received_bytes": "%BYTES_RECEIVED%",
    "sent_bytes": "%BYTES_SENT%",
}


def inference_listener(config: Config) -> listener.Listener:
    """The listener with everything that a request meets."""
    manager = listener.Filter(
        name="envoy.filters.network.http_connection_manager",
        typed_config=pack(connection_manager(config)),
    )
    return listener.Listener(
        name=_STAT_PREFIX,
        address=listening(config.envoy.listen, "envoy.listen"),
        per_connection_buffer_limit_bytes=_MIB,
        filter_chains=[listener.FilterChain(filters=[manager])],
    )


def connection_manager(config: Config) -> hcm.HttpConnectionManager:
    """The HTTP connection manager, hardened for clients that are not trusted."""
    return hcm.HttpConnectionManager(
        stat_prefix=_STAT_PREFIX,
        route_config=route_configuration(config),
        http_filters=http_filters(config),
        common_http_protocol_options=_http_options(),
        http2_protocol_options=core.Http2ProtocolOptions(
            max_concurrent_streams=256,
            initial_stream_window_size=_MIB,
            initial_connection_window_size=4 * _MIB,
        ),
        # A backend's own `server` header is part of its answer.
        server_header_transformation=(
            hcm.HttpConnectionManagerServerHeaderTransformation.APPEND_IF_ABSENT
        ),
        # In full duplex nothing else would end a stream on which the router keeps silent.
        stream_idle_timeout=timedelta(seconds=config.envoy.idle_timeout_seconds),
        request_timeout=timedelta(seconds=config.envoy.request_timeout_seconds),
        request_headers_timeout=timedelta(seconds=10),
        drain_timeout=timedelta(seconds=config.server.drain_seconds),
        delayed_close_timeout=timedelta(seconds=1),
        access_log=[_access_log(config.envoy.access_log)],
        use_remote_address=True,
        early_header_mutation_extensions=[_remove_routing_headers()],
        preserve_external_request_id=True,
        always_set_request_id_in_response=True,
        upgrade_configs=[
            hcm.HttpConnectionManagerUpgradeConfig(upgrade_type="websocket", enabled=False)
        ],
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action=(
            hcm.HttpConnectionManagerPathWithEscapedSlashesAction.REJECT_REQUEST
        ),
        local_reply_config=local_reply_config(),
    )


def _http_options() -> core.HttpProtocolOptions:
    return core.HttpProtocolOptions(
        idle_timeout=timedelta(hours=1),
        max_headers_count=100,
        headers_with_underscores_action=(
            core.HttpProtocolOptionsHeadersWithUnderscoresAction.REJECT_REQUEST
        ),
    )


def _access_log(path: str) -> accesslog.AccessLog:
    line = core.SubstitutionFormatString(
        json_format=Struct.from_dict(dict(_ACCESS_LOG)), omit_empty_values=True
    )
    settings = file_log.FileAccessLog(path=path, log_format=line)
    return accesslog.AccessLog(name="envoy.access_loggers.file", typed_config=pack(settings))


def _remove_routing_headers() -> core.TypedExtensionConfig:
    exact = [mutation_rules.HeaderMutation(remove=name) for name in _ROUTING_HEADERS]
    prefixed = [
        mutation_rules.HeaderMutation(
            remove_on_match=mutation_rules.HeaderMutationRemoveOnMatch(
                key_matcher=matcher.StringMatcher(prefix=prefix)
            )
        )
        for prefix in _ROUTING_PREFIXES
    ]
    # A filter would come too late: the route is chosen before the first of them runs.
    return core.TypedExtensionConfig(
        name="envoy.http.early_header_mutation.header_mutation",
        typed_config=pack(early_mutation.HeaderMutation(mutations=[*exact, *prefixed])),
    )
