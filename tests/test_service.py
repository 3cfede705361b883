"""One configuration takes over from another while requests run."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.config import Config, load
from router.mutation import Mutation
from router.reload import Status
from router.request import Headers, HttpMessage
from router.service import Service
from router.telemetry import Telemetry
from router.telemetry.decision_log import DecisionLog
from router.telemetry.metrics import Metrics
from tests.encoder.tiny import Recipe, write_model

FILE = """
classifier: {category_model: {model_id: model, threshold: 0}}
vllm_endpoints:
  - {name: %(endpoint)s, address: 127.0.0.1, port: 8000}
model_config: {llama: {}, qwen: {}}
default_model: %(default)s
categories:
  - {name: law, model_scores: [{model: %(default)s, score: 1.0}]}
server: {drain_seconds: %(drain)s}
"""


def text(endpoint: str = "a", default: str = "llama", drain: int = 1) -> str:
    return FILE % {"endpoint": endpoint, "default": default, "drain": drain}


class Written:
    """Stands for Envoy's cluster file: the endpoints' names at each writing."""

    def __init__(self) -> None:
        self.versions: list[set[str]] = []
        self.failure: OSError | None = None

    def __call__(self, config: Config, besides: Config | None) -> None:
        if self.failure:
            raise self.failure
        configs = [config, *([besides] if besides else [])]
        self.versions.append({e.name for one in configs for e in one.vllm_endpoints})


class World:
    def __init__(self, directory: Path) -> None:
        write_model(directory / "model", Recipe())
        self.path = directory / "config.yaml"
        self.path.write_text(text())
        self.written = Written()
        self.metrics = Metrics()
        self.service = Service(
            load(self.path),
            Telemetry(self.metrics, DecisionLog()),
            write_clusters=self.written,
            envoy_seconds=0.0,
        )

    async def reload(self, **changes: Any) -> Status:
        self.path.write_text(text(**changes))
        return (await self.service.reloader.reload()).status

    async def ask(self) -> Mutation:
        """One request, from its head to its answer."""
        return await answered(self.service)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


BODY = json.dumps({"model": "MoM", "messages": [{"role": "user", "content": "court"}]}).encode()
HEAD = Headers(
    [(":method", "POST"), (":path", "/v1/chat/completions"), ("content-type", "application/json")]
)


async def answered(service: Service) -> Mutation:
    flow = service.new_flow()
    assert flow.on_request_headers(HttpMessage(HEAD), end_of_stream=False) is None
    answer = await flow.on_request(HttpMessage(HEAD, BODY))
    flow.closed()
    assert isinstance(answer, Mutation)
    return answer


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.service.start()
    yield world
    await world.service.close()
    world.service.telemetry.flush()


async def test_a_new_configuration_serves_the_next_request(world: World) -> None:
    assert dict((await world.ask()).set_headers)["x-selected-model"] == "llama"
    assert await world.reload(default="qwen") is Status.RELOADED
    answer = await world.ask()
    assert dict(answer.set_headers)["x-selected-model"] == "qwen"
    assert answer.metadata["config_version"] == load(world.path).version


async def test_a_request_ends_on_the_configuration_that_it_began_with(world: World) -> None:
    flow = world.service.new_flow()
    flow.on_request_headers(HttpMessage(HEAD), end_of_stream=False)
    await world.reload(default="qwen")
    answer = await flow.on_request(HttpMessage(HEAD, BODY))
    assert isinstance(answer, Mutation)
    assert dict(answer.set_headers)["x-selected-model"] == "llama"
    flow.closed()


async def test_a_bad_file_changes_nothing_and_is_told(world: World) -> None:
    before = world.service.snapshot
    world.path.write_text("nonsense: [")
    outcome = await world.service.reloader.reload()
    assert outcome.status is Status.FAILED
    assert world.service.snapshot is before
    assert world.value("lora_router_config_reloads_total", outcome="failed") == 1
    assert world.value("lora_router_config_last_reload_successful") == 0
    await world.reload(default="qwen")
    assert world.value("lora_router_config_last_reload_successful") == 1


async def test_an_unchanged_model_is_not_loaded_again(world: World) -> None:
    before = world.service.snapshot.signals["domain"]
    await world.reload(default="qwen")
    after = world.service.snapshot.signals["domain"]
    assert after is not before
    assert vars(after)["_encoder"] is vars(before)["_encoder"]
    del before
    await world.ask()


async def test_the_metrics_name_the_version_that_is_served(world: World) -> None:
    first = load(world.path).version
    await world.reload(default="qwen")
    assert world.value("lora_router_config_info", version=first) is None
    assert world.value("lora_router_config_info", version=load(world.path).version) == 1


async def test_new_clusters_come_first_and_old_ones_go_when_nobody_names_them(
    world: World,
) -> None:
    flow = world.service.new_flow()
    await world.reload(endpoint="b")
    assert world.written.versions == [{"a"}, {"a", "b"}]
    del flow
    gc.collect()
    await world.reload(endpoint="b", default="qwen")
    async with asyncio.timeout(10):
        await world.reload(endpoint="c")
    assert world.written.versions[:3] == [{"a"}, {"a", "b"}, {"b"}]
    assert world.written.versions[-1] == {"b", "c"}


async def test_endpoints_that_stay_need_no_new_clusters(world: World) -> None:
    categories = world.path.read_text() + "strategy: confidence\n"
    world.path.write_text(categories)
    await world.service.reloader.reload()
    assert world.written.versions == [{"a"}]


async def test_what_cannot_change_in_a_running_process_is_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.reload(drain=9)
    assert "server.drain_seconds has changed" in capsys.readouterr().out


async def test_a_hundred_reloads_leave_one_snapshot_and_one_model(world: World) -> None:
    for number in range(100):
        broken = number % 2
        world.path.write_text(
            "broken: [" if broken else text(default=("llama", "qwen")[number % 4 // 2])
        )
        await world.service.reloader.reload()
        await world.ask()
    gc.collect()
    await asyncio.sleep(0)
    assert sum(type(found).__name__ == "Snapshot" for found in gc.get_objects()) <= 2


async def test_a_disk_that_is_full_for_a_while_ends_nothing(world: World) -> None:
    before = world.service.snapshot
    world.written.failure = OSError(28, "No space left on device")
    assert await world.reload(endpoint="b") is Status.FAILED
    assert world.service.snapshot is before
    world.written.failure = None
    assert await world.reload(endpoint="c") is Status.RELOADED
    assert world.written.versions[-1] >= {"c"}


async def test_what_only_envoys_own_configuration_can_change_is_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.reload(default="qwen")
    assert "envoy's own configuration has changed" in capsys.readouterr().out


async def test_what_endpoints_told_is_forgotten_with_the_live_view(world: World) -> None:
    (endpoint,) = world.service.snapshot.catalog.endpoints.values()
    view = world.service.balancer.view
    view.failed(endpoint)
    view.failed(endpoint)
    assert not view.state(endpoint, 0.0).healthy
    await world.reload(default="qwen")
    assert view.state(endpoint, 0.0).healthy
