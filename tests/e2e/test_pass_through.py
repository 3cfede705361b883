"""What is no inference request: passed on untouched, answered by the router, or by Envoy itself."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import Stack, request_id

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"),
        ("PUT", "/anything?at=all"),
        ("DELETE", "/v1/files/7"),
        ("OPTIONS", "/v1/chat/completions"),
    ],
)
async def test_other_requests_pass_to_the_default_endpoint(
    stack: Stack, method: str, path: str
) -> None:
    body = None if method in ("GET", "OPTIONS", "DELETE") else b'not json: {"model": "MoM"'
    reply = await stack.send(method, path, data=body)
    received = await stack.backend.arrived()
    assert (received.method, received.path, received.body) == (method, path, body or b"")
    assert reply.status == (200 if path == "/health" else 404)
    assert "selected-model" not in reply.chosen


async def test_a_head_request_passes(stack: Stack) -> None:
    reply = await stack.send("HEAD", "/health")
    assert (await stack.backend.arrived()).method == "HEAD"
    assert reply.body == b""


async def test_a_large_body_passes_where_nothing_reads_it(stack: Stack) -> None:
    body = b"\0" * (4 * 1024 * 1024)
    await stack.send("POST", "/v1/audio/transcriptions", data=body)
    assert (await stack.backend.arrived()).body == body


async def test_the_models_are_listed_by_the_router(stack: Stack) -> None:
    reply = await stack.send("GET", "/v1/models")
    cards = json.loads(reply.body)["data"]
    parents = {card["id"]: card.get("parent") for card in cards}
    assert cards[0]["id"] == "MoM"
    assert parents["llama2-7b"] is None
    assert parents["medical-lora"] == "llama2-7b"
    assert reply.headers["content-type"] == "application/json"
    assert stack.backend.received == []


async def test_envoy_answers_its_own_health(stack: Stack) -> None:
    own, other = request_id(), request_id()
    reply = await stack.send("GET", "/healthz", headers=own)
    assert (reply.status, reply.body, reply.chosen) == (200, b"ok", {})
    await stack.send("GET", "/v1/models", headers=other)
    await stack.router.routing(other["x-request-id"])
    seen = {routing.request_id for routing in stack.router.routings}
    assert own["x-request-id"] not in seen


async def test_a_web_socket_is_refused_rather_than_left_hanging(stack: Stack) -> None:
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    reply = await stack.send("GET", "/v1/realtime", headers=headers)
    assert reply.status == 403
    assert stack.backend.received == []


async def test_clients_cannot_load_adapters(stack: Stack) -> None:
    body = {"lora_name": "x", "lora_path": "/etc"}
    reply = await stack.send("POST", "/v1/load_lora_adapter", json=body)
    assert reply.status == 403
    assert stack.backend.received == []
