"""How signals that compare meanings get their vectors: phrases at load, prompts one by one.

Knows the embedding model's settings and its space; leaves rules and thresholds to the signals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.config import Config
from router.config.classifier import EncoderSettings
from router.encoder import Encoder, Encoding
from router.encoder.vector_file import cache_directory
from router.encoder.vectors import embed
from router.signals.anchors import ANCHORS
from router.signals.space import Floats, Space


def encoder_settings(config: Config) -> EncoderSettings | None:
    """The settings of the model that embeds; None where the file names none."""
    return config.embedding_model or config.classifier.category_model


@dataclass(frozen=True, slots=True)
class Embedder:
    """An encoder and the space that its vectors are compared in. `timeout` is in seconds."""

    encoder: Encoder
    space: Space
    timeout: float
    queue_size: int = 1024

    @classmethod
    async def open(cls, encoder: Encoder, settings: EncoderSettings) -> Embedder:
        """Raises ModelFilesError where the encoder has no sentence vectors, as `embed` does."""
        anchors = await embed(
            encoder, ANCHORS, queue_size=settings.queue_size, cache=cache_directory()
        )
        return cls(encoder, Space.around(anchors), settings.timeout_ms / 1000, settings.queue_size)

    async def phrases(self, texts: Sequence[str]) -> Floats:
        """Unit vectors of the operator's texts, kept on disk. Shape [texts, dimensions]."""
        vectors = await embed(
            self.encoder, texts, queue_size=self.queue_size, cache=cache_directory()
        )
        return self.space.place(vectors)

    async def prompt(self, text: str) -> tuple[Floats, Encoding]:
        """A prompt's unit vector, shape [dimensions]. Raises Unavailable, as the encoder does."""
        encoding = await self.encoder.encode(text, timeout=self.timeout)
        assert encoding.embedding is not None  # checked when the space was made
        return self.space.place(encoding.embedding), encoding
