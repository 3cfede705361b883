"""What signals found in one prompt: all that decisions know of them.

A signal that failed is UNKNOWN, which is neither true nor false: a rule that needs it does not
hold, and neither does a rule that needs its absence.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Mapping
from types import MappingProxyType

import msgspec

from router.catalog import ModelRef


class Match(msgspec.Struct, frozen=True):
    """One finding: a signal's kind, the rule or category named, and how sure it is (0..1).

    `holds` is False for what came close; a rule sees only what holds. `detail` explains the finding
    and is JSON-ready, without text of the prompt. `ref` is a model that the signal itself names.
    """

    kind: str
    name: str
    confidence: float = 1.0
    holds: bool = True
    detail: Mapping[str, object] = msgspec.field(default_factory=dict)
    ref: ModelRef | None = None


# The name under which a match is found, besides its own, that names a model itself.
PROPOSAL = ""


class Matches:
    """One request's findings, looked up by kind and name; `unknown` maps failed kinds to why.

    Of several findings with one kind and name the surest that holds counts.
    """

    __slots__ = ("_by_key", "unknown")

    def __init__(
        self, found: Iterable[Match] = (), unknown: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._by_key: dict[tuple[str, str], Match] = {}
        for match in found:
            self._put((match.kind, match.name), match)
            if match.ref is not None:
                self._put((match.kind, PROPOSAL), match)
        self.unknown = unknown

    def _put(self, key: tuple[str, str], match: Match) -> None:
        earlier = self._by_key.setdefault(key, match)
        if (earlier.holds, earlier.confidence) < (match.holds, match.confidence):
            self._by_key[key] = match

    def get(self, kind: str, name: str) -> Match | None:
        return self._by_key.get((kind, name))

    def items(self) -> ItemsView[tuple[str, str], Match]:
        """Every finding by kind and name; a proposal stands under its own name and PROPOSAL."""
        return self._by_key.items()
