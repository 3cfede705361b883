"""Several workers: all serve, a dead one is replaced, all stop together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from router.errors import ConfigError
from router.testing import free_port, wait_until
from router.workers import run_workers

CONFIG = """
server: {{extproc: "{extproc}", admin: "127.0.0.1:{admin}"}}
vllm_endpoints: [{{name: a, address: 127.0.0.1, port: 8000}}]
model_config: {{llama: {{}}}}
default_model: llama
"""


def write(folder: Path, extproc: str, admin: int) -> Path:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(extproc=extproc, admin=admin))
    return path


def test_workers_cannot_share_a_unix_socket(tmp_path: Path) -> None:
    path = write(tmp_path, "unix:/tmp/nobody.sock", free_port())
    with pytest.raises(ConfigError, match="cannot be shared by several workers"):
        run_workers(path, 2)


@contextlib.contextmanager
def supervisor(path: Path) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "router", "serve", "-c", str(path), "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        parent = psutil.Process(process.pid)
        try:
            yield parent
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def answers(port: int) -> Callable[[], bool]:
    def ask() -> bool:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as response:
                return bool(response.status == 200)
        return False

    return ask


def listeners(parent: psutil.Process, port: int) -> set[int]:
    """The workers that listen on `port`."""
    return {
        child.pid
        for child in parent.children()
        if any(c.laddr.port == port and c.status == "LISTEN" for c in child.net_connections())
    }


def test_a_dead_worker_is_replaced_and_sigterm_ends_all(tmp_path: Path) -> None:
    admin, extproc = free_port(), free_port()
    with supervisor(write(tmp_path, f"127.0.0.1:{extproc}", admin)) as parent:
        wait_until(lambda: len(listeners(parent, extproc)) == 2)
        assert answers(admin)()
        first = listeners(parent, extproc)
        # A worker that dies young is taken for misconfigured: wait until these are of age.
        wait_until(lambda: all(_age(pid) > 6 for pid in first))
        os.kill(min(first), signal.SIGKILL)
        wait_until(lambda: len(listeners(parent, extproc)) == 2)
        assert listeners(parent, extproc) != first
        workers = parent.children()
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(20) == 0
        assert not any(worker.is_running() for worker in workers)


def _age(pid: int) -> float:
    return time.time() - psutil.Process(pid).create_time()


def test_a_worker_that_cannot_start_stops_the_whole(tmp_path: Path) -> None:
    path = write(tmp_path, "127.0.0.1:1", free_port())
    path.write_text(path.read_text().replace('127.0.0.1:1"', '203.0.113.1:9"'))  # not ours
    command = [sys.executable, "-m", "router", "serve", "-c", str(path), "--workers", "2"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "203.0.113.1:9" in result.stderr
