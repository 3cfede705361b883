"""`lora-router check`: a configuration's findings as lines for a terminal or an editor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from router.config.load import Loaded, examine
from router.config.report import Report


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
    )
    return f"ok, {warnings} ({', '.join(parts)})"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
