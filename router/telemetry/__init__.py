"""What the outside learns of routing: counters, histograms and the decision log.

Everything is read from the Routing record; nothing here decides anything.
"""

from __future__ import annotations

from router.routing import Routing
from router.telemetry.decision_log import DecisionLog
from router.telemetry.metrics import Metrics


class Telemetry:
    """Reports each routing to every listener."""

    def __init__(self, metrics: Metrics, log: DecisionLog) -> None:
        self.metrics = metrics
        self.log = log

    def report(self, routing: Routing) -> None:
        self.metrics.observe(routing)
        self.log.write(routing)
