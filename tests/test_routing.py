"""Where requests go, and what the record says of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from router.catalog import Catalog, ModelRef
from router.errors import DeadlineExceeded, Overloaded, UnknownModel
from router.request import Api, InferenceRequest, Prompt, Turn
from router.routing import Reason, route
from router.snapshot import Snapshot


def asking(model: str = "MoM", text: str = "a question") -> InferenceRequest:
    return InferenceRequest(Api.CHAT_COMPLETIONS, model, Prompt((Turn("user", text),)))


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
    bare = replace(snapshot, signals=() if signals is not None else snapshot.signals, decisions=())
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
