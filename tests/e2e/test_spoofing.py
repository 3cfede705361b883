"""What a client says about routing counts for nothing, whatever state the router is in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from router.testing import FakeBackend
from tests.e2e.closing import closing_processor
from tests.e2e.conftest import (
    BODY_MODES,
    CHAT,
    JSON,
    NewStack,
    Stack,
    in_mode,
    question,
    read_config,
    with_endpoint,
)

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SPOOFED = {
    "x-selected-endpoint": "vllm-other",
    "X-Selected-Model": "stolen-lora",
    "x-gateway-destination-endpoint": "127.0.0.1:1",
    "x-vsr-selected-category": "stolen",
    "x-vsr-destination-endpoint": "127.0.0.1:1",
}
REQUESTS = {
    "auto": ("POST", CHAT, question("What causes high blood pressure?")),
    "named": ("POST", CHAT, question("hello", model="legal-lora")),
    "other path": ("POST", "/v1/embeddings", {"input": "hello"}),
    "no body": ("GET", "/v1/files", None),
}


@pytest_asyncio.fixture(loop_scope="session")
async def other() -> AsyncIterator[FakeBackend]:
    """The backend that clients try to reach."""
    async with FakeBackend("stolen", ["stolen-lora"]) as backend:
        yield backend


async def try_all(stack: Stack, other: FakeBackend) -> list[int]:
    """Send every request with every header; the statuses. None may get where it should not."""
    statuses = []
    for method, path, body in REQUESTS.values():
        reply = await stack.send(method, path, json=body, headers=SPOOFED)
        statuses.append(reply.status)
        assert "stolen" not in reply.chosen.values()
    assert other.received == []
    for received in stack.backend.received:
        assert all(received.header(name) != value for name, value in SPOOFED.items())
    return statuses


@pytest.mark.parametrize("mode", BODY_MODES)
async def test_with_the_router_up(new_stack: NewStack, other: FakeBackend, mode: str) -> None:
    async with new_stack(in_mode(with_endpoint(read_config(), "vllm-other"), mode), other) as stack:
        assert await try_all(stack, other) == [200, 200, 404, 404]
        assert [r.header("x-selected-model") for r in stack.backend.received[:2]] == [
            "medical-lora",
            "legal-lora",
        ]


@pytest.mark.parametrize("mode", BODY_MODES)
@pytest.mark.parametrize("on_error", ["default_model", "reject"])
async def test_with_the_router_down(
    new_stack: NewStack, other: FakeBackend, on_error: str, mode: str
) -> None:
    config = in_mode(with_endpoint(read_config(on_error=on_error), "vllm-other"), mode)
    async with new_stack(config, other) as stack:
        await stack.router.stop()
        statuses = await try_all(stack, other)
        if on_error == "reject":
            assert (statuses, stack.backend.received) == ([503] * 4, [])
        elif mode == "BUFFERED":
            assert statuses == [200, 200, 404, 404]
        else:
            # Envoy cannot take back a body that it has begun to hand over.
            assert statuses == [503, 503, 503, 404]


@pytest.mark.parametrize("on_error", ["default_model", "reject"])
async def test_with_a_router_that_closes_early(
    new_stack: NewStack, other: FakeBackend, on_error: str
) -> None:
    config = with_endpoint(read_config(on_error=on_error), "vllm-other")
    async with new_stack(config, other) as stack:
        await stack.router.stop()
        async with closing_processor(stack.config.server.extproc):
            await stack.envoy.until_router(healthy=True)
            await try_all(stack, other)
        # Unread they keep the auto name, which the backend does not know: Envoy asks it again.
        assert len(stack.backend.received) >= len(REQUESTS)


async def test_a_header_sent_twice_gains_nothing_either(
    new_stack: NewStack, other: FakeBackend
) -> None:
    async with new_stack(with_endpoint(read_config(), "vllm-other"), other) as stack:
        headers = [("X-Selected-Endpoint", "vllm-other"), ("x-selected-endpoint", "vllm-primary")]
        reply = await stack.send("POST", CHAT, json=question("hello"), headers=headers)
        assert (reply.status, other.received) == (200, [])


async def test_a_backend_cannot_tell_what_was_decided(stack: Stack) -> None:
    stack.backend.response_headers = {"x-vsr-selected-category": "stolen", "x-own": "kept"}
    try:
        reply = await stack.send("POST", CHAT, data=b'{"model":"llama2-7b"}', headers=JSON)
        answered = await stack.send("GET", "/health")
    finally:
        stack.backend.response_headers = {}
    for got in (reply, answered):
        assert "selected-category" not in got.chosen
    assert answered.headers["x-own"] == "kept"
