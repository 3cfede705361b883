"""The decision log: one structured line for each request, enough to prove where it went and why."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from typing import Any, TextIO, cast

import msgspec
import structlog

from router.config.process import LoggingSettings
from router.routing import Reason, Routing

EVENT = "routing_decision"


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
    """The record as flat, JSON-ready values, without the prompt; absent facts are left out."""
    event: dict[str, Any] = {
        "request_id": routing.request_id or None,
        "reason_code": routing.reason.value,
        "api": routing.api.value if routing.api else None,
        "original_model": routing.requested_model or None,
        "selected_model": routing.model,
        "base_model": routing.ref.model if routing.ref else None,
        "adapter": routing.adapter,
        "category": routing.category,
        "decision": routing.decision,
        "confidence": round(routing.confidence, 4) if routing.verdict else None,
        "selected_endpoint": routing.endpoint.name if routing.endpoint else None,
        "reasoning_enabled": routing.reasoning,
        "reasoning_effort": routing.reasoning_effort if routing.reasoning else None,
        "stream": routing.stream or None,
        "status": routing.status,
        "error": str(routing.error) if routing.error else None,
        "routing_latency_ms": round(routing.timings.get("total", 0.0) * 1000, 3),
        "config_version": routing.config_version,
    }
    return {key: value for key, value in event.items() if value is not None}


def _traceback(routing: Routing) -> list[str]:
    """Where a fault of our own was raised. Not what it said: that may quote the prompt."""
    cause = routing.error.__cause__ if routing.error else None
    if cause is None:
        return []
    frames = traceback.extract_tb(cause.__traceback__)
    return [type(cause).__name__, *(f"{f.filename}:{f.lineno} {f.name}" for f in frames)]
