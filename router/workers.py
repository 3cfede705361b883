"""Several worker processes on the same ports: started, watched, replaced, stopped together.

Each worker is a whole `lora-router serve` that shares its ports by SO_REUSEPORT; the kernel spreads
Envoy's connections over them. Metrics are added up over the workers through a directory of theirs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from router.config import Loaded, load
from router.errors import ConfigError
from router.telemetry.decision_log import configure_logging

_LOOK_SECONDS = 0.2  # how often the workers are looked after
_RESTART_SECONDS = 1.0  # how long a worker's place stays empty, lest a broken one spins
_PROVEN_SECONDS = 5.0  # a worker that lived so long shows that the configuration works


def run_workers(path: Path, count: int, *, envoy: Path | None = None) -> int:
    """Run `count` workers until SIGTERM or SIGINT; the exit status. Raises ConfigError."""
    loaded = load(path)
    _check_shareable(path, loaded)
    if envoy:
        problem = "--envoy needs --workers 1: several would take each other's clusters away"
        raise ConfigError([f"{problem}; let a router of its own, or your deployment, write them"])
    configure_logging(loaded.config.logging)
    with tempfile.TemporaryDirectory(prefix="lora-router-metrics-") as directory:
        return Supervisor(path, count, directory).run()


def _check_shareable(path: Path, loaded: Loaded) -> None:
    address = loaded.config.server.extproc
    if address.startswith("unix:"):
        found = f"server.extproc: '{address}' cannot be shared by several workers"
        raise ConfigError([f"{path}: {found}; expected host:port, or --workers 1"])


class Supervisor:
    """Keeps `count` workers alive until it is told to stop or they prove unable to start."""

    def __init__(self, path: Path, count: int, metrics_directory: str) -> None:
        self._command = [sys.executable, "-m", "router", "serve", "-c", str(path), "--share-ports"]
        self._environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": metrics_directory}
        self._metrics_directory = metrics_directory
        self._count = count
        self._workers: dict[subprocess.Popen[bytes], float] = {}
        self._stop = threading.Event()
        self._proven = False
        self._restart_at = 0.0
        self._status = 0
        self._log = structlog.get_logger()

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        signal.signal(signal.SIGHUP, lambda *_: self._reload_all())
        try:
            while not self._stop.is_set():
                self._look()
                self._stop.wait(_LOOK_SECONDS)
        finally:
            self._end_all()
        return self._status

    def _look(self) -> None:
        """Take leave of workers that ended, and fill empty places."""
        now = time.monotonic()
        for worker, started in list(self._workers.items()):
            self._proven = self._proven or now - started > _PROVEN_SECONDS
            if worker.poll() is not None:
                self._bury(worker)
        while len(self._workers) < self._count and now >= self._restart_at:
            if self._stop.is_set():
                return
            self._start()

    def _reload_all(self) -> None:
        for worker in tuple(self._workers):
            worker.send_signal(signal.SIGHUP)

    def _start(self) -> None:
        # What is ignored stays so in the child: a signal cannot end it before it listens to it.
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        worker = subprocess.Popen(self._command, env=self._environment)
        signal.signal(signal.SIGHUP, before)
        self._workers[worker] = time.monotonic()
        self._log.info("worker started", pid=worker.pid)

    def _bury(self, worker: subprocess.Popen[bytes]) -> None:
        del self._workers[worker]
        mark_process_dead(worker.pid, self._metrics_directory)
        self._log.error("worker ended", pid=worker.pid, status=worker.returncode)
        self._restart_at = time.monotonic() + _RESTART_SECONDS
        # Later on the file may be broken for a while: the others serve what it was before.
        if not self._proven:
            self._status = max(worker.returncode, 1)
            self._stop.set()

    def _end_all(self) -> None:
        """Ask every worker to drain and wait until it has."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            status = worker.wait()
            if status not in (0, -signal.SIGTERM):
                self._status = self._status or 1
