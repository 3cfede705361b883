"""Many callers, one model: the asynchronous door.

Knows callers, deadlines, the cache and texts asked for twice; leaves the queue to `jobs`, batches
to `owner`, and reports facts without knowing metrics.

A batcher serves one event loop, the one of the first call, whose thread alone touches its state.
The owner thread starts with that call, so a process that forks forks before.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from router.encoder import Encoding
from router.encoder.cache import EncodingCache, digest
from router.encoder.facts import BatchFacts, Statistics
from router.encoder.jobs import Job, JobQueue
from router.encoder.owner import Model, Owner
from router.errors import ClassifierFailed, DeadlineExceeded, Overloaded, Unavailable

CLOSE_SECONDS = 5.0  # how long close and interpreter exit wait for a forward pass to end


class Batcher:
    """An Encoder over one model, which one daemon thread owns."""

    def __init__(
        self,
        model: Model,
        *,
        queue_size: int = 1024,
        cache_size: int = 4096,
        token_budget: int | None = None,
        observer: Callable[[BatchFacts], None] | None = None,
    ) -> None:
        self._model = model
        self._token_budget = token_budget or model.token_budget
        self._observer = observer
        self._queue_size = queue_size
        self._queue = JobQueue(queue_size)
        self._cache = EncodingCache(cache_size)
        self._jobs: dict[bytes, Job] = {}
        self._totals = Statistics()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner: Owner | None = None
        self._ended = asyncio.Event()

    @property
    def labels(self) -> tuple[str, ...]:
        return self._model.labels

    @property
    def aliases(self) -> Mapping[str, tuple[str, ...]]:
        return self._model.aliases

    @property
    def identity(self) -> str:
        return self._model.identity

    def statistics(self) -> Statistics:
        return replace(self._totals, queued=len(self._queue), cached=len(self._cache))

    async def encode(self, text: str, *, timeout: float | None = None) -> Encoding:
        """See Encoder.encode. A text under way or remembered is not computed again."""
        loop = self._start()
        self._totals.requests += 1
        text = self._model.cut(text)
        key = digest(text)
        if (encoding := self._cache.get(key)) is not None:
            self._totals.cache_hits += 1
            return encoding
        if (job := self._jobs.get(key)) is not None:
            self._totals.shared += 1
        else:
            job = self._submit(Job(key, text))
        return await self._wait(loop, job, timeout)

    async def close(self) -> None:
        """Stop the owner thread; waiting callers get ClassifierFailed. May be called twice."""
        self._queue.close()
        self._fail_all()
        if self._owner is None:
            return
        # A forward pass cannot be interrupted; a stuck one is left to its daemon thread.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), CLOSE_SECONDS)
            self._owner.join(CLOSE_SECONDS)  # at once: that word was the thread's last
            atexit.unregister(self._exit)
            # The thread knows its batcher and its model: a circle that a frozen collector would
            # never see, and a replaced model would stay in memory.
            self._owner = None

    def finish(self, answers: Sequence[tuple[Job, Encoding]], facts: BatchFacts) -> None:
        """The owner's good news."""
        self._totals.batches += 1
        self._totals.texts += len(answers)
        for job, encoding in answers:
            self._totals.truncated += encoding.truncated
            self._cache.put(job.key, encoding)
            self._forget(job)
            for waiter in job.waiters:
                if not waiter.done():
                    waiter.set_result(encoding)
        if self._observer is not None:
            self._observer(facts)

    def fail(self, job: Job, error: Unavailable) -> None:
        """The owner's bad news about one text."""
        self._totals.failed += 1
        self._forget(job)
        for waiter in job.waiters:
            if not waiter.done():
                # One instance for each caller: a traceback grows wherever it is raised.
                waiter.set_exception(type(error)(*error.args))

    def end(self) -> None:
        """The owner's last word, whether it was asked to stop or died."""
        self._queue.close()
        self._fail_all()
        self._ended.set()

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._queue.closed:
            raise _closed()
        if self._loop is None:
            self._loop = loop
            self._owner = Owner(self._model, self._queue, self._token_budget, loop, self)
            # A daemon thread that comes back from native code into a dying interpreter aborts
            # the process, so the exit waits for it, within bounds.
            atexit.register(self._exit)
        elif self._loop is not loop:
            raise RuntimeError("a batcher serves one event loop; make another for another loop")
        return loop

    def _submit(self, job: Job) -> Job:
        if not self._queue.put(job):
            self._totals.overloaded += 1
            raise Overloaded(f"the classifier's queue of {self._queue_size} texts is full")
        self._jobs[job.key] = job
        return job

    async def _wait(
        self, loop: asyncio.AbstractEventLoop, job: Job, timeout: float | None
    ) -> Encoding:
        waiter: asyncio.Future[Encoding] = loop.create_future()
        job.waiters.add(waiter)
        timer = None if timeout is None else loop.call_later(timeout, self._expire, waiter, timeout)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._totals.cancelled += 1
            raise
        finally:
            if timer is not None:
                timer.cancel()
            job.waiters.discard(waiter)
            if not job.waiters:
                self._abandon(job)
            # Its exception knows this frame, and the frame the text: no circle of them.
            del waiter

    def _expire(self, waiter: asyncio.Future[Encoding], timeout: float) -> None:
        if not waiter.done():
            self._totals.expired += 1
            waiter.set_exception(DeadlineExceeded(f"no classification within {timeout:g} seconds"))

    def _abandon(self, job: Job) -> None:
        """Nobody waits any more: it leaves the queue, or its owner drops it before the run."""
        self._forget(job)
        self._queue.remove(job)

    def _forget(self, job: Job) -> None:
        if self._jobs.get(job.key) is job:
            del self._jobs[job.key]

    def _fail_all(self) -> None:
        for job in list(self._jobs.values()):
            self.fail(job, _closed())

    def _exit(self) -> None:
        self._queue.close()
        if self._owner is not None:
            self._owner.join(CLOSE_SECONDS)


def _closed() -> ClassifierFailed:
    return ClassifierFailed("the classifier was closed")
