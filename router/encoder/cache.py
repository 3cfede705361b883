"""A bounded memory of recent encodings; the least recently asked for goes first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from hashlib import blake2b

from router.encoder import Encoding


def digest(text: str) -> bytes:
    """A key that is small for long prompts and keeps none of them in memory."""
    return blake2b(text.encode(), digest_size=16).digest()


class EncodingCache:
    """Encodings by digest; `size` 0 remembers nothing."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[bytes, Encoding] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes) -> Encoding | None:
        """The encoding, marked as cached."""
        encoding = self._entries.get(key)
        if encoding is not None:
            self._entries.move_to_end(key)
        return encoding

    def put(self, key: bytes, encoding: Encoding) -> None:
        self._entries[key] = replace(encoding, cached=True)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
