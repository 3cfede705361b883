"""One sentence on why a request goes where it goes: what won and over what, or what was missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from router.decisions import Stage, Verdict
from router.matches import Match
from router.routing import Reason, Routing
from router.signals import Report

_MOST_NAMED = 3


def stage_name(stage: Stage) -> str:
    """`decisions`, or the method by which a stage looks for a category."""
    if all(decision.category or decision.proposer for decision in stage.decisions):
        return ", ".join(sorted(stage.kinds))
    return "decisions"


def why(routing: Routing) -> str:
    """The sentence, without its full stop."""
    say = _SENTENCES.get(routing.reason)
    return say(routing) if say else str(routing.error or routing.reason.value)


def _won(routing: Routing) -> str:
    verdict = routing.verdict
    assert verdict is not None
    assert verdict.decision is not None
    sentence = f"{verdict.decision.name} {_distinction(verdict)}"
    *passed, stage = verdict.stages
    if not passed:
        return sentence
    before = _listed(_with_failures(one, verdict) for one in passed)
    return f"nothing held in {before}; in {stage_name(stage)}, {sentence}"


def _with_failures(stage: Stage, verdict: Verdict) -> str:
    failed = sorted(stage.kinds & verdict.matches.unknown.keys())
    return stage_name(stage) + (f" ({_listed(failed)} failed)" if failed else "")


def _distinction(verdict: Verdict) -> str:
    """What the winner has before the other decisions that hold."""
    winner, stage = verdict.decision, verdict.stages[-1]
    assert winner is not None
    standing = [(winner.priority, verdict.confidence)]
    standing += [(d.priority, truth.confidence or 0.0) for d, truth in verdict.runners_up()]
    if len(standing) == 1:
        count = len(stage.decisions)
        return (
            "holds, and there is no other"
            if count == 1
            else f"is the only one of {count} that holds"
        )
    among = f"of {len(standing)} that hold"
    for trait in (1, 0) if stage.by_confidence else (0, 1):
        best, word = standing[0][trait], _TRAITS[trait]
        left = [values for values in standing if values[trait] == best]
        if len(left) == 1:
            return f"{_SUPERLATIVES[trait]}, {best:.4g}, {among}"
        if len(left) < len(standing):
            among = f"of {len(left)} that hold with {word} {best:.4g}"
        standing = left
    return f"comes first in the file {among}, alike in priority and confidence"


_TRAITS = ("priority", "confidence")
_SUPERLATIVES = ("has the highest priority", "is the surest")


def _incapable(routing: Routing) -> str:
    return f"{_won(routing)}, but none of its models can take the request: the default model does"


def _homeless(routing: Routing) -> str:
    """The choice of the model stood, but the adapter is nowhere."""
    decided = routing.verdict is not None and routing.verdict.decision is not None
    end = "its base model answers" if routing.ref else "the request is refused"
    return "; ".join([*([_won(routing)] if decided else []), f"{routing.error}: {end}"])


def _textless(_: Routing) -> str:
    return "the prompt has no text to go by: the default model answers"


def _undecided(routing: Routing) -> str:
    verdict = routing.verdict
    if verdict is None or not verdict.stages:
        return "there are neither decisions nor categories: the default model answers"
    held = [f"{m.kind} {m.name}" for m in _matches(routing.reports) if m.holds]
    sentence = f"no decision holds, though {_listed(held)} matched" if held else "nothing held"
    return "; ".join([sentence, *_nearest(routing.reports)]) + ": the default model answers"


def _nearest(reports: Iterable[Report]) -> Iterator[str]:
    """The best of what was found and is not sure enough."""
    found = [
        (m, report) for report in reports for m in report.matches if not m.holds and m.confidence
    ]
    if found:
        match, report = max(found, key=lambda pair: pair[0].confidence)
        needed = match.detail.get("threshold", report.facts.get("threshold"))
        of = f" of {needed:.4g}" if isinstance(needed, int | float) else ""
        yield f"the best candidate {match.name} reached {match.confidence:.4g}{of}"


def _failed(routing: Routing) -> str:
    failures = [f"{r.kind} failed ({r.error.code})" for r in routing.reports if r.error]
    end = "the default model answers" if routing.ref else "the request is refused"
    return (
        f"nothing held, and what needs a signal that failed is unknown: {_listed(failures)}; {end}"
    )


def _matches(reports: Iterable[Report]) -> Iterator[Match]:
    return (match for report in reports for match in report.matches)


def _listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c and 4 more`."""
    all_names = list(names)
    shown = all_names[:_MOST_NAMED]
    if more := len(all_names) - len(shown):
        return f"{', '.join(shown)} and {more} more"
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def _by_rule(routing: Routing) -> str:
    assert routing.rule is not None
    return f"{routing.rule.name} names the model"


def _passed_through(routing: Routing) -> str:
    where = f"{routing.rule.name} says" if routing.rule else "the default model's requests go"
    return f"prompts at this path are not read: the request goes where {where}"


def _by_client(_: Routing) -> str:
    return "the client named the model itself"


_SENTENCES: Mapping[Reason, Callable[[Routing], str]] = MappingProxyType(
    {
        Reason.AUTO_ROUTING: _won,
        Reason.NO_CAPABLE_MODEL: _incapable,
        Reason.ADAPTER_MISSING: _homeless,
        Reason.NO_TEXT: _textless,
        Reason.NO_CATEGORY: _undecided,
        Reason.BELOW_THRESHOLD: _undecided,
        Reason.CLASSIFIER_UNAVAILABLE: _failed,
        Reason.MODEL_SPECIFIED: _by_client,
        Reason.ROUTING_RULE: _by_rule,
        Reason.PASS_THROUGH: _passed_through,
    }
)
