from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import psutil
import pytest

from router.testing import ManagedProcess

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER


def process(code: str, tmp_path: Path) -> ManagedProcess:
    return ManagedProcess([sys.executable, "-c", code], tmp_path / "log")


async def up(child: ManagedProcess) -> None:
    async def said() -> bool:
        return "up" in child.output()

    await child.until(said)


async def never() -> bool:
    return False


async def test_a_process_runs_until_it_is_stopped(tmp_path: Path) -> None:
    child = process(SLEEPER, tmp_path)
    await child.start()
    await up(child)
    assert psutil.pid_exists(child.pid)
    assert child.returncode is None
    assert await child.stop() == -signal.SIGTERM
    assert await child.stop() == -signal.SIGTERM


async def test_one_that_does_not_heed_sigterm_is_killed(tmp_path: Path) -> None:
    child = process(STUBBORN, tmp_path)
    await child.start()
    await up(child)
    assert await child.stop(timeout=0.1) == -signal.SIGKILL


async def test_a_killed_process_can_be_started_again(tmp_path: Path) -> None:
    child = process(SLEEPER, tmp_path)
    await child.start()
    await up(child)
    await child.kill()
    assert child.returncode == -signal.SIGKILL
    with pytest.raises(RuntimeError, match="is not running"):
        child.send_signal(signal.SIGTERM)
    await child.start()
    assert child.returncode is None
    await child.stop()


async def test_one_that_ends_while_it_is_waited_for_has_its_last_words_told(
    tmp_path: Path,
) -> None:
    child = process("import sys; sys.exit('no such port')", tmp_path)
    await child.start()
    with pytest.raises(RuntimeError, match=r"exited with 1; its last words:\nno such port"):
        await child.until(never)


async def test_waiting_has_an_end(tmp_path: Path) -> None:
    child = process(SLEEPER, tmp_path)
    await child.start()
    await up(child)
    with pytest.raises(TimeoutError, match=r"not ready within 0.05 s; its last words:\nup"):
        await child.until(never, timeout=0.05)
    await child.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
async def test_no_process_outlives_its_owner(tmp_path: Path) -> None:
    owner = (
        "import asyncio, pathlib, sys\n"
        "from router.testing import ManagedProcess\n"
        "async def main():\n"
        f"    child = ManagedProcess([sys.executable, '-c', {SLEEPER!r}], "
        f"pathlib.Path({str(tmp_path / 'log')!r}))\n"
        "    await child.start()\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-c", owner, stdout=asyncio.subprocess.PIPE
    )
    assert running.stdout is not None
    child = psutil.Process(int(await running.stdout.readline()))
    running.kill()
    await running.wait()
    await asyncio.to_thread(child.wait, 10)
