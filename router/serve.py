"""The composition root: one process (or several workers) from a configuration file to SERVING.

Knows in which order things start and stop; leaves every piece of work to its room.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import uvloop
from aiohttp import web

from router.admin.app import Admin
from router.config import Config, Loaded, load
from router.config.process import ServerSettings
from router.errors import ConfigError
from router.extproc.server import ExtProcServer
from router.payload import render_error
from router.service import Service, WriteClusters
from router.telemetry import Telemetry
from router.telemetry.decision_log import DecisionLog, configure_logging
from router.telemetry.metrics import Metrics

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG = 1


@asynccontextmanager
async def running(
    loaded: Loaded, *, share_ports: bool = False, envoy: Path | None = None
) -> AsyncIterator[Service]:
    """Serve `loaded` until the block ends, then drain: in-flight requests finish first.

    `share_ports` lets several workers listen on the same ports (SO_REUSEPORT). `envoy` is the
    directory from which Envoy takes its clusters, where the router is to keep them up to date.
    """
    telemetry = _telemetry(loaded)
    service = Service(
        loaded,
        telemetry,
        write_clusters=_cluster_writer(envoy),
        tell_others=_tell_the_supervisor if share_ports else None,
    )
    try:
        await service.start()
        _spare_the_collector()
        async with _listening(service, loaded.config.server, share_ports):
            if loaded.config.server.watch_config:
                service.watch()
            yield service
    finally:
        telemetry.flush()
        await service.close()


def _cluster_writer(directory: Path | None) -> WriteClusters | None:
    if directory is None:
        return None
    # Takes a second to import: only for whoever wants Envoy's files written.
    from router.envoy_config import write_clusters

    def write(config: Config, besides: Config | None) -> None:
        write_clusters(config, directory, besides=besides)

    return write


def _spare_the_collector() -> None:
    """What is loaded by now stays, and requests leave few cycles: look seldom, and not at all that.

    With the defaults a collection falls into every few requests' time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _telemetry(loaded: Loaded) -> Telemetry:
    return Telemetry(Metrics(), DecisionLog(include_prompt=loaded.config.logging.include_prompt))


@asynccontextmanager
async def _listening(
    service: Service, settings: ServerSettings, share_ports: bool
) -> AsyncIterator[None]:
    extproc = ExtProcServer(
        service.new_flow,
        address=settings.extproc,
        max_body_bytes=settings.max_body_bytes,
        default_mode=settings.body_mode,
        render_error=render_error,
        expects_response_phases=service.shows_responses,
        share_port=share_ports,
    )
    admin = Admin(service)
    async with _admin_server(admin, settings.admin, share_ports):
        await extproc.start()
        service.ready = True
        try:
            yield
        finally:
            service.ready = False
            await extproc.stop(settings.drain_seconds)


@asynccontextmanager
async def _admin_server(admin: Admin, address: str, share_port: bool) -> AsyncIterator[None]:
    host, _, port = address.rpartition(":")
    runner = web.AppRunner(admin.application(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host.strip("[]"), int(port), reuse_port=share_port or None)
        try:
            await site.start()
        except OSError as error:
            problem = f"server.admin: cannot listen on '{address}': {error.strerror}"
            raise ConfigError([problem]) from None
        yield
    finally:
        await runner.cleanup()


async def serve(
    loaded: Loaded,
    *,
    share_ports: bool = False,
    envoy: Path | None = None,
    missed: Sequence[int] = (),
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP loads the configuration anew.

    `missed` are the SIGHUPs that came before anybody listened.
    """
    log = structlog.get_logger()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def drain() -> None:
        # A second signal finds no handler and ends the process at once.
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        stop.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, drain)
    async with running(loaded, share_ports=share_ports, envoy=envoy) as service:
        loop.add_signal_handler(signal.SIGHUP, service.reload_soon)
        if missed:
            service.reload_soon()
        server = loaded.config.server
        log.info(
            "serving",
            extproc=server.extproc,
            admin=server.admin,
            config_version=service.snapshot.version,
        )
        await stop.wait()
        log.info("draining", seconds=server.drain_seconds)
    log.info("stopped")


def _tell_the_supervisor() -> None:
    """One worker was asked to reload: all are to."""
    os.kill(os.getppid(), signal.SIGHUP)


def _end_with_the_supervisor() -> None:
    """A worker that outlived its supervisor would keep the ports, out of anybody's control."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def run(path: Path, *, share_ports: bool = False, envoy: Path | None = None) -> None:
    """Load `path` and serve it in this process. Raises ConfigError, ModelFilesError."""
    missed: list[int] = []
    signal.signal(signal.SIGHUP, lambda number, _: missed.append(number))
    if share_ports:
        _end_with_the_supervisor()
    loaded = load(path)
    configure_logging(loaded.config.logging)
    for warning in loaded.warnings:
        structlog.get_logger().warning("configuration", detail=warning)
    uvloop.run(serve(loaded, share_ports=share_ports, envoy=envoy, missed=missed))
