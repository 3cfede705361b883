"""Labelled prompts from JSON Lines, with every mistake named by file and line.

Knows the format; quotes no prompt, for data of customers ends up in logs.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Row:
    text: str = field(repr=False)
    label: str


@dataclass(slots=True)
class Data:
    """What a file held; `problems` counts on where `shown` stops."""

    rows: list[Row] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    problems: int = 0

    def add_problem(self, line: str) -> None:
        self.problems += 1
        if len(self.shown) < MOST_PROBLEMS:
            self.shown.append(line)

    def lines(self) -> list[str]:
        """The problems as one reads them."""
        more = self.problems - len(self.shown)
        return self.shown + ([f"and {more} more"] if more else [])


def read_rows(path: Path, labels: Sequence[str]) -> Data:
    """All rows and all problems of a file; blank lines are neither."""
    data = Data()
    try:
        for number, line in _lines(path):
            try:
                data.rows.append(_row(line, labels))
            except ValueError as error:
                data.add_problem(f"{path}:{number}: {error}")
    except OSError as error:
        data.add_problem(f"{path}: {(error.strerror or str(error)).lower()}")
    if not data.rows and not data.problems:
        data.add_problem(f'{path}: no rows; expected lines of {{"text": ..., "label": ...}}')
    return data


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, line.rstrip(b"\r\n")


def _row(line: bytes, labels: Sequence[str]) -> Row:
    row = _object(line)
    text, label = _string(row, "text"), _string(row, "label")
    if label not in labels:
        near = difflib.get_close_matches(label, labels, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(labels)}"
        raise ValueError(f"label: the model knows no {label!r}; {hint}")
    return Row(text, label)


def _object(line: bytes) -> dict[str, object]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not utf-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not json: {error.msg.lower()} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("not a row: nested too deeply") from None
    if not isinstance(row, dict):
        raise ValueError(f"expected an object, found {type(row).__name__}")
    return row


def _string(row: dict[str, object], key: str) -> str:
    if key not in row:
        near = difflib.get_close_matches(key, row, n=1)
        raise ValueError(f"{key}: missing" + (f"; found {near[0]!r}" if near else ""))
    value = row[key]
    if not isinstance(value, str):
        raise ValueError(f"{key}: expected a string, found {type(value).__name__}")
    return value
