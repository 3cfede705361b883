"""What a figure is, and how a short piece of work is timed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

_ROUNDS = 25
_ROUND_SECONDS = 0.02

Value = TypeVar("Value")


@dataclass(frozen=True)
class Figure:
    """One answer. It holds where `value` is from 0 to `limit`; `detail` says what it is made of.

    With `at_least` it holds from `limit` upwards. A ratio to something that came out as nothing, or
    less, was not measured: it does not hold.
    """

    name: str
    value: float
    limit: float
    unit: str
    detail: str = ""
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.limit if self.at_least else 0 <= self.value <= self.limit

    @property
    def bound(self) -> str:
        """The limit as a table shows it."""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


def best_of(
    work: Callable[[], object], *, rounds: int = _ROUNDS, seconds: float = _ROUND_SECONDS
) -> float:
    """Seconds that `work` takes: the mean of the best round, since others of this machine's
    processes only ever add.

    A round takes about so many `seconds`, and at least one call.
    """
    work()
    times = max(1, int(seconds / max(_timed(work, 1), 1e-9)))
    return min(_timed(work, times) for _ in range(rounds))


def _timed(work: Callable[[], object], times: int) -> float:
    started = perf_counter()
    for _ in range(times):
        work()
    return (perf_counter() - started) / times


def finished(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """What a coroutine returns that waits for nothing. Raises RuntimeError where it waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: Value = end.value
        return value
    coroutine.close()
    raise RuntimeError("expected work that waits for nothing")
