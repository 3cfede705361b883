"""A server that loads and unloads adapters as vLLM does, or says what it is told to."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from router.catalog import Endpoint
from router.testing import free_port

LOAD = "/v1/load_lora_adapter"
UNLOAD = "/v1/unload_lora_adapter"
MODELS = "/v1/models"


@dataclass(frozen=True)
class Said:
    """An answer in place of vLLM's own."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Vllm:
    """`adapters` are names and paths; `open`: whether they may be changed at run time.

    `says` replaces the answers of a path; `asked` are the paths and bodies that came, `seen` the
    headers of the last request. While `gate` is cleared nothing is answered; `busiest` is how many
    requests waited at once.
    """

    bases: tuple[str, ...] = ("llama",)
    adapters: dict[str, str] = field(default_factory=dict)
    open: bool = True
    says: dict[str, Said] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = field(default_factory=free_port)
    busiest: int = 0
    _busy: int = 0
    _arrival: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("vllm", "127.0.0.1", self.port)

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    async def start(self) -> web.AppRunner:
        self.gate.set()
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        return runner

    async def arrived(self, count: int = 1) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(20), self._arrival:
            await self._arrival.wait_for(lambda: len(self.asked) >= count)

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        self.seen = {name.lower(): value for name, value in request.headers.items()}
        async with self._arrival:
            self.asked.append((request.path, body))
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
            self._arrival.notify_all()
        await self.gate.wait()
        self._busy -= 1
        return self._reply(request, body)

    def _reply(self, request: web.Request, body: Any) -> web.Response:
        if said := self.says.get(request.path):
            return web.Response(status=said.status, body=said.body, headers=said.headers)
        if request.path == MODELS:
            return web.json_response({"object": "list", "data": self._cards()})
        if not self.open or request.method != "POST":
            return web.json_response({"detail": "Not Found"}, status=404)
        return self._load(body) if request.path == LOAD else self._unload(body)

    def _cards(self) -> list[dict[str, Any]]:
        adapters = [
            {"id": name, "object": "model", "root": path, "parent": self.bases[0]}
            for name, path in self.adapters.items()
        ]
        bases = [{"id": name, "object": "model", "parent": None} for name in self.bases]
        return [*bases, *adapters]

    def _load(self, body: dict[str, str]) -> web.Response:
        name, path = body["lora_name"], body["lora_path"]
        if name in self.adapters:
            return refused(400, f"The lora adapter '{name}' has already been loaded.")
        if path.startswith("/nowhere"):
            return refused(404, f"Loading lora {name} failed: No adapter found for {path}")
        self.adapters[name] = path
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    def _unload(self, body: dict[str, str]) -> web.Response:
        name = body["lora_name"]
        if self.adapters.pop(name, None) is None:
            return refused(404, f"The lora adapter '{name}' cannot be found.")
        return web.Response(text=f"Success: LoRA adapter '{name}' removed successfully.")


def refused(status: int, message: str) -> web.Response:
    """An error in vLLM's form."""
    error = {"message": message, "type": "BadRequestError", "param": None, "code": status}
    return web.json_response({"error": error}, status=status)


def in_json(value: object) -> bytes:
    return json.dumps(value).encode()
