"""FakeEnvoy is as strict as Envoy, on a service that answers as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from router.extproc import ext_proc_pb2 as pb
from router.extproc.server import SERVICE
from router.testing import FakeEnvoy
from router.testing.fake_envoy import EnvoyRefuses

PATH = "/v1/chat/completions"


def headers(**more: Any) -> pb.ProcessingResponse:
    return pb.ProcessingResponse(
        request_headers=pb.HeadersResponse(response=pb.CommonResponse(**more))
    )


def body(**more: Any) -> pb.ProcessingResponse:
    return pb.ProcessingResponse(request_body=pb.BodyResponse(response=pb.CommonResponse(**more)))


def setting(**values: str) -> pb.HeaderMutation:
    pairs = {name.replace("_", "-"): value.encode() for name, value in values.items()}
    return pb.HeaderMutation(
        set_headers=[
            pb.HeaderValueOption(header=pb.HeaderValue(key=k, raw_value=v))
            for k, v in pairs.items()
        ]
    )


@asynccontextmanager
async def answering(
    answers: Sequence[pb.ProcessingResponse], mode: str = "BUFFERED"
) -> AsyncIterator[FakeEnvoy]:
    """A FakeEnvoy on a service that gives these answers, one for each message."""

    async def process(messages: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        remaining = iter(answers)
        async for _message in messages:
            answer = next(remaining, None)
            if answer is None:
                return
            yield answer.SerializeToString()

    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(process)
    handlers = grpc.method_handlers_generic_handler(SERVICE, {"Process": handler})
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with FakeEnvoy(f"127.0.0.1:{port}", body_mode=mode) as envoy:
            yield envoy
    finally:
        await server.stop(None)


async def test_mutations_are_applied() -> None:
    new = pb.BodyMutation(body=b"new")
    change = setting(x_selected_endpoint="a", content_length="3")
    answers = [headers(), body(header_mutation=change, body_mutation=new, clear_route_cache=True)]
    async with answering(answers) as envoy:
        outcome = await envoy.request(PATH, b"old body")
    assert outcome.status is None
    assert outcome.body == b"new"
    assert outcome.headers["x-selected-endpoint"] == "a"
    assert outcome.route_cleared


async def test_headers_are_removed() -> None:
    change = pb.HeaderMutation(remove_headers=["x-gone"])
    async with answering([headers(header_mutation=change)]) as envoy:
        outcome = await envoy.request("/", method="GET", headers={"x-gone": "1", "x-kept": "1"})
    assert "x-gone" not in outcome.headers
    assert outcome.headers["x-kept"] == "1"


async def test_a_stale_content_length_is_refused() -> None:
    answers = [headers(), body(body_mutation=pb.BodyMutation(body=b"new"))]
    async with answering(answers) as envoy:
        with pytest.raises(EnvoyRefuses, match="content-length 8 with a body of 3 bytes"):
            await envoy.request(PATH, b"old body")


async def test_an_answer_to_something_else_is_refused() -> None:
    async with answering([body()]) as envoy:
        with pytest.raises(EnvoyRefuses, match="found request_body, expected request_headers"):
            await envoy.request(PATH, b"x")


async def test_a_stream_that_ends_early_is_refused() -> None:
    async with answering([headers()]) as envoy:
        with pytest.raises(EnvoyRefuses, match="the stream ended where request_body was expected"):
            await envoy.request(PATH, b"x")


async def test_an_immediate_response_ends_it() -> None:
    reply = pb.ImmediateResponse(
        status=pb.HttpStatus(code=404),
        headers=setting(content_type="application/json"),
        body=b"{}",
        details="unknown",
    )
    answer = pb.ProcessingResponse(immediate_response=reply)
    answer.dynamic_metadata.fields["lora-router"].struct_value["reason"] = "client_error"
    async with answering([answer]) as envoy:
        outcome = await envoy.request(PATH, b"x")
    assert (outcome.status, outcome.body, outcome.details) == (404, b"{}", "unknown")
    assert outcome.headers == {"content-type": "application/json"}
    assert outcome.metadata == {"reason": "client_error"}


async def test_continue_and_replace_sends_no_body() -> None:
    replace = pb.CommonResponse.CONTINUE_AND_REPLACE
    async with answering([headers(status=replace)]) as envoy:
        assert (await envoy.request(PATH, b"kept")).body == b"kept"


@pytest.mark.parametrize("trailers", [False, True])
async def test_full_duplex_puts_the_pieces_together(trailers: bool) -> None:
    def piece(text: bytes, *, end: bool = False) -> pb.ProcessingResponse:
        streamed = pb.StreamedBodyResponse(body=text, end_of_stream=end)
        return body(body_mutation=pb.BodyMutation(streamed_response=streamed))

    last = (
        pb.ProcessingResponse(request_trailers=pb.TrailersResponse())
        if trailers
        else piece(b"", end=True)
    )
    async with answering([headers(), piece(b"new"), last], "FULL_DUPLEX_STREAMED") as envoy:
        outcome = await envoy.request(PATH, b"old body", trailers=trailers)
    assert outcome.body == b"new"
    assert "content-length" not in outcome.headers
