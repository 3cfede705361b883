"""Endpoints are asked how they are, and whatever they answer is taken as it is meant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from router.catalog import Endpoint
from router.endpoints.poller import Pace, Poller
from router.endpoints.view import LiveView
from router.testing import free_port

PAGES = {
    "/health": (200, b""),
    "/metrics": (200, b"vllm:num_requests_running{} 4\n"),
    "/v1/models": (200, b'{"data": [{"id": "llama"}, {"id": "legal-lora", "parent": "llama"}]}'),
}


@dataclass
class Server:
    """Says what it is told to; `asked` are the paths, `seen` the headers of the last request."""

    port: int
    pages: dict[str, tuple[int, bytes]] = field(default_factory=lambda: dict(PAGES))
    asked: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("vllm", "127.0.0.1", self.port)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        self.seen = {name.lower(): value for name, value in request.headers.items()}
        await self.gate.wait()
        status, body = self.pages[request.path]
        return web.Response(status=status, body=body)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server(free_port())
    server.gate.set()
    application = web.Application()
    application.router.add_get("/{tail:.*}", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", server.port).start()
    yield server
    server.gate.set()
    await runner.cleanup()


@pytest.fixture
def view() -> LiveView:
    return LiveView()


@pytest.fixture
async def poller(view: LiveView) -> AsyncIterator[Poller]:
    poller = Poller(view, Pace(timeout=5.0), clock=lambda: 0.0)
    yield poller
    await poller.close()


async def test_an_endpoint_tells_health_load_and_models(
    server: Server, view: LiveView, poller: Poller
) -> None:
    await poller.probe(server.endpoint)
    state = view.state(server.endpoint, 0.0)
    assert (state.healthy, state.load, state.models) == (True, 4.0, {"llama", "legal-lora"})


@pytest.mark.parametrize("status", [503, 404, 302])
async def test_an_endpoint_that_is_not_well_counts_as_down(
    server: Server, view: LiveView, poller: Poller, status: int
) -> None:
    server.pages["/health"] = (status, b"")
    await poller.probe(server.endpoint)
    await poller.probe(server.endpoint)
    assert not view.state(server.endpoint, 0.0).healthy
    assert server.asked == ["/health", "/health"]


async def test_an_endpoint_that_is_not_there_counts_as_down(view: LiveView, poller: Poller) -> None:
    nobody = Endpoint("nobody", "127.0.0.1", free_port())
    await poller.probe(nobody)
    await poller.probe(nobody)
    assert not view.state(nobody, 0.0).healthy


async def test_an_endpoint_that_never_answers_counts_as_down(
    server: Server, view: LiveView
) -> None:
    server.gate.clear()
    poller = Poller(view, Pace(timeout=0.05))
    try:
        await poller.probe(server.endpoint)
        await poller.probe(server.endpoint)
    finally:
        await poller.close()
    assert not view.state(server.endpoint, 0.0).healthy


@pytest.mark.parametrize("page", ["/metrics", "/v1/models"])
@pytest.mark.parametrize("answer", [(500, b"boom"), (200, b"\xff\x00<html>")])
async def test_a_page_that_cannot_be_had_leaves_the_rest_as_it_was(
    server: Server, view: LiveView, poller: Poller, page: str, answer: tuple[int, bytes]
) -> None:
    await poller.probe(server.endpoint)
    server.pages[page] = answer
    await poller.probe(server.endpoint)
    state = view.state(server.endpoint, 0.0)
    assert state.healthy
    assert state.models == {"llama", "legal-lora"}


async def test_an_endless_page_is_not_read_to_its_end(
    server: Server, view: LiveView, poller: Poller
) -> None:
    server.pages["/v1/models"] = (200, b" " * (8 * 1024 * 1024 + 1))
    await poller.probe(server.endpoint)
    assert view.state(server.endpoint, 0.0).models is None


async def test_headers_for_the_endpoints_are_sent(server: Server, view: LiveView) -> None:
    poller = Poller(view, Pace(headers={"authorization": "Bearer s3cret"}, timeout=5.0))
    await poller.probe(server.endpoint)
    await poller.close()
    assert server.seen["authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(Pace(headers={"authorization": "Bearer s3cret"}))


async def test_it_asks_again_and_again_and_for_models_now_and_then(
    server: Server, view: LiveView
) -> None:
    now = 0.0
    rounds = asyncio.Semaphore(0)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += 2.0
        rounds.release()
        if len(pauses) >= 7:
            await asyncio.Event().wait()

    poller = Poller(view, Pace(metrics=False, timeout=5.0), clock=lambda: now, pause=pause)
    poller.watch([server.endpoint])
    async with asyncio.timeout(20):
        for _ in range(7):
            await rounds.acquire()
    await poller.close()
    assert server.asked.count("/health") == 7
    assert server.asked.count("/v1/models") == 2
    assert "/metrics" not in server.asked
    assert all(1.6 <= seconds <= 2.4 for seconds in pauses)
    assert len(set(pauses)) > 1


async def test_an_endpoint_that_is_configured_no_more_is_asked_no_more(
    server: Server, view: LiveView
) -> None:
    rounds = asyncio.Semaphore(0)
    more = asyncio.Semaphore(0)

    async def pause(_: float) -> None:
        rounds.release()
        await more.acquire()

    other = Endpoint("other", "127.0.0.1", free_port())
    poller = Poller(view, Pace(timeout=5.0), clock=lambda: 0.0, pause=pause)
    poller.watch([server.endpoint])
    await asyncio.wait_for(rounds.acquire(), 20)
    poller.watch([other])
    asked = len(server.asked)
    for _ in range(3):
        more.release()
        await asyncio.wait_for(rounds.acquire(), 20)
    await poller.close()
    assert len(server.asked) == asked
    assert not view.state(other, 0.0).healthy


async def test_one_bad_answer_does_not_end_the_asking(
    server: Server, view: LiveView, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = asyncio.Semaphore(0)

    async def pause(_: float) -> None:
        rounds.release()
        await asyncio.sleep(0)

    poller = Poller(view, Pace(timeout=5.0), pause=pause)
    monkeypatch.setattr("router.endpoints.poller.read_metrics", lambda _: 1 / 0)
    poller.watch([server.endpoint])
    for _ in range(3):
        await asyncio.wait_for(rounds.acquire(), 20)
    await poller.close()


async def test_somebody_is_told_when_the_models_of_an_endpoint_change(
    server: Server, view: LiveView
) -> None:
    changes: list[Endpoint] = []
    poller = Poller(view, Pace(timeout=5.0), changed=changes.append)
    await poller.probe(server.endpoint)
    await poller.probe(server.endpoint)
    assert len(changes) == 1
    server.pages["/v1/models"] = (200, b'{"data": [{"id": "llama"}]}')
    await poller.probe(server.endpoint)
    await poller.close()
    assert changes == [server.endpoint] * 2
