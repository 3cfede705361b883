from __future__ import annotations

import asyncio

import grpc
import pytest
from structlog.testing import capture_logs

from router.errors import RouterError
from router.extproc import ext_proc_pb2 as pb
from router.mutation import Answer, ImmediateResponse, Mutation
from router.request import HttpMessage


async def test_a_request_is_routed_by_its_body_and_the_stream_ends(serve, new_flow) -> None:
    flow = new_flow()
    async with serve(lambda: flow) as running:
        stream = running.stream()
        await stream.headers()
        assert (await stream.response()).WhichOneof("response") == "request_headers"
        await stream.body(b"old")
        assert (await stream.response()).request_body.response.body_mutation.body == b"new"
        assert await stream.ended() is grpc.StatusCode.OK
    assert flow.closings == 1
