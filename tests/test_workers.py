"""Several workers: all serve, a dead one is replaced, all stop together."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import aiohttp
import psutil
import pytest

from router.config import load
from router.errors import ConfigError
from router.testing import ManagedProcess, free_port
from router.workers import run_workers

CONFIG = """
server: {{extproc: "{extproc}", admin: "127.0.0.1:{admin}", watch_config: false}}
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


async def serving_processes(admin: int, version: str = "") -> float:
    """What the metrics of all workers together say of their number."""
    url = f"http://127.0.0.1:{admin}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        text = await answer.text()
    prefix = f'lora_router_config_info{{version="{version}'
    lines = [one for one in text.splitlines() if one.startswith(prefix)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_workers_cannot_share_a_unix_socket(tmp_path: Path) -> None:
    path = write(tmp_path, f"unix:{tmp_path}/router.sock", free_port())
    with pytest.raises(ConfigError, match="cannot be shared by several workers"):
        run_workers(path, 2)


def test_workers_do_not_write_envoys_clusters_against_each_other(tmp_path: Path) -> None:
    path = write(tmp_path, f"127.0.0.1:{free_port()}", free_port())
    with pytest.raises(ConfigError, match="--envoy needs --workers 1"):
        run_workers(path, 2, envoy=tmp_path)


async def test_all_follow_the_file_a_dead_one_is_replaced_and_sigterm_ends_all(
    tmp_path: Path,
) -> None:
    port, admin = free_port(), free_port()
    supervisor = two_workers(tmp_path, f"127.0.0.1:{port}", admin)
    path = tmp_path / "config.yaml"
    await supervisor.start()
    try:

        async def both_follow() -> bool:
            return await serving_processes(admin, load(path).version) == 2

        async def both_listen() -> bool:
            return len(listeners(supervisor.pid, port)) == 2

        async def one_replaced() -> bool:
            now = listeners(supervisor.pid, port)
            return len(now) == 2 and now != first

        async def all_of_age() -> bool:
            # One that dies young is taken for misconfigured.
            return all(time.time() - psutil.Process(pid).create_time() > 6 for pid in first)

        await supervisor.until(both_listen)
        first = listeners(supervisor.pid, port)
        assert await serving_processes(admin) == 2
        await supervisor.until(all_of_age)
        path.write_text(path.read_text() + "strategy: confidence\n")
        os.kill(supervisor.pid, signal.SIGHUP)
        await supervisor.until(both_follow)
        os.kill(min(first), signal.SIGKILL)
        await supervisor.until(one_replaced)
        assert await serving_processes(admin) == 2
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


async def test_workers_do_not_outlive_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    port, admin = free_port(), free_port()
    supervisor = two_workers(tmp_path, f"127.0.0.1:{port}", admin)
    await supervisor.start()

    async def both_listen() -> bool:
        return len(listeners(supervisor.pid, port)) == 2

    await supervisor.until(both_listen)
    workers = psutil.Process(supervisor.pid).children()
    await supervisor.kill()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, workers, 20)
    assert not alive
    assert len(gone) == 2


async def test_a_child_that_it_did_not_start_is_no_worker(tmp_path: Path) -> None:
    """As process 1 of a container it is given every orphan; one such ends at once here."""
    port = free_port()
    path = write(tmp_path, f"127.0.0.1:{port}", free_port())
    served = f"{sys.executable} -m router serve -c {path} --workers 2"
    supervisor = ManagedProcess(["bash", "-c", f"true & exec {served}"], tmp_path / "router.log")
    await supervisor.start()

    async def both_listen() -> bool:
        return len(listeners(supervisor.pid, port)) == 2

    await supervisor.until(both_listen)
    await supervisor.stop()
    assert supervisor.returncode == 0


async def test_a_signal_while_workers_start_stops_them_all(tmp_path: Path) -> None:
    supervisor = two_workers(tmp_path, f"127.0.0.1:{free_port()}", free_port())
    await supervisor.start()

    async def started() -> bool:
        return "worker started" in supervisor.log.read_text()

    await supervisor.until(started)
    await supervisor.stop()
    assert supervisor.returncode == 0
