"""Backends that die, hang, come and go under load: another one answers, and nobody is cut off."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from router.config.schema import Classifier
from router.request import Api
from router.testing import FakeBackend, RealEnvoy, RouterProcess, on_free_ports
from tests.e2e.conftest import BODY_MODES, CHAT, Stack, in_mode, question, read_config, request_id
from tests.e2e.failover import (
    BASE,
    NEARLY_ALL,
    Crew,
    Load,
    crewed,
    serving,
    sharing,
    with_envoy,
    without,
)
from tests.e2e.http2 import Http2Client

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

DINNER = "What shall we cook tonight?"


async def streams_from_all(
    crew: Crew, opened: AsyncExitStack
) -> list[tuple[str, aiohttp.ClientResponse]]:
    """Open streams, until every backend is in the middle of at least one."""
    crew.hold_streams()
    streams = []
    async with asyncio.timeout(20):
        while len({by for by, _ in streams}) < len(crew.backends):
            streams.append(await crew.open_stream(opened))
    return streams


def load_on(stack: Stack) -> Load:
    return Load(stack.session, stack.envoy.url)


async def test_a_backend_killed_under_load_takes_only_its_open_answers_with_it(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with crewed(sharing(1, 1, 1), session, tmp_path) as crew, AsyncExitStack() as opened:
        victim = crew.backends[0]
        streams = await streams_from_all(crew, opened)
        async with load_on(crew.stack) as load:
            await load.answered(60)
            await victim.crash()
            await load.answered(120)
            crew.release_streams()
            for by, stream in streams:
                if by == "e1":
                    with pytest.raises(aiohttp.ClientPayloadError):
                        await stream.read()
                else:
                    events = victim.events(Api.CHAT_COMPLETIONS, BASE)
                    assert await stream.read() == b"".join(events[1:])
            victim.forget()
            await victim.come_back()
            await victim.arrived(timeout=5)
            await load.answered(60)
        assert load.failed == []
        assert {outcome.by for outcome in load.outcomes[-60:]} == {"e1", "e2", "e3"}


@pytest.mark.parametrize("mode", BODY_MODES)
async def test_what_a_killed_backend_had_not_begun_to_answer_is_answered_by_another(
    session: aiohttp.ClientSession, tmp_path: Path, mode: str
) -> None:
    async with crewed(in_mode(sharing(NEARLY_ALL, 1, 1), mode), session, tmp_path) as crew:
        victim = crew.backends[0]
        victim.gate.clear()
        asked = [asyncio.create_task(crew.stack.chat(DINNER)) for _ in range(40)]
        await victim.arrived(40)
        await victim.crash()
        replies = await asyncio.gather(*asked)
        assert {(reply.status, reply.headers["x-by"]) for reply in replies} == {(200, "e2")}


@pytest.mark.parametrize("mode", BODY_MODES)
async def test_a_backend_that_hangs_is_given_up_on_and_no_stream_is_cut(
    session: aiohttp.ClientSession, tmp_path: Path, mode: str
) -> None:
    config = with_envoy(sharing(NEARLY_ALL, 1, 1), first_byte_timeout_seconds=1.0)
    async with crewed(in_mode(config, mode), session, tmp_path) as crew, AsyncExitStack() as opened:
        hanging, next_one, _ = crew.backends
        crew.hold_streams()
        _, stream = await crew.open_stream(opened)
        hanging.forget()
        hanging.gate.clear()
        for _ in range(2):
            marked = request_id()
            reply = await crew.stack.send("POST", CHAT, json=question(DINNER), headers=marked)
            assert (reply.status, reply.headers["x-by"]) == (200, "e2")
        assert [r.body for r in hanging.received] == [r.body for r in next_one.received]
        line = await crew.stack.envoy.logged(marked["x-request-id"])
        assert (line["cluster"], line["served_by"], line["attempts"]) == ("e1", "e2", 2)
        # By now the stream has been silent for twice as long as a first byte may take.
        crew.release_streams()
        events = hanging.events(Api.CHAT_COMPLETIONS, BASE)
        assert await stream.read() == b"".join(events[1:])


@pytest.mark.parametrize("mode", BODY_MODES)
async def test_a_body_with_trailers_arrives_once_whatever_may_be_tried_again(
    session: aiohttp.ClientSession, tmp_path: Path, mode: str
) -> None:
    body = json.dumps(question(DINNER, model=BASE)).encode()
    async with crewed(in_mode(sharing(NEARLY_ALL, 1), mode), session, tmp_path) as crew:
        async with Http2Client(crew.stack.config.envoy.listen) as client:
            for trailers in (True, False):
                status, _ = await client.post(CHAT, body, trailers=trailers)
                assert status == 200
        assert [received.body for received in crew.backends[0].received] == [body, body]
        assert crew.backends[0].received[1].header("x-vsr-request-complete") is None


@pytest.mark.parametrize("status", [502, 503])
async def test_a_backend_that_refuses_work_is_passed_over(
    session: aiohttp.ClientSession, tmp_path: Path, status: int
) -> None:
    async with crewed(sharing(NEARLY_ALL, 1, 1), session, tmp_path) as crew:
        first, second, third = crew.backends
        first.refusal = second.refusal = status
        reply = await crew.stack.chat(DINNER)
        assert (reply.status, reply.headers["x-by"]) == (200, "e3")
        assert [len(backend.received) for backend in crew.backends] == [1, 1, 1]
        third.refusal = status
        assert (await crew.stack.chat(DINNER)).status == status


@pytest.mark.parametrize("status", [429, 500, 504])
async def test_an_answer_that_another_backend_would_give_too_is_not_asked_for_twice(
    session: aiohttp.ClientSession, tmp_path: Path, status: int
) -> None:
    async with crewed(sharing(NEARLY_ALL, 1), session, tmp_path) as crew:
        crew.backends[0].refusal = status
        assert (await crew.stack.chat(DINNER)).status == status
        assert crew.backends[1].received == []


async def test_without_any_backend_503_comes_soon_and_recovery_by_itself(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    config = sharing(1, 1, 1)
    budget = 3 * config.envoy.connect_timeout_ms / 1000
    async with crewed(config, session, tmp_path) as crew:
        for backend in crew.backends:
            await backend.crash()
        async with asyncio.timeout(budget):
            unnoticed = await crew.stack.chat(DINNER)
        await crew.until_healthy(e1=0, e2=0, e3=0)
        async with asyncio.timeout(budget):
            noticed = await crew.stack.chat(DINNER)
        for reply in (unnoticed, noticed):
            assert (reply.status, reply.error["code"]) == (503, "service_unavailable")
            assert reply.headers["content-type"] == "application/json"
        await crew.backends[2].come_back()

        async def answered() -> bool:
            reply = await crew.stack.chat(DINNER)
            return (reply.status, reply.headers.get("x-by")) == (200, "e3")

        await crew.stack.envoy.process.until(answered, timeout=5)


async def test_clusters_come_and_go_under_load_and_no_stream_is_cut(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    config = serving(sharing(1, 1, 1, 1), leaving="e3", coming="e4")
    async with crewed(config, session, tmp_path) as crew, AsyncExitStack() as opened:
        stack = crew.stack
        before, after = without(stack.config, "e4"), without(stack.config, "e3")
        await stack.envoy.replace_clusters(before)
        crew.hold_streams()
        _, leaving = await crew.open_stream(opened, "leaving")
        async with load_on(stack) as load:
            assert (await stack.chat(DINNER, model="coming")).status == 503
            await stack.envoy.replace_clusters(after, besides=before)
            _, coming = await crew.open_stream(opened, "coming")
            _, still = await crew.open_stream(opened, "leaving")
            await stack.envoy.replace_clusters(after)
            assert (await stack.chat(DINNER, model="leaving")).status == 503
            for _ in range(5):
                await stack.envoy.replace_clusters(before)
                await stack.envoy.replace_clusters(after)
            await load.answered(30)
            crew.release_streams()
            for model, stream in (("leaving", leaving), ("leaving", still), ("coming", coming)):
                events = crew.backends[0].events(Api.CHAT_COMPLETIONS, model)
                assert await stream.read() == b"".join(events[1:])
        assert load.failed == []


@pytest.mark.parametrize("on_error", ["default_model", "reject"])
async def test_a_router_killed_and_started_again_under_load(
    session: aiohttp.ClientSession, tmp_path: Path, on_error: str
) -> None:
    async with FakeBackend(BASE) as backend:
        backend.response_headers = {"x-by": "the default endpoint"}
        # No model files to load: everything goes to the default model, where the router is up.
        config = read_config(classifier=Classifier(), categories=(), on_error=on_error)
        config = on_free_ports(config, [backend.port])
        async with RouterProcess(config, tmp_path) as router, RealEnvoy(config, tmp_path) as envoy:
            load = Load(session, envoy.url, model="MoM")
            async with load:
                await load.answered(60)
                await router.process.kill()
                await envoy.until_router(healthy=False)
                await load.answered(60)
                await router.start()
                await load.until(lambda outcome: outcome.routed, timeout=1)
                back = load.asked
                await load.answered(30)
    routed = [outcome for outcome in load.outcomes if outcome.routed]
    others = [outcome for outcome in load.outcomes if not outcome.routed]
    assert {(o.status, o.failed_open) for o in routed} == {(200, False)}
    assert len(others) >= 50
    if on_error == "default_model":
        assert {(o.status, o.failed_open, o.by) for o in others} == {
            (200, True, "the default endpoint")
        }
    else:
        assert {(o.status, o.failed_open, o.code) for o in others} == {
            (503, False, "service_unavailable")
        }
    assert all(outcome.routed for outcome in load.outcomes if outcome.number >= back)
