"""Vectors that outlive the process: one file for each model, in the user's cache directory.

Knows the file's form and where it lies; leaves computing vectors to `vectors`. It holds digests of
texts and their vectors, never a text. A file that is missing, damaged or somebody else's is no
error: what it would have said is computed again.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np

from router.encoder import Vector

KEY_BYTES = 16
MAX_REMEMBERED = 20_000  # vectors of earlier configurations that a file keeps, at most
MAX_FILE_BYTES = 1 << 30

_MAGIC = b"lora-router vectors 1\n"
_CHECK_BYTES = 16
_NUMBER = "<u4"

Vectors = Mapping[bytes, Vector]


def cache_directory(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where vectors are kept, or None for a user without a home."""
    base = Path(environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # unset, or to be ignored, as the XDG specification says
        try:
            base = Path.home() / ".cache"
        except RuntimeError:
            return None
    return base / "lora-router" / "embeddings"


def text_key(text: str) -> bytes:
    """What a text's vector is filed under."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=KEY_BYTES).digest()


class VectorFile:
    """The vectors of one model, by the keys of texts."""

    def __init__(self, directory: Path, identity: str) -> None:
        self._identity = identity.encode()
        name = blake2b(self._identity, digest_size=16).hexdigest()
        self._path = directory / f"{name}.vectors"

    def read(self) -> dict[bytes, Vector]:
        """What is there, oldest first; nothing where the file cannot be trusted."""
        try:
            if self._path.stat().st_size > MAX_FILE_BYTES:
                return {}
            return _unpack(self._path.read_bytes(), self._identity)
        except (OSError, ValueError):
            return {}

    def write(self, wanted: Vectors, remembered: Vectors) -> None:
        """Replace the file: what is wanted now, after as much of the rest as it may hold.

        A cache that cannot be written is no cache: nothing is raised.
        """
        older = {key: vector for key, vector in remembered.items() if key not in wanted}
        excess = len(older) - MAX_REMEMBERED
        kept = {**dict(list(older.items())[max(0, excess) :]), **wanted}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self._path, _pack(kept, self._identity))


def _replace(path: Path, content: bytes) -> None:
    """Whoever reads at the same time sees the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".new")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _pack(vectors: Vectors, identity: bytes) -> bytes:
    dimensions = {vector.shape[0] for vector in vectors.values()}
    (width,) = dimensions or {0}
    records = np.empty(len(vectors), _record(width))
    for index, (key, vector) in enumerate(vectors.items()):
        records[index] = np.frombuffer(key, np.uint8), vector
    content = b"".join((_head(identity), np.array([width], _NUMBER).tobytes(), records.tobytes()))
    return content + _check(content)


def _unpack(content: bytes, identity: bytes) -> dict[bytes, Vector]:
    """Raises ValueError unless every byte is as it was written, for this model."""
    head = _head(identity)
    body, check = content[:-_CHECK_BYTES], content[-_CHECK_BYTES:]
    if not body.startswith(head) or _check(body) != check:
        raise ValueError("not a file of this model's vectors")
    start = len(head) + np.dtype(_NUMBER).itemsize
    width = int(np.frombuffer(body[len(head) : start], _NUMBER)[0])
    records = np.frombuffer(body, _record(width), offset=start)
    return {record["key"].tobytes(): record["vector"] for record in records}


def _head(identity: bytes) -> bytes:
    return _MAGIC + identity + b"\n"


def _record(width: int) -> np.dtype[np.void]:
    return np.dtype([("key", np.uint8, KEY_BYTES), ("vector", "<f4", (width,))])


def _check(content: bytes) -> bytes:
    return blake2b(content, digest_size=_CHECK_BYTES).digest()
