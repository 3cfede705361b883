"""Listings and changes as text for people: a line for each name, so that `grep` finds it whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.adapters.change import Change
from router.adapters.listing import Listing, Stranger
from router.explain.cells import one_line, padded, shortened, width

_HEADS = ("endpoint", "model", "state", "base")
_GAP = "  "
_WIDEST = 64
_MOST_STRANGERS = 20

Row = tuple[str, ...]


def listed(listings: Sequence[Listing]) -> Iterator[str]:
    """Every name of every endpoint; of an endpoint that lists none, why."""
    return _aligned([_HEADS, *(row for listing in listings for row in _rows(listing))])


def _rows(listing: Listing) -> Iterator[Row]:
    endpoint = listing.endpoint.name
    if listing.served is None:
        yield (endpoint, listing.error or "")
        return
    for name, base in listing.configured.items():
        state = "loaded" if name in listing.served.names else "missing"
        yield (endpoint, _cell(name), state, _cell(base or ""))
    for stranger in listing.strangers[:_MOST_STRANGERS]:
        yield (endpoint, _cell(stranger.name), "unknown", _origin(stranger))
    left_out = len(listing.strangers) - _MOST_STRANGERS
    if left_out > 0:
        yield (endpoint, f"{left_out} more", "unknown", "see --json")


def _origin(stranger: Stranger) -> str:
    homes = ", ".join(stranger.configured_for)
    elsewhere = f"(configured for {homes})" if homes else ""
    return " ".join(part for part in (_cell(stranger.parent or ""), elsewhere) if part)


def changed(changes: Sequence[Change]) -> Iterator[str]:
    """A line for each endpoint."""
    return _aligned([(change.endpoint.name, _outcome(change)) for change in changes])


def _outcome(change: Change) -> str:
    if change.outcome is None:
        return f"failed: {change.error}"
    return change.outcome.replace("_", " ")


def _aligned(rows: Sequence[Row]) -> Iterator[str]:
    """Columns side by side; the last cell of a row, which may be a sentence, needs no width."""
    widths = [
        max((width(row[column]) for row in rows if column < len(row) - 1), default=0)
        for column in range(max(map(len, rows)))
    ]
    for row in rows:
        yield _GAP.join(map(padded, row, widths)).rstrip()


def _cell(name: str) -> str:
    """A name that a server may have made up, as wide as a column may be."""
    return shortened(one_line(name), _WIDEST)
