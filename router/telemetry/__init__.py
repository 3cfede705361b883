"""What the outside learns of routing: counters, histograms and the decision log.

Everything is read from the Routing record; nothing here decides anything.
"""

from __future__ import annotations

import asyncio

import structlog

from router.reload import Outcome, Status
from router.routing import Routing
from router.telemetry.decision_log import DecisionLog
from router.telemetry.metrics import Metrics

_LINGER_SECONDS = 0.01
_MOST_WAITING = 64


class Telemetry:
    """Reports each routing to every listener, a few at a time.

    Counting and writing a line costs about as much as routing does, and right after an answer it
    would take the processor from Envoy, who is passing the request on. So routings wait for a
    moment, and company makes them cheaper.
    """

    def __init__(self, metrics: Metrics, log: DecisionLog) -> None:
        self.metrics = metrics
        self.log = log
        self._waiting: list[Routing] = []

    def report(self, routing: Routing) -> None:
        """Report `routing` soon. Must be called on the event loop's thread."""
        self._waiting.append(routing)
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()
        elif len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_LINGER_SECONDS, self.flush)

    def serving(self, version: str) -> None:
        """The process serves this version of the configuration from now on, and no other."""
        self.metrics.serving(version)

    def reloaded(self, outcome: Outcome) -> None:
        """What became of a reload."""
        self.metrics.reloaded(outcome.status.value)
        log = structlog.get_logger()
        match outcome.status:
            case Status.FAILED:
                log.error(
                    "config_reload_failed", version=outcome.version, problems=outcome.problems
                )
            case Status.RELOADED:
                log.info("config_reloaded", version=outcome.version, warnings=outcome.problems)

    def flush(self) -> None:
        """Report what waits; the last thing to do before the process ends."""
        waiting, self._waiting = self._waiting, []
        for routing in waiting:
            self.metrics.observe(routing)
            self.log.write(routing)
