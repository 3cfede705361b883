"""The account of one request, and its description in docs/explain.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.balancing import Balancer, Placement
from router.catalog import Limits, SelectionPolicy, Strategy
from router.config.signals import RequestMatch
from router.decisions import Decision, Is, Stage
from router.errors import Overloaded
from router.explain.account import explain
from router.matches import Match
from router.payload import parse
from router.request import Api, Headers, InferenceRequest, Prompt
from router.signals.request import RequestMatcher
from router.snapshot import Rules, Snapshot
from tests.conftest import SECOND
from tests.explain.conftest import CODE, LEGAL, SECRET, Words, asking, keyword

DOCUMENT = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()
# Whose keys are names of things, and trees.
FREE = {"milliseconds", "choice.excluded", "decisions[].rule"}
WHOLES = {"choice", "rule"}  # which may be null
FREE |= {f"signals[].{key}" for key in ("facts", "matches[].detail")}


def paths(value: Any, at: str = "") -> Iterator[str]:
    """`a.b[].c` for every key, but for those whose names nobody can know."""
    if isinstance(value, Mapping) and at not in FREE:
        yield from (at,) if at in WHOLES else ()
        for key, inner in value.items():
            yield from paths(inner, f"{at}.{key}" if at else key)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        for inner in value:
            yield from paths(inner, f"{at}[]")
    else:
        yield at


async def test_the_account_says_where_the_request_goes_and_why(
    snapshot: Snapshot, signal: Any
) -> None:
    signal.confidences = {"legal": 0.91234, "medical": 0.05}
    account = await explain(snapshot, asking("my landlord keeps the deposit"))
    wanted = {
        "category": "legal",
        "decision": "legal",
        "stage": "domain",
        "confidence": 0.9123,
        "model": "legal-lora",
        "base_model": "llama2-7b",
        "adapter": "legal-lora",
        "endpoint": "vllm-primary",
        "placement": "the only one",
        "reason": "auto_routing",
        "why": "legal is the only one of 4 that holds",
        "error": None,
        "status": None,
        "api": "/v1/chat/completions",
        "requested_model": "MoM",
        "reasoning": True,
        "reasoning_effort": "medium",
        "config_version": "c0ffee",
    }
    assert wanted.items() <= account.items()


async def test_signals_are_told_with_matches_facts_and_time(
    rich: Snapshot, signal: Any, words: Words
) -> None:
    words.found = (keyword("contract"),)
    words.facts = {"rules": 1}
    signal.confidences = {"health": 0.1}
    account = await explain(rich, asking())
    first, second = account["signals"]
    assert first.pop("milliseconds") == account["milliseconds"]["keyword"]
    assert first == {
        "kind": "keyword",
        "error": None,
        "matches": [
            {
                "name": "contract",
                "confidence": 1.0,
                "holds": True,
                "detail": {
                    "operator": "OR",
                    "keywords": [{"keyword": "contract", "start": 3, "end": 9}],
                },
                "model": None,
            }
        ],
        "facts": {"rules": 1},
    }
    assert [(m["name"], m["holds"]) for m in second["matches"]] == [("health", False)]
    assert set(account["milliseconds"]) == {"keyword", "domain", "total"}


async def test_a_failed_signal_is_told_with_its_error(snapshot: Snapshot, signal: Any) -> None:
    signal.failure = Overloaded("the queue is full")
    account = await explain(snapshot, asking())
    assert account["signals"][0]["error"] == account["error"] == "the queue is full"
    assert account["decisions"][0]["holds"] is None
    assert (account["model"], account["status"]) == ("llama2-7b", None)


async def test_decisions_are_told_with_the_truth_of_their_rules(
    rich: Snapshot, signal: Any, words: Words
) -> None:
    words.found = (keyword("contract"),)
    account = await explain(rich, asking())
    law, urgent = account["decisions"]
    assert (urgent["name"], urgent["stage"], urgent["priority"]) == (
        "urgent-legal",
        "decisions",
        100,
    )
    assert urgent["rule"]["all"][1]["not"]["is"] == "domain health"
    assert (urgent["holds"], urgent["confidence"]) == (True, 1.0)
    assert (law["holds"], law["confidence"], law["rule"]["is"]) == (False, None, "domain legal")


async def test_stages_are_told_and_which_of_them_were_needed(
    rich: Snapshot, signal: Any, words: Words
) -> None:
    words.found = (keyword("contract"),)
    assert (await explain(rich, asking()))["stages"] == [
        {"name": "decisions", "strategy": "priority", "decisions": 2, "reached": True},
        {"name": "domain", "strategy": "priority", "decisions": 4, "reached": False},
    ]
    words.found = ()
    account = await explain(rich, asking())
    assert [stage["reached"] for stage in account["stages"]] == [True, True]
    assert len(account["decisions"]) == 6


@pytest.mark.parametrize(
    ("by_confidence", "order"), [(False, ["c", "b", "d"]), (True, ["b", "c", "d"])]
)
async def test_runners_up_come_in_the_order_in_which_they_would_win(
    snapshot: Snapshot, signal: Any, by_confidence: bool, order: list[str]
) -> None:
    signal.confidences = {"a": 0.99, "b": 0.9, "c": 0.8, "d": 0.7}
    ref = snapshot.catalog.default
    priorities = {"d": 0, "b": 1, "c": 5, "a": 9}
    decisions = [Decision(n, Is("domain", n), (ref,), priority=p) for n, p in priorities.items()]
    world = replace(snapshot, stages=(Stage(decisions, by_confidence=by_confidence),))
    account = await explain(world, asking())
    assert [one["name"] for one in account["runners_up"]] == order
    assert account["runners_up"][-1] == {"name": "d", "priority": 0, "confidence": 0.7}


async def test_the_choice_of_the_model_is_told_with_all_candidates(
    rich: Snapshot, words: Words
) -> None:
    words.found = (keyword("contract"),)
    models = dict(rich.catalog.models)
    models["qwen3-8b"] = replace(models["qwen3-8b"], limits=Limits(tools=False), price=0.8)
    world = replace(rich, catalog=replace(rich.catalog, models=models))
    account = await explain(world, asking(has_tools=True))
    assert account["choice"] == {
        "strategy": "weighted",
        "why": "the only model that can take the request",
        "excluded": {"code-lora": "the request has tools"},
        "candidates": [
            {
                "model": "legal-lora",
                "base_model": "llama2-7b",
                "score": 0.9,
                "weight": 3.0,
                "price": None,
            },
            {
                "model": "code-lora",
                "base_model": "qwen3-8b",
                "score": 0.4,
                "weight": None,
                "price": 0.8,
            },
        ],
        "sticky_key": "user",
        "quality_floor": None,
    }


@pytest.mark.parametrize(
    ("strategy", "sticky_key", "quality_floor"),
    [
        (Strategy.BEST, None, None),
        (Strategy.WEIGHTED, "header:x-user", None),
        (Strategy.CHEAPEST, None, 0.5),
    ],
)
async def test_of_the_settings_those_of_the_strategy_are_told(
    snapshot: Snapshot,
    signal: Any,
    strategy: Strategy,
    sticky_key: str | None,
    quality_floor: float | None,
) -> None:
    policy = SelectionPolicy(strategy, "header:x-user", 0.5)
    law = Decision("law", Is("domain", "law"), (LEGAL, CODE), selection=policy)
    signal.confidences = {"law": 0.9}
    choice = (await explain(replace(snapshot, stages=(Stage((law,)),)), asking()))["choice"]
    assert (choice["sticky_key"], choice["quality_floor"]) == (sticky_key, quality_floor)


async def test_what_plugins_do_is_told_without_values(rich: Snapshot, words: Words) -> None:
    words.found = (keyword("contract"),)
    account = await explain(rich, asking())
    assert account["headers"] == {"set": ["x-team"], "remove": ["x-debug"]}
    assert account["system_prompt"] == "insert"
    assert SECRET not in json.dumps(account)


async def test_a_model_that_stands_in_is_given_nothing_of_the_decisions(
    rich: Snapshot, words: Words
) -> None:
    words.found = (keyword("contract"),)
    models = {n: replace(m, limits=Limits(vision=False)) for n, m in rich.catalog.models.items()}
    world = replace(rich, catalog=replace(rich.catalog, models=models))
    account = await explain(world, asking(has_images=True))
    assert (account["reason"], account["decision"]) == ("no_capable_model", "urgent-legal")
    assert account["headers"] == {"set": [], "remove": []}
    assert account["system_prompt"] is None


@pytest.mark.parametrize("api", Api)
async def test_a_system_prompt_goes_wherever_the_api_has_a_place_for_it(
    snapshot: Snapshot, signal: Any, api: Api
) -> None:
    signal.confidences = {"medical": 0.9}
    turns = b'[{"role": "user", "content": "a"}]'
    body = b'{"model": "MoM", "messages": %b, "prompt": "a", "input": "a"}' % turns
    account = await explain(snapshot, asking(api=api))
    assert (account["system_prompt"] == "replace") is parse(api, body).takes_system_prompt


async def test_a_routing_rule_is_told_beside_the_endpoint_that_serves(
    rich: Snapshot, words: Words
) -> None:
    account = await explain(rich, asking(model="code-lora"))
    assert account["rule"] == {
        "name": "routing_rules[0]",
        "endpoint": "vllm-primary",
        "model": None,
    }
    assert account["endpoint"] == SECOND.name  # for the rule's does not serve the model


async def test_the_balancer_that_is_given_places_the_request(snapshot: Snapshot) -> None:
    class Elsewhere(Balancer):
        def place(self, *_: Any) -> Placement:
            return Placement(SECOND, "it said so")

    balancer = Elsewhere(rehearsing=True)
    account = await explain(snapshot, asking(model="legal-lora"), balancer)
    assert (account["endpoint"], account["placement"]) == ("vllm-second", "it said so")
    request = InferenceRequest(None, "", Prompt(), path="/v1/embeddings")
    assert (await explain(snapshot, request, balancer))["endpoint"] == "vllm-second"


async def test_an_unknown_model_is_an_account_with_the_clients_status(snapshot: Snapshot) -> None:
    account = await explain(snapshot, asking(model="gpt-9"))
    assert (account["model"], account["endpoint"], account["status"]) == (None, None, 404)
    assert account["error"] == "the model `gpt-9` does not exist"
    assert (account["reason"], account["signals"]) == ("client_error", [])


async def test_a_failure_that_is_rejected_is_an_account_of_what_failed(
    rejecting: Snapshot, signal: Any
) -> None:
    signal.failure = Overloaded("the queue is full")
    account = await explain(rejecting, asking())
    assert (account["model"], account["status"]) == (None, 503)
    assert account["signals"][0]["error"] == "the queue is full"


@pytest.mark.parametrize(
    ("path", "reason", "status"),
    [
        ("/v1/embeddings", "pass_through", None),
        ("/v1/load_lora_adapter", "client_error", 403),
        ("/v1/%0achat", "client_error", 400),
    ],
)
async def test_other_paths_fare_as_they_do_in_the_router(
    rich: Snapshot, path: str, reason: str, status: int | None
) -> None:
    request = InferenceRequest(None, "", Prompt(), headers=Headers(), path=path)
    account = await explain(rich, request)
    assert (account["reason"], account["status"]) == (reason, status)
    assert (account["endpoint"] is None) is (status is not None)


async def test_rules_about_headers_hold_for_other_paths_too(snapshot: Snapshot) -> None:
    second = Decision("second", Is("request", "second"), endpoint=SECOND)
    matcher = RequestMatcher.compile(RequestMatch(headers={"x-plan": ("gold",)}))
    world = replace(snapshot, rules=Rules(Stage((second,)), {"second": matcher}))
    for plan, endpoint in (("gold", "vllm-second"), ("tin", "vllm-primary")):
        headers = Headers((("x-plan", plan),))
        request = InferenceRequest(None, "", Prompt(), headers=headers, path="/v1/embeddings")
        assert (await explain(world, request))["endpoint"] == endpoint


async def test_nothing_of_the_prompt_is_in_the_account(rich: Snapshot, signal: Any) -> None:
    signal.confidences = {"legal": 0.9}
    account = await explain(rich, asking("my secret question", system="my secret system"))
    assert "secret" not in json.dumps(account)


def documented(heading: str) -> set[str]:
    """The keys in the first column of the table under a heading."""
    section = DOCUMENT.split(f"## {heading}\n")[1].split("\n## ")[0]
    table = section.split("| key |")[1].split("\n\n")[0]
    firsts = re.findall(r"^\|(.+?)\|", table, re.MULTILINE)
    return {key for first in firsts for key in re.findall(r"`(.+?)`", first)}


async def test_every_key_of_the_account_is_documented_and_no_other(
    rich: Snapshot, signal: Any, words: Words
) -> None:
    words.found = (keyword("contract"), Match("keyword", "x", 0.1, False))
    signal.confidences = {"legal": 0.9}
    account = await explain(rich, asking())
    assert account["runners_up"]
    assert documented("The account") == set(paths(account))


async def test_accounts_have_the_same_keys_whatever_happens(
    rich: Snapshot, rejecting: Snapshot, signal: Any
) -> None:
    signal.failure = Overloaded("full")
    accounts = [
        await explain(rich, asking()),
        await explain(rich, asking(model="gpt-9")),
        await explain(rich, InferenceRequest(None, "", Prompt(), path="/x")),
        await explain(rejecting, asking()),
    ]
    assert len({tuple(account) for account in accounts}) == 1


def test_the_document_tells_all_that_can_be_asked() -> None:
    from router.explain.asked import Asked

    assert all(f"`{name}`" in DOCUMENT for name in Asked.__struct_fields__)
