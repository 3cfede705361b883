"""Why a prompt would go where it goes: the Routing of one prompt, as JSON or as text to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from router.request import Api, InferenceRequest, Prompt, Turn
from router.routing import Routing, route
from router.signals import Report
from router.snapshot import Snapshot
from router.telemetry.decision_log import describe


async def explain(snapshot: Snapshot, text: str, *, model: str | None = None) -> dict[str, Any]:
    """Route `text` as a chat request for `model` (default: the auto name) and account for it.

    Raises the routing's error where the request would be refused.
    """
    prompt = Prompt((Turn("user", text),))
    name = model or snapshot.catalog.auto_names[0]
    routing = await route(snapshot, InferenceRequest(Api.CHAT_COMPLETIONS, name, prompt))
    if routing.ref is None and routing.error is not None:
        raise routing.error
    return account(routing)


def account(routing: Routing) -> dict[str, Any]:
    """The whole record, JSON-ready: what was found, what was considered, what was chosen."""
    flat = describe(routing)
    return {
        "category": routing.category,
        "decision": routing.decision,
        "confidence": flat.get("confidence"),
        "model": routing.model,
        "base_model": flat.get("base_model"),
        "adapter": routing.adapter,
        "endpoint": routing.endpoint.name if routing.endpoint else None,
        "reason": routing.reason.value,
        "reasoning": routing.reasoning,
        "reasoning_effort": flat.get("reasoning_effort"),
        "error": flat.get("error"),
        "config_version": routing.config_version,
        "signals": [_signal(report) for report in routing.reports],
        "decisions": _decisions(routing),
        "milliseconds": {
            stage: round(seconds * 1000, 3) for stage, seconds in routing.timings.items()
        },
    }


def _signal(report: Report) -> dict[str, Any]:
    return {
        "kind": report.kind,
        "error": str(report.error) if report.error else None,
        "matches": [
            {"name": m.name, "confidence": round(m.confidence, 4), "holds": m.holds}
            for m in report.matches
        ],
        **report.facts,
    }


def _decisions(routing: Routing) -> list[dict[str, Any]]:
    considered = routing.verdict.considered if routing.verdict else ()
    return [
        {"name": name, "holds": truth.holds, "confidence": round(truth.confidence, 4)}
        for name, truth in considered
    ]


_SHOWN = ("model", "adapter", "endpoint", "category", "decision", "confidence", "reason", "error")


def render(account: Mapping[str, Any]) -> Iterator[str]:
    """The account as lines for a terminal."""
    for key in _SHOWN:
        if account[key] is not None:
            yield f"{key:<12}{account[key]}"
    for signal in account["signals"]:
        yield f"signal      {signal['kind']}" + (f": {signal['error']}" if signal["error"] else "")
        for match in sorted(signal["matches"], key=lambda match: -match["confidence"]):
            mark = "matched" if match["holds"] else "below threshold"
            yield f"            {match['name']:<24} {match['confidence']:.4f}  {mark}"
        if labels := signal.get("labels"):
            shown = ", ".join(f"{label} {score:.3f}" for label, score in labels.items())
            yield f"            labels: {shown}"
