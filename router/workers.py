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
import time
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from router.config import Loaded, load
from router.errors import ConfigError
from router.telemetry.decision_log import configure_logging

# A worker that dies sooner than this would die again: its fault is the configuration's.
_STABLE_SECONDS = 5.0


def run_workers(path: Path, count: int) -> int:
    """Run `count` workers until SIGTERM or SIGINT; the exit status. Raises ConfigError."""
    loaded = load(path)
    _check_shareable(path, loaded)
    configure_logging(loaded.config.logging)
    with tempfile.TemporaryDirectory(prefix="lora-router-metrics-") as directory:
        return _Supervisor(path, count, directory).run()


def _check_shareable(path: Path, loaded: Loaded) -> None:
    address = loaded.config.server.extproc
    if address.startswith("unix:"):
        found = f"server.extproc: '{address}' cannot be shared by several workers"
        raise ConfigError([f"{path}: {found}; expected host:port, or --workers 1"])


class _Supervisor:
    """Keeps `count` workers alive."""

    def __init__(self, path: Path, count: int, metrics_directory: str) -> None:
        self._command = [sys.executable, "-m", "router", "serve", "-c", str(path), "--share-ports"]
        self._environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": metrics_directory}
        self._metrics_directory = metrics_directory
        self._count = count
        self._started: dict[int, tuple[subprocess.Popen[bytes], float]] = {}
        self._stopping = False
        self._log = structlog.get_logger()

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop())
        for _ in range(self._count):
            self._start()
        status = 0
        while self._started:
            status = max(status, self._reap(*os.wait()))
        return status

    def _start(self) -> None:
        worker = subprocess.Popen(self._command, env=self._environment)
        self._started[worker.pid] = (worker, time.monotonic())
        self._log.info("worker started", pid=worker.pid)

    def _reap(self, pid: int, wait_status: int) -> int:
        """Account for a worker that ended; the exit status that it means for us."""
        worker, started = self._started.pop(pid)
        worker.returncode = code = os.waitstatus_to_exitcode(wait_status)
        mark_process_dead(pid, self._metrics_directory)
        if self._stopping:
            return 0 if code in (0, -signal.SIGTERM) else 1
        self._log.error("worker ended", pid=pid, status=code)
        if time.monotonic() - started < _STABLE_SECONDS:
            self._stop()
            return max(code, 1)
        self._start()
        return 0

    def _stop(self) -> None:
        self._stopping = True
        for worker, _ in list(self._started.values()):
            worker.send_signal(signal.SIGTERM)
