"""Where an inference request goes, and the one account of why.

`route` asks the signals, stage by stage, takes the verdict, picks model and endpoint, and returns a
Routing: the record that logs, metrics, `explain` and the response headers all read. Knows no bytes
and no HTTP answers: those are the flow's.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Collection, Mapping
from enum import StrEnum
from time import perf_counter

import msgspec
from msgspec.structs import replace

from router.balancing import Balancer
from router.catalog import Endpoint, Model, ModelRef
from router.decisions import Decision, Rule, Verdict, leaves
from router.errors import ClassifierFailed, ModelUnavailable, RouterError, UnknownModel
from router.matches import PROPOSAL, Matches
from router.mutation import MetadataValue
from router.request import Api, InferenceRequest, Prompt
from router.selection import Choice, choose_model, obstacle_to
from router.signals import Report, Signal
from router.snapshot import Snapshot


class Reason(StrEnum):
    """Why a request went where it went; the names are stable, dashboards read them."""

    AUTO_ROUTING = "auto_routing"
    MODEL_SPECIFIED = "model_specified"
    ROUTING_RULE = "routing_rule"
    BELOW_THRESHOLD = "below_threshold"
    NO_TEXT = "no_text"
    NO_CATEGORY = "no_category"
    NO_CAPABLE_MODEL = "no_capable_model"
    ADAPTER_MISSING = "adapter_missing"
    CLASSIFIER_UNAVAILABLE = "classifier_unavailable"
    PASS_THROUGH = "pass_through"
    MODEL_LIST = "model_list"
    CLIENT_ERROR = "client_error"
    OVERLOADED = "overloaded"
    INTERNAL_ERROR = "internal_error"


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """The account of one request. Its `repr` shows no prompt text.

    `confidence` is the winner's, or the best candidate's where nothing reached its threshold.
    `rule` is the routing rule that matched, `choice` how the decision's model was chosen,
    `placement` why the endpoint. `timings` are seconds by part, signals by their kind. `reasoning`
    is None where the request's own fields were left alone. `error` is set where something failed,
    also where the request was served all the same. `response_status` is what the endpoint answered,
    where the router is told.
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
    rule: Decision | None = None
    choice: Choice | None = None
    placement: str | None = None
    timings: Mapping[str, float] = msgspec.field(default_factory=dict)
    error: RouterError | None = None
    status: int | None = None
    response_status: int | None = None
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


async def route(
    snapshot: Snapshot, request: InferenceRequest, balancer: Balancer | None = None
) -> Routing:
    """Decide where an inference request goes; without a balancer nothing is known of endpoints.

    Without `ref` the request is refused, for the reason in `error`: UnknownModel where the client
    names a model that nothing serves; ModelUnavailable where no endpoint has the adapter and the
    configuration wants no other; the signal's own where it failed and `on_error` is `reject`.
    """
    balancer = balancer or Balancer(rehearsing=True)
    rule = matching_rule(snapshot, request)
    base = Routing(
        reason=Reason.MODEL_SPECIFIED,
        config_version=snapshot.version,
        api=request.api,
        requested_model=request.model,
        stream=request.stream,
        prompt=request.prompt,
        rule=rule,
    )
    if rule and rule.refs:
        routing = replace(base, reason=Reason.ROUTING_RULE, ref=rule.refs[0])
    elif request.model in snapshot.catalog.auto_names:
        routing = await _route_by_content(snapshot, base, request)
    else:
        routing = _route_by_name(snapshot, base, balancer)
    return _place(snapshot, routing, routing.ref, balancer) if routing.ref else routing


def matching_rule(snapshot: Snapshot, request: InferenceRequest) -> Decision | None:
    """The routing rule that says where such requests go, whatever their content."""
    if snapshot.rules is None:
        return None
    return snapshot.rules.stage.decide(snapshot.rules.matches(request)).decision


def pass_through_endpoint(
    snapshot: Snapshot, request: InferenceRequest, balancer: Balancer
) -> tuple[Endpoint, Decision | None]:
    """Where a request goes that is no inference request: by rule, else as the default model's."""
    rule = matching_rule(snapshot, request)
    if rule and rule.endpoint:
        return rule.endpoint, rule
    default = snapshot.catalog.default.model
    endpoint = balancer.place(snapshot.catalog.models[default], ModelRef(default)).endpoint
    assert endpoint is not None  # a base model always has one
    return endpoint, rule


def _place(snapshot: Snapshot, base: Routing, ref: ModelRef, balancer: Balancer) -> Routing:
    """Choose the endpoint; where none has the adapter, that of the base model in its stead."""
    model = snapshot.catalog.models[ref.model]
    among = _narrowed(model, base.rule)
    placement = balancer.place(model, ref, among)
    if placement.endpoint is None and among is not None:  # better elsewhere than not at all
        placement = balancer.place(model, ref)
    if placement.endpoint is not None:
        return replace(base, endpoint=placement.endpoint, placement=placement.why)
    missing = ModelUnavailable(f"no endpoint has the adapter `{ref.served_name}` just now")
    if base.error is None:  # else what failed before is the better reason
        base = replace(base, reason=Reason.ADAPTER_MISSING, error=missing)
    if snapshot.rejects_missing_adapters:
        return replace(base, ref=None)
    bare = dataclasses.replace(ref, lora=None)
    placement = balancer.place(model, bare, among)
    return replace(base, ref=bare, endpoint=placement.endpoint, placement=placement.why)


