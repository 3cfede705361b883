"""What Prometheus sees of routings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as replace_struct
from prometheus_client.parser import text_string_to_metric_families

from router.catalog import ModelRef
from router.decisions import All, Decision, Is, Stage
from router.errors import DeadlineExceeded, Overloaded, UnknownModel
from router.matches import Match
from router.request import Api, InferenceRequest, Prompt, Turn
from router.routing import Reason, Routing, route
from router.signals import REGISTRY, Report
from router.snapshot import Rules, Snapshot
from router.telemetry.metrics import Metrics

QUESTION = Prompt((Turn("user", "a question"),))


def asking(model: str = "MoM") -> InferenceRequest:
    return InferenceRequest(Api.CHAT_COMPLETIONS, model, QUESTION)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


async def test_a_classified_request_is_counted_under_the_names_that_dashboards_know(
    metrics: Metrics, snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    metrics.observe(await route(snapshot, asking()))
    assert value(metrics, "llm_model_requests_total", model="legal-lora") == 1
    assert value(metrics, "llm_category_classifications_count", category="legal") == 1
    assert (
        value(
            metrics,
            "llm_model_routing_modifications_total",
            source_model="MoM",
            target_model="legal-lora",
        )
        == 1
    )
    assert (
        value(
            metrics,
            "llm_routing_reason_codes_total",
            reason_code="auto_routing",
            model="legal-lora",
        )
        == 1
    )
    assert (
        value(
            metrics,
            "llm_reasoning_decisions_total",
            category="legal",
            model="legal-lora",
            enabled="true",
            effort="medium",
        )
        == 1
    )
    assert value(metrics, "llm_model_routing_latency_seconds_count") == 1
    assert value(metrics, "llm_classifier_latency_seconds_count", classifier="category") == 1
    assert value(metrics, "llm_classification_confidence_sum", category="legal") == 0.9
    assert value(metrics, "lora_router_truncated_prompts_total") == 1
    assert value(metrics, "lora_router_endpoint_selections_total", endpoint="vllm-primary") == 1


class Found:
    """A signal that finds what it is given, or fails as it is told."""

    waits = False

    def __init__(self, kind: str, *matches: Match, failure: Exception | None = None) -> None:
        self.kind = kind
        self.matches = matches
        self.failure = failure
        self.facts: dict[str, object] = {}

    async def evaluate(self, _: InferenceRequest) -> Report:
        if self.failure:
            raise self.failure
        return Report(self.kind, self.matches, self.facts)


def over(snapshot: Snapshot, *signals: Found) -> Snapshot:
    """A world that asks each of `signals` for the decision of its kind."""
    ref = snapshot.catalog.default
    decisions = [Decision(f"by {s.kind}", Is(s.kind, "x"), (ref,)) for s in signals]
    by_kind: dict[str, Any] = {signal.kind: signal for signal in signals}
    return replace(snapshot, signals=by_kind, stages=(Stage(decisions),))


@pytest.mark.parametrize(
    ("kind", "classifier"),
    [("domain", "category"), ("mcp", "category_mcp")]
    + [(kind, kind) for kind in REGISTRY if kind not in ("domain", "mcp")],
)
async def test_every_signal_that_was_asked_is_timed_under_its_own_name(
    metrics: Metrics, snapshot: Snapshot, kind: str, classifier: str
) -> None:
    other = Found("other")
    routing = await route(over(snapshot, Found(kind, Match(kind, "x")), other), asking())
    metrics.observe(routing)
    name = "llm_classifier_latency_seconds"
    assert value(metrics, f"{name}_count", classifier=classifier) == 1
    assert value(metrics, f"{name}_sum", classifier=classifier) == routing.timings[kind] > 0
    assert value(metrics, f"{name}_count", classifier="other") == 1


async def test_a_signal_that_was_not_asked_is_not_timed(
    metrics: Metrics, snapshot: Snapshot, signal: Any
) -> None:
    metrics.observe(await route(snapshot, asking("legal-lora")))
    assert "llm_classifier_latency_seconds_count{" not in metrics.render().decode()


async def test_decisions_are_counted_by_name_and_where_none_held_as_none(
    metrics: Metrics, snapshot: Snapshot, signal: Any
) -> None:
    metrics.observe(await route(snapshot, asking()))
    signal.confidences = {"legal": 0.9}
    for _ in range(2):
        metrics.observe(await route(snapshot, asking()))
    metrics.observe(await route(snapshot, asking("legal-lora")))
    assert value(metrics, "lora_router_decisions_total", decision="legal") == 2
    assert value(metrics, "lora_router_decisions_total", decision="none") == 1


async def test_signals_that_fail_are_counted_by_error(metrics: Metrics, snapshot: Snapshot) -> None:
    world = over(snapshot, Found("mcp", failure=DeadlineExceeded("late")), Found("keyword"))
    routing = await route(world, asking())
    metrics.observe(routing)
    name = "lora_router_signal_errors_total"
    assert value(metrics, name, kind="mcp", code="classifier_failed") == 1
    assert value(metrics, name, kind="keyword", code="classifier_failed") is None


async def test_routing_rules_are_counted_and_the_names_that_they_take_are_not_told(
    metrics: Metrics, snapshot: Snapshot
) -> None:
    alias = Decision("routing_rules[0]", All(()), (ModelRef("qwen3-8b", "code-lora"),))
    world = replace(snapshot, rules=Rules(Stage((alias,)), {}))
    metrics.observe(await route(world, asking("made-up-by-a-client")))
    assert value(metrics, "lora_router_routing_rules_total", rule="routing_rules[0]") == 1
    metrics.observe(
        replace_struct(
            await route(world, asking("made-up-too")),
            reason=Reason.ADAPTER_MISSING,
            ref=ModelRef("qwen3-8b"),
        )
    )
    changed = "llm_model_routing_modifications_total"
    assert value(metrics, changed, source_model="other", target_model="code-lora") == 1
    assert value(metrics, changed, source_model="other", target_model="qwen3-8b") == 1
    assert "made-up" not in metrics.render().decode()


async def test_a_request_is_from_the_cache_where_all_that_was_read_for_it_is(
    metrics: Metrics, snapshot: Snapshot
) -> None:
    first, second, third = Found("domain"), Found("description"), Found("keyword")
    second.facts = {"cached": True, "truncated": True}
    world = over(snapshot, first, second, third)
    for cached in (False, True):
        first.facts = {"cached": cached, "truncated": True}
        metrics.observe(await route(world, asking()))
    assert value(metrics, "llm_cache_hits_total") == 1
    assert value(metrics, "lora_router_truncated_prompts_total") == 2


async def test_a_model_named_by_the_client_is_no_modification(
    metrics: Metrics, snapshot: Snapshot
) -> None:
    metrics.observe(await route(snapshot, asking("code-lora")))
    assert "llm_model_routing_modifications_total{" not in metrics.render().decode()


async def test_a_fallback_is_counted_with_the_failure_that_caused_it(
    metrics: Metrics, snapshot: Snapshot, signal: Any
) -> None:
    signal.failure = Overloaded("full")
    metrics.observe(await route(snapshot, asking()))
    name = "llm_request_errors_total"
    assert value(metrics, name, model="llama2-7b", reason="classifier_overloaded") == 1


def test_names_that_clients_make_up_never_become_labels(metrics: Metrics) -> None:
    error = UnknownModel("the model `made-up` does not exist")
    metrics.observe(
        Routing(
            reason=Reason.CLIENT_ERROR,
            config_version="v",
            requested_model="made-up",
            error=error,
        )
    )
    assert value(metrics, "llm_request_errors_total", model="none", reason="model_not_found") == 1
    assert "made-up" not in metrics.render().decode()


def test_the_page_is_valid_exposition_text(metrics: Metrics) -> None:
    families = {family.name for family in text_string_to_metric_families(metrics.render().decode())}
    assert {"llm_model_requests", "llm_model_routing_latency_seconds"} <= families
