"""`lora-router check`: a configuration's findings as lines for a terminal or an editor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from router.config.load import Loaded, examine
from router.config.report import Report
from router.config.schema import Config


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What to print, one finding a line and a summary last; `ok` where there is no error."""

    lines: list[str]
    ok: bool


def check(
    path: Path, *, environ: Mapping[str, str] | None = None, check_files: bool = True
) -> CheckReport:
    """Check the file at `path`, the classifier's files included unless told not to."""
    report, loaded = examine(path, environ=environ, check_files=check_files)
    lines = [
        *report.error_lines(),
        *report.warning_lines("warning"),
        f"{path}: {_summary(report, loaded)}",
    ]
    return CheckReport(lines, loaded is not None)


def _summary(report: Report, loaded: Loaded | None) -> str:
    warnings = _count(len(report.warning_lines()), "warning")
    if loaded is None:
        return f"{_count(len(report.error_lines()), 'error')}, {warnings}"
    config = loaded.config
    adapters = sum(len(model.loras) for model in config.models.values())
    parts = (
        _count(len(config.vllm_endpoints), "endpoint"),
        _count(len(config.models), "model"),
        _count(adapters, "adapter"),
        _count(len(config.categories), "category", "categories"),
        *_counts_of_rules(config),
    )
    return f"ok, {warnings} ({', '.join(parts)})"


def _counts_of_rules(config: Config) -> Iterator[str]:
    """What not every file has is counted only where it is."""
    signals = sum(len(rules) for _, rules in config.signals)
    rules = len(config.keyword_rules) + len(config.embedding_rules) + signals
    numbers = {
        "decision": len(config.decisions),
        "signal rule": rules,
        "routing rule": len(config.routing_rules),
    }
    yield from (_count(number, what) for what, number in numbers.items() if number)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
