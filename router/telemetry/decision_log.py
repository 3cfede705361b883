"""The decision log: one structured line for each request, enough to prove where it went and why."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import Sequence
from itertools import islice
from typing import Any, TextIO, cast

import msgspec
import structlog

from router.config.process import LoggingSettings
from router.decisions import Decision, Verdict, leaves
from router.matches import Match
from router.routing import Reason, Routing

EVENT = "routing_decision"

_MOST_SIGNALS = 32
_MOST_RUNNERS_UP = 3


def configure_logging(settings: LoggingSettings) -> None:
    """Send every line of the process to standard error in the chosen format.

    Libraries' lines come in the same format, without exception texts: those may quote a prompt.
    """
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer(_json)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", PatientStream(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[_LibraryLines()], force=True)


def _json(values: Any, **_: Any) -> str:
    return msgspec.json.encode(values, enc_hook=repr).decode()


class PatientStream:
    """A stream that loses a line rather than a request.

    A log reader that died or a full disk must not turn good answers into errors.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


class _LibraryLines(logging.Handler):
    """What libraries log, as lines of ours: who, how bad, the first line, the exception's type."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno,
            "library",
            logger=record.name,
            message=record.getMessage().partition("\n")[0],
            error=error.__name__ if error else None,
        )


class DecisionLog:
    """Writes one `routing_decision` line for each routing.

    The prompt's text is written only with `include_prompt`; names, scores and times always.
    """

    def __init__(self, *, include_prompt: bool = False) -> None:
        self._include_prompt = include_prompt
        self._log = structlog.get_logger()

    def write(self, routing: Routing) -> None:
        event = describe(routing)
        if self._include_prompt and routing.prompt is not None:
            event["prompt"] = routing.prompt.text
        if frames := _traceback(routing):
            self._log.error(EVENT, traceback=frames, **event)
        elif routing.error is not None and routing.reason is not Reason.CLIENT_ERROR:
            self._log.warning(EVENT, **event)
        else:
            self._log.info(EVENT, **event)


def describe(routing: Routing) -> dict[str, Any]:
    """The record as JSON-ready values, without the prompt; absent facts are left out.

    With the configuration of its `config_version` a line proves its decision: `signals` is all
    that held, `signal_errors` what is unknown, and nothing else is true.
    """
    event: dict[str, Any] = {
        "request_id": routing.request_id or None,
        "reason_code": routing.reason.value,
        "api": routing.api.value if routing.api else None,
        "original_model": routing.requested_model or None,
        "selected_model": routing.model,
        "base_model": routing.ref.model if routing.ref else None,
        "adapter": routing.adapter,
        "rule": routing.rule.name if routing.rule else None,
        "category": routing.category,
        "decision": routing.decision,
        **_evidence(routing),
        "selected_endpoint": routing.endpoint.name if routing.endpoint else None,
        "placement": routing.placement,
        "reasoning_enabled": routing.reasoning,
        "reasoning_effort": routing.reasoning_effort if routing.reasoning else None,
        "stream": routing.stream or None,
        "status": routing.status,
        "response_status": routing.response_status,
        "error": str(routing.error) if routing.error else None,
        "routing_latency_ms": round(routing.timings.get("total", 0.0) * 1000, 3),
        "config_version": routing.config_version,
    }
    return {key: value for key, value in event.items() if value is not None}


def _evidence(routing: Routing) -> dict[str, Any]:
    """What the decision was found from. Bounded: a hostile prompt may match hundreds of rules."""
    verdict, choice = routing.verdict, routing.choice
    if verdict is None:
        return {}
    held = [match for report in routing.reports for match in report.matches if match.holds]
    omitted = len(held) - _MOST_SIGNALS
    if omitted > 0:
        held = _foremost(held, verdict.decision)
    return {
        "confidence": round(routing.confidence, 4),
        "signals": [_signal(match) for match in held],
        "signals_omitted": omitted if omitted > 0 else None,
        "signal_errors": {r.kind: r.error.code for r in routing.reports if r.error} or None,
        "runners_up": _runners_up(verdict) or None,
        "choice": choice.why if choice else None,
        "excluded": list(choice.excluded) or None if choice else None,
    }


def _signal(match: Match) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "kind": match.kind,
        "name": match.name,
        "confidence": round(match.confidence, 4),
    }
    if match.detail:
        shown["detail"] = dict(match.detail)
    if match.ref:
        shown["model"] = match.ref.served_name
    return shown


def _foremost(held: Sequence[Match], decision: Decision | None) -> list[Match]:
    """As many as a line may hold, those first that the decision's rule asks about."""
    asked = {(leaf.kind, leaf.name) for leaf in leaves(decision.rule)} if decision else set()
    return sorted(held, key=lambda match: (match.kind, match.name) not in asked)[:_MOST_SIGNALS]


def _runners_up(verdict: Verdict) -> list[dict[str, Any]]:
    """The first of the other decisions that hold, in the order of the file."""
    others = islice(verdict.runners_up(), _MOST_RUNNERS_UP)
    return [{"name": d.name, "confidence": round(t.confidence or 0.0, 4)} for d, t in others]


def _traceback(routing: Routing) -> list[str]:
    """Where a fault of our own was raised. Not what it said: that may quote the prompt."""
    cause = routing.error.__cause__ if routing.error else None
    if cause is None:
        return []
    frames = traceback.extract_tb(cause.__traceback__)
    return [type(cause).__name__, *(f"{f.filename}:{f.lineno} {f.name}" for f in frames)]
