from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import ProtocolError
from router.extproc import ext_proc_pb2 as pb
from router.extproc.messages import (
    Body,
    BodyMode,
    CommonResponse,
    HeaderMutation,
    ImmediateReply,
    Incoming,
    Outgoing,
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
from router.extproc.wire import METADATA_NAMESPACE, decode, encode
from router.request import Headers


def read(message: Outgoing) -> pb.ProcessingResponse:
    return pb.ProcessingResponse.FromString(encode(message))


def headers_message(*values: bytes) -> bytes:
    message = pb.ProcessingRequest()
    for value in values:
        message.request_headers.headers.headers.add(key="x-a", raw_value=value)
    return message.SerializeToString()


# Coming in


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("request_headers", RequestHeaders(Headers())),
        ("request_body", RequestBody(b"")),
        ("request_trailers", RequestTrailers()),
        ("response_headers", ResponseHeaders(Headers())),
        ("response_body", ResponseBody(b"")),
        ("response_trailers", ResponseTrailers()),
    ],
)
def test_each_kind_of_message_is_known_by_its_oneof(kind: str, message: Incoming) -> None:
    received = pb.ProcessingRequest()
    getattr(received, kind).SetInParent()
    assert decode(received.SerializeToString()).request == message


@pytest.mark.parametrize("data", [b"", b"\xfa\x01\x02hi"])
def test_a_message_without_a_kind_or_with_one_from_the_future_is_unrecognised(data: bytes) -> None:
    assert decode(data).request == Unrecognised()


@pytest.mark.parametrize("data", [b"\xff", b"\x12\xff", b"\x12\x05ab"])
def test_bytes_that_are_no_message_are_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="no ProcessingRequest"):
        decode(data)


def test_repeated_headers_keep_their_order() -> None:
    request = decode(headers_message(b"1", b"2")).request
    assert isinstance(request, RequestHeaders)
    assert list(request.headers) == [("x-a", "1"), ("x-a", "2")]


@pytest.mark.parametrize(
    ("value", "text"), [(b"plain", "plain"), ("数学".encode(), "数学"), (b"caf\xe9 \xff", "café ÿ")]
)
def test_a_value_is_read_as_utf_8_or_else_byte_by_byte(value: bytes, text: str) -> None:
    request = decode(headers_message(value)).request
    assert isinstance(request, RequestHeaders)
    assert request.headers.get("x-a") == text


def test_a_value_of_an_older_data_plane_is_read_too() -> None:
    message = pb.ProcessingRequest()
    message.request_headers.headers.headers.add(key="x-a", value=b"old")
    request = decode(message.SerializeToString()).request
    assert isinstance(request, RequestHeaders)
    assert request.headers.get("x-a") == "old"


def test_the_body_modes_come_with_the_first_message_even_if_they_are_none() -> None:
    message = pb.ProcessingRequest()
    assert decode(message.SerializeToString()).protocol_config is None
    message.protocol_config.SetInParent()
    assert decode(message.SerializeToString()).protocol_config == ProtocolConfig()
    message.protocol_config.request_body_mode = pb.FULL_DUPLEX_STREAMED
    message.protocol_config.response_body_mode = pb.BUFFERED
    assert decode(message.SerializeToString()).protocol_config == ProtocolConfig(
        BodyMode.FULL_DUPLEX_STREAMED, BodyMode.BUFFERED
    )


def test_observability_mode_is_told() -> None:
    assert decode(
        pb.ProcessingRequest(observability_mode=True).SerializeToString()
    ).observability_mode


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=64))
def test_any_header_value_can_be_read_and_written_to_a_log(value: bytes) -> None:
    request = decode(headers_message(value)).request
    assert isinstance(request, RequestHeaders)
    text = request.headers.get("x-a")
    assert text.encode() == value or text.encode("latin-1") == value


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=64))
def test_no_bytes_do_worse_than_a_protocol_error(data: bytes) -> None:
    with suppress(ProtocolError):
        decode(data)


# Going out


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (RequestHeadersResponse(), "request_headers"),
        (RequestBodyResponse(), "request_body"),
        (RequestTrailersResponse(), "request_trailers"),
        (ResponseHeadersResponse(), "response_headers"),
        (ResponseBodyResponse(), "response_body"),
        (ResponseTrailersResponse(), "response_trailers"),
        (ImmediateReply(404), "immediate_response"),
    ],
)
def test_each_answer_says_its_kind_and_an_empty_one_nothing_else(
    message: Outgoing, kind: str
) -> None:
    response = read(message)
    assert response.WhichOneof("response") == kind
    assert not response.HasField("dynamic_metadata")
    assert not response.request_headers.response.HasField("header_mutation")


def test_a_header_is_overwritten_and_travels_as_raw_value_alone() -> None:
    mutation = HeaderMutation((("x-selected-model", "数".encode()),), ("x-old",))
    common = read(RequestHeadersResponse(CommonResponse(header_mutation=mutation)))
    written = common.request_headers.response.header_mutation
    [option] = written.set_headers
    assert option.append_action == pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    assert option.header.raw_value == "数".encode()
    assert option.header.value == b""
    assert written.remove_headers == ["x-old"]


def test_a_replaced_body_and_a_cleared_route_cache_are_written() -> None:
    common = CommonResponse(replace=True, body_mutation=Body(b"new"), clear_route_cache=True)
    written = read(RequestBodyResponse(common)).request_body.response
    assert written.status == pb.CommonResponse.CONTINUE_AND_REPLACE
    assert written.body_mutation.body == b"new"
    assert written.clear_route_cache


def test_an_empty_body_is_still_a_body_mutation() -> None:
    written = read(RequestBodyResponse(CommonResponse(body_mutation=Body(b"")))).request_body
    assert written.response.body_mutation.WhichOneof("mutation") == "body"


def test_an_immediate_response_is_written_whole() -> None:
    reply = ImmediateReply(
        429, HeaderMutation((("retry-after", b"1"),)), b"{}", "overloaded\ud800", {"reason": "full"}
    )
    response = read(reply)
    written = response.immediate_response
    assert (written.status.code, written.body, written.details) == (429, b"{}", "overloaded?")
    assert written.headers.set_headers[0].header.raw_value == b"1"
    assert response.dynamic_metadata[METADATA_NAMESPACE]["reason"] == "full"


def test_metadata_lies_under_its_namespace_with_its_types() -> None:
    metadata = {"category": "数学", "confidence": 0.5, "reasoning": True, "bad": "\ud800"}
    response = read(RequestHeadersResponse(dynamic_metadata=metadata))
    assert dict(response.dynamic_metadata["lora-router"]) == {**metadata, "bad": "?"}
    values = response.dynamic_metadata.fields["lora-router"].struct_value.fields
    assert values["reasoning"].WhichOneof("kind") == "bool_value"
