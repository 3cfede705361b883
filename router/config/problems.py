"""What is wrong with a configuration, and where: one line for each finding, in file order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Path = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_SIMILAR = 0.6


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the file, counted from 1."""

    line: int
    column: int


NOWHERE = Position(0, 0)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding. `path` is empty and the position NOWHERE where it concerns the whole file."""

    position: Position
    path: str
    text: str

    def line(self, file: str, label: str = "") -> str:
        """`file:line:col: path: text`; `label` stands before the text."""
        place = "" if self.position == NOWHERE else f":{self.position.line}:{self.position.column}"
        where = f"{file}{place}"
        return ": ".join(part for part in (where, self.path, label, self.text) if part)


def path_text(path: Path) -> str:
    """`categories[0].model_scores[1].model`; keys that would confuse are quoted."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if _PLAIN_KEY.match(step) else json.dumps(step, ensure_ascii=False)
            text += f".{key}" if text else key
    return text


def nearest(name: str, known: Iterable[str], *, similar: float = _SIMILAR) -> str | None:
    """The known name that `name` was most likely meant to be, or None."""
    by_folded = {_folded(candidate): candidate for candidate in known}
    found = get_close_matches(_folded(name), by_folded, n=1, cutoff=similar)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing where no known name is near."""
    found = nearest(name, known)
    return f"; did you mean {found!r}?" if found else ""


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Names for a message: quoted, and not too many of them."""
    every = list(dict.fromkeys(names))
    shown = ", ".join(repr(name) for name in every[:limit])
    return f"{shown} and {len(every) - limit} more" if len(every) > limit else shown


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")
