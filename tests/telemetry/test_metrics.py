"""What Prometheus sees of routings."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.errors import Overloaded, UnknownModel
from router.request import Api, InferenceRequest, Prompt, Turn
from router.routing import Reason, Routing, route
from router.snapshot import Snapshot
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
