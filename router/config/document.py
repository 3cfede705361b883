"""A configuration file as plain values, with the place of each.

Knows paths and positions; leaves YAML to `parse` and what keys mean to the schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from router.config.problems import Path, Position, Problem

START = Position(1, 1)


@dataclass
class Document:
    """A file's values by path. `keys` and `values` are where each key and each value begins.

    `variables` are the paths whose text came from the environment; `unreadable` those whose value
    could not be told, each with a problem that says why. These are the file's own paths; where
    entries were taken out of a list, `original` leads from a path in `data` to them.
    """

    data: dict[str, Any] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)
    values: dict[Path, Position] = field(default_factory=dict)
    variables: set[Path] = field(default_factory=set)
    unreadable: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    _kept: dict[Path, list[int]] = field(default_factory=dict)

    def value_position(self, path: Path) -> Position:
        """Where the value at `path` begins, or the nearest enclosing one that is in the file."""
        path = self.original(path)
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, START)

    def key_position(self, path: Path) -> Position:
        """Where the last key of `path` begins."""
        return self.keys.get(self.original(path)) or self.value_position(path)

    def original(self, path: Path) -> Path:
        """`path` as the file counts, with the entries that were taken out of lists."""
        steps = list(path)
        for depth, step in enumerate(path):
            kept = self._kept.get(path[:depth])
            if kept and isinstance(step, int):
                steps[depth] = kept[step]
        return tuple(steps)

    def select(self, *pattern: str) -> Iterator[tuple[Path, Any]]:
        """Every value whose path fits `pattern`; `*` stands for any key or index."""
        yield from _select(self.data, pattern, ())

    def texts(self, *pattern: str) -> Iterator[tuple[Path, str]]:
        """Every text whose path fits `pattern`."""
        for path, value in self.select(*pattern):
            if isinstance(value, str):
                yield path, value

    def get(self, path: Path) -> Any:
        """The value at `path`, which exists."""
        value: Any = self.data
        for step in path:
            value = value[step]
        return value

    def put(self, path: Path, value: Any) -> None:
        """Replace the value at `path`, which exists."""
        self.get(path[:-1])[path[-1]] = value

    def drop(self, path: Path) -> None:
        """Take the key or the list's entry at `path` out; the list's later entries move up."""
        parent, step = self.get(path[:-1]), path[-1]
        if isinstance(parent, list) and isinstance(step, int):
            del self._kept.setdefault(path[:-1], list(range(len(parent))))[step]
        del parent[step]


def _select(value: Any, pattern: tuple[str, ...], path: Path) -> Iterator[tuple[Path, Any]]:
    if not pattern:
        yield path, value
        return
    step, rest = pattern[0], pattern[1:]
    for key, entry in _entries(value):
        if step in ("*", key):
            yield from _select(entry, rest, (*path, key))


def _entries(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []
