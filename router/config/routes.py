"""Routing rules as they are written: one way to match, one place to go, a model that is served.

Works on plain values, so that a file with other faults is checked as far as it can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.config.problems import Path, listed
from router.config.references import (
    adapters_of,
    auto_names,
    endpoints_of,
    models_of,
    undefined,
)
from router.config.report import Report

Rule = dict[str, Any]

_PRIORITY = 1


def check_routes(report: Report) -> None:
    """Report every rule that cannot be followed, or that another takes the place of."""
    for path, rule in _rules(report):
        _check_whole(report, path, rule)
    for path, match, route in _routes(report):
        _check_names(report, path, route)
        for place, name in _models_asked_for(path, match):
            _check_served(report, place, name, path, route)
    _check_fallbacks(report)


def _rules(report: Report) -> Iterator[tuple[Path, Rule]]:
    for path, rule in report.document.select("routing_rules", "*"):
        if isinstance(rule, dict):
            yield path, rule


def _check_whole(report: Report, path: Path, rule: Rule) -> None:
    match, fallback = rule.get("match"), rule.get("fallback")
    if match is not None and "fallback" in rule:
        report.error(path, "found match and fallback in one rule, expected one of them")
    elif match is None and "fallback" not in rule:
        report.error(path, "found neither match nor fallback, expected one of them")
    elif isinstance(match, dict) and not any(match.values()):
        report.error(
            (*path, "match"),
            "found nothing to match, expected facts; a fallback takes all requests",
        )
    has_inner = isinstance(fallback, dict) and fallback.get("route") is not None
    if rule.get("route") is not None and has_inner:
        report.error(path, "found two routes in one rule, expected one")
    elif rule.get("route") is None and fallback is None:
        report.error((*path, "route"), "missing; expected where the requests go")


def _routes(report: Report) -> Iterator[tuple[Path, Rule, Rule]]:
    """Every route that is a mapping at all: its place, what its rule matches, the route."""
    for at, rule in _rules(report):
        match = rule.get("match")
        for keys in (("route",), ("fallback", "route")):
            route: Any = rule
            for key in keys:
                route = route.get(key) if isinstance(route, dict) else None
            if isinstance(route, dict):
                yield (*at, *keys), match if isinstance(match, dict) else {}, route


def _check_names(report: Report, path: Path, route: Rule) -> None:
    backend, model = route.get("backend"), route.get("model")
    endpoints = endpoints_of(report)
    if isinstance(backend, str) and backend not in endpoints:
        report.error(
            (*path, "backend"), undefined("endpoint", backend, endpoints, "vllm_endpoints")
        )
    known = [*models_of(report), *adapters_of(report)]
    if not isinstance(model, str):
        return
    if model not in known:
        report.error((*path, "model"), undefined("model or adapter", model, known, "model_config"))
    else:
        _check_backend(report, path, backend, model)


def _models_asked_for(path: Path, match: Rule) -> Iterator[tuple[Path, str]]:
    """The names in the rule's `match.model` that are no patterns."""
    names, place = match.get("model"), (path[0], path[1], "match", "model")
    if isinstance(names, str):
        yield from [(place, names)] if "*" not in names else []
        return
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str) and "*" not in name:
            yield (*place, index), name


def _check_served(report: Report, place: Path, name: str, path: Path, route: Rule) -> None:
    """A client's own choice of model is kept unless the route names another."""
    if route.get("model") is not None or name in auto_names(report):
        return
    if name in models_of(report) or name in adapters_of(report):
        _check_backend(report, path, route.get("backend"), name)
    else:
        report.error(
            place,
            f"{name!r} is no model, adapter or auto name, so that its clients would get 404; write "
            "the model that answers as the route's model",
        )


def _check_backend(report: Report, path: Path, backend: object, model: str) -> None:
    """The endpoint must hold the model; without preferred endpoints each of them does."""
    base = adapters_of(report).get(model, model)
    named = report.document.texts("model_config", base, "preferred_endpoints", "*")
    serving = [name for _, name in named] or endpoints_of(report)
    if backend in endpoints_of(report) and backend not in serving:
        report.error(
            (*path, "backend"),
            f"endpoint {backend!r} does not serve {model!r}, expected one of {listed(serving)}",
        )


def _check_fallbacks(report: Report) -> None:
    """One fallback, and none that goes before a rule: the lowest number wins."""
    first: Path | None = None
    for path, rule in _rules(report):
        if "fallback" not in rule:
            continue
        if first is not None:
            line = report.document.value_position(first).line
            report.error(path, f"a fallback is already on line {line}; only one is ever used")
            continue
        first = path
        _check_goes_last(report, path)


def _check_goes_last(report: Report, fallback: Path) -> None:
    priorities = {path[:2]: route.get("priority", _PRIORITY) for path, _, route in _routes(report)}
    own = priorities.pop(fallback, None)
    if not isinstance(own, int):
        return
    behind = [path for path, other in priorities.items() if isinstance(other, int) and other > own]
    if behind:
        lines = ", ".join(str(report.document.value_position(path).line) for path in behind[:5])
        report.warn(
            fallback,
            f"goes before the rules on lines {lines}, which are never used: the lowest priority "
            f"number wins, and the fallback's is {own}",
        )
