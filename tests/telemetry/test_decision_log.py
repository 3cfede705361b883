"""The decision log: one line a request, enough to prove it, nothing private in it."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import structlog
from msgspec.structs import replace

from router.catalog import Endpoint, ModelRef
from router.config.process import LoggingSettings
from router.decisions import All, Decision, Is, Not, Stage
from router.errors import DeadlineExceeded, Overloaded, RouterError, UnknownModel
from router.matches import Match, Matches
from router.request import Api, InferenceRequest, Prompt, Turn
from router.routing import Reason, Routing, route
from router.selection import Choice
from router.signals import Report
from router.snapshot import Snapshot
from router.telemetry.decision_log import DecisionLog, configure_logging, describe

SECRET = "my secret question"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Any:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure_logging(LoggingSettings())
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.reset_defaults()


async def routed(snapshot: Snapshot) -> Routing:
    prompt = Prompt((Turn("user", SECRET),))
    routing = await route(snapshot, InferenceRequest(Api.CHAT_COMPLETIONS, "MoM", prompt))
    return replace(routing, request_id="r-1")


async def test_a_line_names_the_request_the_choice_and_the_reason(
    snapshot: Snapshot, signal: Any, written: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    DecisionLog().write(await routed(snapshot))
    (line,) = written()
    assert line["event"] == "routing_decision"
    assert line["level"] == "info"
    wanted = {
        "request_id": "r-1",
        "reason_code": "auto_routing",
        "original_model": "MoM",
        "selected_model": "legal-lora",
        "base_model": "llama2-7b",
        "adapter": "legal-lora",
        "category": "legal",
        "confidence": 0.9,
        "selected_endpoint": "vllm-primary",
        "reasoning_enabled": True,
        "reasoning_effort": "medium",
        "config_version": "c0ffee",
    }
    assert wanted.items() <= line.items()
    assert isinstance(line["routing_latency_ms"], float)


async def test_the_prompt_stays_out_unless_it_is_asked_for(
    snapshot: Snapshot, signal: Any, written: Any
) -> None:
    signal.confidences = {"legal": 0.9}
    routing = await routed(snapshot)
    DecisionLog().write(routing)
    DecisionLog(include_prompt=True).write(routing)
    private, asked_for = written()
    assert SECRET not in json.dumps(private)
    assert asked_for["prompt"] == SECRET


async def test_a_fallback_is_a_warning_that_says_what_failed(
    snapshot: Snapshot, signal: Any, written: Any
) -> None:
    signal.failure = Overloaded("the classifier's queue is full")
    DecisionLog().write(await routed(snapshot))
    (line,) = written()
    assert (line["level"], line["error"]) == ("warning", "the classifier's queue is full")


def test_a_clients_mistake_is_no_warning_of_ours(written: Any) -> None:
    error = UnknownModel("the model `x` does not exist")
    DecisionLog().write(Routing(reason=Reason.CLIENT_ERROR, config_version="v", error=error))
    assert written()[0]["level"] == "info"


def test_our_own_fault_shows_where_it_was_raised_and_not_what_it_said(written: Any) -> None:
    try:
        raise KeyError(SECRET)
    except KeyError as cause:
        failure = RouterError("the router failed on this request")
        failure.__cause__ = cause
    DecisionLog().write(Routing(reason=Reason.INTERNAL_ERROR, config_version="v", error=failure))
    (line,) = written()
    assert line["level"] == "error"
    assert line["traceback"][0] == "KeyError"
    assert "test_decision_log.py" in line["traceback"][1]
    assert SECRET not in json.dumps(line)


class BrokenStream(io.StringIO):
    """A log reader that has died."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise OSError("no space left on device")


