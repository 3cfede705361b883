"""What a batcher tells about itself, as plain facts; telemetry turns them into metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """One forward pass; `queue_seconds` has one entry for each of its texts."""

    size: int
    padded_tokens: int
    queue_seconds: tuple[float, ...]
    run_seconds: float


@dataclass(slots=True)
class Statistics:
    """Totals since the start; `queued` and `cached` are the present sizes.

    `requests` counts calls, `shared` those that joined a computation under way, `texts` and
    `batches` what the graph ran, `failed` distinct texts.
    """

    requests: int = 0
    cache_hits: int = 0
    shared: int = 0
    overloaded: int = 0
    expired: int = 0
    cancelled: int = 0
    failed: int = 0
    truncated: int = 0
    batches: int = 0
    texts: int = 0
    queued: int = 0
    cached: int = 0
