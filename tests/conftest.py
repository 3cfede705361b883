"""A small world that many tests share: two models, three adapters, a signal that does as told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from router.catalog import (
    Adapter,
    Catalog,
    Endpoint,
    Model,
    ModelRef,
    ReasoningFamily,
    ReasoningStyle,
)
from router.decisions import Decision, Is, Stage
from router.errors import RouterError
from router.matches import Match
from router.payload import SystemPrompt
from router.request import InferenceRequest
from router.signals import Report
from router.snapshot import Snapshot

PRIMARY = Endpoint("vllm-primary", "127.0.0.1", 8000)
SECOND = Endpoint("vllm-second", "127.0.0.1", 8001)
QWEN = ReasoningFamily("qwen3", ReasoningStyle.CHAT_TEMPLATE_KWARGS, "enable_thinking")


@dataclass
class ScriptedSignal:
    """Finds the confidences it is given, or fails as it is told."""

    confidences: dict[str, float] = field(default_factory=dict)
    failure: Exception | None = None
    kind: str = "domain"
    waits: bool = True
    threshold: float = 0.6
    seen: list[InferenceRequest] = field(default_factory=list)

    async def evaluate(self, request: InferenceRequest) -> Report:
        self.seen.append(request)
        if isinstance(self.failure, RouterError):
            return Report(self.kind, error=self.failure)
        if self.failure:
            raise self.failure
        found = self.confidences.items() if request.prompt.text else ()
        matches = tuple(Match(self.kind, n, c, c >= self.threshold) for n, c in found)
        return Report(self.kind, matches, {"labels": {"law": 0.5}, "truncated": True})


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is remembered on disk is forgotten with the tests, and nobody's own is touched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def catalog() -> Catalog:
    llama = Model(
        "llama2-7b",
        (PRIMARY,),
        (Adapter("medical-lora", "llama2-7b"), Adapter("legal-lora", "llama2-7b")),
    )
    qwen = Model("qwen3-8b", (SECOND,), (Adapter("code-lora", "qwen3-8b"),), QWEN)
    models = {model.name: model for model in (llama, qwen)}
    endpoints = {endpoint.name: endpoint for endpoint in (PRIMARY, SECOND)}
    return Catalog(models, endpoints, ModelRef("llama2-7b"))


def decision(name: str, ref: ModelRef, system_prompt: str | None = None) -> Decision:
    prompt = SystemPrompt(system_prompt) if system_prompt else None
    return Decision(name, Is("domain", name), (ref,), category=name, system_prompt=prompt)


@pytest.fixture
def decisions() -> tuple[Decision, ...]:
    return (
        decision("medical", ModelRef("llama2-7b", "medical-lora"), "You are a medical expert."),
        decision("legal", ModelRef("llama2-7b", "legal-lora", use_reasoning=True)),
        decision("technical", ModelRef("qwen3-8b", "code-lora", use_reasoning=True)),
        decision("general", ModelRef("qwen3-8b")),
    )


@pytest.fixture
def signal() -> ScriptedSignal:
    return ScriptedSignal()


@pytest.fixture
def snapshot(catalog: Catalog, decisions: tuple[Decision, ...], signal: ScriptedSignal) -> Snapshot:
    return Snapshot(
        catalog=catalog,
        signals={signal.kind: signal},
        stages=(Stage(decisions),),
        rejects_on_error=False,
        default_reasoning_effort="medium",
        max_body_bytes=4096,
        version="c0ffee",
        created=1700000000,
    )


@pytest.fixture
def rejecting(snapshot: Snapshot) -> Snapshot:
    """The same world with `on_error: reject`."""
    return replace(snapshot, rejects_on_error=True)
