"""Several workers: all serve, a dead one is replaced, all stop together."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from router.errors import ConfigError
from router.testing import ManagedProcess, free_port
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


def two_workers(folder: Path, extproc: str, admin: int) -> ManagedProcess:
    path = write(folder, extproc, admin)
    command = [sys.executable, "-m", "router", "serve", "-c", str(path), "--workers", "2"]
    return ManagedProcess(command, folder / "router.log")


def listeners(supervisor: int, port: int) -> set[int]:
    """The workers that listen on `port`."""
    found = set()
    for child in psutil.Process(supervisor).children():
        try:
            sockets = child.net_connections()
        except psutil.NoSuchProcess:  # it has just been killed
            continue
        if any(one.laddr.port == port and one.status == "LISTEN" for one in sockets):
            found.add(child.pid)
    return found


def test_workers_cannot_share_a_unix_socket(tmp_path: Path) -> None:
    path = write(tmp_path, f"unix:{tmp_path}/router.sock", free_port())
    with pytest.raises(ConfigError, match="cannot be shared by several workers"):
        run_workers(path, 2)


async def test_a_dead_worker_is_replaced_and_sigterm_ends_all(tmp_path: Path) -> None:
    port, admin = free_port(), free_port()
    supervisor = two_workers(tmp_path, f"127.0.0.1:{port}", admin)
    await supervisor.start()
    try:

        async def both_listen() -> bool:
            return len(listeners(supervisor.pid, port)) == 2

        async def all_of_age() -> bool:
            # One that dies young is taken for misconfigured.
            return all(time.time() - psutil.Process(pid).create_time() > 6 for pid in first)

        await supervisor.until(both_listen)
        first = listeners(supervisor.pid, port)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{admin}/metrics") as answer,
        ):
            assert 'lora_router_config_info{version="' in await answer.text()
        await supervisor.until(all_of_age)
        os.kill(min(first), signal.SIGKILL)
        await supervisor.until(both_listen)
        assert listeners(supervisor.pid, port) != first
        workers = psutil.Process(supervisor.pid).children()
    finally:
        await supervisor.stop()
    assert supervisor.returncode == 0
    assert not any(worker.is_running() for worker in workers)


async def test_a_worker_that_cannot_start_stops_the_whole(tmp_path: Path) -> None:
    elsewhere = "203.0.113.1:50051"  # no address of this machine
    supervisor = two_workers(tmp_path, elsewhere, free_port())
    await supervisor.start()

    async def never() -> bool:
        return False

    with pytest.raises(RuntimeError, match=r"exited with [12]"):
        await supervisor.until(never)
    assert elsewhere in supervisor.log.read_text()
