"""The decision log: one line a request, enough to prove it, nothing private in it."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog
from msgspec.structs import replace

from router.config.process import LoggingSettings
from router.errors import Overloaded, RouterError, UnknownModel
from router.request import Api, InferenceRequest, Prompt, Turn
from router.routing import Reason, Routing, route
from router.snapshot import Snapshot
from router.telemetry.decision_log import DecisionLog, configure_logging

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
