"""Streamed answers: untouched, as they come, and without holding anything open at the router."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest

from router.request import Api
from tests.e2e.conftest import CHAT, Stack, question

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

BLOOD = "What causes high blood pressure?"


async def test_a_stream_comes_through_byte_for_byte(stack: Stack) -> None:
    reply = await stack.chat(BLOOD, stream=True)
    events = stack.backend.events(Api.CHAT_COMPLETIONS, "medical-lora")
    assert reply.body == b"".join(events)
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.chosen["selected-category"] == "medical"


async def test_the_first_token_does_not_wait_for_the_last(stack: Stack) -> None:
    stack.backend.stream_gate.clear()
    body = question(BLOOD, stream=True)
    async with stack.session.post(stack.envoy.url + CHAT, json=body) as answer:
        events = stack.backend.events(Api.CHAT_COMPLETIONS, "medical-lora")
        first = await answer.content.readexactly(len(events[0]))
        stack.backend.stream_gate.set()
        rest = await answer.read()
    assert [first, rest] == [events[0], b"".join(events[1:])]


async def open_stream(stack: Stack, opened: AsyncExitStack) -> aiohttp.ClientResponse:
    body = question(BLOOD, stream=True)
    request = stack.session.post(stack.envoy.url + CHAT, json=body)
    answer = await opened.enter_async_context(request)
    await answer.content.readuntil(b"\n\n")
    return answer


async def open_at_the_router(stack: Stack) -> int:
    stats = await stack.envoy.stats("http.inference.ext_proc.streams_")
    return (
        stats["http.inference.ext_proc.streams_started"]
        - stats["http.inference.ext_proc.streams_closed"]
    )


async def test_open_answers_hold_no_stream_to_the_router(stack: Stack) -> None:
    stack.backend.stream_gate.clear()
    async with AsyncExitStack() as opened:
        answers = await asyncio.gather(*(open_stream(stack, opened) for _ in range(50)))
        assert await open_at_the_router(stack) == 0
        stack.backend.stream_gate.set()
        bodies = await asyncio.gather(*(answer.read() for answer in answers))
    events = stack.backend.events(Api.CHAT_COMPLETIONS, "medical-lora")
    assert set(bodies) == {b"".join(events[1:])}


async def test_a_client_that_leaves_in_mid_stream_leaves_nothing_behind(stack: Stack) -> None:
    stack.backend.stream_gate.clear()
    async with AsyncExitStack() as opened:
        answer = await open_stream(stack, opened)
        answer.close()
        await stack.envoy.until_stats(
            "cluster.vllm-primary.upstream_rq_active", {"upstream_rq_active": 0}
        )
    assert await open_at_the_router(stack) == 0
    stack.backend.stream_gate.set()
