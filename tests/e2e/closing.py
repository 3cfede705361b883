"""An ext_proc service that says it is healthy and ends every stream without a word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from router.extproc.server import SERVICE


async def _say_nothing(_messages: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    for answer in ():
        yield answer


@asynccontextmanager
async def closing_processor(address: str) -> AsyncIterator[None]:
    """Serve at `address` until the block ends."""
    server = grpc.aio.server()
    process = grpc.stream_stream_rpc_method_handler(_say_nothing)
    handler = grpc.method_handlers_generic_handler(SERVICE, {"Process": process})
    server.add_generic_rpc_handlers((handler,))
    servicer = health.HealthServicer()
    await servicer.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(address)
    await server.start()
    try:
        yield
    finally:
        await server.stop(None)
