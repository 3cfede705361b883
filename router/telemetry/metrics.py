"""Prometheus metrics, under the names that users of semantic routers have on their dashboards.

Label values are bounded: the names of models, adapters, categories, decisions, rules and endpoints
come from the configuration, never from a client.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

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
        Reason.ADAPTER_MISSING,
    }
)
_NONE = "none"
_OTHER = "other"
# What dashboards know these kinds of signal as; the others go by their own names.
_CLASSIFIERS = {"domain": "category", "mcp": "category_mcp"}


class Metrics:
    """The counters and histograms of one process (or, with several workers, of all of them)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._define_counters()
        self._define_histograms()
        self._version = ""
        self.config_good = Gauge(
            "lora_router_config_last_reload_successful",
            "Whether the configuration file as it is now is what is served.",
            registry=self.registry,
            multiprocess_mode="livemin",
        )
        self.config_good.set(1)
        self.config_info = Gauge(
            "lora_router_config_info",
            "Processes that serve this version of the configuration.",
            ["version"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )

    def _define_counters(self) -> None:
        counter = self._counter
        self.reloads = counter(
            "lora_router_config_reloads", "Reloads of the configuration, by outcome.", "outcome"
        )
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
        self.decisions = counter(
            "lora_router_decisions", "Requests classified, by decision.", "decision"
        )
        self.rules = counter(
            "lora_router_routing_rules", "Requests that a routing rule matched, by rule.", "rule"
        )
        self.signal_errors = counter(
            "lora_router_signal_errors", "Signals that failed, by error.", "kind", "code"
        )
        self.cache_hits = counter("llm_cache_hits", "Requests classified from what is remembered.")
        self.truncations = counter(
            "lora_router_truncated_prompts", "Prompts of which only head and tail were classified."
        )

    def _define_histograms(self) -> None:
        histogram = self._histogram
        self.latency = histogram(
            "llm_model_routing_latency_seconds", "Time spent in the router.", _SECONDS
        )
        self.classifier = histogram(
            "llm_classifier_latency_seconds", "Time spent in a signal.", _SECONDS, "classifier"
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

    def serving(self, version: str) -> None:
        """The process serves this version of the configuration, and no other."""
        if self._version not in ("", version):
            # Series shared with other processes cannot be taken back.
            if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
                self.config_info.labels(self._version).set(0)
            else:
                self.config_info.remove(self._version)
        self.config_info.labels(version).set(1)
        self._version = version

    def reloaded(self, status: str) -> None:
        """Count one reload."""
        self.reloads.labels(status).inc()
        self.config_good.set(int(status != "failed"))

    def observe(self, routing: Routing) -> None:
        """Count one request."""
        model = routing.model or _NONE
        self.reasons.labels(routing.reason.value, model).inc()
        self.latency.observe(routing.timings.get("total", 0.0))
        if routing.rule:
            self.rules.labels(routing.rule.name).inc()
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
            # A rule takes whatever name its pattern allows; all others are known ones.
            by_rule = routing.rule is not None and routing.rule.refs
            source = _OTHER if by_rule else routing.requested_model
            self.modifications.labels(source, model).inc()
        if routing.reasoning is not None:
            enabled = str(routing.reasoning).lower()
            effort = (routing.reasoning_effort or "") if routing.reasoning else ""
            self.reasoning.labels(routing.category or "", model, enabled, effort).inc()

    def _observe_classification(self, routing: Routing) -> None:
        category = routing.category or _NONE
        self.categories.labels(category).inc()
        self.confidence.labels(category).observe(routing.confidence)
        self.decisions.labels(routing.decision or _NONE).inc()
        for report in routing.reports:
            self._observe_report(report, routing.timings.get(report.kind, 0.0))
        if any(report.facts.get("truncated") for report in routing.reports):
            self.truncations.inc()
        # Signals may share a model: only the first of a prompt's readings tells whether it was new.
        cached = [r.facts["cached"] for r in routing.reports if "cached" in r.facts]
        if cached and all(cached):
            self.cache_hits.inc()

    def _observe_report(self, report: Report, seconds: float) -> None:
        kind = report.kind
        self.classifier.labels(_CLASSIFIERS.get(kind, kind)).observe(seconds)
        if report.error:
            self.signal_errors.labels(kind, report.error.code).inc()

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
