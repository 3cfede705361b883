"""What Envoy sends over ext_proc and what we send back, as plain values under Envoy's own names.

Leaves their order to the exchange and their bytes to the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import msgspec

from router.mutation import MetadataValue
from router.request import Headers


class BodyMode(IntEnum):
    """How Envoy hands over a body; the numbers are Envoy's."""

    NONE = 0
    STREAMED = 1
    BUFFERED = 2
    BUFFERED_PARTIAL = 3
    FULL_DUPLEX_STREAMED = 4
    GRPC = 5
    UNKNOWN = -1  # one that Envoy learned after this was written

    @classmethod
    def _missing_(cls, value: object) -> BodyMode:
        return cls.UNKNOWN


# What comes in


class RequestHeaders(msgspec.Struct, frozen=True):
    """The request's headers, pseudo-headers included; `end_of_stream`: no body follows."""

    headers: Headers
    end_of_stream: bool = False


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The body (BUFFERED) or a chunk; `end_of_stream` is false at the end if trailers follow."""

    body: bytes = field(repr=False)
    end_of_stream: bool = False


class RequestTrailers(msgspec.Struct, frozen=True):
    """The request's trailers, and with them its end."""


class ResponseHeaders(msgspec.Struct, frozen=True):
    """The response's headers; may be the first message, where an earlier filter replied."""

    headers: Headers
    end_of_stream: bool = False


@dataclass(frozen=True, slots=True)
class ResponseBody:
    """The response's body or a chunk of it."""

    body: bytes = field(repr=False)
    end_of_stream: bool = False


class ResponseTrailers(msgspec.Struct, frozen=True):
    """The response's trailers, and with them its end."""


class Unrecognised(msgspec.Struct, frozen=True):
    """Something that this version does not know; never answered."""


Incoming = (
    RequestHeaders
    | RequestBody
    | RequestTrailers
    | ResponseHeaders
    | ResponseBody
    | ResponseTrailers
    | Unrecognised
)


class ProtocolConfig(msgspec.Struct, frozen=True):
    """The body modes in force on this route; in the first message only, absent from old Envoys."""

    request_body_mode: BodyMode = BodyMode.NONE
    response_body_mode: BodyMode = BodyMode.NONE


class ProcessingRequest(msgspec.Struct, frozen=True):
    """One message from Envoy."""

    request: Incoming
    protocol_config: ProtocolConfig | None = None
    observability_mode: bool = False


# What goes out


class HeaderMutation(msgspec.Struct, frozen=True):
    """Headers to set (overwriting) and to remove. `router.extproc.headers` makes safe ones."""

    set_headers: tuple[tuple[str, bytes], ...] = ()
    remove_headers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.set_headers or self.remove_headers)


@dataclass(frozen=True, slots=True)
class Body:
    """A whole body in place of the buffered one."""

    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StreamedBody:
    """One chunk of the body that goes on in FULL_DUPLEX_STREAMED."""

    body: bytes = field(repr=False)
    end_of_stream: bool = False


class CommonResponse(msgspec.Struct, frozen=True):
    """What headers and body responses share; `replace` stands for CONTINUE_AND_REPLACE."""

    replace: bool = False
    header_mutation: HeaderMutation = HeaderMutation()
    body_mutation: Body | StreamedBody | None = None
    clear_route_cache: bool = False


CONTINUE = CommonResponse()


class RequestHeadersResponse(msgspec.Struct, frozen=True):
    response: CommonResponse = CONTINUE
    dynamic_metadata: Mapping[str, MetadataValue] = msgspec.field(default_factory=dict)


class RequestBodyResponse(msgspec.Struct, frozen=True):
    response: CommonResponse = CONTINUE
    dynamic_metadata: Mapping[str, MetadataValue] = msgspec.field(default_factory=dict)


class RequestTrailersResponse(msgspec.Struct, frozen=True):
    """Trailers go on as they are."""


class ResponseHeadersResponse(msgspec.Struct, frozen=True):
    response: CommonResponse = CONTINUE


class ResponseBodyResponse(msgspec.Struct, frozen=True):
    response: CommonResponse = CONTINUE


class ResponseTrailersResponse(msgspec.Struct, frozen=True):
    """Trailers go on as they are."""


@dataclass(frozen=True, slots=True)
class ImmediateReply:
    """A `mutation.ImmediateResponse` made safe to send; final."""

    status: int
    headers: HeaderMutation = field(default_factory=HeaderMutation)
    body: bytes = field(default=b"", repr=False)
    details: str = ""
    dynamic_metadata: Mapping[str, MetadataValue] = field(default_factory=dict)


Outgoing = (
    RequestHeadersResponse
    | RequestBodyResponse
    | RequestTrailersResponse
    | ResponseHeadersResponse
    | ResponseBodyResponse
    | ResponseTrailersResponse
    | ImmediateReply
)
