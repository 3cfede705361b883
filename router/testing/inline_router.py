"""The router's ext_proc service inside this process, on an encoder of your choice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType

from router.balancing import Balancer
from router.catalog import Catalog
from router.compilation import compile_catalog
from router.config import Config
from router.encoder import Encoder
from router.extproc.server import ExtProcServer
from router.flow import RequestFlow
from router.payload import render_error
from router.routing import Routing
from router.signals import McpClient
from router.snapshot import Snapshot, build_snapshot


class InlineRouter:
    """Serves `config` at its `server.extproc`, with `encoder` as the category model.

    An async context manager; `start` and `stop` come and go as often as a test likes. `routings`
    holds the record of every request.
    """

    def __init__(self, config: Config, encoder: Encoder) -> None:
        self.config = config
        self._encoder = encoder
        self._snapshot: Snapshot | None = None
        self.balancer = Balancer()
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
        self._snapshot = self._snapshot or await snapshot(self.config, self._encoder)
        server = self.config.server
        self._server = ExtProcServer(
            lambda: RequestFlow(self.snapshot, self._report, self.balancer),
            address=server.extproc,
            max_body_bytes=server.max_body_bytes,
            render_error=render_error,
            default_mode=server.body_mode,
            expects_response_phases=self.config.envoy.show_responses,
        )
        await self._server.start()

    @property
    def snapshot(self) -> Snapshot:
        """What is served, once started."""
        assert self._snapshot is not None
        return self._snapshot

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
    catalog: Catalog
    encoder: Encoder
    mcp: McpClient | None

    def category_model(self) -> Encoder:
        return self.encoder

    def embedding_model(self) -> Encoder:
        return self.encoder

    def mcp_server(self) -> McpClient:
        assert self.mcp is not None
        return self.mcp


async def snapshot(config: Config, encoder: Encoder, mcp: McpClient | None = None) -> Snapshot:
    """`config`, compiled without files: `encoder` is all its models, `mcp` its MCP server."""
    catalog = compile_catalog(config)
    return await build_snapshot(config, catalog, _OneEncoder(catalog, encoder, mcp), "testing")
