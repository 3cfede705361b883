"""Routings are reported a few at a time, and none is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from router.routing import Reason, Routing
from router.telemetry import Telemetry
from router.telemetry.metrics import Metrics


class Lines:
    """A decision log that remembers, and tells when something was written."""

    def __init__(self) -> None:
        self.written: list[Routing] = []
        self.news = asyncio.Event()

    def write(self, routing: Routing) -> None:
        self.written.append(routing)
        self.news.set()


def routing(number: int) -> Routing:
    return Routing(reason=Reason.PASS_THROUGH, config_version="v", request_id=str(number))


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def telemetry(lines: Any) -> Telemetry:
    return Telemetry(Metrics(), lines)


async def test_a_routing_is_reported_by_itself_after_a_moment(
    telemetry: Telemetry, lines: Lines
) -> None:
    telemetry.report(routing(1))
    assert lines.written == []
    await lines.news.wait()
    assert [one.request_id for one in lines.written] == ["1"]
    counted = telemetry.metrics.registry.get_sample_value(
        "llm_routing_reason_codes_total", {"reason_code": "pass_through", "model": "none"}
    )
    assert counted == 1


async def test_under_load_nobody_waits_for_the_moment(telemetry: Telemetry, lines: Lines) -> None:
    for number in range(64):
        telemetry.report(routing(number))
    assert [one.request_id for one in lines.written] == [str(n) for n in range(64)]


async def test_the_last_ones_are_reported_before_the_end(
    telemetry: Telemetry, lines: Lines
) -> None:
    telemetry.report(routing(1))
    telemetry.flush()
    assert len(lines.written) == 1
    telemetry.flush()
    assert len(lines.written) == 1
