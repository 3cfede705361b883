"""A FULL_DUPLEX_STREAMED body while it arrives, and how much all of them may hold together.

Envoy hands such a body over as fast as its client sends it, and holds back nothing: what many
clients upload at once is bounded here or nowhere.
"""

from __future__ import annotations

from router.errors import PayloadTooLarge, RouterError, TooManyBodies


class Allowance:
    """Bytes that the bodies of all streams may hold at once; `held` of them are taken."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0


class CollectedBody:
    """The chunks of one body. What it took of the allowance it keeps until it is dropped."""

    def __init__(self, max_bytes: int, allowance: Allowance) -> None:
        self._max_bytes = max_bytes
        self._allowance = allowance
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> RouterError | None:
        """Keep a chunk, or say why the body may not grow so far; it is then to be dropped."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        self._allowance.held += len(chunk)
        if self._size > self._max_bytes:
            return too_large(self._size, self._max_bytes)
        if self._allowance.held > self._allowance.limit:
            limit = self._allowance.limit
            return TooManyBodies(f"bodies on their way hold more than {limit} bytes together")
        return None

    def join(self) -> bytes:
        """The body in one piece, in place of its chunks."""
        body = b"".join(self._chunks)
        self._chunks.clear()
        return body

    def drop(self) -> None:
        """Let go of the chunks and give back what the body took."""
        self._allowance.held -= self._size
        self._size = 0
        self._chunks.clear()


def too_large(size: int, limit: int) -> PayloadTooLarge:
    """What a client is told whose body is over the limit."""
    return PayloadTooLarge(f"body of {size} bytes or more: the limit is {limit}")
