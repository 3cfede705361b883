"""What rules come to before any request: rules that can never hold, decisions never reached.

Pure: works on trees of conditions and on what signals say of each other, which `relations` tells.
A rule becomes a list of clauses, each a set of claims that hold together; the rule holds where one
clause does. Moving NOT to the signals, and AND below OR, changes nothing in three-valued logic
either, so that what is found here is so whatever fails. Rules of very many clauses are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from router.config.decisions import Condition

MAX_CLAUSES = 256


class Claim(NamedTuple):
    """That a signal matched, or, where it does not hold, that it was asked and did not."""

    kind: str
    name: str
    holds: bool = True

    @property
    def denied(self) -> Claim:
        return Claim(self.kind, self.name, not self.holds)


Clause = frozenset[Claim]
ALWAYS: Clause = frozenset()


def clauses_of(condition: Condition, *, holds: bool = True) -> list[Clause] | None:
    """The clauses of `condition`, or of its opposite; None where there are too many."""
    if condition.conditions is None:
        return [frozenset({Claim(condition.type or "", condition.name or "", holds)})]
    if condition.operator == "NOT":
        return clauses_of(condition.conditions[0], holds=not holds)
    parts = (clauses_of(part, holds=holds) for part in condition.conditions)
    return _either(parts) if (condition.operator == "OR") == holds else _together(parts)


def _either(parts: Iterable[list[Clause] | None]) -> list[Clause] | None:
    found: list[Clause] = []
    for part in parts:
        if part is None or len(found) + len(part) > MAX_CLAUSES:
            return None
        found += part
    return list(dict.fromkeys(found))


def _together(parts: Iterable[list[Clause] | None]) -> list[Clause] | None:
    found: list[Clause] = [ALWAYS]
    for part in parts:
        if part is None or len(found) * len(part) > MAX_CLAUSES:
            return None
        found = list(dict.fromkeys(one | other for one in found for other in part))
    return found


@dataclass(frozen=True, slots=True)
class Relation:
    """What matches of one kind say of each other, by name.

    `implies`: wherever the first matches the second does. `excludes`: why both cannot match, or
    None where they can. `speakers`: of each two names one of which says anything of the other, one
    is among these; None: any may be.
    """

    implies: Callable[[str, str], bool] = lambda _, __: False
    excludes: Callable[[str, str], str | None] = lambda _, __: None
    speakers: Set[str] | None = None


def contradiction(clause: Clause, relations: Mapping[str, Relation]) -> str | None:
    """Why the claims of `clause` cannot hold together, or None where they can."""
    for one, other in combinations(sorted(clause), 2):
        if one.kind == other.kind and (why := _conflict(one, other, relations.get(one.kind))):
            return why
    return None


def _conflict(one: Claim, other: Claim, relation: Relation | None) -> str | None:
    if one == other.denied:
        return f"{one.kind} {one.name!r} would have to match and not to match"
    if relation is None:
        return None
    if one.holds and other.holds:
        return relation.excludes(one.name, other.name) or relation.excludes(other.name, one.name)
    if one.holds == other.holds:
        return None
    matched, missing = (one, other) if one.holds else (other, one)
    if relation.implies(matched.name, missing.name):
        return f"where {one.kind} {matched.name!r} matches {missing.name!r} does too"
    return None


@dataclass(frozen=True)
class Ranked:
    """A decision as far as it decides who goes first.

    `clauses` can hold, None where there are too many. `surely`: no NOT is in the rule, so that its
    confidence is that of its surest clause. `silent`: only NOTs are, so that it has none.
    """

    name: str
    clauses: Sequence[Clause] | None
    priority: int = 0
    surely: bool = True
    silent: bool = False

    @property
    def always(self) -> bool:
        """Whether the decision holds whatever is asked."""
        return self.clauses is not None and ALWAYS in self.clauses


def is_sure(condition: Condition) -> bool:
    """Whether no NOT is in `condition`."""
    return condition.operator != "NOT" and all(map(is_sure, condition.conditions or ()))


def is_silent(condition: Condition) -> bool:
    """Whether no signal in `condition` stands outside a NOT."""
    if condition.conditions is None:
        return False
    return condition.operator == "NOT" or all(map(is_silent, condition.conditions))


class Precedence:
    """Which decisions leave others nothing, by strategy: `by_confidence`, or by priority."""

    def __init__(
        self,
        decisions: Sequence[Ranked],
        relations: Mapping[str, Relation],
        *,
        by_confidence: bool = False,
    ) -> None:
        self._decisions = decisions
        self._relations = relations
        self._by_confidence = by_confidence
        self._index: dict[Claim | None, list[tuple[int, Clause]]] = {}
        self._claims: dict[str, set[Claim]] = {}
        self._followers: dict[Claim, Clause] = {}
        for number, decision in enumerate(decisions):
            for clause in decision.clauses or ():
                # Under one of its claims, so that few are compared.
                self._index.setdefault(min(clause, default=None), []).append((number, clause))
                for claim in clause:
                    self._claims.setdefault(claim.kind, set()).add(claim)

    def in_front_of(self, number: int) -> list[int]:
        """The decisions of which one wins wherever decision `number` holds; none: it can win."""
        found: dict[int, None] = {}
        for clause in self._decisions[number].clauses or ():
            winner = self._winner(number, clause)
            if winner is None:
                return []
            found[winner] = None
        return list(found)

    def _winner(self, number: int, clause: Clause) -> int | None:
        """A decision that wins where `clause` of decision `number` holds."""
        for other, its_clause in self._following(clause):
            if other != number and self._goes_first(other, its_clause, number, clause):
                return other
        return None

    def _following(self, clause: Clause) -> Iterator[tuple[int, Clause]]:
        """The clauses that hold wherever `clause` does, with their decisions."""
        known = clause.union(*map(self._implied, clause))
        for key in (None, *sorted(known)):
            for number, other in self._index.get(key, ()):
                if other <= known:
                    yield number, other

    def _implied(self, claim: Claim) -> Clause:
        if claim not in self._followers:
            self._followers[claim] = frozenset(
                other
                for other in self._near(claim)
                if _conflict(claim, other.denied, self._relations.get(claim.kind))
            )
        return self._followers[claim]

    def _near(self, claim: Claim) -> Iterator[Claim]:
        """The claims that might follow from `claim`."""
        relation = self._relations.get(claim.kind)
        if relation is None:
            return
        speakers = relation.speakers
        for other in self._claims[claim.kind]:
            if speakers is None or claim.name in speakers or other.name in speakers:
                yield other

    def _goes_first(self, one: int, one_clause: Clause, two: int, two_clause: Clause) -> bool:
        """Whether `one` wins over `two` wherever these clauses hold."""
        first, second = self._decisions[one], self._decisions[two]
        if first.priority > second.priority and not self._by_confidence:
            return True
        if (first.priority, -one) < (second.priority, -two):
            return False
        # The other's confidence counts: it must never be the greater.
        is_as_sure = first.surely and second.surely and ALWAYS != one_clause <= two_clause
        return second.silent or is_as_sure
