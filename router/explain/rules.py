"""A rule as a tree that shows how every part of it came out."""

from __future__ import annotations

from typing import Any as Anything

from router.decisions import All, Any, Is, Not, Rule
from router.matches import PROPOSAL, Matches


def rule_tree(rule: Rule, matches: Matches) -> dict[str, Anything]:
    """`rule` JSON-ready: one of `all`, `any`, `not`, `is`, with what it came to.

    `holds` is None where it is unknown, `confidence` None where nothing speaks for it. What names a
    signal's own choice of model is shown as the signal's kind alone.
    """
    truth = rule.evaluate(matches)
    confidence = None if truth.confidence is None else round(truth.confidence, 4)
    return {**_parts(rule, matches), "holds": truth.holds, "confidence": confidence}


def _parts(rule: Rule, matches: Matches) -> dict[str, Anything]:
    match rule:
        case Is(kind, name):
            return {"is": kind if name == PROPOSAL else f"{kind} {name}"}
        case Not(inner):
            return {"not": rule_tree(inner, matches)}
        case All(inner):
            return {"all": [rule_tree(part, matches) for part in inner]}
        case Any(inner):
            return {"any": [rule_tree(part, matches) for part in inner]}
    raise TypeError(f"{type(rule).__name__} is no rule of this engine")
