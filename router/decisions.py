"""Rules over matches, and the verdict that carries its reasons.

Three-valued: a rule is true, false, or unknown (None) where a signal that it needs has failed. Only
what is true decides; `Not` of unknown is unknown, so a rule that asks for a detector's silence does
not hold while that detector is down. Pure functions over frozen values.

A rule evaluates itself for whoever wants its reasons. A stage decides faster: it numbers the
signals that its rules name, turns each rule into bit masks, and asks only the rules that hold how
sure they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from router.catalog import Endpoint, ModelRef, SelectionPolicy
from router.matches import Matches
from router.mutation import HeaderChanges
from router.payload import SystemPrompt


class Truth(msgspec.Struct, frozen=True):
    """What a rule came to: `holds` is None where it is unknown.

    `confidence` is 0..1, or None where nothing was found that speaks for the rule: it holds for
    want of anything against it, as `Not` and an empty `All` do.
    """

    holds: bool | None
    confidence: float | None = None


_BEST = SelectionPolicy()
_NO_CHANGES = HeaderChanges()
FALSE = Truth(False)
UNKNOWN = Truth(None)


class Rule(Protocol):
    def evaluate(self, matches: Matches) -> Truth: ...


@dataclass(frozen=True, slots=True)
class Is:
    """True where the signal `kind` matched `name`."""

    kind: str
    name: str

    def evaluate(self, matches: Matches) -> Truth:
        if self.kind in matches.unknown:
            return UNKNOWN
        match = matches.get(self.kind, self.name)
        return Truth(match.holds, match.confidence) if match else FALSE


@dataclass(frozen=True, slots=True)
class All:
    """True where every rule is; as sure as the least sure of them."""

    rules: tuple[Rule, ...]

    def evaluate(self, matches: Matches) -> Truth:
        truths = [rule.evaluate(matches) for rule in self.rules]
        if any(truth.holds is False for truth in truths):
            return FALSE
        if any(truth.holds is None for truth in truths):
            return UNKNOWN
        return Truth(True, min(_confidences(truths), default=None))


@dataclass(frozen=True, slots=True)
class Any:
    """True where some rule is; as sure as the surest true one."""

    rules: tuple[Rule, ...]

    def evaluate(self, matches: Matches) -> Truth:
        truths = [rule.evaluate(matches) for rule in self.rules]
        true = [truth for truth in truths if truth.holds]
        if true:
            return Truth(True, max(_confidences(true), default=None))
        return UNKNOWN if any(truth.holds is None for truth in truths) else FALSE


@dataclass(frozen=True, slots=True)
class Not:
    """True where the rule is false; unknown stays unknown."""

    rule: Rule

    def evaluate(self, matches: Matches) -> Truth:
        holds = self.rule.evaluate(matches).holds
        return Truth(None if holds is None else not holds)


def _confidences(truths: Sequence[Truth]) -> Iterator[float]:
    return (truth.confidence for truth in truths if truth.confidence is not None)


def leaves(rule: Rule) -> Iterator[Is]:
    """The signals that `rule` names, from left to right."""
    match rule:
        case Is():
            yield rule
        case Not(inner):
            yield from leaves(inner)
        case All(inner) | Any(inner):
            for part in inner:
                yield from leaves(part)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do where `rule` holds: the models to choose from, the prompt to put first.

    `proposer` is the kind of signal whose own choice of model goes before `refs`. `endpoint` is
    set where the decision is about that.
    """

    name: str
    rule: Rule
    refs: tuple[ModelRef, ...] = ()
    category: str | None = None
    system_prompt: SystemPrompt | None = None
    priority: int = 0
    selection: SelectionPolicy = _BEST
    headers: HeaderChanges = _NO_CHANGES
    proposer: str | None = None
    endpoint: Endpoint | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The decision that won, or None, and all that it was found from.

    `unknown`: had a failed signal spoken, another decision might have won. `confidence` is the
    winner's, or that of the best finding that was not enough. `standing` are all that held, the
    winner among them.
    """

    decision: Decision | None
    confidence: float
    unknown: bool
    stages: tuple[Stage, ...]
    matches: Matches
    standing: tuple[Decision, ...] = ()

    def followed_by(self, later: Verdict) -> Verdict:
        """This verdict, which found nothing, and that of the stage after it."""
        return Verdict(
            later.decision,
            later.confidence if later.decision else max(self.confidence, later.confidence),
            self.unknown or later.unknown,
            (*self.stages, *later.stages),
            later.matches,
            later.standing,
        )

    def runners_up(self) -> Iterator[tuple[Decision, Truth]]:
        """The other decisions that hold, in file order; each is weighed when it is asked for."""
        for decision in self.standing:
            if decision is not self.decision:
                yield decision, decision.rule.evaluate(self.matches)


class Stage:
    """Decisions that are weighed against each other, compiled.

    With `by_confidence` the surest wins, else the one of highest priority; the other of the two
    settles a tie, and the order in the file what still is one.
    """

    def __init__(self, decisions: Sequence[Decision], *, by_confidence: bool = False) -> None:
        self.decisions = tuple(decisions)
        self.by_confidence = by_confidence
        named = dict.fromkeys(leaf for d in self.decisions for leaf in leaves(d.rule))
        # Two bits a signal: the even one says that it matched, the odd one that it did not.
        self._bits = {(leaf.kind, leaf.name): 1 << 2 * i for i, leaf in enumerate(named)}
        self._all = sum(self._bits.values())
        self.kinds = frozenset(kind for kind, _ in self._bits)
        self._of_kind = {
            kind: sum(bit for (of, _), bit in self._bits.items() if of == kind)
            for kind in self.kinds
        }
        self._masks = [_compile(decision.rule, self._bits) for decision in self.decisions]

    def decide(self, matches: Matches) -> Verdict:
        """Weigh the decisions."""
        true, possible = self._true_and_possible(matches)
        standing: list[Decision] = []
        open_: list[Decision] = []
        for decision, mask in zip(self.decisions, self._masks, strict=True):
            if mask.holds(true):
                standing.append(decision)
            elif possible != true and mask.holds(possible):
                open_.append(decision)
        if not standing:
            return Verdict(None, self._nearest(matches), bool(open_), (self,), matches)
        winner, confidence = self._surest(standing, matches)
        doubt = any(self.by_confidence or one.priority >= winner.priority for one in open_)
        return Verdict(winner, confidence, doubt, (self,), matches, tuple(standing))

    def _true_and_possible(self, matches: Matches) -> tuple[int, int]:
        """The bits that are sure, and those that are not ruled out."""
        unknown = sum(self._of_kind.get(kind, 0) for kind in matches.unknown)
        matched = 0
        for key, match in matches.items():
            if match.holds and (bit := self._bits.get(key)):
                matched |= bit
        matched &= ~unknown
        true = matched | (self._all & ~matched & ~unknown) << 1
        return true, true | unknown | unknown << 1

    def _surest(self, standing: list[Decision], matches: Matches) -> tuple[Decision, float]:
        if len(standing) == 1:
            return standing[0], standing[0].rule.evaluate(matches).confidence or 0.0
        if not self.by_confidence:
            highest = max(decision.priority for decision in standing)
            standing = [decision for decision in standing if decision.priority == highest]
        sure = [decision.rule.evaluate(matches).confidence or 0.0 for decision in standing]
        best = max(range(len(sure)), key=lambda i: (sure[i], standing[i].priority, -i))
        return standing[best], sure[best]

    def _nearest(self, matches: Matches) -> float:
        named = (match.confidence for key, match in matches.items() if key in self._bits)
        return max(named, default=0.0)


@dataclass(frozen=True, slots=True)
class _Every:
    """Holds where all bits are set and all parts hold."""

    bits: int
    parts: tuple[_Mask, ...] = ()

    def holds(self, bits: int) -> bool:
        if bits & self.bits != self.bits:
            return False
        return not self.parts or all(part.holds(bits) for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Some:
    """Holds where some bit is set or some part holds."""

    bits: int
    parts: tuple[_Mask, ...] = ()

    def holds(self, bits: int) -> bool:
        if bits & self.bits:
            return True
        return any(part.holds(bits) for part in self.parts)


_Mask = _Every | _Some


def _compile(rule: Rule, bits: dict[tuple[str, str], int], negated: bool = False) -> _Mask:
    """The rule as masks; `Not` moves down to the signals, turning `All` and `Any` round."""
    match rule:
        case Is(kind, name):
            bit = bits[kind, name]
            return _Every(bit << 1 if negated else bit)
        case Not(inner):
            return _compile(inner, bits, not negated)
        case All(inner) | Any(inner):
            parts = [_compile(part, bits, negated) for part in inner]
            return _joined(_Some if isinstance(rule, All) == negated else _Every, parts)
    raise TypeError(f"{type(rule).__name__} is no rule of this engine")


def _joined(kind: type[_Every | _Some], parts: Sequence[_Mask]) -> _Mask:
    """One mask for several; single bits, and parts of the same kind, become part of it."""
    joined = 0
    kept: list[_Mask] = []
    for part in parts:
        if isinstance(part, kind) or (not part.parts and part.bits.bit_count() == 1):
            joined |= part.bits
            kept += part.parts
        else:
            kept.append(part)
    return kind(joined, tuple(kept))
