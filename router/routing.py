"""Where an inference request goes, and the one account of why.

`route` asks the signals, takes the verdict, picks model and endpoint, and returns a Routing: the
record that logs, metrics, `explain` and the response headers all read. Knows no bytes and no HTTP
answers: those are the flow's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from enum import StrEnum
from time import perf_counter

import msgspec
from msgspec.structs import replace

from router.catalog import Endpoint, ModelRef
from router.decisions import Verdict, decide
from router.errors import ClassifierFailed, RouterError, UnknownModel
from router.matches import Match, Matches
from router.mutation import MetadataValue
from router.request import Api, InferenceRequest, Prompt
from router.selection import pick_endpoint, pick_model
from router.signals import Report, Signal
from router.snapshot import Snapshot


class Reason(StrEnum):
    """Why a request went where it went; the names are stable, dashboards read them."""

    AUTO_ROUTING = "auto_routing"
    MODEL_SPECIFIED = "model_specified"
    BELOW_THRESHOLD = "below_threshold"
    NO_TEXT = "no_text"
    NO_CATEGORY = "no_category"
    CLASSIFIER_UNAVAILABLE = "classifier_unavailable"
    PASS_THROUGH = "pass_through"
    MODEL_LIST = "model_list"
    CLIENT_ERROR = "client_error"
    OVERLOADED = "overloaded"
    INTERNAL_ERROR = "internal_error"


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """The account of one request. Its `repr` shows no prompt text.

    `confidence` is the winner's, or the best candidate's where nothing reached its threshold.
    `timings` are seconds by stage. `reasoning` is None where the request's own fields were left
    alone. `error` is set where something failed, also where the request was served all the same.
    """

    reason: Reason
    config_version: str
    request_id: str = ""
    api: Api | None = None
    requested_model: str = ""
    stream: bool = False
    category: str | None = None
    decision: str | None = None
    confidence: float = 0.0
    ref: ModelRef | None = None
    endpoint: Endpoint | None = None
    reasoning: bool | None = None
    reasoning_effort: str | None = None
    system_prompt_injected: bool = False
    reports: tuple[Report, ...] = ()
    verdict: Verdict | None = None
    timings: Mapping[str, float] = msgspec.field(default_factory=dict)
    error: RouterError | None = None
    status: int | None = None
    prompt: Prompt | None = None

    @property
    def model(self) -> str | None:
        """The name that the backend is asked for."""
        return self.ref.served_name if self.ref else None

    @property
    def adapter(self) -> str | None:
        return self.ref.lora if self.ref else None

    def metadata(self) -> dict[str, MetadataValue]:
        """What Envoy is told for its access log and the `x-vsr-*` response headers."""
        known: dict[str, MetadataValue | None] = {
            "reason": self.reason.value,
            "category": self.category,
            "decision": self.decision,
            "confidence": f"{self.confidence:.4f}" if self.verdict else None,
            "model": self.model,
            "endpoint": self.endpoint.name if self.endpoint else None,
            "reasoning": _on_off(self.reasoning),
            "injected_system_prompt": str(self.system_prompt_injected).lower(),
            "config_version": self.config_version,
        }
        if self.ref is None:  # no model was chosen that could be given a prompt
            del known["injected_system_prompt"]
        return {key: value for key, value in known.items() if value is not None}


def _on_off(flag: bool | None) -> str | None:
    return None if flag is None else ("on" if flag else "off")


async def route(snapshot: Snapshot, request: InferenceRequest) -> Routing:
    """Decide where an inference request goes.

    Without `ref` the request is refused, for the reason in `error`: UnknownModel where the client
    names a model that nothing serves; the signal's own where it failed and `on_error` is `reject`.
    """
    base = Routing(
        reason=Reason.MODEL_SPECIFIED,
        config_version=snapshot.version,
        api=request.api,
        requested_model=request.model,
        stream=request.stream,
        prompt=request.prompt,
    )
    if request.model in snapshot.catalog.auto_names:
        routing = await _route_by_content(snapshot, base, request.prompt)
    else:
        routing = _route_by_name(snapshot, base)
    return _with_endpoint(snapshot, routing) if routing.ref else routing


def _route_by_name(snapshot: Snapshot, base: Routing) -> Routing:
    if ref := snapshot.catalog.find(base.requested_model):
        return replace(base, ref=ref)
    error = UnknownModel(f"the model `{base.requested_model}` does not exist", param="model")
    return replace(base, reason=Reason.CLIENT_ERROR, error=error)


async def _route_by_content(snapshot: Snapshot, base: Routing, prompt: Prompt) -> Routing:
    started = perf_counter()
    reports = await _evaluate(snapshot.signals, prompt)
    classified = perf_counter()
    verdict = decide(snapshot.decisions, _matches(reports))
    timings = {"signals": classified - started, "decision": perf_counter() - classified}
    base = replace(
        base, reports=reports, verdict=verdict, confidence=verdict.confidence, timings=timings
    )
    if verdict.decision is None:
        return _fall_back(snapshot, base, verdict)
    ref = pick_model(verdict.decision.refs)
    return replace(
        base,
        reason=Reason.AUTO_ROUTING,
        decision=verdict.decision.name,
        category=verdict.decision.category,
        ref=ref,
        reasoning=ref.use_reasoning,
        reasoning_effort=ref.reasoning_effort or snapshot.default_reasoning_effort,
    )


def _fall_back(snapshot: Snapshot, base: Routing, verdict: Verdict) -> Routing:
    """The default model, with a reason; or the failure alone where it is to be rejected."""
    failure = next((report.error for report in base.reports if report.error), None)
    if failure is None or not verdict.unknown:
        return replace(base, reason=_why_undecided(base), ref=snapshot.catalog.default)
    ref = None if snapshot.rejects_on_error else snapshot.catalog.default
    return replace(base, reason=Reason.CLASSIFIER_UNAVAILABLE, ref=ref, error=failure)


def _why_undecided(base: Routing) -> Reason:
    if base.prompt is not None and not base.prompt.text.strip():
        return Reason.NO_TEXT
    found = any(report.matches for report in base.reports)
    return Reason.BELOW_THRESHOLD if found else Reason.NO_CATEGORY


async def _evaluate(signals: tuple[Signal, ...], prompt: Prompt) -> tuple[Report, ...]:
    if len(signals) == 1:  # saves a task on the commonest configuration
        return (await _ask(signals[0], prompt),)
    return tuple(await asyncio.gather(*(_ask(signal, prompt) for signal in signals)))


async def _ask(signal: Signal, prompt: Prompt) -> Report:
    try:
        return await signal.evaluate(prompt)
    except Exception as error:  # a broken signal must not break the request: it is unknown
        failure = ClassifierFailed(f"signal {signal.kind} raised {type(error).__name__}")
        failure.__cause__ = error
        return Report(signal.kind, error=failure)


def _matches(reports: tuple[Report, ...]) -> Matches:
    found: list[Match] = [match for report in reports for match in report.matches]
    return Matches(found, {r.kind: r.error.code for r in reports if r.error})


def _with_endpoint(snapshot: Snapshot, routing: Routing) -> Routing:
    assert routing.ref is not None
    endpoints = snapshot.catalog.models[routing.ref.model].endpoints
    return replace(routing, endpoint=pick_endpoint(endpoints, random.random()))
