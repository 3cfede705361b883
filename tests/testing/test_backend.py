from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from router.request import Api
from router.testing import FakeBackend

CHAT = "/v1/chat/completions"


@pytest_asyncio.fixture
async def backend() -> AsyncIterator[FakeBackend]:
    async with FakeBackend("base", ["lora"]) as backend:
        yield backend


@pytest_asyncio.fixture
async def client(backend: FakeBackend) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(backend.url) as session:
        yield session


@pytest.mark.parametrize("model", ["base", "lora"])
async def test_a_known_model_answers(client: aiohttp.ClientSession, model: str) -> None:
    async with client.post(CHAT, json={"model": model}) as answer:
        assert (answer.status, (await answer.json())["model"]) == (200, model)


async def test_an_unknown_model_is_not_found(client: aiohttp.ClientSession) -> None:
    async with client.post(CHAT, json={"model": "MoM"}) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["param"] == "model"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
async def test_a_body_that_is_no_object_is_a_bad_request(
    client: aiohttp.ClientSession, body: bytes
) -> None:
    async with client.post(CHAT, data=body) as answer:
        assert answer.status == 400


async def test_what_was_received_is_kept_byte_for_byte(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    body = b'{ "model":"base"}\n'
    async with client.post(f"{CHAT}?q=1", data=body, headers={"X-Odd-Case": "v"}):
        received = await backend.arrived()
    assert (received.method, received.path, received.body) == ("POST", f"{CHAT}?q=1", body)
    assert (b"X-Odd-Case", b"v") in received.raw_headers
    assert received.header("x-odd-case") == "v"
    assert received.header("x-none") is None
    backend.forget()
    assert backend.received == []


async def test_the_system_prompt_is_a_leading_system_message(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]
    for sent in (messages, messages[1:]):
        async with client.post(CHAT, json={"model": "base", "messages": sent}):
            pass
    assert [received.system_prompt for received in backend.received] == ["be kind", None]


async def test_models_health_and_the_rest(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/models") as models, client.get("/health") as health:
        assert [card["id"] for card in (await models.json())["data"]] == ["base", "lora"]
        assert health.status == 200
    async with client.get("/nothing") as nothing:
        assert (nothing.status, await nothing.json()) == (404, {"detail": "Not Found"})


async def test_no_answer_begins_while_the_gate_is_shut(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    backend.gate.clear()
    asked = asyncio.create_task(client.get("/health").__aenter__())
    await backend.arrived()
    assert not asked.done()
    backend.gate.set()
    (await asked).release()


async def test_a_stream_stops_after_its_first_event_while_its_gate_is_shut(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    backend.stream_gate.clear()
    events = backend.events(Api.CHAT_COMPLETIONS, "lora")
    async with client.post(CHAT, json={"model": "lora", "stream": True}) as answer:
        assert await answer.content.readexactly(len(events[0])) == events[0]
        rest = asyncio.create_task(answer.read())
        assert not rest.done()
        backend.stream_gate.set()
        assert await rest == b"".join(events[1:])


async def test_headers_can_be_added_to_every_answer(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    backend.response_headers = {"x-extra": "1"}
    for body in ({"model": "base"}, {"model": "base", "stream": True}):
        async with client.post(CHAT, data=json.dumps(body)) as answer:
            assert answer.headers["x-extra"] == "1"


async def test_an_ipv6_backend_has_brackets_in_its_url() -> None:
    async with FakeBackend("base", host="::1") as backend, aiohttp.ClientSession() as session:
        assert backend.url.startswith("http://[::1]:")
        async with session.get(backend.url + "/health") as answer:
            assert answer.status == 200


async def test_health_checks_of_envoy_are_counted_and_not_kept(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    backend.gate.clear()
    async with client.get("/health", headers={"user-agent": "Envoy/HC"}) as health:
        assert health.status == 200
    assert (backend.health_checks, backend.received) == (1, [])


async def test_a_health_check_waits_for_a_gate_of_its_own(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    backend.health_gate.clear()
    check = client.get("/health", headers={"user-agent": "Envoy/HC"})
    asked = asyncio.create_task(check.__aenter__())
    async with client.post(CHAT, json={"model": "base"}) as answer:
        assert answer.status == 200
    assert not asked.done()
    backend.health_gate.set()
    (await asked).release()


async def test_inference_requests_can_be_refused(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    backend.refusal = 503
    async with client.post(CHAT, json={"model": "base"}) as answer, client.get("/health") as health:
        assert (answer.status, health.status) == (503, 200)
        assert "message" in (await answer.json())["error"]
    assert backend.received[0].json["model"] == "base"


async def test_a_crash_cuts_what_is_open_and_refuses_what_is_new(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    backend.stream_gate.clear()
    async with client.post(CHAT, json={"model": "base", "stream": True}) as answer:
        await answer.content.readuntil(b"\n\n")
        await backend.crash()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get("/health")


async def test_a_backend_that_comes_back_listens_where_it_did(
    backend: FakeBackend, client: aiohttp.ClientSession
) -> None:
    address = backend.url
    for _ in range(3):
        await backend.crash()
        await backend.come_back()
        assert backend.url == address
        async with client.get("/health") as health:
            assert health.status == 200


async def test_a_backend_may_crash_twice_and_end_crashed() -> None:
    async with FakeBackend("base") as backend:
        await backend.crash()
        await backend.crash()
