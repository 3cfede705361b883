from __future__ import annotations

import asyncio

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from router.extproc.server import HEALTH_NAMES
from tests.extproc.scripted import ScriptedFlow, serving


@pytest.mark.parametrize("name", HEALTH_NAMES)
async def test_health_is_serving_under_every_name_that_probes_ask_for(name: str) -> None:
    async with serving(ScriptedFlow) as running:
        answer = await HealthStub(running.channel).Check(HealthCheckRequest(service=name))
        assert answer.status == HealthCheckResponse.SERVING


async def test_a_name_that_is_not_known_is_not_found() -> None:
    async with serving(ScriptedFlow) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await HealthStub(running.channel).Check(HealthCheckRequest(service="other"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_watch_of_a_name_that_is_not_known_says_so() -> None:
    async with serving(ScriptedFlow) as running:
        watch = HealthStub(running.channel).Watch(HealthCheckRequest(service="other"))
        assert (await watch.read()).status == HealthCheckResponse.SERVICE_UNKNOWN


async def test_a_watch_ends_with_not_serving_and_does_not_hold_up_the_stop() -> None:
    async with serving(ScriptedFlow) as running:
        watch = HealthStub(running.channel).Watch(HealthCheckRequest(service="readiness"))
        assert (await watch.read()).status == HealthCheckResponse.SERVING
        await asyncio.wait_for(running.server.stop(60), 5)
        assert (await watch.read()).status == HealthCheckResponse.NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
