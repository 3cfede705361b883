"""Text to label probabilities and sentence vectors, in one forward pass.

Knows tokenizers, ONNX graphs and batches; leaves what a label means for routing to the signals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Encoding:
    """What one forward pass says of one text.

    `probabilities` has shape [labels] and sums to 1; `embedding` has shape [dimensions] and
    length 1; either is None where the graph has no such output. `tokens` counts what was fed to
    the graph, special tokens included; `truncated` says that the text's middle was left out.
    """

    probabilities: Vector | None = field(repr=False)
    embedding: Vector | None = field(repr=False)
    tokens: int
    truncated: bool
    cached: bool = False

    @property
    def facts(self) -> dict[str, object]:
        """How the text was read, JSON-ready, for the record."""
        return {"tokens": self.tokens, "truncated": self.truncated, "cached": self.cached}


class Encoder(Protocol):
    """A loaded model. `encode` may be awaited by many callers at once."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names by index; empty for a sentence encoder without a head."""
        ...

    @property
    def aliases(self) -> Mapping[str, tuple[str, ...]]:
        """Names that users give to groups of labels, in lower case."""
        ...

    @property
    def identity(self) -> str:
        """Names the model and its cuts: equal identities give equal vectors; empty if unknown."""
        ...

    async def encode(self, text: str, *, timeout: float | None = None) -> Encoding:
        """Encode one text.

        Raises Overloaded at once when the queue is full, DeadlineExceeded after `timeout` seconds,
        ClassifierFailed when the graph raises on this input.
        """
        ...

    async def close(self) -> None:
        """Stop the owner thread; waiting callers get ClassifierFailed."""
        ...
