"""The router knows what endpoints have, and sends nothing where it would come back as a 404."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from router.config import load
from router.testing import FakeBackend, RealEnvoy, RouterProcess, on_free_ports
from tests.e2e.conftest import CHAT, question

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

FILE = """
vllm_endpoints:
  - {name: vllm-a, address: 127.0.0.1, port: 8000}
  - {name: vllm-b, address: 127.0.0.1, port: 8000}
  - {name: vllm-c, address: 127.0.0.1, port: 8000}
model_config:
  llama:
    loras: [{name: law-lora}, %s]
default_model: llama
keyword_rules: [{category: law, keywords: [contract]}]
categories:
  - {name: law, model_scores: [{model: llama, lora_name: law-lora, score: 1.0}]}
live_view: {enabled: true, interval_ms: 50, models_interval_ms: 50, timeout_ms: 2000}
discover_adapters: true
"""
MANY = tuple(f"lora-{number}" for number in range(12))


@dataclass
class World:
    backends: list[FakeBackend]
    envoy: RealEnvoy
    router: RouterProcess
    session: aiohttp.ClientSession

    async def ask(self, model: str = "MoM") -> tuple[int, str]:
        """The status and the model that answered."""
        body = question("Is this contract binding?", model=model)
        async with self.session.post(self.envoy.url + CHAT, json=body) as answer:
            text = await answer.text()
            return answer.status, json.loads(text).get("model", text)

    async def until(self, expected: tuple[int, str], model: str = "MoM") -> None:
        async def seen() -> bool:
            return await self.ask(model) == expected

        await self.router.process.until(seen)


@asynccontextmanager
async def world(
    directory: Path, session: aiohttp.ClientSession, adapters: tuple[str, ...], **changes: Any
) -> AsyncIterator[World]:
    path = directory / "written.yaml"
    path.write_text(FILE % ", ".join(f"{{name: {name}}}" for name in MANY))
    config = load(path).config.model_copy(update=changes)
    async with (
        FakeBackend("llama", adapters) as a,
        FakeBackend("llama", adapters) as b,
        FakeBackend("llama", adapters) as c,
    ):
        backends = [a, b, c]
        config = on_free_ports(config, [backend.port for backend in backends])
        async with (
            RouterProcess(config, directory) as router,
            RealEnvoy(config, directory) as envoy,
        ):
            yield World(backends, envoy, router, session)


async def test_an_adapter_that_leaves_one_endpoint_is_asked_of_the_others(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with world(tmp_path, session, ("law-lora",)) as live:
        await live.until((200, "law-lora"))
        live.backends[0].adapters = live.backends[1].adapters = ()

        async def noticed() -> bool:
            asked = [sum(r.path == "/v1/models" for r in b.received) for b in live.backends[:2]]
            return min(asked) >= 2

        for backend in live.backends:
            backend.forget()
        # Until the router has noticed, Envoy asks the next endpoint.
        for _ in range(20):
            assert await live.ask() == (200, "law-lora")
        await live.router.process.until(noticed)
        for _ in range(20):
            assert await live.ask() == (200, "law-lora")


async def test_an_adapter_that_has_left_all_is_answered_by_its_base_model(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with world(tmp_path, session, ("law-lora",)) as live:
        await live.until((200, "law-lora"))
        for backend in live.backends:
            backend.adapters = ()
        await live.until((200, "llama"))
        for model in ("MoM", "law-lora"):
            for _ in range(10):
                assert await live.ask(model) == (200, "llama")
        for backend in live.backends:
            backend.adapters = ("law-lora",)
        await live.until((200, "law-lora"))


async def test_an_adapter_that_has_left_all_is_refused_where_that_is_wanted(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with world(tmp_path, session, (), missing_adapter="reject") as live:

        async def refused() -> bool:
            return (await live.ask())[0] == 503

        await live.router.process.until(refused)
        _, text = await live.ask()
        assert json.loads(text)["error"]["message"] == (
            "no endpoint has the adapter `law-lora` just now"
        )


async def test_an_adapter_that_appears_can_be_asked_for_by_name(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with world(tmp_path, session, ("law-lora",)) as live:
        await live.until((200, "law-lora"))
        assert (await live.ask("brand-new"))[0] == 404
        live.backends[1].adapters = ("law-lora", "brand-new")
        await live.until((200, "brand-new"), "brand-new")
        live.backends[1].forget()
        assert await live.ask("brand-new") == (200, "brand-new")
        assert len(live.backends[1].received) == 1
        async with session.get(f"{live.envoy.url}/v1/models") as answer:
            cards = (await answer.json())["data"]
        assert {"id": "brand-new", "parent": "llama"}.items() <= {
            key: value for card in cards if card["id"] == "brand-new" for key, value in card.items()
        }.items()


async def test_each_adapter_stays_on_an_endpoint_and_all_endpoints_have_some(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with world(tmp_path, session, ("law-lora", *MANY)) as live:
        for backend in live.backends:
            backend.forget()
        for _ in range(5):
            for model in MANY:
                assert await live.ask(model) == (200, model)
        seen: dict[str, set[int]] = defaultdict(set)
        for number, backend in enumerate(live.backends):
            for received in backend.received:
                if received.path == CHAT:
                    seen[received.json["model"]].add(number)
        assert set(seen) == set(MANY)
        assert sum(map(len, seen.values())) <= len(MANY) * 1.5
        assert set().union(*seen.values()) == {0, 1, 2}


async def test_a_burst_of_errors_turns_requests_away_where_envoy_shows_them(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "written.yaml"
    path.write_text(FILE % "{name: x}")
    config = load(path).config
    llama = config.models["llama"].model_copy(update={"load_balancing": "least_load"})
    envoy = config.envoy.model_copy(update={"show_responses": True})
    live_view = config.live_view.model_copy(update={"enabled": False})
    changes = {"models": {"llama": llama}, "envoy": envoy, "live_view": live_view}
    async with world(tmp_path, session, ("law-lora",), **changes) as live:
        bad = live.backends[0]
        bad.refusal = 500
        statuses = [(await live.ask("llama"))[0] for _ in range(40)]
        assert 1 <= statuses.count(500) <= 4
        assert statuses.count(200) + statuses.count(500) == 40
