"""An ext_proc client that treats the router as Envoy does, without Envoy.

It sends one request's messages, applies the mutations that come back, and refuses what Envoy would
refuse: answers of the wrong kind or order, and a replaced body whose length nobody corrected.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict

from router.extproc import ext_proc_pb2 as pb
from router.extproc.server import SERVICE
from router.extproc.wire import METADATA_NAMESPACE

_NOTHING: Mapping[str, str] = MappingProxyType({})
_CHUNK_BYTES = 64 * 1024

Call = Any  # a grpc.aio.StreamStreamCall; grpc publishes no types


class EnvoyRefuses(Exception):
    """The router's answer would have become a 500."""


@dataclass
class Outcome:
    """What became of a request: it goes on, changed, or is answered in the backend's stead.

    `status` is None for a request that goes on with `headers` and `body`; otherwise these three are
    the response's.
    """

    headers: dict[str, str]
    body: bytes = field(repr=False)
    status: int | None = None
    details: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    route_cleared: bool = False


class FakeEnvoy:
    """One connection to an ext_proc service at `target` (gRPC's syntax), an async context manager.

    `body_mode` is BUFFERED or FULL_DUPLEX_STREAMED.
    """

    def __init__(self, target: str, *, body_mode: str = "BUFFERED") -> None:
        self._target = target
        self._mode = body_mode

    async def __aenter__(self) -> FakeEnvoy:
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self._channel = grpc.aio.insecure_channel(self._target, options=options)
        self._process = self._channel.stream_stream(
            f"/{SERVICE}/Process",
            request_serializer=pb.ProcessingRequest.SerializeToString,
            response_deserializer=pb.ProcessingResponse.FromString,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._channel.close()

    async def request(
        self,
        path: str,
        body: bytes | None = None,
        *,
        method: str = "POST",
        headers: Mapping[str, str] = _NOTHING,
        trailers: bool = False,
    ) -> Outcome:
        """Show the router one request. Raises EnvoyRefuses where Envoy would answer 500."""
        call = self._process()
        head = {":method": method, ":path": path, ":authority": "test", ":scheme": "http"}
        if body is not None:
            head |= {"content-type": "application/json", "content-length": str(len(body))}
        outcome = Outcome({**head, **headers}, body or b"")
        speak = self._full_duplex if self._mode == "FULL_DUPLEX_STREAMED" else self._buffered
        try:
            await speak(call, outcome, body, trailers)
            await call.done_writing()
        finally:
            call.cancel()
        if outcome.status is None:
            _check_length(outcome)
        return outcome

    async def _buffered(
        self, call: Call, outcome: Outcome, body: bytes | None, trailers: bool
    ) -> None:
        await call.write(self._head_message(outcome, body))
        answer = await _read(call, "request_headers")
        replaced = _apply(outcome, answer)
        if body is None or replaced or outcome.status is not None:
            return
        # With trailers the body is whole and yet not the end.
        part = pb.HttpBody(body=body, end_of_stream=not trailers)
        await call.write(pb.ProcessingRequest(request_body=part))
        _apply(outcome, await _read(call, "request_body"))

    async def _full_duplex(
        self, call: Call, outcome: Outcome, body: bytes | None, trailers: bool
    ) -> None:
        await call.write(self._head_message(outcome, body))
        for message in _duplex_messages(body, trailers):
            await call.write(message)
        _apply(outcome, await _read(call, "request_headers"))
        if body is None or outcome.status is not None:
            return
        outcome.body = b""
        async for answer in _until_end(call, trailers=trailers):
            _apply(outcome, answer)
        # Envoy cannot know the length of what arrives in pieces.
        outcome.headers.pop("content-length", None)

    def _head_message(self, outcome: Outcome, body: bytes | None) -> pb.ProcessingRequest:
        pairs = [pb.HeaderValue(key=k, raw_value=v.encode()) for k, v in outcome.headers.items()]
        return pb.ProcessingRequest(
            request_headers=pb.HttpHeaders(
                headers=pb.HeaderMap(headers=pairs), end_of_stream=body is None
            ),
            protocol_config=pb.ProtocolConfiguration(request_body_mode=self._mode),
        )


def _duplex_messages(body: bytes | None, trailers: bool) -> Sequence[pb.ProcessingRequest]:
    if body is None:
        return []
    starts = range(0, len(body), _CHUNK_BYTES)
    parts = [pb.HttpBody(body=body[start : start + _CHUNK_BYTES]) for start in starts]
    if not trailers:
        # As Envoy does for HTTP/1: the end is a message of its own.
        parts.append(pb.HttpBody(end_of_stream=True))
    messages = [pb.ProcessingRequest(request_body=part) for part in parts]
    if trailers:
        messages.append(pb.ProcessingRequest(request_trailers=pb.HttpTrailers()))
    return messages


async def _until_end(call: Call, *, trailers: bool) -> AsyncIterator[pb.ProcessingResponse]:
    while True:
        answer = await _read(call, "request_body", "request_trailers")
        yield answer
        streamed = answer.request_body.response.body_mutation.streamed_response
        ended = answer.HasField("request_trailers") if trailers else streamed.end_of_stream
        if ended or answer.HasField("immediate_response"):
            return


async def _read(call: Call, *expected: str) -> pb.ProcessingResponse:
    answer = await call.read()
    if not isinstance(answer, pb.ProcessingResponse):
        raise EnvoyRefuses(f"the stream ended where {' or '.join(expected)} was expected")
    kind = answer.WhichOneof("response")
    if kind not in (*expected, "immediate_response"):
        raise EnvoyRefuses(f"found {kind}, expected {' or '.join(expected)}")
    return answer


def _apply(outcome: Outcome, answer: pb.ProcessingResponse) -> bool:
    """Apply one answer; whether it ends the exchange by replacing the request."""
    if answer.HasField("dynamic_metadata"):
        known = MessageToDict(answer.dynamic_metadata)
        outcome.metadata |= known.get(METADATA_NAMESPACE, {})
    if answer.HasField("immediate_response"):
        _respond(outcome, answer.immediate_response)
        return True
    if answer.HasField("request_trailers"):
        return False
    in_head = answer.HasField("request_headers")
    part = answer.request_headers.response if in_head else answer.request_body.response
    _mutate(outcome, part)
    return part.status == pb.CommonResponse.CONTINUE_AND_REPLACE


def _respond(outcome: Outcome, response: pb.ImmediateResponse) -> None:
    pairs = response.headers.set_headers
    outcome.headers = {p.header.key: p.header.raw_value.decode() for p in pairs}
    outcome.status = response.status.code or 200
    outcome.body = response.body
    outcome.details = response.details


def _mutate(outcome: Outcome, part: pb.CommonResponse) -> None:
    for name in part.header_mutation.remove_headers:
        outcome.headers.pop(name, None)
    for pair in part.header_mutation.set_headers:
        outcome.headers[pair.header.key] = pair.header.raw_value.decode()
    # Envoy ignores the wish unless headers change with it.
    if part.clear_route_cache and part.HasField("header_mutation"):
        outcome.route_cleared = True
    kind = part.body_mutation.WhichOneof("mutation")
    if kind == "body":
        outcome.body = part.body_mutation.body
    elif kind == "clear_body":
        outcome.body = b""
    elif kind == "streamed_response":
        outcome.body += part.body_mutation.streamed_response.body


def _check_length(outcome: Outcome) -> None:
    length = outcome.headers.get("content-length")
    if length is not None and int(length) != len(outcome.body):
        found = f"content-length {length} with a body of {len(outcome.body)} bytes"
        raise EnvoyRefuses(f"{found}; Envoy answers 500")
