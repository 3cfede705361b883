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
from router.catalog import Endpoint
from router.compilation import named_ref
from router.config import Config, Loaded, changed_headers, forwarded_headers
from router.config.live_view import LiveViewSettings
from router.endpoints.poller import Pace, Poller
from router.flow import RequestFlow
from router.holdings import Holdings
from router.reload import Outcome, Reloader, Status
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
    one; None where Envoy's clusters are somebody else's business. `tell_others` passes a wish to
    reload on to processes that share this one's work.
    """

    def __init__(
        self,
        loaded: Loaded,
        telemetry: Telemetry,
        *,
        write_clusters: WriteClusters | None = None,
        envoy_seconds: float = ENVOY_SECONDS,
        tell_others: Callable[[], None] | None = None,
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
        self._tell_others = tell_others
        self._poller: Poller | None = None
        self._pollers: list[Poller] = []  # stopped, and not yet closed
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

    async def reload(self) -> Outcome:
        """Load the file anew, here and in the processes that share the work."""
        outcome = await self.reloader.reload()
        if self._tell_others is not None:
            self._tell_others()
        return outcome

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
        for poller in (*self._pollers, *([self._poller] if self._poller else [])):
            await poller.close()
        await self._holdings.close()

    async def _prepare(self, loaded: Loaded) -> Snapshot:
        return await compile_snapshot(loaded, self._holdings)

    async def _adopt(self, loaded: Loaded, snapshot: Snapshot) -> None:
        """New clusters first, then the new snapshot; old clusters go when nobody names them."""
        before = self._loaded.config
        moved = self._write_clusters is not None and _clusters(loaded.config) != _clusters(before)
        try:
            if moved:
                await self._settled()
                await self._publish(loaded.config, before)
                await asyncio.sleep(self._envoy_seconds)
        except BaseException:
            if snapshot.lease is not None:
                snapshot.lease.release()
            raise
        ended = self._exchange(loaded, snapshot)
        self._follow_endpoints()
        if moved:
            self._cleanup = self._run(self._retire(loaded.config, ended))

    async def _settled(self) -> None:
        """The clusters of the configuration before the last are gone."""
        cleanup, self._cleanup = self._cleanup, None
        if cleanup is not None:
            await cleanup

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
        try:
            await self._publish(config, None)
        except OSError as error:  # they go with the next change
            structlog.get_logger().warning("old_clusters_stay", reason=error.strerror)

    async def _publish(self, config: Config, besides: Config | None) -> None:
        if self._write_clusters is not None:
            await asyncio.to_thread(self._write_clusters, config, besides)

    def _follow_endpoints(self) -> None:
        """Ask the endpoints of the present configuration, if anybody is to be asked."""
        settings, endpoints = self._loaded.config.live_view, self.snapshot.catalog.endpoints
        self.balancer.view.forget_all_but(endpoints.values())
        pace = _pace(settings) if settings.enabled else None
        if self._poller is not None and self._poller.pace != pace:
            self._poller.stop()
            self._pollers.append(self._poller)
            self._poller = None
        if pace is None:
            self.balancer.view.forget_news()
            return
        self._poller = self._poller or Poller(self.balancer.view, pace, changed=self._log_models)
        self._poller.watch(endpoints.values())

    def _log_models(self, endpoint: Endpoint) -> None:
        served = self.balancer.view.served_by(endpoint)
        structlog.get_logger().info(
            "models_changed",
            endpoint=endpoint.name,
            models=len(served.names) if served else 0,
            adapters=len(served.parents) if served else 0,
        )

    def _report(self, outcome: Outcome) -> None:
        self.telemetry.reloaded(outcome)
        if outcome.status is Status.RELOADED:
            for what in _needs_restart(self._first, self._loaded.config):
                structlog.get_logger().warning("config_needs_restart", detail=what)

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
    if _bootstrap(first) != _bootstrap(now):
        found.append("envoy's own configuration has changed; write it anew and restart envoy")
    return found


def _bootstrap(config: Config) -> object:
    """All that Envoy's configuration is made of, but for its clusters."""
    default = named_ref(config.default_model, config).model
    return (
        forwarded_headers(config),
        changed_headers(config),
        config.envoy,
        config.on_error,
        config.auto_names,
        config.default_model,
        config.endpoints_of(default),
    )


def _pace(settings: LiveViewSettings) -> Pace:
    return Pace(
        settings.interval_ms / 1000,
        settings.timeout_ms / 1000,
        settings.models_interval_ms / 1000,
        settings.metrics,
        settings.headers,
    )
