from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router.errors import ConfigError, TooManyBodies
from router.extproc import ext_proc_pb2 as pb
from router.extproc.server import ExtProcServer
from router.mutation import Answer, Mutation
from router.request import HttpMessage
from tests.extproc.scripted import (
    ROUTED,
    Running,
    ScriptedFlow,
    Stream,
    connection,
    open_stream,
    render_error,
    serving,
)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Gate:
    """A flow's body answer that waits until it is let through."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, _request: HttpMessage) -> Answer:
        self.entered.set()
        await self.opened.wait()
        return ROUTED


async def enter(running: Running, gate: Gate) -> Stream:
    stream = running.stream()
    await stream.headers()
    await stream.response()
    await stream.body(b"x")
    await gate.entered.wait()
    return stream


async def test_a_body_of_16_mb_is_routed() -> None:
    size = 16 * 1024 * 1024

    async def double(request: HttpMessage) -> Answer:
        assert len(request.body) == size
        return Mutation(body=request.body)

    flow = ScriptedFlow(body=double)
    async with serving(lambda: flow, max_body_bytes=size) as running:
        stream = running.stream()
        await stream.headers()
        await stream.response()
        await stream.body(b"x" * size)
        common = (await stream.response()).request_body.response
        assert len(common.body_mutation.body) == size
        assert common.header_mutation.set_headers[0].header.raw_value == b"%d" % size


async def test_full_duplex_bodies_together_may_hold_no_more_than_configured() -> None:
    flow = ScriptedFlow()
    async with serving(lambda: flow, max_body_bytes=100, max_collected_bytes=50) as running:
        stream = running.stream()
        await stream.headers(mode=pb.FULL_DUPLEX_STREAMED)
        await stream.body(b"x" * 60, end_of_stream=False)
        assert (await stream.response()).immediate_response.status.code == 503
    assert [type(error) for error in flow.refused] == [TooManyBodies]


async def test_200_streams_are_served_at_once_and_each_flow_is_closed_once() -> None:
    flows: list[ScriptedFlow] = []
    gate = asyncio.Event()

    async def together(request: HttpMessage) -> Answer:
        if len(flows) == 200:
            gate.set()
        await gate.wait()
        return Mutation(body=request.body)

    def new_flow() -> ScriptedFlow:
        flows.append(ScriptedFlow(body=together))
        return flows[-1]

    async def exchange(running: Running, number: int) -> bytes:
        stream = running.stream()
        await stream.headers()
        await stream.response()
        await stream.body(b"%d" % number)
        body = (await stream.response()).request_body.response.body_mutation.body
        assert await stream.ended() is grpc.StatusCode.OK
        return body

    async with serving(new_flow) as running:
        sent = await asyncio.gather(*(exchange(running, number) for number in range(200)))
    assert sent == [b"%d" % number for number in range(200)]
    assert [flow.closings for flow in flows] == [1] * 200


async def test_a_stop_says_not_serving_first_and_lets_requests_finish() -> None:
    gate = Gate()
    async with serving(lambda: ScriptedFlow(body=gate)) as running:
        stub = health_pb2_grpc.HealthStub(running.channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="readiness"))
        assert (await watch.read()).status == SERVING
        stream = await enter(running, gate)

        stopping = asyncio.create_task(running.server.stop(30))
        assert (await watch.read()).status == NOT_SERVING
        assert not stopping.done()
        gate.opened.set()
        assert (await stream.response()).request_body.response.body_mutation.body == b"new"
        assert await stream.ended() is grpc.StatusCode.OK
        await asyncio.wait_for(stopping, 5)


async def test_a_request_that_outlasts_the_grace_is_cut_off_and_its_flow_closed() -> None:
    gate = Gate()
    flow = ScriptedFlow(body=gate)
    async with serving(lambda: flow) as running:
        await enter(running, gate)
        await asyncio.wait_for(running.server.stop(0.01), 5)
        await asyncio.wait_for(flow.ended.wait(), 5)
    assert flow.closings == 1


async def test_a_server_can_be_stopped_twice_or_before_it_started() -> None:
    server = ExtProcServer(
        ScriptedFlow, address="127.0.0.1:0", max_body_bytes=1, render_error=render_error
    )
    await server.stop(0)
    await server.start()
    await server.stop(0)
    await server.stop(0)


async def test_a_port_that_is_taken_is_a_config_error() -> None:
    async with serving(ScriptedFlow) as running:
        address = f"127.0.0.1:{running.server.port}"
        with pytest.raises(ConfigError, match=f"cannot listen on '{address}'"):
            async with serving(ScriptedFlow, address=address):
                pass


async def test_workers_may_share_a_port() -> None:
    async with (
        serving(ScriptedFlow, share_port=True) as first,
        serving(ScriptedFlow, f"127.0.0.1:{first.server.port}", share_port=True) as second,
    ):
        assert first.server.port == second.server.port


@pytest.mark.parametrize("scheme", ["unix:", "unix://"])
async def test_a_socket_file_is_open_to_its_group_and_gone_after_the_stop(
    tmp_path: Path, scheme: str
) -> None:
    path = tmp_path / "extproc.sock"
    async with serving(ScriptedFlow, f"{scheme}{path}") as running:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        stream = running.stream()
        await stream.headers(end_of_stream=True)
        assert (await stream.response()).WhichOneof("response") == "request_headers"
    assert not path.exists()


async def test_the_server_is_found_on_ipv6() -> None:
    async with (
        serving(ScriptedFlow, "[::1]:0") as running,
        connection(f"[::1]:{running.server.port}") as channel,
    ):
        stream = open_stream(channel)
        await stream.headers(end_of_stream=True)
        assert (await stream.response()).WhichOneof("response") == "request_headers"
