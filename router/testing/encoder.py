"""An encoder that needs no model: it looks texts up in a table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from router.encoder import Encoding
from router.errors import DeadlineExceeded

_NO_VECTORS: Mapping[str, Sequence[float]] = MappingProxyType({})
_NO_ALIASES: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class FakeEncoder:
    """Says `table[text]` of each text, with `confidence`; texts not in the table fit every label.

    With `vectors` it is a sentence encoder too, or without a `table` only that; texts that are not
    among them have a vector of zeros. `failure` is raised instead, when set. While `gate` is
    cleared, calls wait, up to their timeout. `seen` holds every text that was asked about.
    """

    def __init__(
        self,
        table: Mapping[str, str],
        *,
        labels: tuple[str, ...] = (),
        aliases: Mapping[str, tuple[str, ...]] = _NO_ALIASES,
        confidence: float = 0.9,
        vectors: Mapping[str, Sequence[float]] = _NO_VECTORS,
        identity: str = "",
    ) -> None:
        self._table = table
        self._labels = labels or tuple(sorted(set(table.values())))
        self._aliases = aliases
        self._vectors = vectors
        self._identity = identity
        self.confidence = confidence
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.seen: list[str] = []
        self._question = asyncio.Event()
        self.closed = False

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    @property
    def aliases(self) -> Mapping[str, tuple[str, ...]]:
        return self._aliases

    @property
    def identity(self) -> str:
        return self._identity

    async def encode(self, text: str, *, timeout: float | None = None) -> Encoding:
        """What the table says. Raises `failure`, or DeadlineExceeded while the gate is shut."""
        self.seen.append(text)
        self._question.set()
        try:
            async with asyncio.timeout(timeout):
                await self.gate.wait()
        except TimeoutError:
            raise DeadlineExceeded("the classifier gave no answer in time") from None
        if self.failure:
            raise self.failure
        probabilities = self._probabilities(text) if self._labels else None
        tokens = len(text.split())
        return Encoding(probabilities, self._vector(text), tokens=tokens, truncated=False)

    async def asked(self, timeout: float = 10.0) -> str:
        """Wait until a text has been asked about; the first."""
        async with asyncio.timeout(timeout):
            await self._question.wait()
        return self.seen[0]

    def _probabilities(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        count = len(self._labels)
        if text not in self._table:
            return np.full(count, 1 / count, dtype=np.float32)
        rest = (1 - self.confidence) / max(1, count - 1)
        probabilities = np.full(count, rest, dtype=np.float32)
        probabilities[self._labels.index(self._table[text])] = self.confidence
        return probabilities

    def _vector(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]] | None:
        if not self._vectors:
            return None
        width = len(next(iter(self._vectors.values())))
        return np.array(self._vectors.get(text, [0.0] * width), dtype=np.float32)

    async def close(self) -> None:
        self.closed = True
