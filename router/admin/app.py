"""The admin server's routes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from aiohttp import web

from router.errors import RouterError
from router.explain import explain
from router.snapshot import Snapshot
from router.telemetry.metrics import Metrics

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MAX_EXPLAIN_BYTES = 1 << 20


class _ExplainRequest(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    model: str | None = None


class Admin:
    """Handlers over the running process; `ready` tells whether it takes traffic."""

    def __init__(
        self, snapshot: Callable[[], Snapshot], metrics: Metrics, ready: Callable[[], bool]
    ) -> None:
        self._snapshot = snapshot
        self._metrics = metrics
        self._ready = ready

    def application(self) -> web.Application:
        application = web.Application(client_max_size=_MAX_EXPLAIN_BYTES)
        application.add_routes(
            [
                web.get("/health", self.health),
                web.get("/ready", self.ready),
                web.get("/metrics", self.metrics),
                web.post("/explain", self.explain),
            ]
        )
        return application

    async def health(self, _: web.Request) -> web.Response:
        """The process answers."""
        return web.json_response({"status": "ok"})

    async def ready(self, _: web.Request) -> web.Response:
        """200 while requests are taken, 503 while draining; before, nothing listens here."""
        ready = self._ready()
        status = "ready" if ready else "not_ready"
        answer = {"status": status, "config_version": self._snapshot().version}
        return web.json_response(answer, status=200 if ready else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"content-type": _METRICS_TYPE})

    async def explain(self, request: web.Request) -> web.Response:
        """Body `{"text": ..., "model": optional}`; answers as `lora-router explain --json` does."""
        try:
            asked = msgspec.json.decode(await request.read(), type=_ExplainRequest)
            account = await explain(self._snapshot(), asked.text, model=asked.model)
        except (msgspec.DecodeError, UnicodeDecodeError, web.RequestPayloadError) as error:
            return web.json_response({"error": str(error)}, status=400)
        except RouterError as error:
            return web.json_response({"error": str(error)}, status=error.status)
        return web.json_response(account)
