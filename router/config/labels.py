"""Which labels of a classifier a category stands for, and where the classifier's files are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

MAPPING_FILE = "category_mapping.json"
CONFIG_FILE = "config.json"


class Named(Protocol):
    """What of a category decides its labels."""

    @property
    def name(self) -> str: ...

    @property
    def mmlu_categories(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a classifier can say, and the names that users give to groups of its labels."""

    labels: tuple[str, ...]
    aliases: Mapping[str, tuple[str, ...]]

    def means(self, word: str) -> tuple[str, ...]:
        """The labels that `word` stands for: itself, or those of an alias, or none."""
        return labels_named((word,), self.labels, self.aliases)


def labels_of(
    category: Named, labels: tuple[str, ...], aliases: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The labels that `category` stands for, in the classifier's order.

    Its name and each of its `mmlu_categories` stand for a label or an alias of labels. Case does
    not matter, and `_` and `-` are blanks.
    """
    return labels_named((category.name, *category.mmlu_categories), labels, aliases)


def labels_named(
    words: Iterable[str], labels: tuple[str, ...], aliases: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The labels that any of `words` stands for, in the classifier's order."""
    groups = {
        _folded(alias): {_folded(label) for label in group} for alias, group in aliases.items()
    }
    meant = {label for word in map(_folded, words) for label in (word, *groups.get(word, ()))}
    return tuple(label for label in labels if _folded(label) in meant)


def _folded(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def places(name: str, config_directory: Path) -> Iterator[Path]:
    """Where a path in a configuration is looked for, in order."""
    for base in (Path(), config_directory, config_directory / ".."):
        yield base / name


def find_path(name: str, config_directory: Path) -> Path | None:
    """The file or directory that a configuration in `config_directory` calls `name`, or None.

    A relative name is looked for in the working directory, then beside the configuration file, then
    in the directory above: a file in `config/` finds `models/` beside `config/`.
    """
    return next((path for path in places(name, config_directory) if path.exists()), None)


def read_vocabulary(directory: Path, mapping: Path | None = None) -> Vocabulary:
    """The labels and aliases of the classifier in `directory`. Raises ValueError, OSError."""
    source = mapping or directory / MAPPING_FILE
    if mapping or source.exists():
        content = _object(source)
        return Vocabulary(_labels(content.get("idx_to_category"), source), _aliases(content))
    source = directory / CONFIG_FILE
    if not source.exists():
        raise ValueError(f"neither {MAPPING_FILE} nor {CONFIG_FILE} is in {directory}")
    return Vocabulary(_labels(_object(source).get("id2label"), source), {})


def _object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid json") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} does not hold a json object")
    return content


def _labels(by_index: Any, source: Path) -> tuple[str, ...]:
    if not isinstance(by_index, dict) or not by_index:
        raise ValueError(f"{source} names no labels")
    try:
        return tuple(str(by_index[key]) for key in sorted(by_index, key=int))
    except ValueError as error:
        raise ValueError(f"{source} has a label whose index is no number") from error


def _aliases(content: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    aliases = content.get("aliases")
    entries = aliases.items() if isinstance(aliases, dict) else ()
    return {name: tuple(map(str, group)) for name, group in entries if isinstance(group, list)}
