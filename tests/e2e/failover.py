"""Several backends behind one Envoy, questions at a steady pace, and what became of each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp

from router.config import Config
from router.config.schema import ModelSettings, VllmEndpoint
from router.testing import FakeBackend
from tests.e2e.conftest import ADAPTERS, CHAT, JSON, Stack, question, read_config, stacked

BASE = "llama2-7b"
NAMES = ("e1", "e2", "e3")
# Beside a weight of 1 it takes all but a millionth of the requests.
NEARLY_ALL = 1_000_000


def sharing(*weights: int, **changes: Any) -> Config:
    """The example configuration with endpoints e1, e2 and so on, which all serve its base model."""
    config = read_config(**changes)
    endpoints = tuple(
        VllmEndpoint(name=f"e{number}", address="127.0.0.1", port=number, weight=weight)
        for number, weight in enumerate(weights, start=1)
    )
    model = config.models[BASE].model_copy(update={"preferred_endpoints": ()})
    return config.model_copy(update={"vllm_endpoints": endpoints, "models": {BASE: model}})


def serving(config: Config, **endpoints: str) -> Config:
    """`config` with a model of its own, of that name, at each of these endpoints."""
    own = {model: ModelSettings(preferred_endpoints=(name,)) for model, name in endpoints.items()}
    others = {e.name for e in config.vllm_endpoints} - set(endpoints.values())
    base = config.models[BASE].model_copy(update={"preferred_endpoints": tuple(sorted(others))})
    return config.model_copy(update={"models": {BASE: base, **own}})


def without(config: Config, name: str) -> Config:
    """`config` as it is for Envoy once that endpoint and its models are gone."""
    left = tuple(e for e in config.vllm_endpoints if e.name != name)
    models = {m: s for m, s in config.models.items() if s.preferred_endpoints != (name,)}
    return config.model_copy(update={"vllm_endpoints": left, "models": models})


def with_envoy(config: Config, **settings: object) -> Config:
    """`config` with other settings of Envoy."""
    return config.model_copy(update={"envoy": config.envoy.model_copy(update=settings)})


@dataclass
class Crew:
    """A stack with all of its backends; each signs its answers with `x-by`."""

    stack: Stack
    backends: Sequence[FakeBackend]

    async def until_healthy(self, **counts: int) -> None:
        """Wait until Envoy finds so many servers of these clusters up."""
        for name, count in counts.items():
            wanted = {f"{name}.membership_healthy": count}
            await self.stack.envoy.until_stats(f"cluster.{name}.membership", wanted)

    async def open_stream(
        self, opened: AsyncExitStack, model: str = BASE
    ) -> tuple[str, aiohttp.ClientResponse]:
        """A stream of which the first event has come, and who answers it."""
        body = question("hello", model=model, stream=True)
        request = self.stack.session.post(self.stack.envoy.url + CHAT, json=body)
        answer = await opened.enter_async_context(request)
        assert answer.status == 200
        await answer.content.readuntil(b"\n\n")
        return answer.headers["x-by"], answer

    def hold_streams(self) -> None:
        for backend in self.backends:
            backend.stream_gate.clear()

    def release_streams(self) -> None:
        for backend in self.backends:
            backend.stream_gate.set()


@asynccontextmanager
async def crewed(
    config: Config, session: aiohttp.ClientSession, directory: Path
) -> AsyncIterator[Crew]:
    """A backend for every endpoint of `config`, with a router and an Envoy before them."""
    async with AsyncExitStack() as entered:
        backends = []
        for endpoint in config.vllm_endpoints:
            own = [m for m, s in config.models.items() if s.preferred_endpoints == (endpoint.name,)]
            backend = FakeBackend(own[0] if own else BASE, ADAPTERS)
            backend.response_headers = {"x-by": endpoint.name}
            backends.append(await entered.enter_async_context(backend))
        stack = await entered.enter_async_context(
            stacked(config, backends[0], session, directory, *backends[1:])
        )
        yield Crew(stack, backends)


@dataclass(frozen=True)
class Outcome:
    """What became of question `number`; status 0 where there was no whole answer."""

    number: int
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def by(self) -> str:
        """The backend that answered."""
        return self.headers.get("x-by", "")

    @property
    def routed(self) -> bool:
        """Whether the router had a part in it."""
        return "x-vsr-selected-model" in self.headers

    @property
    def failed_open(self) -> bool:
        """Whether the answer says that the router had no part in it."""
        return self.headers.get("x-vsr-failed-open") == "true"

    @property
    def code(self) -> str:
        """The `code` of an error in OpenAI's JSON; fails where the body is something else."""
        return str(json.loads(self.body)["error"]["code"])


class Load:
    """Questions at a steady pace, however long their answers take. Use it as a context manager.

    At its end it waits for the answers that are still out. `outcomes` are in the order in which
    they came.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, *, model: str = BASE, rate: float = 60
    ) -> None:
        self._session = session
        self._url = url + CHAT
        self._body = json.dumps(question("What shall we cook tonight?", model=model)).encode()
        self._pause = 1 / rate
        self._asked: list[asyncio.Task[None]] = []
        self._due: asyncio.TimerHandle | None = None
        self._came = asyncio.Condition()
        self.outcomes: list[Outcome] = []

    async def __aenter__(self) -> Load:
        self._tick(asyncio.get_running_loop().time())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._due:
            self._due.cancel()
        await asyncio.gather(*self._asked)

    def _tick(self, now: float) -> None:
        self._asked.append(asyncio.create_task(self._ask(self.asked)))
        due = now + self._pause
        self._due = asyncio.get_running_loop().call_at(due, self._tick, due)

    async def _ask(self, number: int) -> None:
        try:
            async with self._session.post(self._url, data=self._body, headers=JSON) as answer:
                outcome = Outcome(number, answer.status, answer.headers, await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError):
            outcome = Outcome(number)
        async with self._came:
            self.outcomes.append(outcome)
            self._came.notify_all()

    async def answered(self, count: int, timeout: float = 30) -> None:
        """Wait for so many more outcomes."""
        enough = len(self.outcomes) + count
        async with asyncio.timeout(timeout), self._came:
            await self._came.wait_for(lambda: len(self.outcomes) >= enough)

    async def until(self, wanted: Callable[[Outcome], bool], timeout: float) -> None:
        """Wait for an outcome such as is wanted."""
        known = len(self.outcomes)
        async with asyncio.timeout(timeout), self._came:
            await self._came.wait_for(lambda: any(map(wanted, self.outcomes[known:])))

    @property
    def asked(self) -> int:
        """How many questions have been asked."""
        return len(self._asked)

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status != 200]
