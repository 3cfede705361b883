from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from structlog.testing import capture_logs

from router.errors import RouterError, TooManyBodies
from router.extproc import ext_proc_pb2 as pb
from router.extproc.collected import Allowance
from router.extproc.exchange import Exchange
from router.extproc.responses import CHUNK_BYTES
from router.extproc.service import ExternalProcessor
from router.mutation import Answer, ImmediateResponse, Mutation
from router.request import HttpMessage
from tests.extproc.scripted import ScriptedFlow, Stream, render_error, serving

OK = grpc.StatusCode.OK
PATH = "/v1/chat/completions"


async def waiting(_request: HttpMessage) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError("never set")


async def failing(_request: HttpMessage) -> Answer:
    raise ValueError("a secret prompt")


async def nothing(_request: HttpMessage) -> Answer:
    return None  # type: ignore[return-value]


async def unsendable(_request: HttpMessage) -> Answer:
    return Mutation(body="a text")  # type: ignore[arg-type]


async def immediate(stream: Stream) -> tuple[int, bytes]:
    reply = (await stream.response()).immediate_response
    assert await stream.ended() is OK
    return reply.status.code, reply.body


async def test_a_request_is_routed_by_its_body_and_its_stream_ends_at_once() -> None:
    flow = ScriptedFlow()
    async with serving(lambda: flow) as running:
        stream = running.stream()
        await stream.headers()
        assert (await stream.response()).WhichOneof("response") == "request_headers"
        await stream.body(b"old")
        assert (await stream.response()).request_body.response.body_mutation.body == b"new"
        assert await stream.ended() is OK
    assert flow.closings == 1


async def test_a_full_duplex_body_goes_on_after_its_headers() -> None:
    big = b"x" * (2 * CHUNK_BYTES)

    async def keep(_request: HttpMessage) -> Answer:
        return Mutation()

    async with serving(lambda: ScriptedFlow(body=keep)) as running:
        stream = running.stream()
        await stream.headers(mode=pb.FULL_DUPLEX_STREAMED)
        await stream.body(big)
        assert (await stream.response()).WhichOneof("response") == "request_headers"
        sent = [(await stream.response()).request_body for _ in range(2)]
        chunks = [body.response.body_mutation.streamed_response for body in sent]
        assert b"".join(chunk.body for chunk in chunks) == big
        assert [chunk.end_of_stream for chunk in chunks] == [False, True]
        assert await stream.ended() is OK


async def test_a_flow_answers_with_an_immediate_response() -> None:
    flow = ScriptedFlow(head=lambda head: ImmediateResponse(404, head.path.encode()))
    async with serving(lambda: flow) as running:
        stream = running.stream()
        await stream.headers()
        assert await immediate(stream) == (404, PATH.encode())


@pytest.mark.parametrize("body", [failing, nothing])
async def test_a_flow_that_fails_on_the_body_is_answered_with_500_and_no_text_of_its_error(
    body,
) -> None:
    flow = ScriptedFlow(body=body)
    with capture_logs() as logs:
        async with serving(lambda: flow) as running:
            stream = running.stream()
            await stream.headers()
            await stream.response()
            await stream.body(b"x")
            assert await immediate(stream) == (500, f"{PATH} internal_error".encode())
    assert flow.closings == 1
    assert [log["event"] for log in logs] == ["ext_proc failure"]
    assert "secret" not in str(logs)


async def test_a_flow_that_fails_on_the_headers_is_answered_with_500() -> None:
    def fail(_head: HttpMessage) -> Answer:
        raise KeyError("x")

    async with serving(lambda: ScriptedFlow(head=fail)) as running:
        stream = running.stream()
        await stream.headers()
        assert await immediate(stream) == (500, f"{PATH} internal_error".encode())


class Mute(ScriptedFlow):
    """A flow that cannot even refuse."""

    def refuse(self, error: RouterError) -> ImmediateResponse:
        raise RuntimeError("speechless")


