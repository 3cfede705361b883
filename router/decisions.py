"""Rules over matches, and the verdict that carries its reasons.

Three-valued: a rule is true, false, or unknown (None) where a signal that it needs has failed. Only
what is true decides; `Not` of unknown is unknown, so a rule that asks for a detector's silence does
not hold while that detector is down. Pure functions over frozen values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from router.catalog import ModelRef
from router.matches import Matches
from router.payload import SystemPrompt


@dataclass(frozen=True, slots=True)
class Truth:
    """What a rule came to: `holds` is None where it is unknown; `confidence` is 0..1."""

    holds: bool | None
    confidence: float = 0.0


class Rule(Protocol):
    def evaluate(self, matches: Matches) -> Truth: ...


@dataclass(frozen=True, slots=True)
class Is:
    """True where the signal `kind` matched `name`."""

    kind: str
    name: str

    def evaluate(self, matches: Matches) -> Truth:
        if self.kind in matches.unknown:
            return Truth(None)
        match = matches.get(self.kind, self.name)
        return Truth(match.holds, match.confidence) if match else Truth(False)


@dataclass(frozen=True, slots=True)
class All:
    """True where every rule is; as sure as the least sure of them."""

    rules: tuple[Rule, ...]

    def evaluate(self, matches: Matches) -> Truth:
        truths = [rule.evaluate(matches) for rule in self.rules]
        if any(truth.holds is False for truth in truths):
            return Truth(False)
        if any(truth.holds is None for truth in truths):
            return Truth(None)
        return Truth(True, min((truth.confidence for truth in truths), default=1.0))


@dataclass(frozen=True, slots=True)
class Any:
    """True where some rule is; as sure as the surest true one."""

    rules: tuple[Rule, ...]

    def evaluate(self, matches: Matches) -> Truth:
        truths = [rule.evaluate(matches) for rule in self.rules]
        sure = [truth.confidence for truth in truths if truth.holds]
        if sure:
            return Truth(True, max(sure))
        unknown = any(truth.holds is None for truth in truths)
        return Truth(None) if unknown else Truth(False)


@dataclass(frozen=True, slots=True)
class Not:
    """True where the rule is false; unknown stays unknown."""

    rule: Rule

    def evaluate(self, matches: Matches) -> Truth:
        truth = self.rule.evaluate(matches)
        if truth.holds is None:
            return truth
        return Truth(False) if truth.holds else Truth(True, 1.0)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do where `rule` holds: the models to choose from, the prompt to put first."""

    name: str
    rule: Rule
    refs: tuple[ModelRef, ...]
    category: str | None = None
    system_prompt: SystemPrompt | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision that won, or None; and how every decision came out, in configuration order."""

    decision: Decision | None
    confidence: float
    considered: tuple[tuple[str, Truth], ...]

    @property
    def unknown(self) -> bool:
        """Nothing won, and a failed signal may be why."""
        return self.decision is None and any(t.holds is None for _, t in self.considered)


def decide(decisions: Sequence[Decision], matches: Matches) -> Verdict:
    """The true decision of highest priority, then confidence; the earlier one where both tie."""
    truths = [(decision, decision.rule.evaluate(matches)) for decision in decisions]
    considered = tuple((decision.name, truth) for decision, truth in truths)
    standing = [pair for pair in truths if pair[1].holds]
    if not standing:
        best = max((truth.confidence for _, truth in truths), default=0.0)
        return Verdict(None, best, considered)
    winner, truth = max(standing, key=lambda pair: (pair[0].priority, pair[1].confidence))
    return Verdict(winner, truth.confidence, considered)
