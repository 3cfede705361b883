"""The account of one request: where it would go and everything that led there, JSON-ready.

Knows what each key means (docs/explain.md tells users); leaves how it looks to `text` and `table`.
Of headers the names are shown and never the values; of the prompt, nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from msgspec.structs import replace

from router.balancing import Balancer
from router.catalog import Catalog, ModelRef, SelectionPolicy, Strategy
from router.decisions import Decision, Stage, Truth, Verdict
from router.explain.rules import rule_tree
from router.explain.why import stage_name, why
from router.flow import ENDPOINT_HEADER, MODEL_HEADER, RequestFlow, edit_for, mutation_for
from router.matches import Match, Matches
from router.payload import Edit
from router.request import Api, Headers, HttpMessage, InferenceRequest
from router.routing import Routing, route
from router.signals import Report
from router.snapshot import Snapshot

_WITHOUT_SYSTEM_PROMPT = frozenset({Api.COMPLETIONS})


async def explain(
    snapshot: Snapshot, request: InferenceRequest, balancer: Balancer | None = None
) -> dict[str, Any]:
    """Route `request` and account for it; a refusal is an account too, with its HTTP `status`.

    `balancer`, a rehearsing one, is asked for the endpoint; without it nothing is known of them.
    """
    routing = await _routing(snapshot, request, balancer or Balancer(rehearsing=True))
    return {
        **_outcome(routing),
        **_changes(snapshot, routing, request),
        "rule": _rule(routing.rule),
        "choice": _choice(routing, snapshot.catalog),
        "runners_up": _runners_up(routing.verdict),
        "signals": [_signal(report, routing.timings) for report in routing.reports],
        "stages": _stages(snapshot.stages, routing.verdict),
        "decisions": _decisions(routing.verdict),
        "milliseconds": {part: _milliseconds(s) for part, s in routing.timings.items()},
        "config_version": routing.config_version,
    }


async def _routing(snapshot: Snapshot, request: InferenceRequest, balancer: Balancer) -> Routing:
    if request.api is None:
        return _by_head(snapshot, request, balancer)
    started = perf_counter()
    routing = await route(snapshot, request, balancer)
    timings = {**routing.timings, "total": perf_counter() - started}
    refused = routing.error if routing.ref is None else None
    return replace(routing, timings=timings, status=refused.status if refused else None)


def _by_head(snapshot: Snapshot, request: InferenceRequest, balancer: Balancer) -> Routing:
    """What becomes of a request that is no inference request."""
    reported: list[Routing] = []
    flow = RequestFlow(snapshot, reported.append, balancer)
    pseudo = ((":method", "POST"), (":path", request.path))
    flow.on_request_headers(HttpMessage(Headers((*pseudo, *request.headers))), end_of_stream=False)
    flow.closed()
    return reported[0]


def _outcome(routing: Routing) -> dict[str, Any]:
    verdict = routing.verdict
    return {
        "category": routing.category,
        "decision": routing.decision,
        "stage": stage_name(verdict.stages[-1]) if verdict and verdict.decision else None,
        "confidence": round(routing.confidence, 4) if verdict else None,
        "model": routing.model,
        "base_model": routing.ref.model if routing.ref else None,
        "adapter": routing.adapter,
        "endpoint": routing.endpoint.name if routing.endpoint else None,
        "placement": routing.placement,
        "reason": routing.reason.value,
        "why": why(routing),
        "error": str(routing.error) if routing.error else None,
        "status": routing.status,
        "api": routing.api.value if routing.api else None,
        "requested_model": routing.requested_model or None,
        "reasoning": routing.reasoning,
        "reasoning_effort": routing.reasoning_effort if routing.reasoning else None,
    }


@dataclass(frozen=True, slots=True)
class _Unwritten:
    """A request whose body nobody rewrites, in the form that the flow takes."""

    request: InferenceRequest = field(repr=False)
    takes_system_prompt: bool

    def rewrite(self, _: Edit) -> bytes:
        return b""


def _changes(snapshot: Snapshot, routing: Routing, request: InferenceRequest) -> dict[str, Any]:
    """What a decision's plugins do to the request."""
    if routing.ref is None:
        return {"system_prompt": None, "headers": {"set": [], "remove": []}}
    payload = _Unwritten(request, request.api not in _WITHOUT_SYSTEM_PROMPT)
    edit = edit_for(snapshot, routing, payload)
    mutation = mutation_for(routing, payload, edit)
    ours = (ENDPOINT_HEADER, MODEL_HEADER)
    return {
        "system_prompt": edit.system_prompt.mode.value if edit.system_prompt else None,
        "headers": {
            "set": [name for name, _ in mutation.set_headers if name not in ours],
            "remove": list(mutation.remove_headers),
        },
    }


