"""The bounded queue between the event loop and the thread that owns a model.

Knows locking and order; leaves what happens to a job to `batcher` and `owner`.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from router.encoder import Encoding


@dataclass(eq=False, slots=True)
class Job:
    """One distinct text; whoever asks for it while it is under way waits with the others.

    Only the loop's thread changes `waiters`; the owner reads whether anybody is left.
    """

    key: bytes
    text: str = field(repr=False)
    waiters: set[asyncio.Future[Encoding]] = field(default_factory=set)
    queued_at: float = field(default_factory=time.perf_counter)


class JobQueue:
    """First in, first out; a job can leave from the middle, so that nobody queues in vain."""

    def __init__(self, size: int) -> None:
        self.closed = False
        self._size = size
        self._jobs: OrderedDict[Job, None] = OrderedDict()
        self._ready = threading.Condition(threading.Lock())

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> bool:
        """Whether there was room."""
        with self._ready:
            if self.closed or len(self._jobs) >= self._size:
                return False
            self._jobs[job] = None
            self._ready.notify()
            return True

    def remove(self, job: Job) -> None:
        """Does nothing if the owner has taken it already."""
        with self._ready:
            self._jobs.pop(job, None)

    def take(self, limit: int) -> list[Job]:
        """The oldest jobs as soon as there is one, without waiting for company; [] once closed."""
        with self._ready:
            while not self._jobs and not self.closed:
                self._ready.wait()
            count = min(len(self._jobs), limit)
            return [self._jobs.popitem(last=False)[0] for _ in range(count)]

    def close(self) -> None:
        """Forget every job and let `take` return."""
        with self._ready:
            self.closed = True
            self._jobs.clear()
            self._ready.notify_all()
