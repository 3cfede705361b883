"""What signals found in one prompt: all that decisions know of them.

A signal that failed is UNKNOWN, which is neither true nor false: a rule that needs it does not
hold, and neither does a rule that needs its absence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Match:
    """One finding: a signal's kind, the rule or category named, and how sure it is (0..1)."""

    kind: str
    name: str
    confidence: float = 1.0
    holds: bool = True
    detail: Mapping[str, object] = field(default_factory=dict)


class Matches:
    """One request's findings, looked up by kind and name; `unknown` maps failed kinds to why."""

    __slots__ = ("_by_key", "unknown")

    def __init__(
        self, found: Iterable[Match] = (), unknown: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._by_key = {(match.kind, match.name): match for match in found}
        self.unknown = unknown

    def get(self, kind: str, name: str) -> Match | None:
        return self._by_key.get((kind, name))

    def __iter__(self) -> Iterator[Match]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)