def _rule(rule: Decision | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    return {
        "name": rule.name,
        "endpoint": rule.endpoint.name if rule.endpoint else None,
        "model": rule.refs[0].served_name if rule.refs else None,
    }


def _choice(routing: Routing, catalog: Catalog) -> dict[str, Any] | None:
    decision = routing.verdict.decision if routing.verdict else None
    if routing.choice is None or decision is None:
        return None
    policy = decision.selection
    return {
        "strategy": policy.strategy.value,
        "why": routing.choice.why,
        "excluded": dict(routing.choice.excluded),
        "candidates": [_candidate(ref, catalog) for ref in decision.refs],
        **_settings(policy),
    }


def _settings(policy: SelectionPolicy) -> dict[str, Any]:
    """What matters to the strategy."""
    weighted, cheapest = Strategy.WEIGHTED, Strategy.CHEAPEST
    return {
        "sticky_key": policy.sticky_key if policy.strategy is weighted else None,
        "quality_floor": policy.quality_floor if policy.strategy is cheapest else None,
    }


def _candidate(ref: ModelRef, catalog: Catalog) -> dict[str, Any]:
    return {
        "model": ref.served_name,
        "base_model": ref.model,
        "score": ref.score,
        "weight": ref.weight,
        "price": catalog.models[ref.model].price,
    }


def _runners_up(verdict: Verdict | None) -> list[dict[str, Any]]:
    """The other decisions that hold, the one first that would win next."""
    if verdict is None or verdict.decision is None:
        return []
    traits = (1, 0) if verdict.stages[-1].by_confidence else (0, 1)

    def rank(entry: tuple[Decision, Truth]) -> tuple[float, ...]:
        values = (entry[0].priority, entry[1].confidence or 0.0)
        return tuple(values[trait] for trait in traits)

    return [
        {"name": d.name, "priority": d.priority, "confidence": _rounded(truth.confidence)}
        for d, truth in sorted(verdict.runners_up(), key=rank, reverse=True)
    ]


def _signal(report: Report, timings: Mapping[str, float]) -> dict[str, Any]:
    return {
        "kind": report.kind,
        "error": str(report.error) if report.error else None,
        "milliseconds": _milliseconds(timings.get(report.kind, 0.0)),
        "matches": [_match(match) for match in report.matches],
        "facts": dict(report.facts),
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        "name": match.name,
        "confidence": round(match.confidence, 4),
        "holds": match.holds,
        "detail": dict(match.detail),
        "model": match.ref.served_name if match.ref else None,
    }


def _stages(stages: Sequence[Stage], verdict: Verdict | None) -> list[dict[str, Any]]:
    reached = verdict.stages if verdict else ()
    return [
        {
            "name": stage_name(stage),
            "strategy": "confidence" if stage.by_confidence else "priority",
            "decisions": len(stage.decisions),
            "reached": stage in reached,
        }
        for stage in stages
    ]


def _decisions(verdict: Verdict | None) -> list[dict[str, Any]]:
    if verdict is None:
        return []
    return [
        _decision(decision, stage_name(stage), verdict.matches)
        for stage in verdict.stages
        for decision in stage.decisions
    ]


def _decision(decision: Decision, stage: str, matches: Matches) -> dict[str, Any]:
    rule = rule_tree(decision.rule, matches)
    return {
        "name": decision.name,
        "stage": stage,
        "priority": decision.priority,
        "holds": rule["holds"],
        "confidence": rule["confidence"],
        "rule": rule,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
