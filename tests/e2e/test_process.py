"""`lora-router serve` as a process: killed, started again, and told to stop in mid-request."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from router.config import Config
from router.config.schema import Classifier
from router.testing import FakeBackend, RealEnvoy, RouterProcess, on_free_ports
from tests.e2e.conftest import BODY_MODES, CHAT, JSON, in_mode, question, read_config

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def simple(backend: FakeBackend, mode: str, on_error: str) -> Config:
    """A configuration that needs no model files: everything goes to the default model."""
    config = read_config(classifier=Classifier(), categories=(), on_error=on_error)
    return on_free_ports(in_mode(config, mode), [backend.port])


@pytest.mark.parametrize("mode", BODY_MODES)
async def test_sigterm_lets_a_request_finish(
    backend: FakeBackend, session: aiohttp.ClientSession, tmp_path: Path, mode: str
) -> None:
    config = simple(backend, mode, "reject")
    body = json.dumps(question("hello")).encode()
    half = asyncio.Event()

    async def upload() -> AsyncIterator[bytes]:
        yield body[:20]
        await half.wait()
        yield body[20:]

    async with RouterProcess(config, tmp_path) as router, RealEnvoy(config, tmp_path) as envoy:
        request = session.post(envoy.url + CHAT, data=upload(), headers=JSON)
        asked = asyncio.create_task(request.__aenter__())
        # In full duplex the router says nothing yet; else its first word shows that it has begun.
        begun = "stream_msgs_received" if mode == "BUFFERED" else "streams_started"
        await envoy.until_stats("http.inference.ext_proc", {begun: 1})
        router.process.send_signal(signal.SIGTERM)
        await envoy.until_router(healthy=False)
        half.set()
        answer = await asked
        assert answer.status == 200
        assert await router.process.wait() == 0
    assert backend.received[0].json["model"] == "llama2-7b"


@pytest.mark.parametrize("on_error", ["default_model", "reject"])
async def test_a_router_that_was_killed_can_be_started_again(
    backend: FakeBackend, session: aiohttp.ClientSession, tmp_path: Path, on_error: str
) -> None:
    config = simple(backend, "BUFFERED", on_error)

    async def ask() -> int:
        async with session.post(envoy.url + CHAT, json=question("hello")) as answer:
            await answer.read()
            return answer.status

    async def answered() -> bool:
        return await ask() == 200

    async with RouterProcess(config, tmp_path) as router, RealEnvoy(config, tmp_path) as envoy:
        assert await answered()
        await router.process.kill()
        assert await ask() == (200 if on_error == "default_model" else 503)
        await router.start()
        await envoy.process.until(answered)
