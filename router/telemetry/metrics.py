"""Prometheus metrics, under the names that users of semantic routers have on their dashboards.

Label values are bounded: model, adapter, category and endpoint names come from the configuration,
never from a client.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from router.encoder.facts import BatchFacts
from router.routing import Reason, Routing
from router.signals import Report

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
_CONFIDENCE = tuple(step / 20 for step in range(1, 21))
_FAILURES = frozenset(
    {
        Reason.CLIENT_ERROR,
        Reason.OVERLOADED,
        Reason.INTERNAL_ERROR,
        Reason.CLASSIFIER_UNAVAILABLE,
    }
)
_NO_MODEL = "none"


class Metrics:
    """The counters and histograms of one process (or, with several workers, of all of them)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._define_counters()
        self._define_histograms()
        self.config_info = Gauge(
            "lora_router_config_info",
            "Processes that serve this version of the configuration.",
            ["version"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def _define_counters(self) -> None:
        counter = self._counter
        self.requests = counter("llm_model_requests", "Requests by serving model.", "model")
        self.errors = counter(
            "llm_request_errors", "Requests that failed or fell back.", "model", "reason"
        )
        self.reasons = counter(
            "llm_routing_reason_codes", "Routing decisions by reason.", "reason_code", "model"
        )
        self.modifications = counter(
            "llm_model_routing_modifications",
            "Requests whose model name was changed.",
            "source_model",
            "target_model",
        )
        self.reasoning = counter(
            "llm_reasoning_decisions",
            "Reasoning switched on or off.",
            "category",
            "model",
            "enabled",
            "effort",
        )
        # Known under this very name, without the _total that a counter would get.
        self.categories = self._gauge(
            "llm_category_classifications_count", "Requests classified, by category.", "category"
        )
        self.endpoints = counter(
            "lora_router_endpoint_selections", "Requests sent, by endpoint.", "endpoint"
        )
        self.cache_hits = counter("llm_cache_hits", "Classifications answered from the cache.")
        self.truncations = counter(
            "lora_router_truncated_prompts", "Prompts of which only head and tail were classified."
        )

    def _define_histograms(self) -> None:
        histogram = self._histogram
        self.latency = histogram(
            "llm_model_routing_latency_seconds", "Time spent in the router.", _SECONDS
        )
        self.classifier = histogram(
            "llm_classifier_latency_seconds", "Time spent in signals.", _SECONDS, "classifier"
        )
        self.queue_time = histogram(
            "lora_router_encoder_queue_seconds", "Time that texts waited for the model.", _SECONDS
        )
        self.run_time = histogram(
            "lora_router_encoder_run_seconds", "Time of one forward pass.", _SECONDS
        )
        self.batch_size = histogram(
            "lora_router_encoder_batch_size", "Texts in one forward pass.", _BATCH_SIZES
        )
        self.confidence = histogram(
            "llm_classification_confidence", "Confidence of the verdict.", _CONFIDENCE, "category"
        )

    def observe(self, routing: Routing) -> None:
        """Count one request."""
        model = routing.model or _NO_MODEL
        self.reasons.labels(routing.reason.value, model).inc()
        self.latency.observe(routing.timings.get("total", 0.0))
        if routing.ref:
            self._observe_choice(routing, model)
        if routing.error and routing.reason in _FAILURES:
            self.errors.labels(model, routing.error.code).inc()
        if routing.verdict:
            self._observe_classification(routing)

    def _observe_choice(self, routing: Routing, model: str) -> None:
        self.requests.labels(model).inc()
        if routing.endpoint:
            self.endpoints.labels(routing.endpoint.name).inc()
        if routing.requested_model != model:
            self.modifications.labels(routing.requested_model, model).inc()
        if routing.reasoning is not None:
            enabled = str(routing.reasoning).lower()
            effort = (routing.reasoning_effort or "") if routing.reasoning else ""
            self.reasoning.labels(routing.category or "", model, enabled, effort).inc()

    def _observe_classification(self, routing: Routing) -> None:
        category = routing.category or _NO_MODEL
        self.categories.labels(category).inc()
        self.confidence.labels(category).observe(routing.confidence)
        self.classifier.labels("category").observe(routing.timings.get("signals", 0.0))
        for report in routing.reports:
            self._observe_report(report)

    def _observe_report(self, report: Report) -> None:
        facts: Mapping[str, object] = report.facts
        if facts.get("cached"):
            self.cache_hits.inc()
        if facts.get("truncated"):
            self.truncations.inc()

    def observe_batch(self, facts: BatchFacts) -> None:
        """Count one forward pass."""
        self.batch_size.observe(facts.size)
        self.run_time.observe(facts.run_seconds)
        for seconds in facts.queue_seconds:
            self.queue_time.observe(seconds)

    def render(self) -> bytes:
        """The text exposition format; over all workers where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)
        return generate_latest(everybody)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry, multiprocess_mode="sum")

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)
