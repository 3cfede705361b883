"""Vectors of many texts at once, as configurations need them when they are loaded.

Knows how to ask an encoder without filling its queue, and what may be taken from the disk instead;
leaves the file to `vector_file`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from router.encoder import Encoder, Encoding, Vector
from router.encoder.vector_file import VectorFile, text_key
from router.errors import ModelFilesError, Overloaded

AT_ONCE = 32  # texts under way, at most; a batch is rarely larger
_QUEUE_SHARE = 4  # of the places in the queue, one in so many
_RETRIES = 100
_RETRY_SECONDS = 0.05

Matrix = NDArray[np.float32]


async def embed(
    encoder: Encoder, texts: Sequence[str], *, queue_size: int, cache: Path | None
) -> Matrix:
    """One unit vector for each of `texts`, which may not be none at all. Shape [texts, dimensions].

    Vectors are looked for in the directory `cache`, and added to it. Raises ModelFilesError where
    the model has no sentence vectors, ClassifierFailed where it fails on a text, and Overloaded
    where its queue stays full for seconds.
    """
    wanted = {text_key(text): text for text in texts}
    file = VectorFile(cache, encoder.identity) if cache and encoder.identity else None
    known = await asyncio.to_thread(file.read) if file else {}
    missing = {key: text for key, text in wanted.items() if key not in known}
    found = {**known, **await _compute(encoder, missing, queue_size)}
    if file and missing:
        await asyncio.to_thread(file.write, {key: found[key] for key in wanted}, known)
    return np.stack([found[text_key(text)] for text in texts])


async def _compute(
    encoder: Encoder, texts: Mapping[bytes, str], queue_size: int
) -> dict[bytes, Vector]:
    found: dict[bytes, Vector] = {}
    remaining = iter(texts.items())

    async def work() -> None:
        for key, text in remaining:  # shared: each takes the next
            found[key] = await _vector(encoder, text)

    workers = max(1, min(AT_ONCE, queue_size // _QUEUE_SHARE, len(texts)))
    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return found


async def _vector(encoder: Encoder, text: str) -> Vector:
    for _ in range(_RETRIES):
        # Clients' prompts go through the same queue while a configuration is exchanged.
        with contextlib.suppress(Overloaded):
            return _embedding(await encoder.encode(text))
        await asyncio.sleep(_RETRY_SECONDS)
    return _embedding(await encoder.encode(text))


def _embedding(encoding: Encoding) -> Vector:
    if encoding.embedding is None:
        raise ModelFilesError(
            "the model has no sentence vectors: its graph has labels only; name a sentence encoder "
            "under embedding_model, or export the classifier with an output named embedding"
        )
    return encoding.embedding
