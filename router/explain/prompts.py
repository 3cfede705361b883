"""Files of prompts to explain: one a line, or JSON Lines, with every mistake named by its line.

Knows the two formats; quotes no prompt. What a row may say is `asked`'s matter.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from router.errors import ClientError
from router.explain.asked import Asked
from router.request import InferenceRequest

STDIN = "-"
_MOST_SHOWN = 20
_DECODER = msgspec.json.Decoder(Asked)

Read = Callable[[Asked], InferenceRequest]


@dataclass(frozen=True, slots=True)
class Row:
    """One request of a file; lines count from 1."""

    line: int
    request: InferenceRequest


@dataclass(slots=True)
class Prompts:
    """What a file held, in its order; of use only where there are no `problems`."""

    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        """The problems as one reads them: the first, and how many more there are."""
        more = len(self.problems) - _MOST_SHOWN
        return self.problems[:_MOST_SHOWN] + ([f"and {more} more"] if more > 0 else [])


def read_prompts(source: str, given: Asked, read: Read) -> Prompts:
    """All requests of the file `source`, JSON Lines by its name; `-` is standard input, as text.

    `given` holds for every row that says nothing else. `read` makes a request of what a row asks;
    the ClientError that it raises is the row's problem.
    """
    prompts = Prompts()
    name = "standard input" if source == STDIN else source
    ask = _row if source.endswith(".jsonl") else _prompt
    try:
        for number, line in _lines(source):
            try:
                prompts.rows.append(Row(number, read(ask(_decoded(line), given))))
            except (ClientError, ValueError) as error:
                prompts.problems.append(f"{name}:{number}: {error}")
    except OSError as error:
        prompts.problems.append(f"{name}: {(error.strerror or str(error)).lower()}")
    if not prompts.rows and not prompts.problems:
        prompts.problems.append(f"{name}: no prompts, expected one on each line")
    return prompts


def _lines(source: str) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, by number."""
    if source == STDIN:
        yield from _numbered(sys.stdin.buffer)
        return
    with Path(source).open("rb") as file:
        yield from _numbered(file)


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    return ((n, line) for n, line in enumerate(lines, start=1) if line.strip())


def _decoded(line: bytes) -> str:
    if b"\0" in line:
        raise ValueError("holds a NUL byte, expected text")
    try:
        return line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"not utf-8 at byte {error.start + 1}, expected text") from None


def _prompt(line: str, given: Asked) -> Asked:
    return replace(given, text=line)


def _row(line: str, given: Asked) -> Asked:
    """What a row of JSON asks, and what is given for all rows where it says nothing."""
    try:
        row = _DECODER.decode(line)
    except msgspec.ValidationError as error:
        raise ValueError(_lower(str(error))) from None
    except msgspec.DecodeError as error:
        said = str(error).removeprefix("JSON is malformed: ")
        raise ValueError(f"not json: {_lower(said)}") from None
    headers = {**_lower_names(given.headers), **_lower_names(row.headers)}
    row = replace(row, headers=headers, path=given.path if row.path is None else row.path)
    if row.body is not UNSET:
        return row
    silent = ("model", "user", "system")
    return replace(row, **{n: getattr(given, n) for n in silent if getattr(row, n) is None})


def _lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
