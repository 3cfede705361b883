"""The running process: what it serves from now, and how that is exchanged for something newer.

Knows in which order a new configuration takes over, so that no request goes where nobody is; leaves
the file to the reloader and the servers to the composition root.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress

import structlog

from router.balancing import Balancer
from router.config import Config, Loaded, forwarded_headers
from router.endpoints.poller import Pace, Poller
from router.flow import RequestFlow
from router.holdings import Holdings
from router.reload import Outcome, Reloader
from router.snapshot import Snapshot, compile_snapshot
from router.telemetry import Telemetry

# Envoy takes a new cluster file up in well under a second; a busy one is given more.
ENVOY_SECONDS = 3.0
# Exchanges are over in milliseconds. One that is not keeps the old clusters no longer than this.
LAST_EXCHANGE_SECONDS = 30.0

WriteClusters = Callable[[Config, Config | None], object]


class Service:
    """One process's worth of routing, from its first configuration to its last.

    `write_clusters` gives Envoy the clusters of a configuration and, besides, those of an earlier
    one; None where Envoy's clusters are somebody else's business.
    """

    def __init__(
        self,
        loaded: Loaded,
        telemetry: Telemetry,
        *,
        write_clusters: WriteClusters | None = None,
        envoy_seconds: float = ENVOY_SECONDS,
    ) -> None:
        self.telemetry = telemetry
        self.balancer = Balancer()
        self.ready = False
        self.reloader: Reloader[Snapshot] = Reloader(
            loaded, prepare=self._prepare, adopt=self._adopt, report=self._report
        )
        self._first = loaded.config
        self._loaded = loaded
        self._snapshot: Snapshot | None = None
        self._holdings = Holdings(telemetry.metrics.observe_batch)
        self._write_clusters = write_clusters
        self._envoy_seconds = envoy_seconds
        self._poller: Poller | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._cleanup: asyncio.Task[None] | None = None

    @property
    def snapshot(self) -> Snapshot:
        """What is served from; there is one once the service has started."""
        assert self._snapshot is not None
        return self._snapshot

    @property
    def shows_responses(self) -> bool:
        """Whether Envoy, as it was configured at the start, shows the beginning of responses."""
        return self._first.envoy.show_responses

    def new_flow(self) -> RequestFlow:
        """One request's way through the present snapshot."""
        return RequestFlow(self.snapshot, self.telemetry.report, self.balancer)

    async def start(self) -> None:
        """Compile the first configuration. Raises ModelFilesError, ConfigError."""
        self._snapshot = await self._prepare(self._loaded)
        self.telemetry.serving(self._loaded.version)
        await self._publish(self._loaded.config, None)
        self._follow_endpoints()

    def watch(self) -> None:
        """Take up changes of the file from now on."""
        self._run(self.reloader.watch())

    def reload_soon(self) -> None:
        """Load the file anew, as if it had changed."""

        async def reload() -> None:
            await self.reloader.reload()

        self._run(reload())

    async def close(self) -> None:
        """Stop watching, and close models and connections."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._poller is not None:
            await self._poller.close()
        await self._holdings.close()

    async def _prepare(self, loaded: Loaded) -> Snapshot:
        return await compile_snapshot(loaded, self._holdings)

    async def _adopt(self, loaded: Loaded, snapshot: Snapshot) -> None:
        """New clusters first, then the new snapshot; old clusters go when nobody names them."""
        if self._cleanup is not None:
            await self._cleanup
        before, moved = (
            self._loaded.config,
            _clusters(loaded.config) != _clusters(self._loaded.config),
        )
        if moved:
            await self._publish(loaded.config, before)
            if self._write_clusters is not None:
                await asyncio.sleep(self._envoy_seconds)
        ended = self._exchange(loaded, snapshot)
        self._follow_endpoints()
        if moved and self._write_clusters is not None:
            self._cleanup = self._run(self._retire(loaded.config, ended))

    def _exchange(self, loaded: Loaded, snapshot: Snapshot) -> asyncio.Event:
        """Serve from `snapshot`; the event says when the last exchange on the old one ends."""
        old, self._snapshot, self._loaded = self.snapshot, snapshot, loaded
        self.telemetry.serving(loaded.version)
        ended = asyncio.Event()
        loop, lease = asyncio.get_running_loop(), old.lease

        def forget() -> None:
            ended.set()
            if lease is not None:
                lease.release()

        def gone() -> None:
            with suppress(RuntimeError):  # the loop has ended too
                loop.call_soon_threadsafe(forget)

        weakref.finalize(old, gone).atexit = False
        return ended

    async def _retire(self, config: Config, ended: asyncio.Event) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), LAST_EXCHANGE_SECONDS)
        await self._publish(config, None)

    async def _publish(self, config: Config, besides: Config | None) -> None:
        if self._write_clusters is not None:
            await asyncio.to_thread(self._write_clusters, config, besides)

    def _follow_endpoints(self) -> None:
        """Ask the endpoints of the present configuration, if anybody is to be asked."""
        settings = self._loaded.config.live_view
        poller, self._poller = self._poller, None
        if poller is not None:
            self._run(poller.close())
        if settings.enabled:
            pace = Pace(
                settings.interval_ms / 1000,
                settings.timeout_ms / 1000,
                settings.models_interval_ms / 1000,
                settings.metrics,
                settings.headers,
            )
            self._poller = Poller(self.balancer.view, pace)
            self._poller.watch(self.snapshot.catalog.endpoints.values())

    def _report(self, outcome: Outcome) -> None:
        self.telemetry.reloaded(outcome)
        for what in _needs_restart(self._first, self._loaded.config):
            structlog.get_logger().warning("config_reloaded", detail=what)

    def _run(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _clusters(config: Config) -> object:
    """All that Envoy's clusters are made of."""
    models = {name: config.endpoints_of(name) for name in config.models}
    return (config.vllm_endpoints, models, config.default_model, config.envoy)


def _needs_restart(first: Config, now: Config) -> list[str]:
    """What differs from the first configuration and cannot take effect in a running process."""
    found = [
        f"{section}.{key} has changed; it takes effect when the router is started anew"
        for section in ("server", "logging")
        for key in type(getattr(first, section)).model_fields
        if getattr(getattr(first, section), key) != getattr(getattr(now, section), key)
    ]
    if forwarded_headers(first) != forwarded_headers(now):
        found.append(
            "the headers that are asked for have changed; write envoy's configuration anew and "
            "restart envoy"
        )
    return found
