"""A changed configuration file takes effect, whole or not at all.

Knows when to look at the file and what may go wrong with it; leaves compiling to the snapshot and
the exchange of the running one to its owner. The file is loaded, checked, compiled and warmed
beside the running configuration, which a bad file does not touch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Generic, TypeVar

from router.config import Loaded, load
from router.errors import ConfigError, ModelFilesError

LOOK_SECONDS = 0.5

T = TypeVar("T")
Stamp = tuple[int, int, int] | None


class Status(StrEnum):
    """What became of a reload."""

    RELOADED = "reloaded"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One reload: `version` is that of the configuration that serves now; `problems` are lines for
    the operator, warnings where it succeeded; `at` is in seconds since the epoch."""

    status: Status
    version: str
    problems: tuple[str, ...] = ()
    at: float = 0.0


class Reloader(Generic[T]):
    """Follows a file. `prepare` makes something of a configuration, `adopt` puts it to use.

    Either may raise; then what was served before is served on.
    """

    def __init__(
        self,
        current: Loaded,
        *,
        prepare: Callable[[Loaded], Awaitable[T]],
        adopt: Callable[[Loaded, T], Awaitable[None]],
        report: Callable[[Outcome], None],
    ) -> None:
        self._path = current.path
        self._version = current.version
        self._prepare = prepare
        self._adopt = adopt
        self._report = report
        self._stamp = _stamp(current.path)
        self._lock = asyncio.Lock()
        self.last: Outcome | None = None

    async def watch(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Reload whenever the file has changed, until cancelled.

        Looks at the file instead of waiting for the kernel's word of it: that works on every file
        system, and for the symbolic links of a ConfigMap.
        """
        seen = self._stamp
        while True:
            await pause(LOOK_SECONDS)
            now = _stamp(self._path)
            if now != self._stamp and now == seen:  # at rest: nobody is writing just now
                await self.reload(force=False)
            seen = now

    async def reload(self, *, force: bool = True) -> Outcome:
        """Load the file anew. Without `force` only if its content differs. Never raises."""
        async with self._lock:
            self._stamp = _stamp(self._path)
            outcome = await self._attempt(force)
            failed_before = self.last is not None and self.last.status is Status.FAILED
            if outcome.status is not Status.UNCHANGED or failed_before:
                self.last = outcome
            self._report(outcome)
        return outcome

    async def _attempt(self, force: bool) -> Outcome:
        try:
            # In a thread: a large file takes a while to read, and requests do not wait.
            loaded = await asyncio.to_thread(load, self._path)
            if loaded.version == self._version and not force:
                return self._outcome(Status.UNCHANGED)
            await self._adopt(loaded, await self._prepare(loaded))
        except ConfigError as error:
            return self._outcome(Status.FAILED, error.problems)
        except ModelFilesError as error:
            return self._outcome(Status.FAILED, [str(error)])
        except OSError as error:  # a full disk, for example: the file itself may be good
            self._stamp = None
            reason = (error.strerror or type(error).__name__).lower()
            return self._outcome(Status.FAILED, [f"cannot be put to use: {reason}"])
        except Exception as error:  # a fault of ours must not end the service or the watching
            return self._outcome(Status.FAILED, [f"the router failed: {type(error).__name__}"])
        self._version = loaded.version
        return self._outcome(Status.RELOADED, loaded.warnings)

    def _outcome(self, status: Status, problems: list[str] | None = None) -> Outcome:
        return Outcome(status, self._version, tuple(problems or ()), time.time())


def _stamp(path: Path) -> Stamp:
    """What changes when the file's content does, links followed; None while it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)
