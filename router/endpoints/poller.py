"""Asks every endpoint how it is, again and again, and tells the live view.

Knows HTTP and timing; leaves what answers mean to `vllm` and what they are worth to `view`. Each
endpoint has a task of its own, so that a slow one keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import aiohttp
import structlog

from router.catalog import Endpoint
from router.endpoints.view import LiveView
from router.endpoints.vllm import MAX_PAGE_BYTES, read_metrics, read_models

_JITTER = 0.2
_FAULTS = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often endpoints are asked, in seconds, and with which headers; `metrics`: whether their
    load is asked for too. Every `models_interval` they are asked for their models."""

    interval: float = 2.0
    timeout: float = 1.0
    models_interval: float = 10.0
    metrics: bool = True
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Poller:
    """Keeps a view up to date. `watch` may be called again when the endpoints change.

    `changed` is told of an endpoint whose models are others than before.
    """

    def __init__(
        self,
        view: LiveView,
        pace: Pace,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        changed: Callable[[Endpoint], None] = lambda _: None,
    ) -> None:
        self._view = view
        self.pace = pace
        self._clock = clock
        self._pause = pause
        self._changed = changed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopped: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    def watch(self, endpoints: Iterable[Endpoint]) -> None:
        """Ask these endpoints, and no others, from now on. Needs a running event loop."""
        wanted = {endpoint.authority: endpoint for endpoint in endpoints}
        for authority in self._tasks.keys() - wanted.keys():
            self._tasks.pop(authority).cancel()
        for authority in wanted.keys() - self._tasks.keys():
            self._tasks[authority] = asyncio.create_task(self._follow(wanted[authority]))

    def stop(self) -> None:
        """Stop asking; nothing is told to the view from now on."""
        for task in self._tasks.values():
            task.cancel()
        self._stopped += self._tasks.values()
        self._tasks.clear()

    async def close(self) -> None:
        """Stop asking, and wait until nobody asks any more."""
        self.stop()
        await asyncio.gather(*self._stopped, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def probe(self, endpoint: Endpoint, *, models: bool = True) -> None:
        """Ask once. What cannot be had is not known; that is no error."""
        if not await self._is_up(endpoint):
            self._view.failed(endpoint)
            return
        self._view.answered(endpoint)
        if self.pace.metrics:
            await self._ask_load(endpoint)
        if models:
            await self._ask_models(endpoint)

    async def _follow(self, endpoint: Endpoint) -> None:
        models_due = self._clock()
        while True:
            now = self._clock()
            models = now >= models_due
            if models:
                models_due = now + self.pace.models_interval
            try:
                await self.probe(endpoint, models=models)
            except Exception as error:  # one bad answer must not end the asking
                structlog.get_logger().error(
                    "live_view", endpoint=endpoint.name, error=type(error).__name__
                )
            await self._pause(self.pace.interval * random.uniform(1 - _JITTER, 1 + _JITTER))

    async def _is_up(self, endpoint: Endpoint) -> bool:
        try:
            await self._get(endpoint, "/health")
        except _FAULTS:
            return False
        return True

    async def _ask_load(self, endpoint: Endpoint) -> None:
        try:
            page = await self._get(endpoint, "/metrics")
        except _FAULTS:
            return
        self._view.observed(endpoint, read_metrics(page.decode(errors="replace")), self._clock())

    async def _ask_models(self, endpoint: Endpoint) -> None:
        try:
            served = read_models(await self._get(endpoint, "/v1/models"))
        except _FAULTS:
            return
        before = self._view.served_by(endpoint)
        self._view.serves(endpoint, served)
        if before != served:
            self._changed(endpoint)

    async def _get(self, endpoint: Endpoint, path: str) -> bytes:
        """The body of a good answer. Raises what _FAULTS names."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self.pace.timeout)
            self._session = aiohttp.ClientSession(timeout=timeout, headers=self.pace.headers)
        url = f"http://{endpoint.authority}{path}"
        async with self._session.get(url, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > MAX_PAGE_BYTES:
                    raise ValueError(f"more than {MAX_PAGE_BYTES} bytes")
        return bytes(body)
