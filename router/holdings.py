"""What outlives a snapshot: loaded models and connections, each held once however many use it.

A snapshot takes what it needs under a lease. What no lease holds any more is closed; a model that
the next configuration still names is never loaded again.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Protocol

from router.config.classifier import EncoderSettings, McpCategoryModel
from router.encoder.batcher import Batcher
from router.encoder.facts import BatchFacts
from router.encoder.onnx import OnnxModel
from router.mcp_client import McpServer

_WARM_UP_TEXTS = ("warm up", "a longer text, so that the session's buffers grow " * 20)
# What makes another model or another connection; the rest is read by the signals.
_ENCODER_FIELDS = tuple(EncoderSettings.model_fields.keys() - {"model_id", "timeout_ms"})
_NO_CONNECTION = {
    "threshold",
    "forward_headers",
    "cache_size",
    "cache_ttl_seconds",
    "max_text_chars",
}
# A server that is asked over a network gets so long to answer before the router starts without it.
_FIRST_WORD_SECONDS = 5.0

Key = tuple[Hashable, ...]


class _Closable(Protocol):
    async def close(self) -> None: ...


class Holdings:
    """The models and connections of one process. Belongs to one event loop."""

    def __init__(self, observer: Callable[[BatchFacts], None] | None = None) -> None:
        self._observer = observer
        self._held: dict[Key, Batcher | McpServer] = {}
        self._cold: set[Key] = set()
        self._uses: Counter[Key] = Counter()
        self._closing: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()

    def lease(self) -> Lease:
        """A hold on whatever will be taken under it."""
        return Lease(self)

    async def close(self) -> None:
        """Close everything, leased or not."""
        with self._lock:
            held = list(self._held.values())
            for books in (self._held, self._uses, self._cold):
                books.clear()
        await asyncio.gather(*(one.close() for one in held), *self._closing)

    @property
    def held(self) -> int:
        """How many models and connections are held."""
        return len(self._held)

    async def warm(self) -> None:
        """Run new models and wait a while for new connections, so that no client pays for it."""
        for key in tuple(self._cold):
            held = self._held.get(key)
            if isinstance(held, Batcher):
                for text in _WARM_UP_TEXTS:
                    await held.encode(text)
            elif held is not None:
                await held.tried(_FIRST_WORD_SECONDS)
            self._cold.discard(key)

    def _take(self, key: Key, make: Callable[[], Batcher | McpServer]) -> Batcher | McpServer:
        with self._lock:  # taken in a thread, given back on the loop
            self._uses[key] += 1
            if key in self._held:
                return self._held[key]
        try:
            held = make()
        except BaseException:
            with self._lock:
                self._uses[key] -= 1
            raise
        with self._lock:
            self._held[key] = held
            self._cold.add(key)
        return held

    def _give_back(self, key: Key) -> None:
        with self._lock:
            self._uses[key] -= 1
            if self._uses[key] > 0:
                return
            del self._uses[key]
            self._cold.discard(key)
            held = self._held.pop(key, None)
        if held is not None:
            self._close_later(held)

    def _close_later(self, held: _Closable) -> None:
        task = asyncio.get_running_loop().create_task(held.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _load(self, directory: Path, settings: EncoderSettings, mapping: Path | None) -> Batcher:
        model = OnnxModel.load(
            directory,
            use_cpu=settings.use_cpu,
            head_tokens=settings.max_head_tokens,
            tail_tokens=settings.max_tail_tokens,
            threads=min(settings.threads, len(os.sched_getaffinity(0))),
            mapping=mapping,
        )
        return Batcher(
            model,
            queue_size=settings.queue_size,
            cache_size=settings.cache_size,
            observer=self._observer,
        )


class Lease:
    """What one snapshot uses. `release` it when the last request of that snapshot has ended."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._keys: set[Key] = set()

    def encoder(
        self, directory: Path, settings: EncoderSettings, mapping: Path | None = None
    ) -> Batcher:
        """The encoder of a model directory, as its files are now. Raises ModelFilesError."""
        # One model serves as classifier and as encoder where the settings agree.
        fields = (getattr(settings, name) for name in _ENCODER_FIELDS)
        key = (_files(directory), mapping and _file(mapping), *fields)
        held = self._take(key, lambda: self._holdings._load(directory, settings, mapping))
        assert isinstance(held, Batcher)
        return held

    def mcp_server(self, settings: McpCategoryModel) -> McpServer:
        """The client of an MCP server, connecting. Raises ConfigError where it cannot be made."""

        def connect() -> McpServer:
            server = McpServer(settings)
            server.start()
            return server

        held = self._take((settings.model_dump_json(exclude=_NO_CONNECTION),), connect)
        assert isinstance(held, McpServer)
        return held

    def release(self) -> None:
        """Give everything back. May be called twice."""
        for key in self._keys:
            self._holdings._give_back(key)
        self._keys.clear()

    def _take(self, key: Key, make: Callable[[], Batcher | McpServer]) -> Batcher | McpServer:
        if key in self._keys:
            return self._holdings._held[key]
        held = self._holdings._take(key, make)
        self._keys.add(key)
        return held


def _files(directory: Path) -> Key:
    """The directory and the state of its files: a model that was replaced is another model."""
    found = sorted(path for path in directory.resolve().rglob("*") if path.is_file())
    return (directory.resolve(), *map(_file, found))


def _file(path: Path) -> Key:
    state = path.stat()
    return (path.resolve(), state.st_mtime_ns, state.st_size)
