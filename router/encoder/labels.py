"""Label names and their aliases, from config.json and the mapping file beside it.

Knows Hugging Face's `id2label` and the mapping files of the semantic-router family; leaves what a
label means for routing to the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router.encoder.files import ModelFiles, read_json_object
from router.errors import ModelFilesError

MAPPINGS = ("category_mapping.json", "pii_type_mapping.json", "jailbreak_type_mapping.json")
TO_INDEX = ("category_to_idx", "label_to_idx")
FROM_INDEX = ("idx_to_category", "idx_to_label")


@dataclass(frozen=True, slots=True)
class Labels:
    """Names by index; `source` is the file that gave them, for error messages."""

    names: tuple[str, ...] = ()
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: Path | None = None


def read_labels(files: ModelFiles, mapping: Path | None = None) -> Labels:
    """Label names of a model directory; none at all is right for a sentence encoder.

    `mapping` names a mapping file that lies elsewhere. Raises ModelFilesError where the two
    sources disagree, because a silent choice would send every request to the wrong adapter.
    """
    config = files.directory / "config.json"
    from_config = _from_id2label(config, files.config.get("id2label"))
    path = mapping or _find_mapping(files.directory)
    if path is None:
        return Labels(from_config, {}, config if from_config else None)
    content = read_json_object(path)
    names = _from_mapping(path, content)
    if from_config and not _generic(from_config):
        _require_agreement(path, names, config, from_config)
    return Labels(names, _aliases(path, content.get("aliases", {}), names), path)


def _find_mapping(directory: Path) -> Path | None:
    return next((path for name in MAPPINGS if (path := directory / name).is_file()), None)


def _from_id2label(path: Path, id2label: object) -> tuple[str, ...]:
    if id2label is None:
        return ()
    return _by_index(path, "id2label", id2label)


def _from_mapping(path: Path, content: Mapping[str, Any]) -> tuple[str, ...]:
    forward = _first(content, TO_INDEX)
    backward = _first(content, FROM_INDEX)
    if backward is None and forward is None:
        raise ModelFilesError(f"{path}: expected {TO_INDEX[0]} or {FROM_INDEX[0]}, found neither")
    if backward is None:
        return _by_index(path, TO_INDEX[0], _invert(path, forward))
    names = _by_index(path, FROM_INDEX[0], backward)
    if forward is not None and forward != {name: index for index, name in enumerate(names)}:
        raise ModelFilesError(
            f"{path}: {TO_INDEX[0]} and {FROM_INDEX[0]} disagree; make one the inverse of the other"
        )
    return names


def _first(content: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    return next((content[key] for key in keys if key in content), None)


def _invert(path: Path, forward: object) -> dict[str, object]:
    if not isinstance(forward, dict):
        raise ModelFilesError(f"{path}: {TO_INDEX[0]}: expected an object")
    return {str(index): name for name, index in forward.items()}


def _by_index(path: Path, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, dict) or not value:
        raise ModelFilesError(f"{path}: {key}: expected an object of index to label")
    missing = [str(index) for index in range(len(value)) if str(index) not in value]
    if missing:
        raise ModelFilesError(
            f"{path}: {key}: index {missing[0]} is missing; "
            f"{len(value)} labels need the indexes 0 to {len(value) - 1}"
        )
    names = tuple(value[str(index)] for index in range(len(value)))
    if not all(isinstance(name, str) and name for name in names):
        raise ModelFilesError(f"{path}: {key}: every label must be a non-empty string")
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise ModelFilesError(f"{path}: {key}: label {repeated!r} occurs twice")
    return names


def _generic(names: tuple[str, ...]) -> bool:
    """Exports made without names carry LABEL_0, LABEL_1 ...: they say nothing."""
    return all(name == f"LABEL_{index}" for index, name in enumerate(names))


def _require_agreement(
    path: Path, names: tuple[str, ...], config: Path, expected: tuple[str, ...]
) -> None:
    if len(names) != len(expected):
        raise ModelFilesError(
            f"{path}: {len(names)} labels, but {config} has {len(expected)} in id2label; "
            "use the mapping that belongs to this model"
        )
    for index, (name, other) in enumerate(zip(names, expected, strict=True)):
        if name.casefold() != other.casefold():
            raise ModelFilesError(
                f"{path}: label {index} is {name!r}, but {other!r} in {config}'s id2label; "
                "use the mapping that belongs to this model"
            )


def _aliases(path: Path, value: object, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ModelFilesError(f"{path}: aliases: expected an object of name to list of labels")
    aliases = {}
    for alias, targets in value.items():
        if not isinstance(targets, list) or not targets:
            raise ModelFilesError(f"{path}: aliases.{alias}: expected a list of labels")
        unknown = next((target for target in targets if target not in names), None)
        if unknown is not None:
            raise ModelFilesError(f"{path}: aliases.{alias}: {unknown!r} is not a label")
        aliases[alias.lower()] = tuple(targets)
    return aliases
