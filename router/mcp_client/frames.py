"""A process's output as lines of bounded length, and whose answer a line was meant to be.

Pure. A line that is too long is not kept: of its megabytes there remain the two ends, where the
request's number stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_EDGE = 256
_ID_FIRST = re.compile(rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,18})\s*[,}]')
_ID_LAST = re.compile(rb'[{,]\s*"id"\s*:\s*(\d{1,18})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*\Z')


@dataclass(frozen=True, slots=True)
class Overlong:
    """What is kept of a line that was too long: its first and its last bytes."""

    head: bytes
    tail: bytes


class Lines:
    """Chunks of bytes in, lines out; at most `limit` bytes and a chunk are held."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._line = bytearray()
        self._head: bytes | None = None  # of a line that has become too long
        self._tail = b""

    def feed(self, chunk: bytes) -> Iterator[bytes | Overlong]:
        """The lines that `chunk` ends, without their line feeds."""
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            self._add(part)
            yield self._take()
        self._add(rest)

    def _add(self, part: bytes) -> None:
        if self._head is None and len(self._line) + len(part) <= self._limit:
            self._line += part
            return
        if self._head is None:
            self._head = bytes((self._line + part[:_EDGE])[:_EDGE])
            self._tail = bytes(self._line[-_EDGE:])
            self._line.clear()
        self._tail = (self._tail + part[-_EDGE:])[-_EDGE:]

    def _take(self) -> bytes | Overlong:
        if self._head is not None:
            overlong = Overlong(self._head, self._tail)
            self._head, self._tail = None, b""
            return overlong
        line = bytes(self._line)
        self._line.clear()
        return line


def answered_id(head: bytes, tail: bytes) -> int | None:
    """The number of the request that a JSON-RPC line answers, where it is plain from its ends."""
    found = _ID_FIRST.match(head) or _ID_LAST.search(tail)
    return int(found.group(1)) if found else None
