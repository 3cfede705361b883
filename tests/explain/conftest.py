"""A world with something of everything that an account tells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from router.catalog import ModelRef, SelectionPolicy, Strategy
from router.decisions import All, Decision, Is, Not, Stage
from router.matches import Match
from router.mutation import HeaderChanges
from router.payload import SystemPrompt, SystemPromptMode
from router.request import Api, InferenceRequest, Prompt, Turn
from router.signals import Report
from router.snapshot import Rules, Snapshot
from tests.conftest import PRIMARY, ScriptedSignal

SECRET = "a header's value that nobody is to see"
LEGAL = ModelRef("llama2-7b", "legal-lora", use_reasoning=True, score=0.9, weight=3.0)
CODE = ModelRef("qwen3-8b", "code-lora", score=0.4)


def asking(
    text: str = "a question", model: str = "MoM", api: Api = Api.CHAT_COMPLETIONS, **more: object
) -> InferenceRequest:
    prompt = Prompt((Turn("user", text),), **more)  # type: ignore[arg-type]
    return InferenceRequest(api, model, prompt, path=api.value)


@dataclass
class Words:
    """A keyword signal that finds what it is given."""

    found: tuple[Match, ...] = ()
    kind: str = "keyword"
    waits: bool = False
    facts: dict[str, object] = field(default_factory=dict)

    async def evaluate(self, request: InferenceRequest) -> Report:
        return Report(self.kind, self.found, self.facts)


@pytest.fixture
def words() -> Words:
    return Words()


def keyword(name: str, *, holds: bool = True) -> Match:
    detail = {"operator": "OR", "keywords": [{"keyword": name, "start": 3, "end": 9}]}
    return Match("keyword", name, float(holds), holds, detail)


@pytest.fixture
def rich(snapshot: Snapshot, signal: ScriptedSignal, words: Words) -> Snapshot:
    """Decisions over two signals, then categories by domain; a routing rule for all requests."""
    urgent = Decision(
        "urgent-legal",
        All((Is("keyword", "contract"), Not(Is("domain", "health")))),
        (LEGAL, CODE),
        priority=100,
        system_prompt=SystemPrompt("You are a lawyer.", SystemPromptMode.INSERT),
        selection=SelectionPolicy(Strategy.WEIGHTED),
        headers=HeaderChanges((("x-team", SECRET),), ("x-debug",)),
    )
    law = Decision("law", Is("domain", "legal"), (LEGAL,))
    by_domain = snapshot.stages[0]
    return replace(
        snapshot,
        signals={"keyword": words, "domain": signal},
        stages=(Stage((law, urgent)), by_domain),
        rules=Rules(Stage((Decision("routing_rules[0]", All(()), endpoint=PRIMARY),)), {}),
    )
