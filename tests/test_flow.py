"""One request through the flow: what Envoy is told, whatever the request is."""

from __future__ import annotations

import gc
import json
import time
import weakref
from dataclasses import replace
from typing import Any

import pytest

from router.balancing import Balancer
from router.catalog import Limits, ModelRef
from router.config.signals import RequestMatch
from router.decisions import Decision, Is, Stage
from router.endpoints.vllm import Served
from router.errors import Overloaded, PayloadTooLarge, ProtocolError, RouterError, TooManyBodies
from router.flow import RequestFlow
from router.mutation import HeaderChanges, ImmediateResponse, Mutation
from router.request import Api, Headers, HttpMessage
from router.routing import Reason, Routing
from router.signals.request import RequestMatcher
from router.snapshot import Rules, Snapshot

SECRET = "my secret question"
CHAT_HEAD = Headers(
    [(":method", "POST"), (":path", "/v1/chat/completions"), ("content-type", "application/json")]
)


class Caller:
    """Sends requests through flows of one snapshot and keeps what they report."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.balancer = Balancer()
        self.reported: list[Routing] = []

    def flow(self) -> RequestFlow:
        return RequestFlow(self.snapshot, self.reported.append, self.balancer)

    async def send(
        self,
        body: bytes = b"",
        path: str = "/v1/chat/completions",
        method: str = "POST",
        **more: str,
    ) -> Mutation | ImmediateResponse:
        flow = self.flow()
        headers = Headers(
            [
                (":method", method),
                (":path", path),
                ("content-type", "application/json"),
                ("x-request-id", "r-1"),
                *((name.replace("_", "-"), value) for name, value in more.items()),
            ]
        )
        head = HttpMessage(headers)
        answer = flow.on_request_headers(head, end_of_stream=not body)
        if answer is None:
            answer = await flow.on_request(HttpMessage(headers, body))
        flow.closed()
        return answer


@pytest.fixture
def caller(snapshot: Snapshot) -> Caller:
    return Caller(snapshot)


def chat(model: str = "MoM", **fields: Any) -> bytes:
    messages = [{"role": "user", "content": SECRET}]
    return json.dumps({"model": model, "messages": messages, **fields}).encode()


async def test_an_auto_request_is_sent_to_its_adapter_with_prompt_and_headers(
    caller: Caller, signal: Any
) -> None:
    signal.confidences = {"medical": 0.9}
    answer = await caller.send(chat())
    assert isinstance(answer, Mutation)
    assert dict(answer.set_headers) == {
        "x-selected-endpoint": "vllm-primary",
        "x-selected-model": "medical-lora",
    }
    assert answer.clear_route_cache
    assert answer.body is not None
    body = json.loads(answer.body)
    assert body["model"] == "medical-lora"
    assert body["messages"] == [
        {"role": "system", "content": "You are a medical expert."},
        {"role": "user", "content": SECRET},
    ]
    assert answer.metadata["injected_system_prompt"] == "true"


@pytest.mark.parametrize(("category", "thinks"), [("technical", True), ("general", False)])
async def test_reasoning_is_switched_on_and_off_for_the_base_models_family(
    caller: Caller, signal: Any, category: str, thinks: bool
) -> None:
    signal.confidences = {category: 0.9}
    answer = await caller.send(chat(chat_template_kwargs={"enable_thinking": 1, "mine": 2}))
    assert isinstance(answer, Mutation)
    assert answer.body is not None
    kwargs = json.loads(answer.body)["chat_template_kwargs"]
    assert kwargs == {"enable_thinking": thinks, "mine": 2}


async def test_below_the_threshold_only_the_model_changes(caller: Caller, signal: Any) -> None:
    signal.confidences = {"medical": 0.2}
    sent = chat()
    answer = await caller.send(sent)
    assert isinstance(answer, Mutation)
    assert answer.body == sent.replace(b'"MoM"', b'"llama2-7b"')


async def test_a_model_that_the_client_names_keeps_its_body(caller: Caller) -> None:
    answer = await caller.send(chat("code-lora"))
    assert isinstance(answer, Mutation)
    assert answer.body is None
    assert dict(answer.set_headers)["x-selected-endpoint"] == "vllm-second"


async def test_completions_have_no_place_for_a_system_prompt(caller: Caller, signal: Any) -> None:
    signal.confidences = {"medical": 0.9}
    body = json.dumps({"model": "MoM", "prompt": SECRET}).encode()
    answer = await caller.send(body, "/v1/completions")
    assert isinstance(answer, Mutation)
    assert answer.metadata["injected_system_prompt"] == "false"
    assert answer.body == body.replace(b'"MoM"', b'"medical-lora"')


async def test_the_model_list_is_answered_at_once(caller: Caller) -> None:
    answer = await caller.send(path="/v1/models?limit=3", method="GET")
    assert isinstance(answer, ImmediateResponse)
    listed = [model["id"] for model in json.loads(answer.body)["data"]]
    assert listed[0] == "MoM"
    assert {"llama2-7b", "qwen3-8b", "legal-lora", "code-lora"} <= set(listed)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/health"), ("POST", "/v1/embeddings"), ("OPTIONS", "/v1/chat/completions")],
)
async def test_other_paths_and_methods_pass_through_to_the_default_endpoint(
    caller: Caller, method: str, path: str
) -> None:
    answer = await caller.send(method=method, path=path)
    assert isinstance(answer, Mutation)
    assert answer.set_headers == (("x-selected-endpoint", "vllm-primary"),)
    assert answer.body is None
    assert caller.reported[0].reason is Reason.PASS_THROUGH


@pytest.mark.parametrize(
    "path",
    ["/v1/load_lora_adapter", "/v1/unload_lora_adapter//", "/v1/load%5Flora_Adapter?x=1"],
)
async def test_clients_may_not_manage_adapters(caller: Caller, path: str) -> None:
    answer = await caller.send(b"{}", path)
    assert isinstance(answer, ImmediateResponse)
    assert answer.status == 403


@pytest.mark.parametrize(
    "path", ["/v1/load_lora_adapter%0a", "/v1/chat/completions%0D%0A", "/v1/%7Fx", "/%00"]
)
async def test_a_path_with_an_encoded_control_character_goes_nowhere(
    caller: Caller, path: str
) -> None:
    answer = await caller.send(b"{}", path)
    assert isinstance(answer, ImmediateResponse)
    assert answer.status == 400


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b'{"messages": [{"role": "user", "content": "hi"}]}', {}, 400),
        (chat(), {"content_type": "text/plain"}, 400),
        (chat("gpt-9"), {}, 404),
        (chat(), {"content_length": "5000"}, 413),
        (chat(), {"content_encoding": "gzip"}, 415),
        (b"", {}, 400),
    ],
)
async def test_bad_requests_are_answered_and_never_forwarded(
    caller: Caller, body: bytes, more: dict[str, str], status: int
) -> None:
    content_type = more.pop("content_type", None)
    if content_type:
        flow = RequestFlow(caller.snapshot, caller.reported.append)
        pairs = [(":method", "POST"), (":path", "/v1/chat/completions")]
        head = HttpMessage(Headers([*pairs, ("content-type", content_type)]))
        answer = flow.on_request_headers(head, end_of_stream=False)
        flow.closed()
    else:
        answer = await caller.send(body, **more)
    assert isinstance(answer, ImmediateResponse)
    assert answer.status == status
    assert json.loads(answer.body)["error"]["message"]
    assert caller.reported[0].reason is Reason.CLIENT_ERROR
    assert SECRET.encode() not in answer.body


async def test_anthropic_clients_get_errors_in_their_own_form(caller: Caller) -> None:
    answer = await caller.send(b'{"model": 3}', "/v1/messages")
    assert isinstance(answer, ImmediateResponse)
    assert json.loads(answer.body)["type"] == "error"


async def test_a_failed_classifier_is_a_503_where_errors_are_to_be_rejected(
    rejecting: Snapshot, signal: Any
) -> None:
    signal.failure = Overloaded("the classifier's queue is full")
    caller = Caller(rejecting)
    answer = await caller.send(chat())
    assert isinstance(answer, ImmediateResponse)
    assert answer.status == 503
    assert caller.reported[0].reason is Reason.CLASSIFIER_UNAVAILABLE


async def test_our_own_fault_is_a_500_that_tells_nothing(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr("router.flow.edit_for", broken)
    answer = await caller.send(chat())
    assert isinstance(answer, ImmediateResponse)
    assert answer.status == 500
    assert SECRET.encode() not in answer.body
    assert SECRET not in str(caller.reported[0].error)


async def test_a_client_that_leaves_before_its_answer_is_not_reported(caller: Caller) -> None:
    flow = RequestFlow(caller.snapshot, caller.reported.append)
    flow.closed()
    assert caller.reported == []


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (PayloadTooLarge("too much"), 413, Reason.CLIENT_ERROR),
        (ProtocolError("out of order"), 500, Reason.INTERNAL_ERROR),
        (TooManyBodies("too much at once"), 503, Reason.OVERLOADED),
    ],
)
def test_what_the_protocol_refuses_is_answered_and_reported_too(
    caller: Caller, error: RouterError, status: int, reason: Reason
) -> None:
    flow = RequestFlow(caller.snapshot, caller.reported.append)
    answer = flow.refuse(error)
    flow.closed()
    assert answer.status == status
    assert caller.reported[0].reason is reason
    assert answer.metadata["reason"] == reason.value


async def test_a_refused_request_keeps_what_is_known_of_it(
    rejecting: Snapshot, signal: Any
) -> None:
    signal.failure = Overloaded("full")
    caller = Caller(rejecting)
    await caller.send(chat(stream=True))
    (routing,) = caller.reported
    assert (routing.api, routing.requested_model) == (Api.CHAT_COMPLETIONS, "MoM")
    assert routing.stream
    assert {"parse", "domain", "total"} <= set(routing.timings)


@pytest.mark.parametrize("model", ["x" * 257, "MoM\n", "a\x00b"])
async def test_a_model_name_has_no_room_for_anything_else(caller: Caller, model: str) -> None:
    answer = await caller.send(chat(model))
    assert isinstance(answer, ImmediateResponse)
    assert answer.status == 400
    assert len(answer.body) < 400


async def test_answers_of_our_own_tell_of_no_system_prompt(caller: Caller) -> None:
    for answer in (await caller.send(chat("gpt-9")), await caller.send(method="GET", path="/x")):
        assert "injected_system_prompt" not in answer.metadata


async def test_every_request_is_reported_exactly_once(caller: Caller, signal: Any) -> None:
    signal.confidences = {"legal": 0.9}
    for body in (chat(), chat("code-lora"), chat("gpt-9"), b"{"):
        await caller.send(body)
    await caller.send(method="GET", path="/health")
    assert [routing.reason for routing in caller.reported] == [
        Reason.AUTO_ROUTING,
        Reason.MODEL_SPECIFIED,
        Reason.CLIENT_ERROR,
        Reason.CLIENT_ERROR,
        Reason.PASS_THROUGH,
    ]
    assert {routing.request_id for routing in caller.reported} == {"r-1"}


async def test_nothing_holds_a_refused_body_once_its_stream_has_ended(caller: Caller) -> None:
    flow = RequestFlow(caller.snapshot, lambda _: None)
    headers = Headers([(":method", "POST"), (":path", "/v1/chat/completions")])
    flow.on_request_headers(HttpMessage(headers), end_of_stream=False)
    request = HttpMessage(headers, b"not json")
    gone = weakref.ref(request)
    gc.disable()
    try:
        await flow.on_request(request)
        flow.closed()
        del request, flow
        assert gone() is None
    finally:
        gc.enable()


async def test_signals_see_the_head_of_the_request(caller: Caller, signal: Any) -> None:
    await caller.send(chat(user="u-7"), path="/v1/chat/completions?x=1", x_tenant_id="acme")
    (request,) = signal.seen
    assert request.headers.get("x-tenant-id") == "acme"
    assert (request.path, request.user) == ("/v1/chat/completions", "u-7")


async def test_a_decision_changes_headers_and_cannot_change_where_the_request_goes(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"lane": 0.9}
    changes = HeaderChanges((("x-lane", "fast"), ("x-selected-endpoint", "evil")), ("x-debug",))
    lane = Decision("lane", Is("domain", "lane"), (ModelRef("qwen3-8b"),), headers=changes)
    answer = await Caller(replace(snapshot, stages=(Stage([lane]),))).send(chat())
    assert isinstance(answer, Mutation)
    assert answer.set_headers == (
        ("x-lane", "fast"),
        ("x-selected-endpoint", "evil"),
        ("x-selected-endpoint", "vllm-second"),
        ("x-selected-model", "qwen3-8b"),
    )
    assert answer.remove_headers == ("x-debug",)


async def test_a_default_model_that_stands_in_is_given_nothing_of_the_decision(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"medical": 0.9}
    models = dict(snapshot.catalog.models)
    models["llama2-7b"] = replace(models["llama2-7b"], limits=Limits(tools=False))
    catalog = replace(snapshot.catalog, models=models, default=ModelRef("qwen3-8b"))
    caller = Caller(replace(snapshot, catalog=catalog))
    sent = chat(tools=[{"type": "function", "function": {"name": "f"}}])
    answer = await caller.send(sent)
    assert isinstance(answer, Mutation)
    assert answer.body == sent.replace(b'"MoM"', b'"qwen3-8b"')
    assert caller.reported[0].reason is Reason.NO_CAPABLE_MODEL


async def test_an_alias_of_a_routing_rule_changes_the_name_alone(snapshot: Snapshot) -> None:
    alias = Decision("alias", Is("request", "alias"), (ModelRef("qwen3-8b", "code-lora"),))
    matcher = RequestMatcher.compile(RequestMatch(model=("gpt-*",)))
    caller = Caller(replace(snapshot, rules=Rules(Stage([alias]), {"alias": matcher})))
    sent = chat("gpt-4o")
    answer = await caller.send(sent)
    assert isinstance(answer, Mutation)
    assert answer.body == sent.replace(b'"gpt-4o"', b'"code-lora"')
    assert answer.metadata["reason"] == "routing_rule"


async def test_the_base_model_that_stands_in_for_an_adapter_is_asked_for_by_its_own_name(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"medical": 0.9}
    caller = Caller(snapshot)
    served = Served(frozenset({"llama2-7b"}), {})
    caller.balancer.view.serves(snapshot.catalog.endpoints["vllm-primary"], served)
    for asked in ("MoM", "medical-lora"):
        answer = await caller.send(chat(asked))
        assert isinstance(answer, Mutation)
        assert answer.body is not None
        assert json.loads(answer.body)["model"] == "llama2-7b"
        assert answer.metadata["reason"] == "adapter_missing"


async def test_discovered_adapters_are_listed_where_that_is_wanted(snapshot: Snapshot) -> None:
    for wanted in (False, True):
        caller = Caller(replace(snapshot, discovers_adapters=wanted))
        served = Served(frozenset({"new-lora"}), {"new-lora": "llama2-7b"})
        caller.balancer.view.serves(snapshot.catalog.endpoints["vllm-primary"], served)
        answer = await caller.send(path="/v1/models", method="GET")
        assert isinstance(answer, ImmediateResponse)
        assert ("new-lora" in [card["id"] for card in json.loads(answer.body)["data"]]) is wanted


async def test_models_that_nobody_may_name_are_not_listed(snapshot: Snapshot) -> None:
    caller = Caller(replace(snapshot, only_auto_names=True, discovers_adapters=True))
    served = Served(frozenset({"new-lora"}), {"new-lora": "llama2-7b"})
    caller.balancer.view.serves(snapshot.catalog.endpoints["vllm-primary"], served)
    answer = await caller.send(path="/v1/models", method="GET")
    assert isinstance(answer, ImmediateResponse)
    assert [card["id"] for card in json.loads(answer.body)["data"]] == ["MoM"]


async def test_what_the_endpoint_answered_is_reported_and_remembered(caller: Caller) -> None:
    flow = caller.flow()
    body = chat("legal-lora")
    assert flow.on_request_headers(HttpMessage(CHAT_HEAD), end_of_stream=False) is None
    await flow.on_request(HttpMessage(CHAT_HEAD, body))
    flow.closed(503)
    (routing,) = caller.reported
    assert routing.response_status == 503
    assert routing.endpoint is not None
    assert caller.balancer.view.state(routing.endpoint, time.monotonic()).load > 5
