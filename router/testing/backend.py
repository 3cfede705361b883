"""A small OpenAI-compatible server that stands in for vLLM with `--enable-lora`.

It knows one base model and its adapters and answers others with vLLM's 404. It keeps every request
exactly as it came, waits where it is told to, and can crash and come back.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any

from aiohttp import web

from router.request import Api
from router.testing.answers import (
    answer,
    bad_request,
    model_list,
    sse_events,
    unknown_model,
)

_MAX_BODY_BYTES = 1 << 30
_HEALTH_CHECKER = "Envoy/HC"
_BACKLOG = 4096  # connections may come faster than one thread takes them


@dataclass(frozen=True)
class Received:
    """One request, byte for byte: header names and values as they came, in their order."""

    method: str
    path: str
    raw_headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        wanted = name.lower().encode()
        values = (v.decode("latin-1") for n, v in self.raw_headers if n.lower() == wanted)
        return next(values, None)

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body, read as a JSON object. Raises ValueError where it is none."""
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise ValueError("the body is no JSON object")
        return value

    @property
    def system_prompt(self) -> str | None:
        """The text of a leading system message, if there is one."""
        messages = self.json.get("messages") or [{}]
        first = messages[0]
        return first.get("content") if first.get("role") == "system" else None


class FakeBackend:
    """The server. Use it as an async context manager.

    `words` is what every model says. While `gate` is cleared no answer begins; while `stream_gate`
    is cleared a stream stops after its first event. `response_headers` are added to every answer;
    `refusal`, a status, is all that inference requests get.
    `received` holds every request since the last `forget()`, but for Envoy's health checks: those
    are counted in `health_checks`, and answered as long as `health_gate` is not cleared.
    """

    def __init__(
        self, base: str, adapters: Sequence[str] = (), *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.base = base
        self.adapters = tuple(adapters)
        self.words: Sequence[str] = ("I ", "see", ".")
        self.received: list[Received] = []
        self.gate = asyncio.Event()
        self.stream_gate = asyncio.Event()
        self.health_gate = asyncio.Event()
        self.health_checks = 0
        self.refusal: int | None = None
        self._arrival = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.response_headers: Mapping[str, str] = {}
        self.host = host
        self.port = port
        self._open_gates()

    def _open_gates(self) -> None:
        for gate in (self.gate, self.stream_gate, self.health_gate):
            gate.set()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def __aenter__(self) -> FakeBackend:
        await self.come_back()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open_gates()
        if self._runner:
            await self._runner.cleanup()

    async def come_back(self) -> None:
        """Listen, on the port as before if there was one."""
        application = web.Application(client_max_size=_MAX_BODY_BYTES)
        application.on_response_prepare.append(self._add_headers)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port, backlog=_BACKLOG).start()
        self.port = self._runner.addresses[0][1]

    async def crash(self) -> None:
        """Go as a killed process does: nobody listens any more, every connection is cut."""
        runner, self._runner = self._runner, None
        if runner is None or runner.server is None:
            return
        for site in list(runner.sites):
            await site.stop()
        for connection in list(runner.server.connections):
            if connection.transport:
                connection.transport.abort()
        await runner.cleanup()

    def forget(self) -> None:
        """Start counting requests anew."""
        self.received.clear()

    async def arrived(self, count: int = 1, timeout: float = 10.0) -> Received:
        """Wait until `count` requests have come; the latest of them."""
        async with asyncio.timeout(timeout), self._arrival:
            await self._arrival.wait_for(lambda: len(self.received) >= count)
        return self.received[count - 1]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("user-agent") == _HEALTH_CHECKER:
            return await self._answer_health_check()
        body = await request.read()
        record = Received(request.method, request.path_qs, request.raw_headers, body)
        async with self._arrival:
            self.received.append(record)
            self._arrival.notify_all()
        await self.gate.wait()
        return await self._answer(request, record)

    async def _answer_health_check(self) -> web.Response:
        self.health_checks += 1
        await self.health_gate.wait()
        return self._health()

    async def _add_headers(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self.response_headers)

    async def _answer(self, request: web.Request, record: Received) -> web.StreamResponse:
        known = {("GET", "/health"): self._health, ("GET", "/v1/models"): self._models}
        simple = known.get((request.method, request.path))
        if simple:
            return simple()
        if request.method == "POST" and request.path in list(Api):
            return await self._infer(request, Api(request.path), record)
        return web.json_response({"detail": "Not Found"}, status=404)

    def _health(self) -> web.Response:
        return web.Response()

    def _models(self) -> web.Response:
        return web.json_response(model_list(self.base, self.adapters))

    async def _infer(self, request: web.Request, api: Api, record: Received) -> web.StreamResponse:
        if self.refusal:
            return web.json_response(bad_request("not now"), status=self.refusal)
        try:
            asked = record.json
        except ValueError:
            return web.json_response(bad_request("invalid JSON"), status=400)
        model = asked.get("model")
        if model not in (self.base, *self.adapters):
            return web.json_response(unknown_model(model), status=404)
        if asked.get("stream"):
            return await self._stream(request, self.events(api, model))
        return web.json_response(answer(api, model, "".join(self.words)))

    def events(self, api: Api, model: str) -> list[bytes]:
        """The very events that a streamed answer of `model` consists of."""
        return sse_events(api, model, self.words)

    async def _stream(self, request: web.Request, events: list[bytes]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for event in events:
            await response.write(event)
            await self.stream_gate.wait()
        await response.write_eof()
        return response
