"""The measurements measure what they say, on real Envoy; how fast it was is nobody's test."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from router.bench.figures import large_body, long_prompts, named_model, open_streams
from router.bench.ground import Ground, chat_body, prepared

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.e2e


@pytest.fixture
async def ground(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ground]:
    monkeypatch.chdir(ROOT)
    async with prepared(ROOT / "config" / "config.yaml") as ground:
        yield ground


async def test_each_envoy_stands_for_what_its_name_says(ground: Ground) -> None:
    for envoy in (ground.plain, ground.noop, ground.routed):
        await ground.ask(envoy, "MoM", 200)
    asked = [received.json["model"] for received in ground.backend.received]
    assert asked == ["MoM", "MoM", "medical-lora"]
    assert not await ground.plain.stats("ext_proc")
    for envoy in (ground.noop, ground.routed):
        stats = await envoy.stats("ext_proc")
        by_end = {name.rsplit(".", 1)[1]: value for name, value in stats.items()}
        assert by_end["streams_started"] == 1
        assert by_end.get("failure_mode_allowed", 0) == 0
        assert by_end["stream_msgs_received"] == 2


async def test_every_measurement_gives_a_figure(ground: Ground) -> None:
    figures = [
        await named_model(ground, rounds=2),
        await long_prompts(ground, rounds=1, concurrency=2),
        await large_body(ground, megabytes=1, times=1),
        *await open_streams(ground, streams=20),
    ]
    named, long, memory, failures, left_open = figures
    for figure in (named, long):
        assert re.search(r"\d+\.\d\d ms", figure.detail)
    assert memory.unit == "MB"
    assert (failures.value, left_open.value) == (0, 0)


def test_texts_are_never_the_same_and_about_as_long_as_asked() -> None:
    bodies = [chat_body("MoM", 220_000) for _ in range(2)]
    assert bodies[0] != bodies[1]
    assert all(abs(len(body) - 220_000) < 1_000 for body in bodies)
    assert json.loads(bodies[0])["model"] == "MoM"
