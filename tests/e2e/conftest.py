"""One Envoy, one router and two backends for all tests that do not stop or break them."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from router.config import Config, load
from router.config.schema import VllmEndpoint
from router.testing import FakeBackend, FakeEncoder, InlineRouter, RealEnvoy, on_free_ports

ROOT = Path(__file__).parents[2]
JSON = {"content-type": "application/json"}
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
BODY_MODES = ("BUFFERED", "FULL_DUPLEX_STREAMED")
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

    @property
    def error(self) -> dict[str, Any]:
        """The `error` object of an answer in error."""
        value: dict[str, Any] = json.loads(self.body)["error"]
        return value


@dataclass
class Stack:
    """Everything from client to backend."""

    config: Config
    envoy: RealEnvoy
    router: InlineRouter
    encoder: FakeEncoder
    backend: FakeBackend
    session: aiohttp.ClientSession

    async def send(self, method: str, path: str | URL, **more: Any) -> Reply:
        """One request, whole answer. Takes what aiohttp's `request` takes."""
        if isinstance(more.get("data"), bytes):
            more["data"] = BytesIO(more["data"])  # aiohttp dislikes large bytes
        url = path if isinstance(path, URL) else self.envoy.url + path
        async with self.session.request(method, url, **more) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def chat(self, text: str, *, model: str = "MoM", **more: Any) -> Reply:
        """One question to the chat API."""
        body = json.dumps(question(text, model=model, **more)).encode()
        return await self.send("POST", CHAT, data=body, headers=JSON)

    async def until_routed(self, text: str) -> Reply:
        """Ask until Envoy's workers have found the router too; the first routed answer."""
        replies: list[Reply] = []

        async def routed() -> bool:
            replies.append(await self.chat(text))
            return "selected-model" in replies[-1].chosen

        await self.envoy.process.until(routed)
        return replies[-1]

    @property
    def buffered(self) -> bool:
        return self.config.server.body_mode == "BUFFERED"


def request_id() -> dict[str, str]:
    """A header that marks one request, to find its line in the access log."""
    return {"x-request-id": str(uuid.uuid4())}


def fresh_encoder() -> FakeEncoder:
    return FakeEncoder(QUERIES)


def read_config(**changes: Any) -> Config:
    """`config/config.yaml`, with other values at the top level."""
    config = load(ROOT / "config/config.yaml", check_files=False).config
    return config.model_copy(update=changes)


def question(text: str, *, model: str = "MoM", **more: Any) -> dict[str, Any]:
    """The body of a question to the chat API."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def with_endpoint(config: Config, name: str) -> Config:
    """`config` with one endpoint more, that serves no model of it."""
    endpoint = VllmEndpoint(name=name, address="127.0.0.1", port=1)
    return config.model_copy(update={"vllm_endpoints": (*config.vllm_endpoints, endpoint)})


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


@asynccontextmanager
async def stacked(
    config: Config,
    backend: FakeBackend,
    session: aiohttp.ClientSession,
    directory: Path,
    *others: FakeBackend,
    extproc: str | None = None,
) -> AsyncIterator[Stack]:
    """A stack of its own, for a test that breaks it or wants other settings."""
    config = on_free_ports(config, [backend.port, *(other.port for other in others)])
    if extproc:
        server = config.server.model_copy(update={"extproc": extproc})
        config = config.model_copy(update={"server": server})
    encoder = fresh_encoder()
    async with InlineRouter(config, encoder) as router, RealEnvoy(config, directory) as envoy:
        yield Stack(config, envoy, router, encoder, backend, session)


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=BODY_MODES)
async def shared_stack(
    request: pytest.FixtureRequest,
    shared_backend: FakeBackend,
    session: aiohttp.ClientSession,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stack]:
    config = in_mode(read_config(), request.param)
    directory = tmp_path_factory.mktemp("envoy")
    async with stacked(config, shared_backend, session, directory) as stack:
        yield stack


NewStack = Callable[..., AbstractAsyncContextManager[Stack]]


@pytest.fixture
def new_stack(backend: FakeBackend, session: aiohttp.ClientSession, tmp_path: Path) -> NewStack:
    """Makes stacks for one test: a configuration, and backends beside the shared one."""

    def make(
        config: Config, *others: FakeBackend, extproc: str | None = None
    ) -> AbstractAsyncContextManager[Stack]:
        return stacked(config, backend, session, tmp_path, *others, extproc=extproc)

    return make


@pytest.fixture
def backend(shared_backend: FakeBackend) -> FakeBackend:
    """The shared backend, with nothing left over from the test before."""
    shared_backend.forget()
    shared_backend.gate.set()
    shared_backend.stream_gate.set()
    return shared_backend


@pytest.fixture
def stack(shared_stack: Stack, backend: FakeBackend) -> Stack:
    """The shared stack, once in each body mode, with nothing left over."""
    shared_stack.router.routings.clear()
    return shared_stack
