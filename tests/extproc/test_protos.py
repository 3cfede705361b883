"""The checked-in stubs agree with our .proto, and our .proto agrees with Envoy's own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from betterproto2 import Message
from envoy_data_plane.envoy.config.core.v3 import (
    HeaderMap,
    HeaderValue,
    HeaderValueOption,
    HeaderValueOptionHeaderAppendAction,
)
from envoy_data_plane.envoy.extensions.filters.http.ext_proc.v3 import ProcessingModeBodySendMode
from envoy_data_plane.envoy.service.ext_proc import v3 as envoy
from envoy_data_plane.envoy.type.v3 import HttpStatus
from envoy_data_plane.google.protobuf import Struct, Value
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from router.extproc import ext_proc_pb2 as pb
from router.extproc import wire
from router.extproc.messages import (
    BodyMode,
    CommonResponse,
    HeaderMutation,
    RequestBodyResponse,
    StreamedBody,
)

ROOT = Path(__file__).parents[2]

OFFICIAL: dict[str, type[Message]] = {
    "ProcessingRequest": envoy.ProcessingRequest,
    "ProtocolConfiguration": envoy.ProtocolConfiguration,
    "HttpHeaders": envoy.HttpHeaders,
    "HttpBody": envoy.HttpBody,
    "HttpTrailers": envoy.HttpTrailers,
    "HeaderMap": HeaderMap,
    "HeaderValue": HeaderValue,
    "ProcessingResponse": envoy.ProcessingResponse,
    "HeadersResponse": envoy.HeadersResponse,
    "BodyResponse": envoy.BodyResponse,
    "TrailersResponse": envoy.TrailersResponse,
    "CommonResponse": envoy.CommonResponse,
    "HeaderMutation": envoy.HeaderMutation,
    "HeaderValueOption": HeaderValueOption,
    "BodyMutation": envoy.BodyMutation,
    "StreamedBodyResponse": envoy.StreamedBodyResponse,
    "ImmediateResponse": envoy.ImmediateResponse,
    "HttpStatus": HttpStatus,
}
# Wire types that are the same bytes: a string is bytes, an enum is an int32.
SAME_BYTES = {("bytes", "string"), ("int32", "enum")}
KINDS = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_MESSAGE: "message",
    FieldDescriptor.TYPE_STRING: "string",
}


def unvarying(text: str) -> str:
    """Generated code without what varies with the compiler's version."""
    varying = r"# Protobuf Python Version: .*|    \d+,|from .*|(    )+def __init__.*"
    return "\n".join(line for line in text.splitlines() if not re.fullmatch(varying, line))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("protos")
    options = ["-Irouter/extproc=protos", f"--python_out={target}", f"--pyi_out={target}"]
    command = [sys.executable, "-m", "grpc_tools.protoc", *options, "router/extproc/ext_proc.proto"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    return target


@pytest.mark.parametrize("name", ["ext_proc_pb2.py", "ext_proc_pb2.pyi"])
def test_the_checked_in_stubs_are_what_the_proto_compiles_to(compiled: Path, name: str) -> None:
    fresh = (compiled / "router/extproc" / name).read_text()
    checked_in = (ROOT / "router/extproc" / name).read_text()
    assert unvarying(checked_in) == unvarying(fresh), "run `make protos`"


def test_the_stubs_load_with_every_protobuf_runtime_from_5_29_on() -> None:
    # A runtime refuses stubs of a compiler newer than itself.
    stub = (ROOT / "router/extproc/ext_proc_pb2.py").read_text()
    assert "# Protobuf Python Version: 5.29.0\n" in stub, "run `make protos`"


@pytest.mark.parametrize(
    "descriptor",
    pb.DESCRIPTOR.message_types_by_name.values(),
    ids=lambda descriptor: descriptor.name,
)
def test_each_field_has_the_number_type_and_oneof_of_envoys(descriptor: Descriptor) -> None:
    official = OFFICIAL[descriptor.name]._betterproto.meta_by_field_name
    for field in descriptor.fields:
        theirs = official[field.name]
        assert field.number == theirs.number
        kinds = (KINDS[field.type], theirs.proto_type)
        assert kinds[0] == kinds[1] or kinds in SAME_BYTES or kinds == ("message", "map")
        assert field.is_repeated == theirs.repeated or kinds == ("message", "map")
        ours = field.containing_oneof.name if field.containing_oneof else None
        assert ours == theirs.group


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (pb.BodySendMode, ProcessingModeBodySendMode),
        (pb.CommonResponse.ResponseStatus, envoy.CommonResponseResponseStatus),
        (pb.HeaderValueOption.HeaderAppendAction, HeaderValueOptionHeaderAppendAction),
    ],
)
def test_each_enum_has_envoys_numbers(ours: Any, theirs: Any) -> None:
    assert {int(value): name for name, value in ours.items()} == {
        int(member): member.name for member in theirs
    }


def test_the_body_modes_that_the_router_speaks_of_have_envoys_numbers() -> None:
    known = {mode.name: int(mode) for mode in BodyMode if mode is not BodyMode.UNKNOWN}
    assert known == dict(pb.BodySendMode.items())


def test_what_envoy_writes_is_read_and_survives_the_way_back() -> None:
    sent = envoy.ProcessingRequest(
        request_headers=envoy.HttpHeaders(
            headers=HeaderMap(headers=[HeaderValue(key=":path", raw_value=b"/v1/\xff")]),
            end_of_stream=True,
        ),
        attributes={"envoy.filters.http.ext_proc": struct({"request.id": "7"})},
        observability_mode=True,
        protocol_config=envoy.ProtocolConfiguration(
            request_body_mode=ProcessingModeBodySendMode.FULL_DUPLEX_STREAMED
        ),
    )
    read = pb.ProcessingRequest.FromString(bytes(sent))
    assert read.request_headers.headers.headers[0].raw_value == b"/v1/\xff"
    assert read.request_headers.end_of_stream
    assert read.protocol_config.request_body_mode == pb.FULL_DUPLEX_STREAMED
    assert read.observability_mode
    assert envoy.ProcessingRequest.parse(read.SerializeToString()) == sent


def test_what_we_write_is_read_by_envoy_and_survives_the_way_back() -> None:
    response = CommonResponse(
        header_mutation=HeaderMutation((("x-selected-endpoint", b"a"),), ("x-old",)),
        body_mutation=StreamedBody(b"chunk", end_of_stream=True),
        clear_route_cache=True,
    )
    sent = wire.encode(RequestBodyResponse(response, {"category": "math"}))
    read = envoy.ProcessingResponse.parse(sent)
    assert read.request_body is not None
    common = read.request_body.response
    assert common is not None
    assert common.header_mutation is not None
    [option] = common.header_mutation.set_headers
    assert option.header == HeaderValue(key="x-selected-endpoint", raw_value=b"a")
    assert option.append_action is HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
    assert option.append is None
    assert common.header_mutation.remove_headers == ["x-old"]
    assert common.body_mutation is not None
    assert common.body_mutation.streamed_response == envoy.StreamedBodyResponse(
        body=b"chunk", end_of_stream=True
    )
    assert read.dynamic_metadata == struct({"lora-router": struct({"category": "math"})})
    assert pb.ProcessingResponse.FromString(bytes(read)) == pb.ProcessingResponse.FromString(sent)


def struct(values: Mapping[str, str | Struct]) -> Struct:
    return Struct(
        fields={
            name: Value(string_value=value) if isinstance(value, str) else Value(struct_value=value)
            for name, value in values.items()
        }
    )
