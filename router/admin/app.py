"""The admin server's routes."""

from __future__ import annotations

import msgspec
from aiohttp import web

from router.balancing import Balancer
from router.errors import RouterError
from router.explain.account import explain
from router.explain.asked import Asked
from router.reload import Status
from router.request import InferenceRequest
from router.service import Service
from router.snapshot import Snapshot

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MAX_EXPLAIN_BYTES = 1 << 20


class Admin:
    """Handlers over the running process."""

    def __init__(self, service: Service) -> None:
        self._service = service
        # Explanations see what is known of endpoints, and change nothing.
        self._balancer = Balancer(service.balancer.view, rehearsing=True)

    def application(self) -> web.Application:
        application = web.Application(client_max_size=_MAX_EXPLAIN_BYTES)
        application.add_routes(
            [
                web.get("/health", self.health),
                web.get("/ready", self.ready),
                web.get("/metrics", self.metrics),
                web.post("/explain", self.explain),
                web.post("/reload", self.reload),
            ]
        )
        return application

    async def health(self, _: web.Request) -> web.Response:
        """The process answers."""
        return web.json_response({"status": "ok"})

    async def ready(self, _: web.Request) -> web.Response:
        """200 while requests are taken, 503 while draining; before, nothing listens here.

        A configuration that could not be taken up does not make the process unready: it serves the
        one before.
        """
        ready = self._service.ready
        answer: dict[str, object] = {
            "status": "ready" if ready else "not_ready",
            "config_version": self._service.snapshot.version,
        }
        if (last := self._service.reloader.last) is not None:
            answer["last_reload"] = msgspec.to_builtins(last)
        return web.json_response(answer, status=200 if ready else 503)

    async def reload(self, _: web.Request) -> web.Response:
        """Load the configuration file anew; 409 where it cannot be used."""
        outcome = await self._service.reload()
        status = 409 if outcome.status is Status.FAILED else 200
        return web.json_response(msgspec.to_builtins(outcome), status=status)

    async def metrics(self, _: web.Request) -> web.Response:
        page = self._service.telemetry.metrics.render()
        return web.Response(body=page, headers={"content-type": _METRICS_TYPE})

    async def explain(self, request: web.Request) -> web.Response:
        """Body: the fields of Asked. Answers as `lora-router explain --json` does.

        The answer to a request that would be refused has that refusal's status.
        """
        snapshot = self._service.snapshot
        try:
            asked = msgspec.json.decode(await request.read(), type=Asked)
            account = await explain(snapshot, _request(asked, snapshot), self._balancer)
        except (msgspec.DecodeError, UnicodeDecodeError, web.RequestPayloadError) as error:
            return web.json_response({"error": str(error)}, status=400)
        except RouterError as error:
            return web.json_response({"error": str(error)}, status=error.status)
        return web.json_response(account, status=account["status"] or 200)


def _request(asked: Asked, snapshot: Snapshot) -> InferenceRequest:
    return asked.request(
        auto_name=snapshot.catalog.auto_names[0], max_body_bytes=snapshot.max_body_bytes
    )
