"""The one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from router.catalog import Limits, ModelRef
from router.decisions import All, Decision, Is, Stage
from router.errors import DeadlineExceeded, ModelUnavailable
from router.explain.why import stage_name, why
from router.matches import PROPOSAL, Match
from router.routing import Reason, route
from router.snapshot import Rules, Snapshot
from tests.conftest import PRIMARY
from tests.explain.conftest import Words, asking, keyword

REF = ModelRef("llama2-7b")
ALIKE = "alike in priority and confidence"


def on(name: str, priority: int = 0) -> Decision:
    return Decision(name, Is("domain", name), (REF,), priority=priority)


async def said(snapshot: Snapshot, **more: Any) -> str:
    return why(await route(snapshot, asking(**more)))


@pytest.mark.parametrize(
    ("decisions", "by_confidence", "sentence"),
    [
        ([on("law")], False, "law holds, and there is no other"),
        ([on("law"), on("art")], False, "law is the only one of 2 that holds"),
        (
            [on("law", 5), on("health", 9)],
            False,
            "health has the highest priority, 9, of 2 that hold",
        ),
        ([on("law"), on("health")], False, "law is the surest, 0.9123, of 2 that hold"),
        (
            [on("law", 7), on("health", 7), on("arts", 1)],
            False,
            "law is the surest, 0.9123, of 2 that hold with priority 7",
        ),
        (
            [on("health"), on("arts"), on("law", -1)],
            False,
            f"health comes first in the file of 2 that hold with priority 0, {ALIKE}",
        ),
        ([on("law"), on("health", 9)], True, "law is the surest, 0.9123, of 2 that hold"),
        (
            [on("health"), on("arts", 2)],
            True,
            "arts has the highest priority, 2, of 2 that hold",
        ),
    ],
)
async def test_the_winner_is_told_by_what_it_has_before_the_others(
    snapshot: Snapshot, signal: Any, decisions: list[Decision], by_confidence: bool, sentence: str
) -> None:
    signal.confidences = {"law": 0.91234, "health": 0.7, "arts": 0.7, "art": 0.1}
    world = replace(snapshot, stages=(Stage(decisions, by_confidence=by_confidence),))
    assert await said(world) == sentence


async def test_the_stages_that_found_nothing_are_told_before(rich: Snapshot, signal: Any) -> None:
    signal.confidences = {"medical": 0.9}
    assert (
        await said(rich)
        == "nothing held in decisions; in domain, medical is the only one of 4 that holds"
    )


async def test_a_stage_whose_signal_failed_is_told_so(rich: Snapshot, signal: Any) -> None:
    class Down(Words):
        async def evaluate(self, request: Any) -> Any:
            raise ValueError

    signal.confidences = {"medical": 0.9}
    world = replace(rich, signals={**rich.signals, "keyword": Down()})
    assert (await said(world)).startswith("nothing held in decisions (keyword failed); in domain")


@pytest.mark.parametrize("told", ["match", "report"])
async def test_where_nothing_held_the_best_candidate_is_told_with_its_threshold(
    rich: Snapshot, signal: Any, words: Words, told: str
) -> None:
    threshold = {"threshold": 0.6}
    detail = threshold if told == "match" else {}
    words.facts = dict(threshold) if told == "report" else {}
    words.found = (Match("keyword", "near", 0.41, False, detail),)
    signal.confidences = {"medical": 0.2}
    sentence = "nothing held; the best candidate near reached 0.41 of 0.6"
    assert await said(rich) == f"{sentence}: the default model answers"


async def test_where_nothing_was_found_there_is_no_candidate(snapshot: Snapshot) -> None:
    assert await said(snapshot) == "nothing held: the default model answers"


async def test_signals_that_matched_in_vain_are_told(
    rich: Snapshot, signal: Any, words: Words
) -> None:
    words.found = tuple(keyword(name) for name in ("a", "b", "c", "d", "e"))
    assert (
        await said(rich) == "no decision holds, though keyword a, keyword b, keyword c and 2 more "
        "matched: the default model answers"
    )


async def test_a_failure_is_told_by_its_code(snapshot: Snapshot, signal: Any) -> None:
    signal.failure = DeadlineExceeded("late")
    begins = "nothing held, and what needs a signal that failed is unknown: domain failed "
    assert await said(snapshot) == begins + "(classifier_timeout); the default model answers"
    rejecting = replace(snapshot, rejects_on_error=True)
    assert await said(rejecting) == begins + "(classifier_timeout); the request is refused"


@pytest.mark.parametrize(
    ("model", "ref", "sentence"),
    [
        ("MoM", REF, "legal is the only one of 4 that holds; gone: its base model answers"),
        ("legal-lora", REF, "gone: its base model answers"),
        ("legal-lora", None, "gone: the request is refused"),
    ],
)
async def test_an_adapter_that_is_nowhere_is_told_after_what_chose_it(
    snapshot: Snapshot, signal: Any, model: str, ref: ModelRef | None, sentence: str
) -> None:
    signal.confidences = {"legal": 0.9}
    routing = await route(snapshot, asking(model=model))
    error = ModelUnavailable("gone")
    missing = structs.replace(routing, reason=Reason.ADAPTER_MISSING, ref=ref, error=error)
    assert why(missing) == sentence


async def test_a_prompt_without_text_is_told_so(snapshot: Snapshot) -> None:
    assert (
        await said(snapshot, text=" ")
        == "the prompt has no text to go by: the default model answers"
    )


async def test_a_configuration_without_decisions_is_told_so(snapshot: Snapshot) -> None:
    assert (
        await said(replace(snapshot, stages=()))
        == "there are neither decisions nor categories: the default model answers"
    )


async def test_a_request_that_no_model_can_take_is_told_so(snapshot: Snapshot, signal: Any) -> None:
    signal.confidences = {"technical": 0.9}
    models = dict(snapshot.catalog.models)
    models["qwen3-8b"] = replace(models["qwen3-8b"], limits=Limits(vision=False))
    world = replace(snapshot, catalog=replace(snapshot.catalog, models=models))
    assert (await said(world, has_images=True)).endswith(
        "but none of its models can take the request: the default model does"
    )


async def test_a_model_by_name_needs_no_more_words(snapshot: Snapshot) -> None:
    assert await said(snapshot, model="legal-lora") == "the client named the model itself"
    assert await said(snapshot, model="gpt-9") == "the model `gpt-9` does not exist"


async def test_a_routing_rule_that_names_the_model_is_named(snapshot: Snapshot) -> None:
    rule = Decision("routing_rules[3]", All(()), (REF,), endpoint=PRIMARY)
    world = replace(snapshot, rules=Rules(Stage((rule,)), {}))
    assert await said(world) == "routing_rules[3] names the model"


def test_a_stage_has_the_name_of_its_method() -> None:
    category = Decision("law", Is("mcp", "law"), category="law", proposer="mcp")
    proposal = Decision("mcp", Is("mcp", PROPOSAL), proposer="mcp")
    assert stage_name(Stage((category, proposal))) == "mcp"
    assert stage_name(Stage((on("law"),))) == "decisions"
    assert stage_name(Stage((category, on("law")))) == "decisions"
