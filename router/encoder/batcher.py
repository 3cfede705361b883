"""Many callers, one model: the asynchronous door.

Knows queues, batches, deadlines and the hop between the event loop and the thread that owns the
model; leaves tokens and tensors to the model. Reports facts and imports no metrics.

One event loop for the life of a batcher: the state below belongs to the loop's thread, except
`_queue` and `_closing`, which `_ready` guards. A process that forks must fork before the first
call, which is when the owner thread starts.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from router.encoder import Encoding
from router.encoder.cache import EncodingCache, digest
from router.encoder.tokens import Tokens, pack
from router.errors import ClassifierFailed, DeadlineExceeded, Overloaded, Unavailable

WINDOW = 64  # texts looked at together when a batch is formed
CLOSE_SECONDS = 5.0  # how long close and interpreter exit wait for a forward pass to end


class Model(Protocol):
    """What the owner thread needs of a model; OnnxModel is one."""

    labels: tuple[str, ...]
    aliases: Mapping[str, tuple[str, ...]]
    token_budget: int

    def cut(self, text: str) -> str: ...
    def tokenize(self, text: str) -> Tokens: ...
    def run_tokens(self, batch: Sequence[Tokens]) -> list[Encoding]: ...


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """One forward pass. `queue_seconds` has one entry for each text, oldest caller's view."""

    size: int
    padded_tokens: int
    queue_seconds: tuple[float, ...]
    run_seconds: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Totals since the start, and the present depth of the queue and size of the cache."""

    requests: int = 0
    cache_hits: int = 0
    shared: int = 0
    overloaded: int = 0
    expired: int = 0
    cancelled: int = 0
    failed: int = 0
    truncated: int = 0
    batches: int = 0
    texts: int = 0
    queued: int = 0
    cached: int = 0


@dataclass(eq=False, slots=True)
class _Job:
    """One distinct text; whoever asks for it while it is under way waits with the others."""

    key: bytes
    text: str
    queued_at: float
    waiters: set[asyncio.Future[Encoding]] = field(default_factory=set)
    tokens: Tokens | None = None


class Batcher:
    """An Encoder over one model, owned by one daemon thread that starts with the first call."""

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
        self._queue_size = queue_size
        self._token_budget = token_budget or model.token_budget
        # A batch never holds more texts than tokens: one text at a time where batches are off.
        self._window = min(WINDOW, self._token_budget)
        self._observer = observer
        self._cache = EncodingCache(cache_size)
        self._jobs: dict[bytes, _Job] = {}
        self._queue: OrderedDict[_Job, None] = OrderedDict()
        self._ready = threading.Condition(threading.Lock())
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended = asyncio.Event()
        self._totals: dict[str, int] = dict.fromkeys(Statistics.__slots__, 0)

    @property
    def labels(self) -> tuple[str, ...]:
        return self._model.labels

    @property
    def aliases(self) -> Mapping[str, tuple[str, ...]]:
        return self._model.aliases

    def statistics(self) -> Statistics:
        return Statistics(**self._totals | {"queued": len(self._queue), "cached": len(self._cache)})

    async def encode(self, text: str, *, timeout: float | None = None) -> Encoding:
        """See Encoder.encode. A text under way or remembered is not computed again."""
        loop = self._bind()
        self._totals["requests"] += 1
        cut = self._model.cut(text)
        key = digest(cut)
        if (hit := self._cache.get(key)) is not None:
            self._totals["cache_hits"] += 1
            return hit
        if (job := self._jobs.get(key)) is not None:
            self._totals["shared"] += 1
        else:
            job = self._submit(_Job(key, cut, time.perf_counter()))
        return await self._wait(loop, job, timeout)

    async def close(self) -> None:
        """Stop the owner thread; waiting callers get ClassifierFailed. May be called twice."""
        self._stop()
        self._fail_all()
        if self._thread is not None:
            # A forward pass cannot be interrupted; a stuck one is left to its daemon thread.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), CLOSE_SECONDS)
            atexit.unregister(self._exit)

    # The loop's side.

    def _bind(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            self._thread = threading.Thread(target=self._serve, name="encoder", daemon=True)
            self._thread.start()
            # A daemon thread that comes back from native code into a dying interpreter aborts
            # the process, so the exit waits for it, within bounds.
            atexit.register(self._exit)
        elif self._loop is not loop:
            raise RuntimeError("a batcher serves one event loop; make another for another loop")
        return loop

    def _submit(self, job: _Job) -> _Job:
        with self._ready:
            if self._closing:
                raise _closed()
            if len(self._queue) >= self._queue_size:
                self._totals["overloaded"] += 1
                raise Overloaded(f"the classifier's queue of {self._queue_size} texts is full")
            self._queue[job] = None
            self._ready.notify()
        self._jobs[job.key] = job
        return job

    async def _wait(
        self, loop: asyncio.AbstractEventLoop, job: _Job, timeout: float | None
    ) -> Encoding:
        waiter: asyncio.Future[Encoding] = loop.create_future()
        job.waiters.add(waiter)
        timer = None if timeout is None else loop.call_later(timeout, self._expire, waiter, timeout)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._totals["cancelled"] += 1
            raise
        finally:
            if timer is not None:
                timer.cancel()
            job.waiters.discard(waiter)
            if not job.waiters:
                self._abandon(job)

    def _expire(self, waiter: asyncio.Future[Encoding], timeout: float) -> None:
        if not waiter.done():
            self._totals["expired"] += 1
            waiter.set_exception(DeadlineExceeded(f"no classification within {timeout:g} seconds"))

    def _abandon(self, job: _Job) -> None:
        """Nobody waits any more: leave the queue, or let the owner drop it before the run."""
        if self._jobs.get(job.key) is job:
            del self._jobs[job.key]
            with self._ready:
                self._queue.pop(job, None)

    def _finish(
        self, jobs: Sequence[_Job], encodings: Sequence[Encoding], facts: BatchFacts
    ) -> None:
        self._totals["batches"] += 1
        self._totals["texts"] += len(jobs)
        for job, encoding in zip(jobs, encodings, strict=True):
            self._totals["truncated"] += encoding.truncated
            self._cache.put(job.key, encoding)
            self._forget(job)
            for waiter in job.waiters:
                if not waiter.done():
                    waiter.set_result(encoding)
        if self._observer is not None:
            self._observer(facts)

    def _fail(self, job: _Job, error: Unavailable) -> None:
        self._totals["failed"] += 1
        self._forget(job)
        for waiter in job.waiters:
            if not waiter.done():
                # One instance for each caller: a traceback grows where it is raised.
                waiter.set_exception(type(error)(*error.args).with_traceback(None))

    def _forget(self, job: _Job) -> None:
        if self._jobs.get(job.key) is job:
            del self._jobs[job.key]

    def _fail_all(self) -> None:
        for job in list(self._jobs.values()):
            self._fail(job, _closed())

    def _end(self) -> None:
        self._stop()
        self._fail_all()
        self._ended.set()

    # Either side.

    def _stop(self) -> None:
        with self._ready:
            self._closing = True
            self._queue.clear()
            self._ready.notify()

    def _exit(self) -> None:
        self._stop()
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    # The owner's side.

    def _serve(self) -> None:
        try:
            while jobs := self._take():
                self._compute(jobs)
        finally:
            self._post(self._end)

    def _take(self) -> list[_Job]:
        """The oldest jobs as soon as there is one; none at the end."""
        with self._ready:
            while not self._queue and not self._closing:
                self._ready.wait()
            count = min(len(self._queue), self._window)
            return [self._queue.popitem(last=False)[0] for _ in range(count)]

    def _compute(self, jobs: Sequence[_Job]) -> None:
        ready = [job for job in jobs if job.waiters and self._tokenize(job)]
        lengths = [len(job.tokens.ids) for job in ready if job.tokens]
        for batch in pack(lengths, self._token_budget):
            self._run([ready[index] for index in batch])

    def _tokenize(self, job: _Job) -> bool:
        try:
            job.tokens = self._model.tokenize(job.text)
        except Exception as error:
            self._post(self._fail, job, _unavailable(error))
        return job.tokens is not None

    def _run(self, batch: Sequence[_Job]) -> None:
        """Run what is still wanted; a batch that fails is run one by one to spare the innocent."""
        jobs = [job for job in batch if job.waiters]
        tokens = [job.tokens for job in jobs if job.tokens]
        if not jobs:
            return
        start = time.perf_counter()
        try:
            encodings = self._model.run_tokens(tokens)
        except Exception as error:
            if len(jobs) == 1:
                self._post(self._fail, jobs[0], _unavailable(error))
                return
            for job in jobs:
                self._run([job])
            return
        facts = BatchFacts(
            size=len(jobs),
            padded_tokens=len(jobs) * max(len(one.ids) for one in tokens),
            queue_seconds=tuple(start - job.queued_at for job in jobs),
            run_seconds=time.perf_counter() - start,
        )
        self._post(self._finish, jobs, encodings, facts)

    def _post(self, callback: Callable[..., None], *args: object) -> None:
        # A loop that has been closed has no callers left.
        with contextlib.suppress(RuntimeError):
            assert self._loop is not None
            self._loop.call_soon_threadsafe(callback, *args)


def _closed() -> ClassifierFailed:
    return ClassifierFailed("the classifier was closed")


def _unavailable(error: Exception) -> Unavailable:
    if isinstance(error, Unavailable):
        return error
    return ClassifierFailed(f"the classifier raised {type(error).__name__}")
