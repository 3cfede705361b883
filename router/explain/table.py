"""Many accounts as a table: a line for each prompt, as wide as the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from router.explain.cells import one_line, padded, shortened, width

HEADS = ("prompt", "category", "decision", "model", "endpoint", "confidence", "reason")
_GAP = "  "
_NARROWEST_PROMPT = 16
_WIDEST_NAME = 28
_NOTHING = "-"


def cells(text: str, account: Mapping[str, Any]) -> tuple[str, ...]:
    """The line of one prompt, a cell for each of HEADS."""
    names = [account[key] or _NOTHING for key in ("category", "decision", "model", "endpoint")]
    confidence = account["confidence"]
    score = _NOTHING if confidence is None else f"{confidence:.4f}"
    reason = account["reason"] + (f": {account['error']}" if account["error"] else "")
    shown = [shortened(one_line(name), _WIDEST_NAME) for name in names]
    return (one_line(text), *shown, score, one_line(reason))


def table(rows: Sequence[tuple[str, ...]], columns: int) -> Iterator[str]:
    """Lines of at most `columns` cells where the names leave room; only errors run over."""
    lines = [HEADS, *rows]
    widths = [max(map(width, column)) for column in zip(*lines, strict=True)]
    widths[-1] = min(widths[-1], _WIDEST_NAME)
    room = columns - sum(widths[1:]) - len(_GAP) * (len(HEADS) - 1)
    widths[0] = min(widths[0], max(_NARROWEST_PROMPT, room))
    for prompt, *others in lines:
        line = (shortened(prompt, widths[0]), *others)
        yield _GAP.join(map(padded, line, widths)).rstrip()
