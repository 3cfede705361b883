"""The configuration changes under load: no request fails, and none goes astray."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil
import pytest

from router.config import Config, load
from router.config.schema import VllmEndpoint
from router.testing import FakeBackend, RealEnvoy, RouterProcess, on_free_ports
from router.testing.router_process import write_config
from tests.e2e.conftest import CHAT, question

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

FILE = """
vllm_endpoints: [{name: vllm-a, address: 127.0.0.1, port: 8000}]
model_config:
  llama:
    preferred_endpoints: [vllm-a]
    loras: [{name: blue-lora}, {name: green-lora}, {name: spare-lora}]
default_model: llama
keyword_rules: [{category: law, keywords: [contract]}]
categories:
  - {name: law, model_scores: [{model: llama, lora_name: COLOUR-lora, score: 1.0}]}
"""
ADAPTERS = ("blue-lora", "green-lora", "spare-lora")
RELOADS = 100


@dataclass
class Load:
    """Requests that go on and on, and what became of them: status and model that answered."""

    ask: Callable[[], Awaitable[tuple[int, str]]]
    outcomes: Counter[tuple[int, str]] = field(default_factory=Counter)

    async def run(self) -> None:
        while True:
            self.outcomes[await self.ask()] += 1

    async def more(self, count: int) -> None:
        """Wait until `count` further requests are over."""
        wanted = self.outcomes.total() + count
        while self.outcomes.total() < wanted:
            self.outcomes[await self.ask()] += 1


@asynccontextmanager
async def under_load(
    envoy: RealEnvoy, session: aiohttp.ClientSession, model: str = "MoM", clients: int = 4
) -> AsyncIterator[Load]:
    async def ask() -> tuple[int, str]:
        body = question("Is this contract binding?", model=model)
        async with session.post(envoy.url + CHAT, json=body) as answer:
            text = await answer.text()
            return answer.status, json.loads(text).get("model", text)

    load = Load(ask)
    tasks = [asyncio.create_task(load.run()) for _ in range(clients)]
    try:
        yield load
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def read(directory: Path, colour: str, *backends: FakeBackend) -> Config:
    path = directory / f"{colour}.yaml"
    path.write_text(FILE.replace("COLOUR", colour))
    return on_free_ports(load(path).config, [backend.port for backend in backends])


def replace_file(config: Config | str, path: Path) -> None:
    """Write beside and rename, as a careful deployment does."""
    beside = path.with_name("next.yaml")
    if isinstance(config, str):
        beside.write_text(config)
    else:
        write_config(config, beside)
    beside.replace(path)


def coloured(config: Config, colour: str) -> Config:
    """The same configuration with another adapter for its category."""
    (category,) = config.categories
    scores = (category.model_scores[0].model_copy(update={"lora_name": f"{colour}-lora"}),)
    changed = category.model_copy(update={"model_scores": scores})
    return config.model_copy(update={"categories": (changed,)})


async def reload(config: Config) -> int:
    """Ask the router to load its file; the status of the answer."""
    url = f"http://{config.server.admin}/reload"
    async with aiohttp.ClientSession() as session, session.post(url) as answer:
        return answer.status


async def test_a_hundred_reloads_under_load_half_of_them_broken(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with FakeBackend("llama", ADAPTERS) as backend:
        config = read(tmp_path, "blue", backend)
        path = tmp_path / "config.yaml"
        async with RouterProcess(config, tmp_path) as router, RealEnvoy(config, tmp_path) as envoy:
            process = psutil.Process(router.process.pid)
            async with under_load(envoy, session) as load:
                await load.more(50)
                before = 0
                for number in range(RELOADS):
                    broken = number % 2 == 1
                    colour = ("green", "blue")[number // 2 % 2]
                    replace_file("default_model: [" if broken else coloured(config, colour), path)
                    assert await reload(config) == (409 if broken else 200)
                    backend.forget()
                    status, model = await load.ask()
                    assert (status, model) == (200, f"{colour}-lora")
                    if number == RELOADS // 4:
                        before = process.memory_info().rss
                grown = process.memory_info().rss - before
    assert set(load.outcomes) <= {(200, "blue-lora"), (200, "green-lora")}
    assert load.outcomes.total() > RELOADS
    assert grown < 16 * 2**20


async def test_a_changed_file_is_taken_up_by_itself(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with FakeBackend("llama", ADAPTERS) as backend:
        config = read(tmp_path, "blue", backend)
        async with (
            RouterProcess(config, tmp_path) as router,
            RealEnvoy(config, tmp_path) as envoy,
            under_load(envoy, session, clients=1) as load,
        ):

            async def green() -> bool:
                return await load.ask() == (200, "green-lora")

            replace_file(coloured(config, "green"), tmp_path / "config.yaml")
            await router.process.until(green)


async def test_an_adapter_that_leaves_the_file_under_load_gives_nobody_a_404(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with FakeBackend("llama", ADAPTERS) as backend:
        config = read(tmp_path, "blue", backend)
        async with (
            RouterProcess(config, tmp_path),
            RealEnvoy(config, tmp_path) as envoy,
            under_load(envoy, session) as load,
        ):
            await load.more(50)
            replace_file(coloured(config, "green"), tmp_path / "config.yaml")
            assert await reload(config) == 200
            # Those that were on their way to the old adapter are answered by now.
            await load.more(8)
            backend.adapters = ("green-lora", "spare-lora")
            await load.more(50)
    assert {status for status, _ in load.outcomes} == {200}


async def test_an_endpoint_comes_and_another_goes_while_envoy_runs(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with FakeBackend("llama", ADAPTERS) as first, FakeBackend("llama", ADAPTERS) as second:
        config = read(tmp_path, "blue", first)
        moved = with_endpoint(config, "vllm-b", second.port)
        router = RouterProcess(config, tmp_path, "--envoy", str(tmp_path))
        async with router, RealEnvoy(config, tmp_path) as envoy, under_load(envoy, session) as load:
            await load.more(50)
            replace_file(moved, tmp_path / "config.yaml")
            assert await reload(config) == 200

            async def only_the_new_one() -> bool:
                clusters = await envoy.clusters()
                return "vllm-b" in clusters and "vllm-a" not in clusters

            await router.process.until(only_the_new_one)
            first.forget()
            second.forget()
            await load.more(50)
            assert not first.received
            assert len(second.received) >= 40  # some had arrived before it forgot
    assert set(load.outcomes) == {(200, "blue-lora")}


def with_endpoint(config: Config, name: str, port: int) -> Config:
    """The same models on another endpoint."""
    endpoint = VllmEndpoint(name=name, address="127.0.0.1", port=port)
    models = {
        model: settings.model_copy(update={"preferred_endpoints": (name,)})
        for model, settings in config.models.items()
    }
    return config.model_copy(update={"vllm_endpoints": (endpoint,), "models": models})