async def test_an_error_that_cannot_be_rendered_is_answered_with_a_fixed_500() -> None:
    def broken(path: str, error: RouterError) -> ImmediateResponse:
        raise ValueError("x")

    async with serving(lambda: Mute(body=failing), render_error=broken) as running:
        stream = running.stream()
        await stream.headers()
        await stream.response()
        await stream.body(b"x")
        status, body = await immediate(stream)
        assert status == 500
        assert b"the router failed on this request" in body


async def test_an_answer_that_cannot_be_sent_ends_the_stream_with_a_fixed_error() -> None:
    flow = ScriptedFlow(body=unsendable)
    async with serving(lambda: flow) as running:
        stream = running.stream()
        await stream.headers()
        await stream.response()
        await stream.body(b"x")
        assert await stream.ended() is grpc.StatusCode.INTERNAL
        assert await stream.call.details() == "the router failed on this request"
    assert flow.closings == 1


async def test_a_flow_that_cannot_be_made_ends_the_stream_with_a_fixed_error() -> None:
    def broken() -> ScriptedFlow:
        raise ValueError("a secret")

    async with serving(broken) as running:
        stream = running.stream()
        assert await stream.ended() is grpc.StatusCode.INTERNAL
        assert await stream.call.details() == "the router failed on this request"


async def test_a_flow_that_fails_to_close_harms_no_answer() -> None:
    class Clinging(ScriptedFlow):
        def closed(self, response_status: int | None = None) -> None:
            raise ValueError("x")

    async with serving(Clinging) as running:
        stream = running.stream()
        await stream.headers(end_of_stream=True)
        assert (await stream.response()).WhichOneof("response") == "request_headers"
        assert await stream.ended() is OK


async def test_bytes_that_are_no_message_end_the_stream_with_a_fixed_error() -> None:
    flow = ScriptedFlow()
    async with serving(lambda: flow) as running:
        method = running.channel.stream_stream(
            "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
        )
        stream = Stream(method())
        await stream.call.write(b"\xff")
        assert await stream.ended() is grpc.StatusCode.INTERNAL
    assert flow.closings == 1


async def test_a_mode_that_cannot_route_is_answered_and_logged() -> None:
    with capture_logs() as logs:
        async with serving(ScriptedFlow) as running:
            stream = running.stream()
            await stream.headers(mode=pb.STREAMED)
            assert await immediate(stream) == (500, f"{PATH} ext_proc_protocol".encode())
    assert logs[0]["problem"].startswith("request_body_mode STREAMED cannot route by content")


async def test_a_body_over_the_limit_is_answered_with_413() -> None:
    async with serving(ScriptedFlow, max_body_bytes=10) as running:
        stream = running.stream()
        await stream.headers()
        await stream.response()
        await stream.body(b"x" * 11)
        assert await immediate(stream) == (413, f"{PATH} request_too_large".encode())


async def test_a_full_duplex_body_that_stops_arriving_is_answered_with_408() -> None:
    async with serving(ScriptedFlow, chunk_timeout=0.01) as running:
        stream = running.stream()
        await stream.headers(mode=pb.FULL_DUPLEX_STREAMED)
        await stream.body(b"x", end_of_stream=False)
        assert await immediate(stream) == (408, f"{PATH} request_timeout".encode())


async def test_a_client_that_leaves_while_the_flow_decides_closes_it_once() -> None:
    started = asyncio.Event()

    async def decide(request: HttpMessage) -> Answer:
        started.set()
        return await waiting(request)

    flow = ScriptedFlow(body=decide)
    async with serving(lambda: flow) as running:
        stream = running.stream()
        await stream.headers()
        await stream.response()
        await stream.body(b"x")
        await started.wait()
        stream.call.cancel()
        await asyncio.wait_for(flow.ended.wait(), 5)
    assert flow.closings == 1


async def test_a_client_that_leaves_before_its_body_closes_the_flow_once() -> None:
    flow = ScriptedFlow()
    async with serving(lambda: flow) as running:
        stream = running.stream()
        await stream.headers()
        await stream.response()
        stream.call.cancel()
        await asyncio.wait_for(flow.ended.wait(), 5)
    assert flow.closings == 1


