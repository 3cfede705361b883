"""What of a sound configuration can never have an effect: warnings, for its author may mean more.

Decisions that never hold or never win, rules that nothing asks for, methods without anything to
find. Asks `logic` about rules; says how it is found out to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import get_args

from router.config.conditions import names_asked_for
from router.config.decisions import ConditionType, DecisionSettings
from router.config.logic import (
    Clause,
    Precedence,
    Ranked,
    Relation,
    clauses_of,
    contradiction,
    is_silent,
    is_sure,
)
from router.config.problems import Path, listed
from router.config.relations import relations_of
from router.config.report import Report
from router.config.schema import Config
from router.config.signals import EmbeddingRule, KeywordRule, NamedRule
from router.config.ways import Ways


def check_unused(report: Report, config: Config, ways: Ways) -> None:
    """Warn of decisions, categories, rules and methods without effect."""
    relations = relations_of(config, ways.vocabulary)
    ranked = [_ranked(report, index, config, relations) for index in range(len(config.decisions))]
    _check_precedence(report, config, ranked, relations)
    _check_categories(report, config, ranked)
    _check_signals(report, config)
    _check_domains(report, config)
    _check_order(report, config, ways)


def _ranked(
    report: Report, index: int, config: Config, relations: Mapping[str, Relation]
) -> Ranked:
    """The decision as `logic` weighs it, after reporting that it cannot hold at all."""
    decision = config.decisions[index]
    clauses = clauses_of(decision.rules)
    if clauses is not None:
        clauses = _possible(report, index, decision, clauses, relations)
    sure, silent = is_sure(decision.rules), is_silent(decision.rules)
    return Ranked(decision.name, clauses, decision.priority, sure, silent)


def _possible(
    report: Report,
    index: int,
    decision: DecisionSettings,
    clauses: Sequence[Clause],
    relations: Mapping[str, Relation],
) -> list[Clause]:
    """The clauses that can hold."""
    reasons = [contradiction(clause, relations) for clause in clauses]
    possible = [clause for clause, why in zip(clauses, reasons, strict=True) if why is None]
    if not possible:
        why = next((reason for reason in reasons if reason), "")
        report.warn(_at(index), f"decision {decision.name!r} can never hold: {why}")
    return possible


def _at(index: int) -> Path:
    return ("decisions", index, "name")


def _check_precedence(
    report: Report, config: Config, ranked: Sequence[Ranked], relations: Mapping[str, Relation]
) -> None:
    by_confidence = config.strategy == "confidence"
    precedence = Precedence(ranked, relations, by_confidence=by_confidence)
    for index, decision in enumerate(ranked):
        names = [ranked[other].name for other in precedence.in_front_of(index)]
        if not names:
            continue
        one = next((other for other in precedence.in_front_of(index) if ranked[other].always), None)
        if decision.always and one is not None:
            text = (
                f"two catch-alls: {ranked[one].name!r} and {decision.name!r} hold always, and only "
                f"{ranked[one].name!r} is ever used"
            )
        else:
            goes = "goes" if len(names) == 1 else "one of them goes"
            text = (
                f"decision {decision.name!r} cannot be reached: {_joined(names)} "
                f"{'holds' if len(names) == 1 else 'hold'} whenever it does, and {goes} first"
            )
        report.warn(_at(index), text)


def _joined(names: Sequence[str]) -> str:
    return listed(names, limit=4).replace(", ", " or ")


def _check_categories(report: Report, config: Config, ranked: Sequence[Ranked]) -> None:
    """Decisions go before categories: one that holds always leaves them nothing."""
    always = next((decision.name for decision in ranked if decision.always), None)
    if config.categories and always is not None:
        report.warn(
            ("categories",),
            f"categories cannot be reached: decision {always!r} holds always, and decisions go "
            "first",
            key=True,
        )


def _check_signals(report: Report, config: Config) -> None:
    """Rules whose name neither a category nor a condition uses."""
    categories = {category.name for category in config.categories}
    titled = {"keyword", "embedding"}.intersection(config.classification_order)
    asked = {kind: set(names_asked_for(config, kind)) for kind in get_args(ConditionType)}
    for kind, path, name in _declared(config):
        if name not in asked[kind] and not (kind in titled and name in categories):
            users = "category or condition" if kind in titled else "condition"
            report.warn(path, f"{kind} signal {name!r} has no effect: no {users} uses it")


def _declared(config: Config) -> Iterator[tuple[str, Path, str]]:
    """Every declared signal: its kind, its place, its name."""
    signals = config.signals
    for index, language in enumerate(signals.language):
        yield "language", ("signals", "language", index, "name"), language.name
    for index, context in enumerate(signals.context):
        yield "context", ("signals", "context", index, "name"), context.name
    for index, request in enumerate(signals.requests):
        yield "request", ("signals", "requests", index, "name"), request.name
    for index, domain in enumerate(signals.domains):
        yield "domain", ("signals", "domains", index, "name"), domain.name
    for path, rule in _titled(config):
        kind = "keyword" if isinstance(rule, KeywordRule) else "embedding"
        yield kind, path, rule.title


def _titled(config: Config) -> Iterator[tuple[Path, NamedRule]]:
    """The rules that may name a category."""
    lists: tuple[tuple[Path, Sequence[NamedRule]], ...] = (
        (("keyword_rules",), config.keyword_rules),
        (("signals", "keywords"), config.signals.keywords),
        (("embedding_rules",), config.embedding_rules),
        (("signals", "embeddings"), config.signals.embeddings),
    )
    for at, rules in lists:
        for index, rule in enumerate(rules):
            yield (*at, index), rule


def _check_domains(report: Report, config: Config) -> None:
    """A domain with the name of a category is that category."""
    categories = {category.name: category for category in config.categories}
    for index, domain in enumerate(config.signals.domains):
        category = categories.get(domain.name)
        if category and set(domain.mmlu_categories) - set(category.mmlu_categories):
            report.warn(
                ("signals", "domains", index, "mmlu_categories"),
                f"has no effect: category {domain.name!r} has the same name and its labels count",
            )


def _check_order(report: Report, config: Config, ways: Ways) -> None:
    """Methods that the file names and that nothing is configured for."""
    if "classification_order" not in config.model_fields_set:
        return
    for index, method in enumerate(config.classification_order):
        if not _CONFIGURED[method](config, ways):
            report.warn(
                ("classification_order", index),
                f"{method} finds nothing: {_MISSING[method]}",
            )


def _names_a_category(kind: type[NamedRule]) -> Callable[[Config, Ways], bool]:
    def check(config: Config, _: Ways) -> bool:
        names = {category.name for category in config.categories}
        return any(isinstance(rule, kind) and rule.title in names for _, rule in _titled(config))

    return check


_CONFIGURED: Mapping[str, Callable[[Config, Ways], bool]] = MappingProxyType(
    {
        "keyword": _names_a_category(KeywordRule),
        "embedding": _names_a_category(EmbeddingRule),
        "mcp": lambda config, _: bool(
            config.classifier.mcp_category_model and config.classifier.mcp_category_model.enabled
        ),
        "description": lambda config, ways: ways.has_encoder(),
        "domain": lambda config, _: config.classifier.category_model is not None,
    }
)
_MISSING = {
    "keyword": "no keyword rule names a category",
    "embedding": "no embedding rule names a category",
    "mcp": "classifier.mcp_category_model is not configured and enabled",
    "description": "there is neither an embedding_model nor a classifier.category_model",
    "domain": "there is no classifier.category_model",
}
