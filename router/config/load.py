"""A configuration file from disk to checked values, or every reason why not.

Order: read, parse, set aside what is not served, validate against the schema, check how the parts
fit together, find the models' files. No step stops at the first fault, except where the file is no
mapping at all. What has no effect is looked for only in a configuration that is sound.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from router.config.choice import check_choice
from router.config.deadlines import check_deadlines
from router.config.document import Document
from router.config.mcp import check_mcp
from router.config.parse import parse
from router.config.plugins import check_plugins
from router.config.problems import NOWHERE, Position, Problem
from router.config.reach import (
    ClassifierFiles,
    check_domains,
    check_reach,
    find_classifier,
    find_embedding_model,
)
from router.config.references import check_references
from router.config.report import Report
from router.config.routes import check_routes
from router.config.rules import check_rules
from router.config.schema import Config
from router.config.trees import check_trees
from router.config.unserved import set_aside
from router.config.unused import check_unused
from router.config.validate import validate
from router.config.ways import Ways
from router.errors import ConfigError

MAX_FILE_BYTES = 16 * 1024 * 1024
_CHECKS = (check_references, check_rules, check_trees, check_plugins, check_routes, check_mcp)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used.

    `warnings` are lines for the operator. `version` begins the SHA-256 of the file's bytes.
    `classifier` says where the category model's files are; None where there is no such model or
    files were not asked for. `embedding` is the embedding model's directory, where there is one.
    `path` is the file.
    """

    config: Config
    warnings: list[str]
    version: str
    classifier: ClassifierFiles | None = None
    embedding: Path | None = None
    path: Path = Path()


def load(
    path: Path, *, environ: Mapping[str, str] | None = None, check_files: bool = True
) -> Loaded:
    """Load and check the file at `path`. Raises ConfigError that lists every problem.

    Without `check_files` the classifier's files need not be there.
    """
    report, loaded = examine(path, environ=environ, check_files=check_files)
    if loaded is None:
        raise ConfigError(report.error_lines())
    return loaded


def examine(
    path: Path, *, environ: Mapping[str, str] | None = None, check_files: bool = True
) -> tuple[Report, Loaded | None]:
    """What `load` finds: all errors and warnings, and the configuration if there is no error."""
    try:
        content = _read(path)
        text = content.decode()
    except ValueError as error:
        return Report(str(path), Document(), errors=[_unreadable(error)]), None
    document = parse(text, os.environ if environ is None else environ)
    report = Report(str(path), document, errors=list(document.problems))
    if document.problems and not document.data:
        return report, None
    set_aside(report)
    config = validate(report)
    for step in _CHECKS:
        step(report)
    if config is not None:
        check_choice(report, config)
    classifier = find_classifier(report) if check_files else None
    embedding = find_embedding_model(report) if check_files else None
    check_domains(report, classifier)
    if config is None or report.errors:
        return report, None
    ways = Ways(config, classifier.vocabulary if classifier else None)
    check_deadlines(report, config, ways)
    check_unused(report, config, ways)
    if check_files:
        check_reach(report, config, ways)
    version = hashlib.sha256(content).hexdigest()[:12]
    return report, Loaded(config, report.warning_lines(), version, classifier, embedding, path)


def _read(path: Path) -> bytes:
    """The file's bytes. Raises ValueError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ValueError("no such file") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"cannot be read: {reason.lower()}") from error
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"larger than {MAX_FILE_BYTES} bytes")
    return content


def _unreadable(error: ValueError) -> Problem:
    if not isinstance(error, UnicodeDecodeError):
        return Problem(NOWHERE, "", str(error))
    before = error.object[: error.start]
    line_start = before.rfind(b"\n") + 1
    position = Position(before.count(b"\n") + 1, len(before[line_start:].decode()) + 1)
    byte = error.object[error.start]
    return Problem(position, "", f"found the byte 0x{byte:02x}, expected a file in utf-8")
