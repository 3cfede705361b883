"""What clients read when Envoy itself answers: the error JSON of the API that they speak.

Envoy counts the router's own responses among its local replies; those carry routing metadata that
names no endpoint, and pass as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Struct

from router.extproc.wire import METADATA_NAMESPACE

_ANTHROPIC_PREFIX = "/v1/messages"


@dataclass(frozen=True)
class _Reply:
    """The words for one status; `least` means that status and all above it."""

    status: int
    message: str
    code: str
    openai_type: str
    anthropic_type: str
    least: bool = False


# The first that fits is used.
_REPLIES = (
    _Reply(
        413,
        "the request body is larger than this server accepts",
        "request_too_large",
        "invalid_request_error",
        "request_too_large",
    ),
    _Reply(
        503,
        "no backend or no router is available for this request; try again later",
        "service_unavailable",
        "server_error",
        "overloaded_error",
    ),
    _Reply(
        504,
        "no answer came in time",
        "timeout",
        "server_error",
        "timeout_error",
    ),
    _Reply(
        501,
        "this transfer encoding is not supported",
        "unsupported_transfer_encoding",
        "invalid_request_error",
        "invalid_request_error",
    ),
    _Reply(
        500, "the request could not be served", "internal_error", "server_error", "api_error", True
    ),
    _Reply(
        400,
        "the request is not acceptable HTTP",
        "invalid_request",
        "invalid_request_error",
        "invalid_request_error",
        True,
    ),
)


def local_reply_config() -> hcm.LocalReplyConfig:
    """One mapper that leaves the router's responses alone, then one for each status and API."""
    mappers = [mapper for reply in _REPLIES for mapper in (_anthropic(reply), _openai(reply))]
    return hcm.LocalReplyConfig(mappers=[_of_router(), *mappers])


def _of_router() -> hcm.ResponseMapper:
    # Where there is an endpoint, the request went on and it is Envoy that failed to deliver it.
    return hcm.ResponseMapper(
        filter=_all([_metadata("reason", present=True), _metadata("endpoint", present=False)])
    )


def _metadata(key: str, *, present: bool) -> accesslog.AccessLogFilter:
    return accesslog.AccessLogFilter(
        metadata_filter=accesslog.MetadataFilter(
            matcher=matcher.MetadataMatcher(
                filter=METADATA_NAMESPACE,
                path=[matcher.MetadataMatcherPathSegment(key=key)],
                # Not `invert`: this filter does not look at it.
                value=matcher.ValueMatcher(present_match=present),
            ),
            match_if_key_not_found=not present,
        )
    )


def _openai(reply: _Reply) -> hcm.ResponseMapper:
    body = {"message": reply.message, "type": reply.openai_type, "param": None, "code": reply.code}
    return _mapper([_status(reply)], {"error": body})


def _anthropic(reply: _Reply) -> hcm.ResponseMapper:
    body = {"type": reply.anthropic_type, "message": reply.message}
    path = route.HeaderMatcher(
        name=":path", string_match=matcher.StringMatcher(prefix=_ANTHROPIC_PREFIX)
    )
    speaks = accesslog.AccessLogFilter(header_filter=accesslog.HeaderFilter(header=path))
    return _mapper([_status(reply), speaks], {"type": "error", "error": body})


def _mapper(
    conditions: list[accesslog.AccessLogFilter], body: dict[str, Any]
) -> hcm.ResponseMapper:
    return hcm.ResponseMapper(
        filter=_all(conditions),
        body_format_override=core.SubstitutionFormatString(
            json_format=Struct.from_dict(body), content_type="application/json"
        ),
    )


def _all(conditions: list[accesslog.AccessLogFilter]) -> accesslog.AccessLogFilter:
    if len(conditions) == 1:
        return conditions[0]
    return accesslog.AccessLogFilter(and_filter=accesslog.AndFilter(filters=conditions))


def _status(reply: _Reply) -> accesslog.AccessLogFilter:
    operators = accesslog.ComparisonFilterOp
    comparison = accesslog.ComparisonFilter(
        op=operators.GE if reply.least else operators.EQ,
        value=core.RuntimeUInt32(
            default_value=reply.status, runtime_key=f"lora_router.local_reply.{reply.status}"
        ),
    )
    return accesslog.AccessLogFilter(
        status_code_filter=accesslog.StatusCodeFilter(comparison=comparison)
    )
