"""The bytes of ext_proc: protobuf in, messages out, and back. The only place that knows protobuf.

Header values come as bytes. One that is UTF-8 is read as such, any other as Latin-1, so that every
byte has a character and no lone surrogate reaches a log line or a JSON writer. They leave as UTF-8,
in `raw_value` (Envoy ignores `value`), and always overwrite: whatever the client sent under a
name that we set is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from google.protobuf.message import DecodeError

from router.errors import ProtocolError
from router.extproc import ext_proc_pb2 as pb
from router.extproc.messages import (
    CONTINUE,
    Body,
    BodyMode,
    CommonResponse,
    HeaderMutation,
    ImmediateReply,
    Incoming,
    Outgoing,
    ProcessingRequest,
    ProtocolConfig,
    RequestBody,
    RequestBodyResponse,
    RequestHeaders,
    RequestHeadersResponse,
    RequestTrailers,
    RequestTrailersResponse,
    ResponseBody,
    ResponseBodyResponse,
    ResponseHeaders,
    ResponseHeadersResponse,
    ResponseTrailers,
    ResponseTrailersResponse,
    Unrecognised,
)
from router.mutation import MetadataValue
from router.request import Headers

METADATA_NAMESPACE = "lora-router"

_OVERWRITE = pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
_REPLACE = pb.CommonResponse.CONTINUE_AND_REPLACE


def decode(data: bytes) -> ProcessingRequest:
    """One message from Envoy. Raises ProtocolError for bytes that are no ProcessingRequest."""
    try:
        message = pb.ProcessingRequest.FromString(data)
    except DecodeError:
        raise ProtocolError("a message that is no ProcessingRequest") from None
    kind = message.WhichOneof("request")
    return ProcessingRequest(
        request=INCOMING[kind](getattr(message, kind)) if kind in INCOMING else Unrecognised(),
        protocol_config=_protocol_config(message),
        observability_mode=message.observability_mode,
    )


def encode(message: Outgoing) -> bytes:
    """One message for Envoy."""
    if message == _GO_ON:  # the answer to the headers of every request with a body
        return _GO_ON_BYTES
    return _encode(message)


def _encode(message: Outgoing) -> bytes:
    response = pb.ProcessingResponse()
    part = getattr(response, OUTGOING[type(message)])
    part.SetInParent()
    match message:
        case RequestHeadersResponse() | RequestBodyResponse():
            _fill_common(part.response, message.response)
            _fill_metadata(response, message.dynamic_metadata)
        case ResponseHeadersResponse() | ResponseBodyResponse():
            _fill_common(part.response, message.response)
        case ImmediateReply():
            _fill_immediate(part, message)
            _fill_metadata(response, message.dynamic_metadata)
    return response.SerializeToString()


# Coming in


def _headers(headers: pb.HeaderMap) -> Headers:
    pairs = headers.headers
    try:
        return Headers([(pair.key, (pair.raw_value or pair.value).decode()) for pair in pairs])
    except UnicodeDecodeError:
        return Headers([(pair.key, _text(pair.raw_value or pair.value)) for pair in pairs])


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _protocol_config(message: pb.ProcessingRequest) -> ProtocolConfig | None:
    if not message.HasField("protocol_config"):
        return None
    config = message.protocol_config
    return _modes(config.request_body_mode, config.response_body_mode)


@cache
def _modes(request: int, response: int) -> ProtocolConfig:
    return ProtocolConfig(BodyMode(request), BodyMode(response))


INCOMING: Mapping[str | None, Callable[[Any], Incoming]] = {
    "request_headers": lambda part: RequestHeaders(_headers(part.headers), part.end_of_stream),
    "request_body": lambda part: RequestBody(part.body, part.end_of_stream),
    "request_trailers": lambda part: RequestTrailers(),
    "response_headers": lambda part: ResponseHeaders(_headers(part.headers), part.end_of_stream),
    "response_body": lambda part: ResponseBody(part.body, part.end_of_stream),
    "response_trailers": lambda part: ResponseTrailers(),
}


# Going out

OUTGOING: Mapping[type[Outgoing], str] = {
    RequestHeadersResponse: "request_headers",
    RequestBodyResponse: "request_body",
    RequestTrailersResponse: "request_trailers",
    ResponseHeadersResponse: "response_headers",
    ResponseBodyResponse: "response_body",
    ResponseTrailersResponse: "response_trailers",
    ImmediateReply: "immediate_response",
}


def _fill_common(part: pb.CommonResponse, common: CommonResponse) -> None:
    if common is CONTINUE:
        return
    if common.replace:
        part.status = _REPLACE
    # Touching a field is enough to set it, and an empty header mutation is one to Envoy.
    if common.header_mutation:
        _fill_headers(part.header_mutation, common.header_mutation)
    if common.clear_route_cache:
        part.clear_route_cache = True
    body = common.body_mutation
    if isinstance(body, Body):
        part.body_mutation.body = body.body
    elif body is not None:
        streamed = part.body_mutation.streamed_response
        streamed.SetInParent()
        streamed.body = body.body
        streamed.end_of_stream = body.end_of_stream


def _fill_headers(part: pb.HeaderMutation, mutation: HeaderMutation) -> None:
    for name, value in mutation.set_headers:
        option = part.set_headers.add(append_action=_OVERWRITE)
        option.header.key = name
        option.header.raw_value = value
    part.remove_headers.extend(mutation.remove_headers)


def _fill_immediate(part: pb.ImmediateResponse, reply: ImmediateReply) -> None:
    part.status.code = reply.status
    if reply.headers:
        _fill_headers(part.headers, reply.headers)
    part.body = reply.body
    part.details = _clean(reply.details)


def _fill_metadata(response: pb.ProcessingResponse, metadata: Mapping[str, MetadataValue]) -> None:
    if not metadata:
        return
    fields = response.dynamic_metadata.fields[METADATA_NAMESPACE].struct_value.fields
    for name, value in metadata.items():
        if isinstance(value, str):
            fields[_clean(name)].string_value = _clean(value)
        elif isinstance(value, bool):
            fields[_clean(name)].bool_value = value
        else:
            fields[_clean(name)].number_value = value


def _clean(text: str) -> str:
    """Protobuf strings are UTF-8: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode(errors="replace").decode()


_GO_ON = RequestHeadersResponse()
_GO_ON_BYTES = _encode(_GO_ON)
