"""gRPC health: SERVING under every name that probes ask for, until the server stops.

A watch ends with NOT_SERVING, so that no watcher holds up the stop.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer


class Health(HealthServicer):  # type: ignore[misc]  # grpc_health has no types
    """One state for all `names`: a server that exists serves, until `stop`."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = frozenset(names)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Say NOT_SERVING from now on."""
        self._stopped.set()

    async def Check(self, request: HealthCheckRequest, context: Any) -> HealthCheckResponse:  # noqa: N802
        """The state now; NOT_FOUND for a name that is not known."""
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return self._state()

    async def Watch(self, request: HealthCheckRequest, context: Any) -> None:  # noqa: N802
        """The state now, and NOT_SERVING when the time has come."""
        if request.service in self._names:
            await context.write(self._state())
        else:
            await context.write(HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN))
        if not self._stopped.is_set():
            await self._stopped.wait()
            await context.write(self._state())

    def _state(self) -> HealthCheckResponse:
        stopped = self._stopped.is_set()
        status = HealthCheckResponse.NOT_SERVING if stopped else HealthCheckResponse.SERVING
        return HealthCheckResponse(status=status)
