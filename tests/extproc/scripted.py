"""A flow that does as it is told, and Envoy's side of a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from router.errors import RouterError
from router.extproc import ext_proc_pb2 as pb
from router.extproc.server import SERVICE, ExtProcServer
from router.mutation import Answer, ImmediateResponse, Mutation
from router.request import HttpMessage

ROUTED = Mutation((("x-selected-endpoint", "a"),), body=b"new", clear_route_cache=True)


async def route(request: HttpMessage) -> Answer:
    return ROUTED


@dataclass
class ScriptedFlow:
    """Answers what it was given, and counts how often it was closed."""

    head: Callable[[HttpMessage], Answer | None] = lambda head: None
    body: Callable[[HttpMessage], Awaitable[Answer]] = route
    closings: int = 0
    refused: list[RouterError] = field(default_factory=list)
    path: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def on_request_headers(self, head: HttpMessage, *, end_of_stream: bool) -> Answer | None:
        self.path = head.path
        return self.head(head)

    async def on_request(self, request: HttpMessage) -> Answer:
        return await self.body(request)

    def refuse(self, error: RouterError) -> ImmediateResponse:
        self.refused.append(error)
        return render_error(self.path, error)

    def closed(self, response_status: int | None = None) -> None:
        self.closings += 1
        self.ended.set()


def render_error(path: str, error: RouterError) -> ImmediateResponse:
    return ImmediateResponse(error.status, f"{path} {error.code}".encode(), details=error.code)


class Stream:
    """Envoy's side of one ext_proc stream."""

    def __init__(self, call: Any) -> None:
        self.call = call

    async def send(self, **message: Any) -> None:
        await self.call.write(pb.ProcessingRequest(**message))

    async def headers(
        self, *, mode: pb.BodySendMode = pb.BUFFERED, end_of_stream: bool = False
    ) -> None:
        path = pb.HeaderValue(key=":path", raw_value=b"/v1/chat/completions")
        headers = pb.HttpHeaders(headers=pb.HeaderMap(headers=[path]), end_of_stream=end_of_stream)
        config = pb.ProtocolConfiguration(request_body_mode=mode)
        await self.send(request_headers=headers, protocol_config=config)

    async def body(self, body: bytes, *, end_of_stream: bool = True) -> None:
        await self.send(request_body=pb.HttpBody(body=body, end_of_stream=end_of_stream))

    async def response(self) -> pb.ProcessingResponse:
        message = await self.call.read()
        assert message is not grpc.aio.EOF, "the stream ended"
        assert isinstance(message, pb.ProcessingResponse)
        return message

    async def ended(self) -> grpc.StatusCode:
        """The stream's status, once it is over; no message may come before."""
        try:
            assert await self.call.read() is grpc.aio.EOF
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode((await self.call.code()).value)


@asynccontextmanager
async def connection(address: str) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        yield channel


def open_stream(channel: grpc.aio.Channel) -> Stream:
    method = channel.stream_stream(
        f"/{SERVICE}/Process",
        request_serializer=pb.ProcessingRequest.SerializeToString,
        response_deserializer=pb.ProcessingResponse.FromString,
    )
    return Stream(method())


@dataclass
class Running:
    """A server under test and a channel to it."""

    server: ExtProcServer
    channel: grpc.aio.Channel

    def stream(self) -> Stream:
        return open_stream(self.channel)


@asynccontextmanager
async def serving(
    new_flow: Callable[[], Any], address: str = "127.0.0.1:0", **settings: Any
) -> AsyncIterator[Running]:
    """A server for a block, and a channel to it."""
    settings = {"max_body_bytes": 1_000_000, "render_error": render_error, **settings}
    server = ExtProcServer(new_flow, address=address, **settings)
    await server.start()
    try:
        async with connection(f"127.0.0.1:{server.port}" if server.port else address) as channel:
            yield Running(server, channel)
    finally:
        await server.stop(0)
