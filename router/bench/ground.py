"""The ground that every measurement stands on: one backend, and three Envoys in front of it."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
import yaml

from router.config import Config, load
from router.testing import FakeBackend, ManagedProcess, RealEnvoy, RouterProcess, on_free_ports

_EXT_PROC = "envoy.filters.http.ext_proc"
_numbers = count()


class PlainEnvoy(RealEnvoy):
    """The same Envoy without its external processor."""

    def write_files(self) -> None:
        super().write_files()
        path = self.directory / "envoy.yaml"
        bootstrap = yaml.safe_load(path.read_text())
        for manager in _connection_managers(bootstrap):
            filters = manager["http_filters"]
            manager["http_filters"] = [one for one in filters if one["name"] != _EXT_PROC]
        path.write_text(yaml.safe_dump(bootstrap, sort_keys=False))


def _connection_managers(bootstrap: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        network_filter["typed_config"]
        for listener in bootstrap["static_resources"]["listeners"]
        for chain in listener["filter_chains"]
        for network_filter in chain["filters"]
    ]


@dataclass
class Ground:
    """Running servers, and a client. Every request has a text of its own: no cache helps."""

    session: aiohttp.ClientSession
    backend: FakeBackend
    plain: RealEnvoy
    noop: RealEnvoy
    routed: RealEnvoy
    router: RouterProcess

    async def ask(self, envoy: RealEnvoy, model: str, size: int) -> float:
        """Seconds that a chat request takes whose prompt has about `size` bytes.

        Raises where the answer is not 200.
        """
        body = chat_body(model, size)
        started = perf_counter()
        async with self.session.post(
            f"{envoy.url}/v1/chat/completions",
            data=BytesIO(body),  # whole bytes this large would hold up the client's loop
            headers={"content-type": "application/json"},
        ) as response:
            await response.read()
            taken = perf_counter() - started
        if response.status != 200:
            raise RuntimeError(f"{envoy.url} answered {response.status}")
        return taken


def question() -> str:
    """A text of about 16 tokens that has never been asked."""
    years = next(_numbers)
    return f"What causes high blood pressure in an otherwise healthy person aged {years} years?"


def chat_body(model: str, size: int) -> bytes:
    """A chat request with a prompt of about `size` bytes that is unlike any other."""
    text = question()
    filler = "It has been measured twice. " * ((size - len(text)) // 28)
    messages = [{"role": "user", "content": filler + text}]
    return json.dumps({"model": model, "messages": messages}).encode()


@asynccontextmanager
async def prepared(config_path: Path) -> AsyncIterator[Ground]:
    """Start everything on free ports; stop it at the end."""
    base = load(config_path).config
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lora-bench-")))
        adapters = [lora.name for model in base.models.values() for lora in model.loras]
        backend = FakeBackend(base.default_model, [*adapters, *base.auto_names])
        await stack.enter_async_context(backend)
        configs = [_config(base, backend.port) for _ in range(3)]
        await _start_noop(stack, configs[1], directory)
        router = RouterProcess(configs[2], directory)
        await stack.enter_async_context(router)
        envoys = (PlainEnvoy(configs[0]), RealEnvoy(configs[1]), RealEnvoy(configs[2]))
        plain, noop, routed = [await stack.enter_async_context(envoy) for envoy in envoys]
        await noop.until_router(healthy=True)
        await routed.until_router(healthy=True)
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield Ground(session, backend, plain, noop, routed, router)


def _config(base: Config, backend_port: int) -> Config:
    """The configuration on free ports; rejecting, so that no fallback script runs without it."""
    moved = on_free_ports(base, [backend_port] * len(base.vllm_endpoints))
    return moved.model_copy(update={"on_error": "reject"})


async def _start_noop(stack: AsyncExitStack, config: Config, directory: Path) -> None:
    command = [sys.executable, "-m", "router.bench.noop", config.server.extproc]
    process = ManagedProcess(command, directory / "noop.log")
    await process.start()
    stack.push_async_callback(process.stop)
    await process.until(lambda: _listens(config.server.extproc))


async def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
