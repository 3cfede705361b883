"""Which model this is: a name that changes whenever its vectors may.

Knows which files and settings a vector depends on; leaves reading them to `onnx`.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from router.encoder.files import ModelFiles

_BLOCK = 1 << 20


def identity_of(files: ModelFiles, *, head: int, tail: int, outputs: tuple[str, ...]) -> str:
    """32 hexadecimal digits, from the bytes of graph and tokenizer and the cuts of long texts.

    Weights beside the graph count too. Raises OSError if a file cannot be read.
    """
    state = blake2b(digest_size=16)
    state.update(f"{head} {tail} {files.pooling} {' '.join(outputs)}".encode())
    for path in (*_weights(files.graph), files.tokenizer):
        state.update(_digest(path))
    return state.hexdigest()


def _weights(graph: Path) -> list[Path]:
    """The graph, and what exporters put beside a large one, such as `model.onnx_data`."""
    return sorted(path for path in graph.parent.glob(f"{graph.name}*") if path.is_file())


def _digest(path: Path) -> bytes:
    state = blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.digest()