def _narrowed(model: Model, rule: Decision | None) -> tuple[Endpoint, ...] | None:
    """The rule's endpoint where it serves the model; None leaves the choice open."""
    endpoint = rule.endpoint if rule else None
    return (endpoint,) if endpoint is not None and endpoint in model.endpoints else None


def _route_by_name(snapshot: Snapshot, base: Routing, balancer: Balancer) -> Routing:
    name, catalog = base.requested_model, snapshot.catalog
    ref = None if snapshot.only_auto_names else catalog.find(name)
    if ref is None and snapshot.discovers_adapters and not snapshot.only_auto_names:
        ref = balancer.discover(name, catalog)
    if ref is not None:
        return replace(base, ref=ref)
    error = UnknownModel(f"the model `{base.requested_model}` does not exist", param="model")
    return replace(base, reason=Reason.CLIENT_ERROR, error=error)


async def _route_by_content(
    snapshot: Snapshot, base: Routing, request: InferenceRequest
) -> Routing:
    reports, verdict, timings = await _decide(snapshot, request)
    base = replace(
        base, reports=reports, verdict=verdict, confidence=verdict.confidence, timings=timings
    )
    if verdict.decision is None or (verdict.unknown and snapshot.rejects_on_error):
        return _fall_back(snapshot, base, verdict)
    return _choose(snapshot, base, verdict, verdict.decision, request)


_NO_VERDICT = Verdict(None, 0.0, False, (), Matches())


async def _decide(
    snapshot: Snapshot, request: InferenceRequest
) -> tuple[tuple[Report, ...], Verdict, dict[str, float]]:
    """Stage by stage until a decision holds; each signal is asked when a stage first needs it."""
    reports: dict[str, Report] = {}
    timings: dict[str, float] = {}
    verdict, matches = None, Matches()
    for stage in snapshot.stages:
        wanted = stage.kinds - reports.keys()
        if new := [signal for kind, signal in snapshot.signals.items() if kind in wanted]:
            for report, seconds in await _ask_all(new, request):
                reports[report.kind] = report
                timings[report.kind] = seconds
            matches = _matches(reports.values())
        later = stage.decide(matches)
        verdict = verdict.followed_by(later) if verdict else later
        if verdict.decision is not None:
            break
    return tuple(reports.values()), verdict or _NO_VERDICT, timings


def _choose(
    snapshot: Snapshot,
    base: Routing,
    verdict: Verdict,
    decision: Decision,
    request: InferenceRequest,
) -> Routing:
    """A model of the decision; the default one where none of them can take the request."""
    choice = _choice(snapshot, verdict, decision, request)
    category = decision.category or _category(decision.rule, verdict.matches)
    base = replace(base, decision=decision.name, category=category, choice=choice)
    if choice.ref is None:
        return replace(base, reason=Reason.NO_CAPABLE_MODEL, ref=snapshot.catalog.default)
    return replace(
        base,
        reason=Reason.AUTO_ROUTING,
        ref=choice.ref,
        reasoning=choice.ref.use_reasoning,
        reasoning_effort=choice.ref.reasoning_effort or snapshot.default_reasoning_effort,
    )


def _choice(
    snapshot: Snapshot, verdict: Verdict, decision: Decision, request: InferenceRequest
) -> Choice:
    models = snapshot.catalog.models
    proposal = verdict.matches.get(decision.proposer, PROPOSAL) if decision.proposer else None
    if proposal and proposal.ref and proposal.holds:
        ref = proposal.ref
        obstacle = obstacle_to(models[ref.model].limits, request)
        if obstacle is None:
            return Choice(ref, f"named by {proposal.kind}", {})
        if not decision.refs:
            return Choice(None, "the model that was named cannot", {ref.served_name: obstacle})
    return choose_model(
        decision.refs,
        decision.selection,
        request,
        models,
        salt=decision.name,
        chance=random.random(),
    )


def _category(rule: Rule, matches: Matches) -> str | None:
    """The first domain among the rule's signals that matched."""
    domains = (leaf for leaf in leaves(rule) if leaf.kind == "domain")
    return next((leaf.name for leaf in domains if leaf.evaluate(matches).holds), None)


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


async def _ask_all(signals: list[Signal], request: InferenceRequest) -> list[tuple[Report, float]]:
    """The quick ones one after the other, then all that wait, at once."""
    answers = [await _ask(signal, request) for signal in signals if not signal.waits]
    waiting = [signal for signal in signals if signal.waits]
    if len(waiting) == 1:  # saves a task on the commonest configuration
        answers.append(await _ask(waiting[0], request))
    elif waiting:
        answers += await asyncio.gather(*(_ask(signal, request) for signal in waiting))
    return answers


async def _ask(signal: Signal, request: InferenceRequest) -> tuple[Report, float]:
    started = perf_counter()
    try:
        report = await signal.evaluate(request)
    except Exception as error:  # a broken signal must not break the request: it is unknown
        failure = f"signal {signal.kind} raised {type(error).__name__}"
        # Returned at once: a report with a name here would be kept by its error's own frames.
        return (
            Report(signal.kind, error=ClassifierFailed(failure).caused_by(error)),
            perf_counter() - started,
        )
    return report, perf_counter() - started


def _matches(reports: Collection[Report]) -> Matches:
    found = (match for report in reports for match in report.matches)
    return Matches(found, {r.kind: r.error.code for r in reports if r.error})