async def test_a_broken_log_loses_lines_and_nothing_else(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", BrokenStream())
    configure_logging(LoggingSettings())
    DecisionLog().write(await routed(snapshot))
    structlog.reset_defaults()


def test_libraries_write_in_the_same_format_without_what_exceptions_said(written: Any) -> None:
    try:
        raise KeyError(SECRET)
    except KeyError:
        logging.getLogger("asyncio").exception("Task failed\nfuture: %s", SECRET)
    (line,) = written()
    assert (line["event"], line["logger"], line["level"]) == ("library", "asyncio", "error")
    assert (line["message"], line["error"]) == ("Task failed", "KeyError")
    assert SECRET not in json.dumps(line)


async def test_a_broken_signal_leaves_the_place_where_it_broke(
    snapshot: Snapshot, signal: Any, written: Any
) -> None:
    signal.failure = ValueError(SECRET)
    DecisionLog().write(await routed(snapshot))
    (line,) = written()
    assert line["traceback"][0] == "ValueError"
    assert "conftest.py" in line["traceback"][-1]
    assert SECRET not in json.dumps(line)


SURE = Match(
    "keyword", "us-law", detail={"keywords": [{"keyword": "US law", "start": 3, "end": 9}]}
)


def found(*matches: Match, **more: Any) -> Routing:
    """The record of a request for which signals found `matches` and `law` was decided on them."""
    rule = All((Is("keyword", "us-law"), Not(Is("mcp", "guard"))))
    law = Decision("law", rule, (ModelRef("llama2-7b", "legal-lora"),))
    others = [Decision(f"other-{n}", Is("keyword", "us-law"), priority=-n) for n in range(1, 6)]
    verdict = Stage((*others, law)).decide(Matches(matches))
    reports = (Report("keyword", matches),)
    return Routing(
        reason=Reason.AUTO_ROUTING,
        config_version="v",
        verdict=verdict,
        confidence=verdict.confidence,
        decision="law",
        **{"reports": reports, **more},
    )


def test_a_line_shows_what_held_and_what_it_rests_on() -> None:
    named = Match("mcp", "tenant", 0.87654, ref=ModelRef("llama2-7b", "legal-lora"))
    line = describe(found(SURE, Match("keyword", "eu-law", 0.4, False), named))
    assert line["signals"] == [
        {
            "kind": "keyword",
            "name": "us-law",
            "confidence": 1.0,
            "detail": {"keywords": [{"keyword": "US law", "start": 3, "end": 9}]},
        },
        {"kind": "mcp", "name": "tenant", "confidence": 0.8765, "model": "legal-lora"},
    ]
    assert "signals_omitted" not in line


def test_a_line_proves_its_decision_by_itself() -> None:
    law = found(SURE).verdict
    assert law is not None
    assert law.decision is not None
    line = json.loads(json.dumps(describe(found(SURE, Match("mcp", "guard", 0.3, False)))))
    matches = Matches(
        [Match(held["kind"], held["name"], held["confidence"]) for held in line["signals"]],
        line.get("signal_errors", {}),
    )
    assert law.decision.rule.evaluate(matches).holds is True


def test_failed_signals_are_told_by_their_code() -> None:
    failed = Report("mcp", error=DeadlineExceeded("no answer"))
    line = describe(found(SURE, reports=(Report("keyword", (SURE,)), failed)))
    assert line["signal_errors"] == {"mcp": "classifier_timeout"}


def test_three_of_the_runners_up_are_told_and_no_more() -> None:
    line = describe(found(SURE))
    assert line["runners_up"] == [{"name": f"other-{n}", "confidence": 1.0} for n in (1, 2, 3)]


def test_the_choice_of_the_model_is_told_with_those_that_could_not() -> None:
    choice = Choice(ModelRef("a"), "the lowest price", {"b": "the request has images"})
    line = describe(found(SURE, choice=choice))
    assert (line["choice"], line["excluded"]) == ("the lowest price", ["b"])


def test_the_routing_rule_is_named() -> None:
    assert describe(found(SURE, rule=Decision("routing_rules[2]", All(()))))["rule"] == (
        "routing_rules[2]"
    )


def test_a_prompt_that_matches_hundreds_of_rules_does_not_flood_the_log() -> None:
    many = [Match("keyword", f"rule-{n}") for n in range(500)]
    line = describe(found(*many, SURE))
    assert len(line["signals"]) == 32
    assert line["signals"][0]["name"] == "us-law"  # what the decision asks for goes first
    assert line["signals_omitted"] == 469


def test_a_line_of_a_model_by_name_has_nothing_to_prove() -> None:
    line = describe(Routing(reason=Reason.MODEL_SPECIFIED, config_version="v"))
    assert set(line) == {"reason_code", "routing_latency_ms", "config_version"}


def test_every_key_of_a_line_is_documented_and_no_other() -> None:
    many = [Match("keyword", f"rule-{n}") for n in range(50)]
    failed = Report("mcp", error=DeadlineExceeded("late"))
    everything = found(
        SURE,
        reports=(Report("keyword", (SURE, *many)), failed),
        request_id="r",
        api=Api.MESSAGES,
        requested_model="MoM",
        stream=True,
        category="law",
        ref=ModelRef("llama2-7b", "legal-lora"),
        endpoint=Endpoint("vllm-a", "127.0.0.1", 8000),
        placement="the only one",
        reasoning=True,
        reasoning_effort="low",
        rule=Decision("routing_rules[0]", All(())),
        choice=Choice(None, "x", {"b": "c"}),
        error=DeadlineExceeded("late"),
        status=503,
    )
    document = (Path(__file__).parents[2] / "docs" / "explain.md").read_text()
    table = document.split("## The line in the log\n")[1].split("| key |")[1]
    firsts = re.findall(r"^\|(.+?)\|", table, re.MULTILINE)
    documented = {key for first in firsts for key in re.findall(r"`(.+?)`", first)}
    assert documented == set(describe(everything))
