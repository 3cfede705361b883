"""A do-nothing ext_proc service: answers each message with CONTINUE. `python -m router.bench.noop`.

Plain grpc.aio with compiled stubs, as one would write it first. It returns after the body's answer.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from router.extproc import ext_proc_pb2 as pb
from router.extproc.server import HEALTH_NAMES, SERVICE

_LARGE = 64 * 1024 * 1024


async def _process(requests: AsyncIterator[Any], _: Any) -> AsyncIterator[Any]:
    async for request in requests:
        if request.HasField("request_headers"):
            yield pb.ProcessingResponse(request_headers=pb.HeadersResponse())
            if request.request_headers.end_of_stream:
                return
        else:
            yield pb.ProcessingResponse(request_body=pb.BodyResponse())
            return


async def _serve(address: str) -> None:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", _LARGE)])
    handler = grpc.stream_stream_rpc_method_handler(
        _process,
        request_deserializer=pb.ProcessingRequest.FromString,
        response_serializer=pb.ProcessingResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Process": handler}),)
    )
    status = health.HealthServicer()  # Envoy checks the health of its processor before it asks
    for name in HEALTH_NAMES:
        await status.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
