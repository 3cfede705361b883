"""An application on a port, in this process: started, stopped and started again at will."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import uvicorn

from router.testing.ports import free_port


class _Uvicorn(uvicorn.Server):
    """Tells when it listens, ends when told to, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self.leaving = asyncio.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)  # makes the headers that every answer has
        await self.leaving.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves one ASGI application at a time, at `url`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self._server: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, application: Any) -> None:
        config = uvicorn.Config(
            application, port=self.port, log_config=None, ws="none", timeout_graceful_shutdown=1
        )
        self._server = _Uvicorn(config)
        self._task = asyncio.create_task(self._server.serve())
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Stop as a crash would: connections break."""
        server, self._server = self._server, None
        if server is None or self._task is None:
            return
        server.force_exit = True
        server.leaving.set()
        for connection in tuple(server.server_state.connections):
            connection.transport.abort()
        await self._task
