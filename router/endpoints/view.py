"""The live view: the latest word on every endpoint, and how much it still counts.

Kept by address, so that it outlives reloads. Plain values and the caller's clock; one event loop's
thread touches it. What is known fades: an observation counts less the older it is, and what the
router sent itself takes its place.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from router.catalog import Endpoint
from router.endpoints import NOTHING_KNOWN, EndpointState
from router.endpoints.vllm import Load, Served

TRUST_SECONDS = 10.0  # after this long without news an observation counts for a third
SENT_SECONDS = 10.0  # requests that the router sent are remembered about as long
FAILURES_TO_DOUBT = 2  # probes that must fail in a row before an endpoint counts as down
DEFAULT_SLOTS = 8  # adapters in memory where the server does not say; vLLM's own default is 1
REMEMBERED_ADAPTERS = 256
ERROR_BURDEN = 10.0  # an answer of 429 or 5xx weighs as much as so many requests, and fades so too


@dataclass(slots=True)
class _Record:
    """Everything that is known of one address. Times are the caller's clock, in seconds."""

    load: Load | None = None
    load_at: float = 0.0
    sent_since: int = 0
    sent: float = 0.0
    sent_at: float = 0.0
    errors: float = 0.0
    errors_at: float = 0.0
    served: Served | None = None
    failures: int = 0
    used: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def sent_lately(self, now: float) -> float:
        return self.sent * math.exp(-max(0.0, now - self.sent_at) / SENT_SECONDS)

    def errors_lately(self, now: float) -> float:
        return self.errors * math.exp(-max(0.0, now - self.errors_at) / SENT_SECONDS)

    def burden_now(self, now: float) -> float:
        return self.load_now(now) + ERROR_BURDEN * self.errors_lately(now)

    def load_now(self, now: float) -> float:
        if self.load is None:
            return self.sent_lately(now)
        observed = (self.load.waiting or 0.0) + (self.load.running or 0.0) + self.sent_since
        # With its cache full an endpoint can hardly take more: each request weighs double.
        observed *= 1.0 + min(1.0, self.load.cache_usage or 0.0)
        trust = math.exp(-max(0.0, now - self.load_at) / TRUST_SECONDS)
        return trust * observed + (1 - trust) * self.sent_lately(now)

    @property
    def slots(self) -> int | None:
        return self.load.max_lora if self.load else None

    def resident(self) -> frozenset[str]:
        """The adapters used last, as many as fit, and those of requests under way."""
        latest = islice(reversed(self.used), self.slots or DEFAULT_SLOTS)
        return frozenset(latest) | (self.load.active if self.load else frozenset())


class LiveView:
    """What is known of endpoints. Everything is optional: without news all are healthy."""

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def state(self, endpoint: Endpoint, now: float) -> EndpointState:
        """How `endpoint` seems at `now`."""
        record = self._records.get(endpoint.authority)
        if record is None:
            return NOTHING_KNOWN
        resident = record.resident()
        slots = record.slots
        return EndpointState(
            healthy=record.failures < FAILURES_TO_DOUBT,
            load=record.burden_now(now),
            models=record.served.names if record.served else None,
            resident=resident,
            free_slots=None if slots is None else max(0, slots - len(resident)),
        )

    def sent(self, endpoint: Endpoint, adapter: str | None, now: float) -> None:
        """The router sent a request there."""
        record = self._record(endpoint)
        record.sent = record.sent_lately(now) + 1
        record.sent_at = now
        record.sent_since += 1
        if adapter is not None:
            record.used[adapter] = now
            record.used.move_to_end(adapter)
            while len(record.used) > REMEMBERED_ADAPTERS:
                record.used.popitem(last=False)

    def responded(self, endpoint: Endpoint, status: int, now: float) -> None:
        """The endpoint answered a request with this status."""
        if status == 429 or status >= 500:
            record = self._record(endpoint)
            record.errors = record.errors_lately(now) + 1
            record.errors_at = now

    def observed(self, endpoint: Endpoint, load: Load, now: float) -> None:
        """The endpoint told its load."""
        record = self._record(endpoint)
        record.load, record.load_at, record.sent_since = load, now, 0

    def answered(self, endpoint: Endpoint) -> None:
        """The endpoint is up."""
        self._record(endpoint).failures = 0

    def failed(self, endpoint: Endpoint) -> None:
        """The endpoint did not answer a probe, or not as one that is up."""
        self._record(endpoint).failures += 1

    def serves(self, endpoint: Endpoint, served: Served) -> None:
        """The endpoint listed its models."""
        self._record(endpoint).served = served

    def served_by(self, endpoint: Endpoint) -> Served | None:
        """The models that the endpoint listed last, or None."""
        record = self._records.get(endpoint.authority)
        return record.served if record else None

    def forget_news(self) -> None:
        """Drop what endpoints told; what the router sent itself stays."""
        for record in self._records.values():
            record.load, record.served, record.failures, record.sent_since = None, None, 0, 0

    def forget_all_but(self, endpoints: Iterable[Endpoint]) -> None:
        """Drop what is known of addresses that are configured no more."""
        kept = {endpoint.authority for endpoint in endpoints}
        for authority in self._records.keys() - kept:
            del self._records[authority]

    def _record(self, endpoint: Endpoint) -> _Record:
        return self._records.setdefault(endpoint.authority, _Record())
