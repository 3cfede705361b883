"""One Envoy, one router and two backends for all tests that do not stop or break them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from router.config import Config, load
from router.testing import FakeBackend, FakeEncoder, InlineRouter, RealEnvoy, on_free_ports

ROOT = Path(__file__).parents[2]
CHAT = "/v1/chat/completions"
QUERIES = {
    "Explain async/await in JavaScript": "technical",
    "What causes high blood pressure?": "medical",
    "Is a verbal contract binding?": "legal",
    "What shall we cook tonight?": "general",
    "解释 JavaScript 中的 async/await": "technical",
    "高血压的原因是什么？": "medical",
    "口头合同有法律效力吗？": "legal",
    "今晚做什么菜好？": "general",
}
ADAPTERS = ("technical-lora", "medical-lora", "legal-lora")


@dataclass(frozen=True)
class Reply:
    """What a client gets."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def chosen(self) -> dict[str, str]:
        """The `x-vsr-*` headers, without their prefix."""
        return {
            name.lower().removeprefix("x-vsr-"): value
            for name, value in self.headers.items()
            if name.lower().startswith("x-vsr-")
        }


@dataclass
class Stack:
    """Everything from client to backend."""

    config: Config
    envoy: RealEnvoy
    router: InlineRouter
    encoder: FakeEncoder
    backend: FakeBackend
    session: aiohttp.ClientSession

    async def send(self, method: str, path: str, **more: Any) -> Reply:
        """One request, whole answer. Takes what aiohttp's `request` takes."""
        async with self.session.request(method, self.envoy.url + path, **more) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def chat(self, text: str, *, model: str = "MoM", **more: Any) -> Reply:
        """One question to the chat API."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return await self.send("POST", CHAT, json=body)


def request_id() -> dict[str, str]:
    """A header that marks one request, to find its line in the access log."""
    return {"x-request-id": str(uuid.uuid4())}


def fresh_encoder() -> FakeEncoder:
    return FakeEncoder(QUERIES)


def read_config(**changes: Any) -> Config:
    """`config/config.yaml`, with other values at the top level."""
    config = load(ROOT / "config/config.yaml", check_files=False).config
    return config.model_copy(update=changes)


def in_mode(config: Config, mode: str) -> Config:
    return config.model_copy(
        update={"server": config.server.model_copy(update={"body_mode": mode})}
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_backend() -> AsyncIterator[FakeBackend]:
    async with FakeBackend("llama2-7b", ADAPTERS) as backend:
        yield backend


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield session


@pytest_asyncio.fixture(
    scope="session", loop_scope="session", params=["BUFFERED", "FULL_DUPLEX_STREAMED"]
)
async def shared_stack(
    request: pytest.FixtureRequest,
    shared_backend: FakeBackend,
    session: aiohttp.ClientSession,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stack]:
    config = in_mode(on_free_ports(read_config(), [shared_backend.port]), request.param)
    encoder = fresh_encoder()
    directory = tmp_path_factory.mktemp("envoy")
    async with InlineRouter(config, encoder) as router, RealEnvoy(config, directory) as envoy:
        yield Stack(config, envoy, router, encoder, shared_backend, session)


@pytest.fixture
def stack(shared_stack: Stack) -> Stack:
    """The shared stack in both body modes, with nothing left over from the test before."""
    shared_stack.backend.forget()
    shared_stack.router.routings.clear()
    shared_stack.encoder.failure = None
    shared_stack.encoder.gate.set()
    shared_stack.backend.gate.set()
    shared_stack.backend.stream_gate.set()
    return shared_stack
