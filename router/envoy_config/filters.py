"""Envoy's HTTP filters: ext_proc, which asks the router, and the limits in front of it."""

from __future__ import annotations

import re
from datetime import timedelta

import betterproto2
from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation_rules
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.extensions.filters.http.lua import v3 as lua
from envoy_data_plane.envoy.extensions.filters.http.router import v3 as router_filter
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from router.config import Config, changed_headers, forwarded_headers
from router.envoy_config.clusters import ROUTER_CLUSTER
from router.envoy_config.document import pack
from router.envoy_config.fallback import LUA
from router.envoy_config.limits import BodySizeLimit, buffer_limit
from router.extproc.responses import COMPLETE_HEADER
from router.extproc.wire import METADATA_NAMESPACE
from router.flow import ENDPOINT_HEADER, HEADERS_READ, MODEL_HEADER

EXT_PROC = "envoy.filters.http.ext_proc"

# All that the router may set, on requests and on the responses that it gives itself, besides what
# decisions have it change.
_MUTABLE = (
    ENDPOINT_HEADER,
    MODEL_HEADER,
    COMPLETE_HEADER,
    "content-length",
    "content-type",
    "retry-after",
)


def http_filters(config: Config) -> list[hcm.HttpFilter]:
    """Every HTTP filter, in the order that a request meets them."""
    limit = BodySizeLimit(max_request_bytes=buffer_limit(config))
    settings: list[tuple[str, betterproto2.Message, bool]] = [
        # Envoy buffers nothing in full duplex, so that no buffer limit would ever be met.
        ("envoy.filters.http.body_size_limit", limit, is_full_duplex(config)),
        (EXT_PROC, ext_proc_filter(config), True),
        # Does nothing but on routes that have a script.
        (LUA, lua.Lua(), fails_open(config)),
        ("envoy.filters.http.router", router_filter.Router(suppress_envoy_headers=True), True),
    ]
    return [
        hcm.HttpFilter(name=name, typed_config=pack(message))
        for name, message, wanted in settings
        if wanted
    ]


def fails_open(config: Config) -> bool:
    """Whether requests may pass while the router is down."""
    return config.on_error == "default_model"


def ext_proc_filter(config: Config) -> ext_proc.ExternalProcessor:
    """The filter that shows every request to the router."""
    return ext_proc.ExternalProcessor(
        grpc_service=core.GrpcService(
            envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=ROUTER_CLUSTER)
        ),
        failure_mode_allow=fails_open(config),
        status_on_error=envoy_type.HttpStatus(code=envoy_type.StatusCode.ServiceUnavailable),
        message_timeout=timedelta(milliseconds=config.envoy.message_timeout_ms),
        processing_mode=_processing_mode(config),
        mutation_rules=_mutation_rules(config),
        forward_rules=ext_proc.HeaderForwardingRules(
            allowed_headers=_exactly((*HEADERS_READ, *_forwarded(config)))
        ),
        metadata_options=ext_proc.MetadataOptions(
            receiving_namespaces=ext_proc.MetadataOptionsMetadataNamespaces(
                untyped=[METADATA_NAMESPACE]
            )
        ),
    )


def is_full_duplex(config: Config) -> bool:
    """Whether bodies go to the router as they arrive."""
    return config.server.body_mode == "FULL_DUPLEX_STREAMED"


def _processing_mode(config: Config) -> ext_proc.ProcessingMode:
    send, skip = (
        ext_proc.ProcessingModeHeaderSendMode.SEND,
        ext_proc.ProcessingModeHeaderSendMode.SKIP,
    )
    bodies = ext_proc.ProcessingModeBodySendMode
    body_mode = bodies.FULL_DUPLEX_STREAMED if is_full_duplex(config) else bodies.BUFFERED
    return ext_proc.ProcessingMode(
        request_header_mode=send,
        request_body_mode=body_mode,
        # In full duplex they are the end of a body that has them; buffered, they are all that
        # tells of a body that never comes. Requests without trailers cost nothing more.
        request_trailer_mode=send,
        response_header_mode=send if config.envoy.show_responses else skip,
        response_body_mode=bodies.NONE,
        response_trailer_mode=skip,
    )


def _mutation_rules(config: Config) -> mutation_rules.HeaderMutationRules:
    names = "|".join(
        map(
            _literally,
            (*_MUTABLE, *(name for name in changed_headers(config) if name not in _MUTABLE)),
        )
    )
    return mutation_rules.HeaderMutationRules(
        disallow_all=True, allow_expression=matcher.RegexMatcher(regex=f"^({names})$")
    )


def _literally(name: str) -> str:
    return re.escape(name).replace(r"\-", "-")  # which needs none here, and reads better


def _forwarded(config: Config) -> tuple[str, ...]:
    names = (name for name in forwarded_headers(config) if name not in HEADERS_READ)
    return (*names, *((":status",) if config.envoy.show_responses else ()))


def _exactly(names: tuple[str, ...]) -> matcher.ListStringMatcher:
    return matcher.ListStringMatcher(patterns=[matcher.StringMatcher(exact=n) for n in names])


def without_ext_proc() -> dict[str, Any]:
    """The per-route setting that keeps a route's requests from the router."""
    return {EXT_PROC: pack(ext_proc.ExtProcPerRoute(disabled=True))}
