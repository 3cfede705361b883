"""A child process with its output in a file, ended for certain when its owner ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

_POLL_SECONDS = 0.02
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("its owner has ended already")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class ManagedProcess:
    """One process. `log` holds its standard output and error."""

    def __init__(
        self, command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = command
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self.log = log

    @property
    def pid(self) -> int:
        """The process id of the running process."""
        return self._running().pid

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        """Start it; a process that was stopped may be started again."""
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *_ending_with_parent(self._command),
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment,
                # Ctrl-C is for the owner, who then stops its processes in order.
                start_new_session=True,
            )

    async def until(self, condition: Callable[[], Awaitable[bool]], timeout: float = 30.0) -> None:
        """Wait until `condition` holds. Raises RuntimeError, with the log's end, if it ends first.

        Raises TimeoutError, with the same, after `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while not await condition():
                    if self.returncode is not None:
                        raise RuntimeError(self._account(f"exited with {self.returncode}"))
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise TimeoutError(self._account(f"not ready within {timeout:g} s")) from None

    async def stop(self, timeout: float = 40.0) -> int:
        """SIGTERM, and SIGKILL for one that does not heed it; the exit status."""
        if self.returncode is None and self._process:
            self._process.terminate()
            try:
                async with asyncio.timeout(timeout):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
        return await self.wait()

    async def kill(self) -> None:
        """SIGKILL, as a crash would look from outside."""
        self._running().kill()
        await self.wait()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the running process."""
        self._running().send_signal(number)

    async def wait(self) -> int:
        """Wait for its end; the exit status."""
        return await self._process.wait() if self._process else 0

    def output(self) -> str:
        """All that it has written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            raise RuntimeError(f"{self._command[0]} is not running")
        return self._process

    def _account(self, what: str) -> str:
        last = "\n".join(self.output().splitlines()[-20:])
        return f"{' '.join(self._command)}: {what}; its last words:\n{last}"


def _ending_with_parent(command: Sequence[str]) -> list[str]:
    """`command`, such that the kernel ends it when this process ends, however that ends."""
    if sys.platform != "linux":
        return list(command)
    # Not in a `preexec_fn`: that would fork this process, threads of gRPC and all.
    return [sys.executable, "-c", _DIE_WITH_PARENT, str(os.getpid()), *command]
