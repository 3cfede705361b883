"""The thread that owns a model: it takes jobs, forms batches and posts what came of them.

Knows batches and what to do with a poisonous one; leaves callers, deadlines and the cache to
`batcher`, and tokens and tensors to the model.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from router.encoder import Encoding
from router.encoder.facts import BatchFacts
from router.encoder.jobs import Job, JobQueue
from router.encoder.tokens import Tokens, pack
from router.errors import ClassifierFailed, Unavailable

WINDOW = 64  # texts looked at together when batches are formed


class Model(Protocol):
    """What the thread needs of a model; OnnxModel is one."""

    labels: tuple[str, ...]
    aliases: Mapping[str, tuple[str, ...]]
    identity: str
    token_budget: int

    def cut(self, text: str) -> str: ...
    def tokenize(self, text: str) -> Tokens: ...
    def run_tokens(self, batch: Sequence[Tokens]) -> list[Encoding]: ...


class Callbacks(Protocol):
    """Called on the event loop's thread."""

    def finish(self, answers: Sequence[tuple[Job, Encoding]], facts: BatchFacts) -> None: ...
    def fail(self, job: Job, error: Unavailable) -> None: ...
    def end(self) -> None: ...


class Owner:
    """Runs until the queue is closed; then, or should it ever die, it posts `end`."""

    def __init__(
        self,
        model: Model,
        queue: JobQueue,
        token_budget: int,
        loop: asyncio.AbstractEventLoop,
        callbacks: Callbacks,
    ) -> None:
        self._model = model
        self._queue = queue
        self._token_budget = token_budget
        self._loop = loop
        self._callbacks = callbacks
        self._thread = threading.Thread(target=self._serve, name="encoder", daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def _serve(self) -> None:
        # A batch never holds more texts than tokens: one at a time where batches are off.
        limit = min(WINDOW, self._token_budget)
        try:
            while jobs := self._queue.take(limit):
                self._compute(jobs)
        finally:
            self._post(self._callbacks.end)

    def _compute(self, jobs: Sequence[Job]) -> None:
        ready = [(job, tokens) for job in jobs if job.waiters and (tokens := self._tokenize(job))]
        for batch in pack([len(tokens.ids) for _, tokens in ready], self._token_budget):
            self._run([ready[index] for index in batch])

    def _tokenize(self, job: Job) -> Tokens | None:
        try:
            return self._model.tokenize(job.text)
        except Exception as error:
            self._post(self._callbacks.fail, job, _unavailable(error))
            return None

    def _run(self, batch: Sequence[tuple[Job, Tokens]]) -> None:
        """Run what is still wanted; a batch that fails is run one by one to spare the innocent."""
        batch = [(job, tokens) for job, tokens in batch if job.waiters]
        if not batch:
            return
        start = time.perf_counter()
        try:
            encodings = self._model.run_tokens([tokens for _, tokens in batch])
            answers = [(job, one) for (job, _), one in zip(batch, encodings, strict=True)]
        except Exception as error:
            self._spare(batch, error)
            return
        facts = _facts(batch, start, time.perf_counter())
        self._post(self._callbacks.finish, answers, facts)

    def _spare(self, batch: Sequence[tuple[Job, Tokens]], error: Exception) -> None:
        if len(batch) == 1:
            self._post(self._callbacks.fail, batch[0][0], _unavailable(error))
            return
        for one in batch:
            self._run([one])

    def _post(self, callback: Callable[..., None], *args: object) -> None:
        # A loop that has been closed has no callers left.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *args)


def _facts(batch: Sequence[tuple[Job, Tokens]], start: float, end: float) -> BatchFacts:
    return BatchFacts(
        size=len(batch),
        padded_tokens=len(batch) * max(len(tokens.ids) for _, tokens in batch),
        queue_seconds=tuple(start - job.queued_at for job, _ in batch),
        run_seconds=end - start,
    )


def _unavailable(error: Exception) -> Unavailable:
    """Foreign messages stay out: they may quote the prompt."""
    if isinstance(error, Unavailable):
        return error
    return ClassifierFailed(f"the classifier raised {type(error).__name__}")
