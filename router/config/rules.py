"""Signals as they are declared: rules that are whole, names that differ, patterns that compile.

Works on plain values, so that a file with other faults is checked as far as it can be. What the
conditions of decisions ask for is `trees`' matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from router.config.patterns import check_literal, check_pattern
from router.config.problems import Path
from router.config.references import undefined, unique
from router.config.report import Report

# Where the signals of each kind are declared.
DECLARED: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "keyword": (("keyword_rules", "*"), ("signals", "keywords", "*")),
        "embedding": (("embedding_rules", "*"), ("signals", "embeddings", "*")),
        "domain": (("signals", "domains", "*"),),
        "language": (("signals", "language", "*"),),
        "context": (("signals", "context", "*"),),
        "request": (("signals", "requests", "*"),),
    }
)
_MAY_NAME_CATEGORIES = ("keyword", "embedding")


def check_rules(report: Report) -> None:
    """Report every signal that is not whole, or cannot be told from another."""
    for check in CHECKS:
        check(report)


def declared(report: Report, kind: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The signals of `kind` that are mappings at all, in the order that they are asked in."""
    for pattern in DECLARED[kind]:
        for path, rule in report.document.select(*pattern):
            if isinstance(rule, dict):
                yield path, rule


def titles(report: Report, kind: str) -> list[str]:
    """The names that the signals of `kind` have, or take from their category."""
    named = (rule.get("name") or rule.get("category") for _, rule in declared(report, kind))
    return [name for name in named if isinstance(name, str)]


def conditions_in(report: Report) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every condition of every decision that is a mapping at all, outer ones first."""
    for path, condition in report.document.select("decisions", "*", "rules"):
        yield from _within(path, condition)


def _within(path: Path, condition: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    if not isinstance(condition, dict):
        return
    yield path, condition
    inner = condition.get("conditions")
    for index, part in enumerate(inner if isinstance(inner, list) else ()):
        yield from _within((*path, "conditions", index), part)


def asked_for(report: Report, kind: str) -> Iterator[tuple[Path, str]]:
    """The names that conditions of type `kind` use, each with its place."""
    for path, condition in conditions_in(report):
        name = condition.get("name")
        if condition.get("type") == kind and isinstance(name, str):
            yield (*path, "name"), name


def _have_one_name(report: Report) -> None:
    for kind in _MAY_NAME_CATEGORIES:
        for path, rule in declared(report, kind):
            given = [key for key in ("name", "category") if rule.get(key) is not None]
            if len(given) != 1:
                found = "both name and category" if given else "neither name nor category"
                report.error(path, f"found {found}, expected one of them")


def _differ(report: Report) -> None:
    for kind in DECLARED:
        names = (
            ((*path, "name"), rule["name"])
            for path, rule in declared(report, kind)
            if isinstance(rule.get("name"), str)
        )
        unique(report, names, f"{kind} signal")


def _name_categories(report: Report) -> None:
    """`category` says that there is one; a condition may use the name all the same."""
    categories = [name for _, name in report.document.texts("categories", "*", "name")]
    for kind in _MAY_NAME_CATEGORIES:
        known = {*categories, *(name for _, name in asked_for(report, kind))}
        for path, rule in declared(report, kind):
            category = rule.get("category")
            if isinstance(category, str) and category not in known:
                text = undefined("category", category, categories, "categories")
                report.error((*path, "category"), text)


def _hold_phrases(report: Report) -> None:
    for path, rule in declared(report, "embedding"):
        if not rule.get("candidates") and not rule.get("keywords"):
            report.error(path, "found no phrase to compare with, expected candidates")


def _have_an_encoder(report: Report) -> None:
    classifier = report.document.data.get("classifier")
    models = (
        report.document.data.get("embedding_model"),
        classifier.get("category_model") if isinstance(classifier, dict) else None,
    )
    if any(model is not None for model in models):
        return
    for path, _ in declared(report, "embedding"):
        report.error(
            path,
            "embedding rules need an encoder: configure embedding_model or "
            "classifier.category_model",
        )
        return  # one is enough: the cause is elsewhere


def _can_be_searched_for(report: Report) -> None:
    for path, rule in declared(report, "keyword"):
        check = check_pattern if rule.get("method") == "regex" else check_literal
        keywords = rule.get("keywords")
        for index, keyword in enumerate(keywords if isinstance(keywords, list) else ()):
            is_text = isinstance(keyword, str) and bool(keyword.strip())
            if is_text and (complaint := check(keyword)):
                report.error((*path, "keywords", index), complaint)


CHECKS: tuple[Callable[[Report], None], ...] = (
    _have_one_name,
    _differ,
    _name_categories,
    _hold_phrases,
    _have_an_encoder,
    _can_be_searched_for,
)
