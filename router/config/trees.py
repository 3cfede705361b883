"""The conditions of decisions as they are written: whole, and over signals that exist.

Works on plain values. Domains are `reach`'s matter, for the classifier's files say which there are;
whether conditions can hold together is `logic`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from router.config.languages import CODES
from router.config.problems import Path
from router.config.references import undefined
from router.config.report import Report
from router.config.rules import asked_for, conditions_in, titles

MAX_DEPTH = 16
_EXPECTED = "expected type and name, or operator and conditions"
_HOMES: Mapping[str, str] = MappingProxyType(
    {
        "keyword": "keyword_rules or signals.keywords",
        "embedding": "embedding_rules or signals.embeddings",
        "language": "signals.language",
        "context": "signals.context",
        "request": "signals.requests",
    }
)


def check_trees(report: Report) -> None:
    """Report every condition that is not whole, and every signal that does not exist."""
    for path, condition in conditions_in(report):
        _check_whole(report, path, condition)
    _check_depth(report)
    for kind, home in _HOMES.items():
        known = dict.fromkeys(titles(report, kind))
        for path, name in asked_for(report, kind):
            is_code = kind == "language" and name.lower() in CODES  # they need no declaration
            if name not in known and not is_code:
                report.error(path, undefined(f"{kind} signal", name, known, home))
    _check_server(report)


def _check_whole(report: Report, path: Path, condition: dict[str, Any]) -> None:
    given = {key for key in _KEYS if condition.get(key) is not None}
    signal, group = given & {"type", "name"}, given & {"operator", "conditions"}
    if signal and group:
        report.error(path, f"found a signal and a group in one condition, {_EXPECTED}")
    elif not given:
        report.error(path, f"found an empty condition, {_EXPECTED}")
    elif len(given) == 1:
        (key,) = given
        report.error(path, f"found {key} alone, expected {_PARTNERS[key]} beside it")
    elif group:
        _check_group(report, path, condition)


_PARTNERS = {
    "type": "name",
    "name": "type",
    "operator": "conditions",
    "conditions": "operator: AND, OR or NOT",
}
_KEYS = tuple(_PARTNERS)


def _check_group(report: Report, path: Path, condition: dict[str, Any]) -> None:
    operator, parts = condition["operator"], condition["conditions"]
    count = len(parts) if isinstance(parts, list) else 1  # what is no list is complained of
    is_whole = path[-1] == "rules"
    if operator == "NOT" and count != 1:
        report.error(path, f"found NOT over {count} conditions, expected one; join several in it")
    elif operator == "OR" and not count:
        report.error(path, "found OR over no conditions, which never holds; expected some")
    elif operator == "AND" and not count and not is_whole:
        report.error(path, "found AND over no conditions, which always holds; expected some")


def _check_depth(report: Report) -> None:
    """One finding for each decision, at the first condition that is too deep."""
    seen = set()
    for path, _ in conditions_in(report):
        decision, depth = path[1], len(path[2:]) // 2 + 1
        if depth > MAX_DEPTH and decision not in seen:
            seen.add(decision)
            report.error(path, f"found {depth} levels of conditions, expected at most {MAX_DEPTH}")


def _check_server(report: Report) -> None:
    for path, _ in asked_for(report, "mcp"):
        servers = report.document.select("classifier", "mcp_category_model", "enabled")
        if not any(enabled is True for _, enabled in servers):
            report.error(
                path,
                "no mcp server is asked, expected classifier.mcp_category_model with enabled: true",
            )
            return  # one is enough: the cause is elsewhere
