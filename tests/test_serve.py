"""One process from configuration to SERVING, and down again."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from router.config import Loaded, load
from router.errors import ConfigError
from router.serve import running
from router.testing import FakeEnvoy, on_free_ports
from router.testing.router_process import write_config

ROOT = Path(__file__).parent.parent
CHAT = "/v1/chat/completions"
QUESTION = {
    "model": "MoM",
    "messages": [{"role": "user", "content": "What causes high blood pressure?"}],
}


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """The shipped configuration and model, on free ports."""
    monkeypatch.chdir(ROOT)
    config = load(ROOT / "config" / "config.yaml").config
    return load(write_config(on_free_ports(config), tmp_path / "config.yaml"))


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


async def status(loaded: Loaded, path: str) -> int:
    url = f"http://{loaded.config.server.admin}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


async def test_a_served_request_is_routed_and_counted(loaded: Loaded) -> None:
    async with running(loaded) as service, FakeEnvoy(loaded.config.server.extproc) as envoy:
        outcome = await envoy.request(CHAT, json.dumps(QUESTION).encode())
        assert outcome.headers["x-selected-model"] == "medical-lora"
        assert json.loads(outcome.body)["model"] == "medical-lora"
        assert await status(loaded, "/ready") == 200
    # A request is counted once its answer has left; by now every stream is done.
    counted = service.telemetry.metrics.registry.get_sample_value(
        "llm_model_requests_total", {"model": "medical-lora"}
    )
    assert counted == 1


async def test_while_draining_it_is_not_ready(loaded: Loaded) -> None:
    async with running(loaded) as service:
        assert service.ready
    assert not service.ready


async def test_two_servers_do_not_share_a_port_by_accident(loaded: Loaded) -> None:
    async with running(loaded):
        with pytest.raises((ConfigError, OSError)) as refusal:
            async with running(loaded):
                pass
    assert "address" in str(refusal.value).lower()


async def test_everything_is_closed_when_the_block_fails(loaded: Loaded) -> None:
    with pytest.raises(asyncio.CancelledError):
        async with running(loaded):
            raise asyncio.CancelledError
    async with running(loaded) as service:  # the ports are free again
        assert service.ready
