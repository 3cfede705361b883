"""What decisions ask for: the signals that their conditions name."""

from __future__ import annotations

from collections.abc import Iterator

from router.config.decisions import Condition
from router.config.labels import Named
from router.config.schema import Config
from router.config.signals import DomainRule


def leaves(condition: Condition) -> Iterator[Condition]:
    """The conditions that name a signal, from left to right."""
    if condition.conditions is None:
        yield condition
    for inner in condition.conditions or ():
        yield from leaves(inner)


def names_asked_for(config: Config, kind: str) -> tuple[str, ...]:
    """The names that conditions of type `kind` use, each once, in the file's order."""
    asked = (leaf for decision in config.decisions for leaf in leaves(decision.rules))
    return tuple(dict.fromkeys(leaf.name for leaf in asked if leaf.type == kind and leaf.name))


def kinds_asked_for(config: Config) -> tuple[str, ...]:
    """The kinds of signal that conditions use, each once, in the file's order."""
    asked = (leaf for decision in config.decisions for leaf in leaves(decision.rules))
    return tuple(dict.fromkeys(leaf.type for leaf in asked if leaf.type))


def domains_asked_for(config: Config) -> tuple[Named, ...]:
    """Every group of labels that may be asked for: categories, domains, and names in conditions.

    Where several have one name the earlier counts, categories first.
    """
    groups: dict[str, Named] = {}
    declared: tuple[Named, ...] = (*config.categories, *config.signals.domains)
    for named in declared:
        groups.setdefault(named.name, named)
    for name in names_asked_for(config, "domain"):
        groups.setdefault(name, DomainRule(name=name))
    return tuple(groups.values())
