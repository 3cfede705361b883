"""Where requests go, and what the record says of it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from dataclasses import dataclass, replace
from typing import Any

import pytest
from msgspec.structs import replace as replace_request

from router.balancing import Balancer
from router.catalog import Catalog, Limits, ModelRef
from router.config.signals import RequestMatch
from router.decisions import All, Decision, Is, Not, Stage
from router.endpoints.vllm import Served
from router.errors import DeadlineExceeded, ModelUnavailable, Overloaded, UnknownModel
from router.matches import PROPOSAL, Match
from router.request import Api, Headers, InferenceRequest, Prompt, Turn
from router.routing import Reason, Routing, pass_through_endpoint, route
from router.signals import Report
from router.signals.request import RequestMatcher
from router.snapshot import Rules, Snapshot
from tests.conftest import PRIMARY, SECOND, ScriptedSignal


def asking(model: str = "MoM", text: str = "a question", **facts: Any) -> InferenceRequest:
    prompt = Prompt((Turn("user", text),), **facts)
    return InferenceRequest(Api.CHAT_COMPLETIONS, model, prompt)


async def test_an_auto_request_goes_to_the_adapter_of_the_matching_category(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"medical": 0.9, "legal": 0.05}
    routing = await route(snapshot, asking())
    assert routing.reason is Reason.AUTO_ROUTING
    assert (routing.category, routing.confidence) == ("medical", 0.9)
    assert (routing.model, routing.adapter) == ("medical-lora", "medical-lora")
    assert routing.endpoint is not None
    assert routing.endpoint.name == "vllm-primary"


async def test_a_category_without_an_adapter_goes_to_its_base_model(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"general": 0.8}
    routing = await route(snapshot, asking("auto"))
    assert (routing.model, routing.adapter) == ("qwen3-8b", None)


async def test_below_the_threshold_the_default_model_answers(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"medical": 0.5, "legal": 0.3}
    routing = await route(snapshot, asking())
    assert routing.reason is Reason.BELOW_THRESHOLD
    assert (routing.model, routing.category, routing.confidence) == ("llama2-7b", None, 0.5)
    assert routing.reasoning is None


async def test_a_default_adapter_is_found_through_its_base_model(
    snapshot: Snapshot, catalog: Catalog
) -> None:
    adapted = replace(catalog, default=ModelRef("qwen3-8b", "code-lora"))
    routing = await route(replace(snapshot, catalog=adapted), asking())
    assert routing.model == "code-lora"
    assert routing.endpoint is not None
    assert routing.endpoint.name == "vllm-second"


@pytest.mark.parametrize("signals", [(), None])
async def test_without_a_signal_or_a_category_there_is_nothing_to_choose(
    snapshot: Snapshot, signals: tuple[()] | None
) -> None:
    bare = replace(snapshot, signals={} if signals is not None else snapshot.signals, stages=())
    routing = await route(bare, asking())
    assert (routing.reason, routing.model) == (Reason.NO_CATEGORY, "llama2-7b")


async def test_a_prompt_without_text_goes_to_the_default_model(snapshot: Snapshot) -> None:
    routing = await route(snapshot, asking(text=""))
    assert (routing.reason, routing.model) == (Reason.NO_TEXT, "llama2-7b")


@pytest.mark.parametrize(
    ("asked", "endpoint"),
    [("legal-lora", "vllm-primary"), ("qwen3-8b", "vllm-second"), ("code-lora", "vllm-second")],
)
async def test_a_model_that_the_client_names_is_respected_and_not_classified(
    snapshot: Snapshot, signal: Any, asked: str, endpoint: str
) -> None:
    routing = await route(snapshot, asking(asked))
    assert (routing.reason, routing.model) == (Reason.MODEL_SPECIFIED, asked)
    assert routing.endpoint is not None
    assert routing.endpoint.name == endpoint
    assert not signal.seen


async def test_an_unknown_model_is_refused_by_name(snapshot: Snapshot) -> None:
    routing = await route(snapshot, asking("gpt-9"))
    assert (routing.reason, routing.ref) == (Reason.CLIENT_ERROR, None)
    assert isinstance(routing.error, UnknownModel)
    assert str(routing.error) == "the model `gpt-9` does not exist"
    assert routing.error.param == "model"


async def test_auto_names_are_case_sensitive_as_model_names_are(snapshot: Snapshot) -> None:
    assert (await route(snapshot, asking("mom"))).ref is None


@pytest.mark.parametrize("failure", [Overloaded("full"), DeadlineExceeded("late"), ValueError("x")])
async def test_a_failed_classifier_leads_to_the_default_model(
    snapshot: Snapshot, signal: Any, failure: Exception
) -> None:
    signal.failure = failure
    routing = await route(snapshot, asking())
    assert (routing.reason, routing.model) == (Reason.CLASSIFIER_UNAVAILABLE, "llama2-7b")
    assert routing.error is not None


async def test_a_failed_classifier_leads_to_an_error_where_errors_are_to_be_rejected(
    rejecting: Snapshot, signal: Any
) -> None:
    signal.failure = Overloaded("the queue is full")
    routing = await route(rejecting, asking())
    assert (routing.reason, routing.ref) == (Reason.CLASSIFIER_UNAVAILABLE, None)
    assert isinstance(routing.error, Overloaded)
    assert [report.kind for report in routing.reports] == ["domain"]


async def test_low_confidence_is_no_error_where_errors_are_to_be_rejected(
    rejecting: Snapshot, signal: Any
) -> None:
    signal.confidences = {"medical": 0.1}
    routing = await route(rejecting, asking())
    assert routing.reason is Reason.BELOW_THRESHOLD


async def test_what_a_broken_signal_said_is_not_repeated(snapshot: Snapshot, signal: Any) -> None:
    signal.failure = ValueError("my secret prompt")
    routing = await route(snapshot, asking())
    assert "secret" not in str(routing.error)


async def test_the_reasoning_choice_comes_from_the_winning_entry(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    routing = await route(snapshot, asking())
    assert (routing.reasoning, routing.reasoning_effort) == (True, "medium")


async def test_metadata_says_what_response_headers_need(snapshot: Snapshot, signal: Any) -> None:
    signal.confidences = {"legal": 0.9}
    metadata = (await route(snapshot, asking())).metadata()
    assert metadata == {
        "reason": "auto_routing",
        "category": "legal",
        "decision": "legal",
        "confidence": "0.9000",
        "model": "legal-lora",
        "endpoint": "vllm-primary",
        "reasoning": "on",
        "injected_system_prompt": "false",
        "config_version": "c0ffee",
    }


def staged(
    snapshot: Snapshot, stages: list[list[Decision]], *signals: ScriptedSignal | Proposing
) -> Snapshot:
    by_kind: dict[str, Any] = {signal.kind: signal for signal in signals}
    return replace(snapshot, stages=tuple(map(Stage, stages)), signals=by_kind)


def named(name: str, kind: str, *refs: ModelRef, **more: Any) -> Decision:
    return Decision(name, Is(kind, name), refs or (ModelRef("llama2-7b"),), **more)


@dataclass
class Proposing:
    """A signal that names a model itself."""

    ref: ModelRef
    category: str = "tenant"
    confidence: float = 0.9
    kind: str = "mcp"
    waits: bool = True

    async def evaluate(self, request: InferenceRequest) -> Report:
        holds = self.confidence >= 0.5
        match = Match(self.kind, self.category, self.confidence, holds, ref=self.ref)
        return Report(self.kind, (match,))


async def test_a_later_stage_is_not_asked_where_an_earlier_one_decides(snapshot: Snapshot) -> None:
    keyword = ScriptedSignal({"legal": 1.0}, kind="keyword", waits=False)
    domain = ScriptedSignal({"medical": 0.9})
    world = staged(
        snapshot, [[named("legal", "keyword")], [named("medical", "domain")]], keyword, domain
    )
    routing = await route(world, asking())
    assert routing.decision == "legal"
    assert [report.kind for report in routing.reports] == ["keyword"]
    assert not domain.seen
    assert "domain" not in routing.timings


async def test_a_later_stage_is_asked_where_an_earlier_one_found_nothing(
    snapshot: Snapshot,
) -> None:
    keyword = ScriptedSignal(kind="keyword", waits=False)
    domain = ScriptedSignal({"medical": 0.9})
    world = staged(
        snapshot, [[named("legal", "keyword")], [named("medical", "domain")]], keyword, domain
    )
    routing = await route(world, asking())
    assert routing.decision == "medical"
    assert [report.kind for report in routing.reports] == ["keyword", "domain"]
    assert set(routing.timings) == {"keyword", "domain"}


async def test_a_signal_that_two_stages_need_is_asked_once(snapshot: Snapshot) -> None:
    domain = ScriptedSignal({"medical": 0.9})
    stages = [[named("law", "domain")], [named("medical", "domain")]]
    await route(staged(snapshot, stages, domain), asking())
    assert len(domain.seen) == 1


async def test_signals_of_one_stage_are_asked_at_once(snapshot: Snapshot) -> None:
    together = asyncio.Barrier(2)

    class Meeting(ScriptedSignal):
        async def evaluate(self, request: InferenceRequest) -> Report:
            await asyncio.wait_for(together.wait(), 10)
            return await super().evaluate(request)

    first, second = Meeting({"a": 0.9}, kind="embedding"), Meeting({"b": 0.9}, kind="domain")
    both = Decision("both", All((Is("embedding", "a"), Is("domain", "b"))), (ModelRef("qwen3-8b"),))
    routing = await route(staged(snapshot, [[both]], first, second), asking())
    assert (routing.decision, routing.category) == ("both", "b")


async def test_a_failed_method_leaves_the_choice_to_the_next(snapshot: Snapshot) -> None:
    mcp = ScriptedSignal(failure=DeadlineExceeded("late"), kind="mcp")
    domain = ScriptedSignal({"medical": 0.9})
    world = staged(snapshot, [[named("legal", "mcp")], [named("medical", "domain")]], mcp, domain)
    routing = await route(world, asking())
    assert (routing.decision, routing.reason) == ("medical", Reason.AUTO_ROUTING)
    assert [report.error is not None for report in routing.reports] == [True, False]


async def test_a_rule_that_asks_for_silence_does_not_hold_while_its_detector_is_down(
    snapshot: Snapshot,
) -> None:
    keyword = ScriptedSignal(failure=ValueError("x"), kind="keyword", waits=False)
    calm = Decision("calm", Not(Is("keyword", "urgent")), (ModelRef("qwen3-8b"),))
    routing = await route(staged(snapshot, [[calm]], keyword), asking())
    assert (routing.reason, routing.model) == (Reason.CLASSIFIER_UNAVAILABLE, "llama2-7b")


async def test_a_model_that_a_signal_names_goes_before_the_decisions_own(
    snapshot: Snapshot,
) -> None:
    proposing = Proposing(ModelRef("qwen3-8b", "code-lora", use_reasoning=True))
    stage = [named("tenant", "mcp", proposer="mcp")]
    routing = await route(staged(snapshot, [stage], proposing), asking())
    assert (routing.model, routing.reasoning) == ("code-lora", True)
    assert routing.choice is not None
    assert routing.choice.why == "named by mcp"
    own = [named("tenant", "mcp", ModelRef("llama2-7b", "legal-lora"))]
    assert (await route(staged(snapshot, [own], proposing), asking())).model == "legal-lora"


async def test_a_proposal_that_is_not_sure_enough_is_not_followed(snapshot: Snapshot) -> None:
    proposing = Proposing(ModelRef("qwen3-8b", "code-lora"), confidence=0.3)
    stage = [Decision("mcp", Is("mcp", PROPOSAL), proposer="mcp")]
    routing = await route(staged(snapshot, [stage], proposing), asking())
    assert (routing.reason, routing.model) == (Reason.BELOW_THRESHOLD, "llama2-7b")


async def test_where_no_model_can_take_the_request_the_default_answers(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"technical": 0.9}
    models = dict(snapshot.catalog.models)
    models["qwen3-8b"] = replace(models["qwen3-8b"], limits=Limits(vision=False))
    world = replace(snapshot, catalog=replace(snapshot.catalog, models=models))
    routing = await route(world, asking(has_images=True))
    assert (routing.reason, routing.model) == (Reason.NO_CAPABLE_MODEL, "llama2-7b")
    assert routing.decision == "technical"
    assert routing.choice is not None
    assert routing.choice.excluded == {"code-lora": "the request has images"}


def with_rules(snapshot: Snapshot, *rules: tuple[RequestMatch | None, Decision]) -> Snapshot:
    matchers = {d.name: RequestMatcher.compile(match) for match, d in rules if match}
    return replace(snapshot, rules=Rules(Stage([d for _, d in rules]), matchers))


def rule(name: str, *, otherwise: bool = False, **more: Any) -> Decision:
    return Decision(name, All(()) if otherwise else Is("request", name), **more)


async def test_a_routing_rule_gives_a_name_of_the_clients_to_a_model(snapshot: Snapshot) -> None:
    alias = rule("alias", refs=(ModelRef("qwen3-8b", "code-lora"),), endpoint=SECOND)
    world = with_rules(snapshot, (RequestMatch(model=("gpt-*",)), alias))
    routing = await route(world, asking("gpt-4o"))
    assert (routing.reason, routing.model) == (Reason.ROUTING_RULE, "code-lora")
    assert (routing.endpoint, routing.rule) == (SECOND, alias)
    assert (await route(world, asking("llama2-7b"))).rule is None


async def test_a_routing_rule_decides_the_endpoint_of_what_content_chose(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    models = dict(snapshot.catalog.models)
    models["llama2-7b"] = replace(models["llama2-7b"], endpoints=(PRIMARY, SECOND))
    both = replace(snapshot, catalog=replace(snapshot.catalog, models=models))
    for endpoint in (PRIMARY, SECOND):
        world = with_rules(both, (None, rule("all", otherwise=True, endpoint=endpoint)))
        routing = await route(world, asking())
        assert (routing.model, routing.endpoint) == ("legal-lora", endpoint)


async def test_a_rule_cannot_send_a_model_where_it_is_not_served(snapshot: Snapshot) -> None:
    world = with_rules(snapshot, (None, rule("all", otherwise=True, endpoint=SECOND)))
    assert (await route(world, asking("legal-lora"))).endpoint == PRIMARY


def test_requests_that_are_not_read_follow_rules_about_their_path(snapshot: Snapshot) -> None:
    embeddings = rule("embeddings", endpoint=SECOND)
    world = with_rules(snapshot, (RequestMatch(path=("/v1/embeddings",)), embeddings))

    def going(path: str) -> Routing:
        request = InferenceRequest(None, "", Prompt(), path=path)
        endpoint, found = pass_through_endpoint(world, request, Balancer())
        return Routing(reason=Reason.PASS_THROUGH, config_version="", endpoint=endpoint, rule=found)

    assert going("/v1/embeddings").endpoint == SECOND
    assert going("/v1/rerank").endpoint == PRIMARY


def lists(balancer: Balancer, *names: str, **parents: str) -> None:
    balancer.view.serves(PRIMARY, Served(frozenset({"llama2-7b", *names, *parents}), parents))


async def test_an_adapter_that_no_endpoint_has_loaded_is_answered_by_its_base_model(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    balancer = Balancer()
    lists(balancer, "medical-lora")
    for request in (asking(), asking("legal-lora")):
        routing = await route(snapshot, request, balancer)
        assert (routing.reason, routing.model) == (Reason.ADAPTER_MISSING, "llama2-7b")
        assert routing.endpoint == PRIMARY
        assert str(routing.error) == "no endpoint has the adapter `legal-lora` just now"
    lists(balancer, "legal-lora")
    assert (await route(snapshot, asking(), balancer)).reason is Reason.AUTO_ROUTING


async def test_an_adapter_that_no_endpoint_has_loaded_is_refused_where_that_is_wanted(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    balancer = Balancer()
    lists(balancer)
    strict = replace(snapshot, rejects_missing_adapters=True)
    routing = await route(strict, asking(), balancer)
    assert (routing.reason, routing.ref) == (Reason.ADAPTER_MISSING, None)
    assert isinstance(routing.error, ModelUnavailable)
    assert routing.error.status == 503


async def test_a_discovered_adapter_can_be_asked_for_where_that_is_wanted(
    snapshot: Snapshot,
) -> None:
    balancer = Balancer()
    lists(balancer, **{"new-lora": "llama2-7b"})
    assert (await route(snapshot, asking("new-lora"), balancer)).ref is None
    open_world = replace(snapshot, discovers_adapters=True)
    routing = await route(open_world, asking("new-lora"), balancer)
    assert routing.ref == ModelRef("llama2-7b", "new-lora")
    assert routing.reason is Reason.MODEL_SPECIFIED


async def test_clients_can_be_kept_from_naming_models(snapshot: Snapshot, signal: Any) -> None:
    signal.confidences = {"legal": 0.9}
    closed = replace(snapshot, only_auto_names=True)
    for name in ("legal-lora", "qwen3-8b", "gpt-9"):
        routing = await route(closed, asking(name))
        assert isinstance(routing.error, UnknownModel)
        assert str(routing.error) == f"the model `{name}` does not exist"
    assert (await route(closed, asking())).model == "legal-lora"


async def test_where_errors_are_to_be_rejected_doubt_is_one(snapshot: Snapshot) -> None:
    """What failed might have decided otherwise: a lower rule, or a later method, must not."""
    mcp = ScriptedSignal(failure=DeadlineExceeded("late"), kind="mcp")
    domain = ScriptedSignal({"medical": 0.9})
    guarded = Decision("guarded", Is("mcp", "x"), (ModelRef("qwen3-8b"),), priority=9)
    catch_all = Decision("all", All(()), (ModelRef("qwen3-8b"),))
    for stages in ([[guarded, catch_all]], [[named("x", "mcp")], [named("medical", "domain")]]):
        world = staged(snapshot, stages, mcp, domain)
        assert (await route(world, asking())).reason is Reason.AUTO_ROUTING
        routing = await route(replace(world, rejects_on_error=True), asking())
        assert (routing.reason, routing.ref) == (Reason.CLASSIFIER_UNAVAILABLE, None)
        assert isinstance(routing.error, DeadlineExceeded)


async def test_where_errors_are_to_be_rejected_what_could_not_win_does_no_harm(
    snapshot: Snapshot,
) -> None:
    mcp = ScriptedSignal(failure=DeadlineExceeded("late"), kind="mcp")
    first = Decision("first", All(()), (ModelRef("qwen3-8b"),), priority=9)
    world = staged(snapshot, [[first, named("x", "mcp")]], mcp)
    routing = await route(replace(world, rejects_on_error=True), asking())
    assert (routing.reason, routing.decision) == (Reason.AUTO_ROUTING, "first")


async def test_a_model_that_was_named_and_cannot_serve_leaves_the_categorys_own(
    snapshot: Snapshot,
) -> None:
    models = dict(snapshot.catalog.models)
    models["qwen3-8b"] = replace(models["qwen3-8b"], limits=Limits(vision=False))
    world = replace(snapshot, catalog=replace(snapshot.catalog, models=models))
    own = named("tenant", "mcp", ModelRef("llama2-7b", "legal-lora"), proposer="mcp")
    world = staged(world, [[own]], Proposing(ModelRef("qwen3-8b", "code-lora")))
    assert (await route(world, asking(has_images=True))).model == "legal-lora"
    assert (await route(world, asking())).model == "code-lora"


async def test_a_rule_does_not_keep_an_adapter_from_where_it_is(snapshot: Snapshot) -> None:
    models = dict(snapshot.catalog.models)
    models["llama2-7b"] = replace(models["llama2-7b"], endpoints=(PRIMARY, SECOND))
    both = replace(snapshot, catalog=replace(snapshot.catalog, models=models))
    world = with_rules(both, (None, rule("all", otherwise=True, endpoint=SECOND)))
    balancer = Balancer()
    lists(balancer, "legal-lora")
    balancer.view.serves(SECOND, Served(frozenset({"llama2-7b"}), {}))
    routing = await route(world, asking("legal-lora"), balancer)
    assert (routing.model, routing.endpoint) == ("legal-lora", PRIMARY)


async def test_a_broken_signal_keeps_nothing_of_the_request(
    snapshot: Snapshot, signal: Any
) -> None:
    class Watched(Headers):
        """Headers that can be watched."""

    signal.failure = ValueError("x")
    headers = Watched()
    gone = weakref.ref(headers)
    gc.disable()
    try:
        await route(snapshot, replace_request(asking(), headers=headers))
        signal.seen.clear()
        signal.failure = None
        del headers
        assert gone() is None
    finally:
        gc.enable()
