"""The router's ext_proc service inside this process, on an encoder of your choice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType

from router.config import Config
from router.encoder import Encoder
from router.extproc.server import ExtProcServer
from router.flow import RequestFlow
from router.payload import render_error
from router.routing import Routing
from router.signals import build_signals
from router.snapshot import Snapshot, compile_catalog, compile_decisions


class InlineRouter:
    """Serves `config` at its `server.extproc`, with `encoder` as the category model.

    An async context manager; `start` and `stop` come and go as often as a test likes. `routings`
    holds the record of every request.
    """

    def __init__(self, config: Config, encoder: Encoder) -> None:
        self.config = config
        self.snapshot = snapshot(config, encoder)
        self.routings: list[Routing] = []
        self._reported = asyncio.Event()
        self._server: ExtProcServer | None = None

    async def __aenter__(self) -> InlineRouter:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen and serve."""
        server = self.config.server
        self._server = ExtProcServer(
            lambda: RequestFlow(self.snapshot, self._report),
            address=server.extproc,
            max_body_bytes=server.max_body_bytes,
            render_error=render_error,
            default_mode=server.body_mode,
        )
        await self._server.start()

    def _report(self, routing: Routing) -> None:
        self.routings.append(routing)
        self._reported.set()

    async def routing(self, request_id: str, timeout: float = 10.0) -> Routing:
        """The record of one request; it may come a little later than the request's answer."""
        async with asyncio.timeout(timeout):
            while True:
                for routing in self.routings:
                    if routing.request_id == request_id:
                        return routing
                self._reported.clear()
                await self._reported.wait()

    async def stop(self, grace: float = 0.5) -> None:
        """Stop listening; requests in flight get `grace` seconds."""
        server, self._server = self._server, None
        if server:
            await server.stop(grace)


@dataclass(frozen=True)
class _OneEncoder:
    encoder: Encoder

    def category_model(self) -> Encoder:
        return self.encoder


def snapshot(config: Config, encoder: Encoder) -> Snapshot:
    """`config`, compiled with `encoder` as its category model, without any model's files."""
    return Snapshot(
        catalog=compile_catalog(config),
        signals=build_signals(config, _OneEncoder(encoder)),
        decisions=compile_decisions(config),
        rejects_on_error=config.on_error == "reject",
        default_reasoning_effort=config.default_reasoning_effort,
        max_body_bytes=config.server.max_body_bytes,
        version="testing",
        created=1_700_000_000,
    )
