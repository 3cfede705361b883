"""The account of one prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.errors import Overloaded
from router.explain import explain, render
from router.snapshot import Snapshot


async def test_the_account_holds_what_the_contract_names(snapshot: Snapshot, signal: Any) -> None:
    signal.confidences = {"legal": 0.9, "medical": 0.05}
    account = await explain(snapshot, "my landlord keeps the deposit")
    assert account["category"] == account["decision"] == "legal"
    assert account["model"] == account["adapter"] == "legal-lora"
    assert (account["endpoint"], account["reason"]) == ("vllm-primary", "auto_routing")
    (domain,) = account["signals"]
    assert domain["matches"] == [
        {"name": "legal", "confidence": 0.9, "holds": True},
        {"name": "medical", "confidence": 0.05, "holds": False},
    ]
    assert {"name": "legal", "holds": True, "confidence": 0.9} in account["decisions"]
    json.dumps(account)


async def test_a_failed_signal_is_told_with_its_error(snapshot: Snapshot, signal: Any) -> None:
    signal.failure = Overloaded("the queue is full")
    account = await explain(snapshot, "anything")
    assert account["signals"][0]["error"] == account["error"] == "the queue is full"
    assert account["decisions"][0]["holds"] is None


async def test_the_text_form_shows_the_choice_and_every_score(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"legal": 0.9, "medical": 0.05}
    text = "\n".join(render(await explain(snapshot, "my landlord")))
    assert "model       legal-lora" in text
    assert "legal                    0.9000  matched" in text
    assert "medical                  0.0500  below threshold" in text
    assert "labels: law 0.500" in text


@pytest.mark.parametrize("model", ["code-lora", "qwen3-8b"])
async def test_a_named_model_is_explained_too(snapshot: Snapshot, model: str) -> None:
    account = await explain(snapshot, "anything", model=model)
    assert (account["model"], account["reason"]) == (model, "model_specified")
    assert account["signals"] == []
