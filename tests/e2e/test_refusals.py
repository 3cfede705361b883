"""What is wrong with a request is told in the caller's own format, and no backend hears of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from router.envoy_config.limits import buffer_limit
from router.testing import FakeBackend
from tests.e2e.conftest import (
    BODY_MODES,
    CHAT,
    JSON,
    NewStack,
    Reply,
    Stack,
    in_mode,
    question,
    read_config,
    request_id,
    stacked,
)
from tests.e2e.test_bodies import pieces

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

APIS = (CHAT, "/v1/messages")
SECRET = "swordfish"
LIMIT = 64 * 1024


def assert_refused(reply: Reply, path: str, status: int, backend: FakeBackend) -> None:
    assert (reply.status, backend.received) == (status, [])
    assert reply.headers["content-type"].startswith("application/json")
    assert SECRET.encode() not in reply.body
    assert reply.error["message"]
    assert "selected-model" not in reply.chosen
    whole = json.loads(reply.body)
    if path == CHAT:
        assert set(whole) == {"error"}
        assert set(whole["error"]) == {"message", "type", "param", "code"}
    else:
        assert whole["type"] == "error"
        assert set(whole["error"]) >= {"type", "message"}


@pytest.mark.parametrize("path", APIS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "MoM", "messages": [{"role": "user", "content": "swordfish"}',
        b'["swordfish"]',
        b'{"messages": [{"role": "user", "content": "swordfish"}]}',
        b'{"model": 7, "messages": [{"role": "user", "content": "swordfish"}]}',
        b'{"model": "MoM"}',
        b'{"model": "MoM", "messages": "swordfish\xff"}',
        b'{"model": "MoM", "messages": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b"",
    ],
    ids=["cut", "a list", "no model", "model 7", "no messages", "no utf-8", "deep", "empty"],
)
async def test_a_malformed_body_gets_400(stack: Stack, path: str, body: bytes) -> None:
    reply = await stack.send("POST", path, data=body, headers=JSON)
    assert_refused(reply, path, 400, stack.backend)


@pytest.mark.parametrize("path", APIS)
async def test_an_unknown_model_gets_404(stack: Stack, path: str) -> None:
    reply = await stack.send("POST", path, json=question(SECRET, model="gpt-9", max_tokens=1))
    assert_refused(reply, path, 404, stack.backend)
    assert "gpt-9" in reply.error["message"]


@pytest.mark.parametrize("path", APIS)
async def test_a_compressed_body_gets_415(stack: Stack, path: str) -> None:
    headers = {**JSON, "content-encoding": "gzip"}
    reply = await stack.send("POST", path, data=b"\x1f\x8b" + SECRET.encode(), headers=headers)
    assert_refused(reply, path, 415, stack.backend)


@pytest.mark.parametrize("path", APIS)
async def test_a_body_that_is_no_json_by_its_own_account_gets_400(stack: Stack, path: str) -> None:
    headers = {"content-type": "text/plain"}
    reply = await stack.send("POST", path, data=SECRET.encode(), headers=headers)
    assert_refused(reply, path, 400, stack.backend)


@pytest_asyncio.fixture(loop_scope="session", scope="module", params=BODY_MODES)
async def narrow_stack(
    request: pytest.FixtureRequest,
    shared_backend: FakeBackend,
    session: aiohttp.ClientSession,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stack]:
    """A stack whose bodies may be 64 KiB long."""
    config = in_mode(read_config(), request.param)
    server = config.server.model_copy(update={"max_body_bytes": LIMIT})
    config = config.model_copy(update={"server": server})
    directory: Path = tmp_path_factory.mktemp("narrow")
    async with stacked(config, shared_backend, session, directory) as stack:
        yield stack


async def test_all_that_envoy_lets_pass_the_router_takes_in(
    new_stack: NewStack, backend: FakeBackend
) -> None:
    server = read_config().server.model_copy(update={"max_body_bytes": 5 * 1024 * 1024})
    config = read_config(server=server)
    async with new_stack(config) as stack:
        body = sized(buffer_limit(config))
        marked = request_id()
        data = pieces(body, 64 * 1024)
        reply = await stack.send("POST", CHAT, data=data, headers=JSON | marked)
        assert_refused(reply, CHAT, 413, backend)
        line = await stack.envoy.logged(marked["x-request-id"])
        assert (line["details"], line["failed_open"]) == ("request_too_large", "0")


def sized(length: int) -> bytes:
    """A question whose body is exactly that long."""
    frame = len(json.dumps(question("")))
    return json.dumps(question("x" * (length - frame))).encode()


async def test_a_body_of_exactly_the_limit_passes(
    narrow_stack: Stack, backend: FakeBackend
) -> None:
    reply = await narrow_stack.send("POST", CHAT, data=sized(LIMIT), headers=JSON)
    assert reply.status == 200


@pytest.mark.parametrize("path", APIS)
@pytest.mark.parametrize("length", [LIMIT + 1, LIMIT + 256 * 1024], ids=["a byte", "far"])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_a_body_over_the_limit_gets_413(
    narrow_stack: Stack, backend: FakeBackend, path: str, length: int, declared: bool
) -> None:
    body = sized(length)
    data = body if declared else pieces(body, 16 * 1024)
    reply = await narrow_stack.send("POST", path, data=data, headers=JSON)
    assert_refused(reply, path, 413, backend)


@pytest.mark.parametrize(
    "path", [CHAT + "%2f..", "/v1/messages%2f"], ids=["an openai path", "an anthropic path"]
)
async def test_what_envoy_itself_refuses_is_told_as_json(stack: Stack, path: str) -> None:
    reply = await stack.send("POST", URL(stack.envoy.url + path, encoded=True), data=b"{}")
    assert_refused(reply, CHAT if path.startswith(CHAT) else path, 400, stack.backend)


async def test_a_header_with_an_underscore_gets_400(stack: Stack) -> None:
    reply = await stack.send("POST", CHAT, data=b"{}", headers={"x_selected_endpoint": "a"})
    assert (reply.status, stack.backend.received) == (400, [])
