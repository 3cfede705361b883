"""What signals say of each other before any request: which imply others, which exclude them.

Drawn from a configuration and, for domains, from the classifier's labels. Says nothing where it is
not sure.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from itertools import product

from router.config.conditions import domains_asked_for, names_asked_for
from router.config.labels import Vocabulary, labels_of
from router.config.logic import Relation
from router.config.schema import Config
from router.config.signals import ContextRule, KeywordRule, RequestRule

# What of a rule does not say which prompts it matches, or is compared by itself.
_BESIDES = {"name", "category", "description", "operator", "keywords"}
_ANY = "*"


def relations_of(config: Config, vocabulary: Vocabulary | None) -> dict[str, Relation]:
    """The relations by kind of signal; those between domains need the classifier's `vocabulary`."""
    return {
        "keyword": _keywords(config),
        "language": _languages(config),
        "context": _contexts(config),
        "request": _requests(config),
        **({"domain": _domains(config, vocabulary)} if vocabulary else {}),
    }


def _sets(groups: Mapping[str, Set[str]], why: str, *, apart: bool = True) -> Relation:
    """A relation of names that stand for sets of which a request has one member, by name.

    `why` explains two sets without a common member; without `apart` both may match all the same.
    """

    def group(name: str) -> Set[str]:
        return groups.get(name, frozenset())

    def implies(one: str, other: str) -> bool:
        return bool(group(one)) and group(one) <= group(other)

    def excludes(one: str, other: str) -> str | None:
        both = group(one) and group(other) and group(one).isdisjoint(group(other))
        return why.format(one, other) if apart and both else None

    return Relation(implies, excludes)


def _languages(config: Config) -> Relation:
    rules = config.signals.language
    declared = {rule.name: frozenset(rule.languages) for rule in rules}
    asked = {name: frozenset({name.lower()}) for name in names_asked_for(config, "language")}
    return _sets({**asked, **declared}, "a prompt has one language, not {!r} and {!r}")


def _domains(config: Config, vocabulary: Vocabulary) -> Relation:
    """Probabilities add up to 1: two groups cannot both have more than half."""
    groups = {
        named.name: frozenset(labels_of(named, vocabulary.labels, vocabulary.aliases))
        for named in domains_asked_for(config)
    }
    model = config.classifier.category_model
    threshold = model.threshold if model else 0.0
    why = f"domains {{!r}} and {{!r}} share no label, and both cannot reach {threshold:g}"
    return _sets(groups, why, apart=threshold > 0.5)


def _contexts(config: Config) -> Relation:
    rules = {rule.name: rule for rule in config.signals.context}

    def implies(one: str, other: str) -> bool:
        pair = rules.get(one), rules.get(other)
        return bool(pair[0] and pair[1] and _is_within(pair[0], pair[1]))

    def excludes(one: str, other: str) -> str | None:
        lower, upper = rules.get(one), rules.get(other)
        limit = lower.max_tokens if lower else None
        if upper is None or limit is None or limit >= upper.min_tokens:
            return None
        return f"contexts {one!r} and {other!r} share no length"

    return Relation(implies, excludes)


def _is_within(inner: ContextRule, outer: ContextRule) -> bool:
    is_below = outer.max_tokens is None or (
        inner.max_tokens is not None and inner.max_tokens <= outer.max_tokens
    )
    return is_below and inner.min_tokens >= outer.min_tokens


def _requests(config: Config) -> Relation:
    rules = {rule.name: rule for rule in config.signals.requests}

    def excludes(one: str, other: str) -> str | None:
        if one not in rules or other not in rules:
            return None
        field = _difference(rules[one], rules[other])
        return field and f"requests {one!r} and {other!r} differ in {field}"

    return Relation(excludes=excludes)


def _difference(one: RequestRule, other: RequestRule) -> str | None:
    """The fact that both rules ask for and no request can give both, or None."""
    for field in RequestRule.model_fields.keys() - {"name", "description"}:
        if _are_apart(getattr(one, field), getattr(other, field)):
            return field
    return None


def _are_apart(one: object, other: object) -> bool:
    """Whether no value suits both `one` and `other`: booleans, lists of patterns, or by name."""
    if isinstance(one, bool) and isinstance(other, bool):
        return one != other
    if isinstance(one, dict) and isinstance(other, dict):
        return any(_are_apart(one[key], other[key]) for key in one.keys() & other.keys())
    if not (isinstance(one, tuple) and isinstance(other, tuple) and one and other):
        return False
    if any(_ANY in pattern for pattern in (*one, *other)):
        return False
    return {text.casefold() for text in one}.isdisjoint(text.casefold() for text in other)


def _keywords(config: Config) -> Relation:
    """A NOR excludes the rules that need one of its words."""
    rules: dict[str, list[KeywordRule]] = {}
    for rule in config.every_keyword_rule:
        rules.setdefault(rule.title, []).append(rule)
    nors = frozenset(
        title for title, named in rules.items() if all(rule.operator == "NOR" for rule in named)
    )

    def excludes(one: str, other: str) -> str | None:
        if one not in nors or other not in rules:
            return None
        if all(_denies(nor, needing) for nor, needing in product(rules[one], rules[other])):
            return f"keyword {one!r} matches only without the words that {other!r} needs"
        return None

    return Relation(excludes=excludes, speakers=nors)


def _denies(nor: KeywordRule, needing: KeywordRule) -> bool:
    if needing.operator == "NOR":
        return False
    words, needed = set(nor.keywords), set(needing.keywords)
    shares = needed <= words if needing.operator == "OR" else bool(needed & words)
    return shares and _match_alike(nor, needing)


def _match_alike(one: KeywordRule, other: KeywordRule) -> bool:
    return one.model_dump(exclude=_BESIDES) == other.model_dump(exclude=_BESIDES)
