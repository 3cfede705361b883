"""Headers that a configuration reads and changes, and what else requests say, on real Envoy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from router.config import Config
from router.config.decisions import DecisionSettings
from router.config.signals import Signals
from router.testing import FakeBackend
from tests.e2e.conftest import BODY_MODES, CHAT, NewStack, Stack, in_mode, question, read_config

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SIGNALS = {
    "requests": [
        {"name": "gold", "headers": {"x-plan": "gold*"}, "stream": False},
        {"name": "ours", "metadata": {"tenant": "acme"}, "user": ["ann", "bob"]},
    ],
    "context": [{"name": "long", "min_tokens": 1000}],
}
DECISIONS = [
    {
        "name": "premium",
        "priority": 9,
        "rules": {"type": "request", "name": "gold"},
        "modelRefs": [{"model": "llama2-7b", "lora_name": "legal-lora"}],
        "plugins": [
            {
                "type": "header_mutation",
                "configuration": {
                    "add": [{"name": "X-Team.1", "value": "premium"}],
                    "update": [{"name": "authorization", "value": "Bearer backend"}],
                    "delete": ["x-internal"],
                },
            }
        ],
    },
    {
        "name": "tenant",
        "priority": 8,
        "rules": {"type": "request", "name": "ours"},
        "modelRefs": [{"model": "llama2-7b", "lora_name": "medical-lora"}],
    },
    {
        "name": "novel",
        "priority": 7,
        "rules": {"type": "context", "name": "long"},
        "modelRefs": [{"model": "llama2-7b", "lora_name": "technical-lora"}],
    },
    {
        "name": "spanish",
        "priority": 6,
        "rules": {"type": "language", "name": "es"},
        "modelRefs": [{"model": "llama2-7b", "lora_name": "legal-lora"}],
    },
]
CLIENTS = {"authorization": "Bearer client", "x-internal": "1", "x-team.1": "mine"}


def reading_headers() -> Config:
    decisions = tuple(DecisionSettings.model_validate(decision) for decision in DECISIONS)
    signals = Signals.model_validate(SIGNALS)
    return read_config(signals=signals, decisions=decisions)


@pytest_asyncio.fixture(loop_scope="session", params=BODY_MODES)
async def deciding(request: pytest.FixtureRequest, new_stack: NewStack) -> AsyncIterator[Stack]:
    async with new_stack(in_mode(reading_headers(), request.param)) as stack:
        await stack.until_routed("What shall we cook tonight?")
        stack.backend.forget()
        yield stack


async def asked(stack: Stack, headers: dict[str, str], **body: Any) -> tuple[str, FakeBackend]:
    """The decision on one request, and the backend that received nothing else."""
    stack.backend.forget()
    asking = {**question("What shall we cook tonight?"), **body}
    reply = await stack.send("POST", CHAT, json=asking, headers=headers)
    assert reply.status == 200, reply.body
    return reply.chosen.get("selected-decision", ""), stack.backend


async def test_a_decision_reads_and_changes_headers(deciding: Stack) -> None:
    decision, backend = await asked(deciding, {"x-plan": "gold-2", **CLIENTS})
    (received,) = backend.received
    assert (decision, received.json["model"]) == ("premium", "legal-lora")
    assert received.header("x-team.1") == "premium"
    assert received.header("authorization") == "Bearer backend"
    assert received.header("x-internal") is None
    assert received.header("x-plan") == "gold-2"


@pytest.mark.parametrize("plan", [{}, {"x-plan": "free"}, {"x-plan": "Gold"}])
async def test_other_requests_keep_their_headers(deciding: Stack, plan: dict[str, str]) -> None:
    decision, backend = await asked(deciding, {**plan, **CLIENTS})
    (received,) = backend.received
    assert decision != "premium"
    assert {name: received.header(name) for name in CLIENTS} == CLIENTS


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"user": "ann", "metadata": {"tenant": "acme"}}, "tenant"),
        ({"messages": [{"role": "user", "content": "word " * 1000}]}, "novel"),
        ({"messages": [{"role": "user", "content": "¿Qué cocinamos esta noche?"}]}, "spanish"),
    ],
)
async def test_what_the_body_says_decides(
    deciding: Stack, body: dict[str, Any], expected: str
) -> None:
    decision, _ = await asked(deciding, {}, **body)
    assert decision == expected