class Script:
    """gRPC's side of a stream: gives these messages, and then none; `drained` says so."""

    def __init__(self, *messages: pb.ProcessingRequest) -> None:
        self._messages = [message.SerializeToString() for message in reversed(messages)]
        self.drained = asyncio.Event()

    async def read(self) -> bytes:
        if self._messages:
            return self._messages.pop()
        self.drained.set()
        await asyncio.Event().wait()
        raise AssertionError("never set")

    async def write(self, data: bytes) -> None:
        pass


def script(mode: pb.BodySendMode, *chunks: bytes, end_of_stream: bool = False) -> Script:
    config = pb.ProtocolConfiguration(request_body_mode=mode)
    head = pb.ProcessingRequest(request_headers=pb.HttpHeaders(), protocol_config=config)
    parts = [pb.HttpBody(body=chunk, end_of_stream=end_of_stream) for chunk in chunks]
    return Script(head, *[pb.ProcessingRequest(request_body=part) for part in parts])


@contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
        gc.enable()


@pytest.mark.parametrize(
    "context",
    [
        script(pb.FULL_DUPLEX_STREAMED, *[b"x" * 100_000] * 10),
        script(pb.FULL_DUPLEX_STREAMED, b"x" * 1_000_000, end_of_stream=True),
        script(pb.BUFFERED, b"x" * 1_000_000, end_of_stream=True),
    ],
    ids=["collecting", "routing", "routing buffered"],
)
async def test_nothing_of_a_body_outlives_a_cancelled_stream_even_without_garbage_collector(
    context: Script,
) -> None:
    async def decide(request: HttpMessage) -> Answer:
        context.drained.set()
        return await waiting(request)

    processor = ExternalProcessor(
        lambda: ScriptedFlow(body=decide),
        lambda: Exchange(max_body_bytes=1_000_000),
        render_error,
        chunk_timeout=60,
    )
    with without_collector():
        stream = asyncio.create_task(processor.process(None, context))
        await context.drained.wait()
        assert tracemalloc.get_traced_memory()[0] > 1_000_000
        stream.cancel()
        await asyncio.wait([stream])
        del stream
        assert tracemalloc.get_traced_memory()[0] < 100_000


async def test_what_a_stream_collected_counts_for_all_of_them_until_it_ends() -> None:
    allowance = Allowance(150)
    flows: list[ScriptedFlow] = []

    def new_flow() -> ScriptedFlow:
        flows.append(ScriptedFlow())
        return flows[-1]

    processor = ExternalProcessor(
        new_flow,
        lambda: Exchange(max_body_bytes=100, allowance=allowance),
        render_error,
        chunk_timeout=60,
    )

    async def upload() -> asyncio.Task[None]:
        context = script(pb.FULL_DUPLEX_STREAMED, b"x" * 100)
        stream = asyncio.create_task(processor.process(None, context))
        drained = asyncio.create_task(context.drained.wait())
        await asyncio.wait([stream, drained], return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        return stream

    cancelled = await upload()
    assert allowance.held == 100
    cancelled.cancel()
    await asyncio.wait([cancelled])
    assert allowance.held == 0
    staying, refused = await upload(), await upload()
    assert refused.done()
    assert [type(error) for error in flows[-1].refused] == [TooManyBodies]
    assert allowance.held == 100
    staying.cancel()


async def test_envoy_may_end_the_stream_before_the_body() -> None:
    flow = ScriptedFlow()
    async with serving(lambda: flow) as running:
        stream = running.stream()
        await stream.headers()
        await stream.response()
        await stream.call.done_writing()
        assert await stream.ended() is OK
    assert flow.closings == 1


async def test_observed_traffic_is_not_answered() -> None:
    async with serving(ScriptedFlow) as running:
        stream = running.stream()
        await stream.send(observability_mode=True, request_headers=pb.HttpHeaders())
        assert await stream.ended() is OK
