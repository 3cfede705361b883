"""A circuit breaker: a server that fails time after time is left alone for a while.

Pure but for the clock. Closed, it admits every call. So many failures in a row open it, and it
admits none until a pause has passed; then one call is the probe. If that fails the pause grows, if
it succeeds the breaker is closed again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from router.mcp_client.pauses import Backoff


class Admission(Enum):
    """How a call came in: with all the others, as the probe, or not at all."""

    FREE = "free"
    PROBE = "probe"
    REFUSED = "refused"


class Breaker:
    """Counts the failures in a row. Every call that is admitted reports how it ended, once."""

    def __init__(
        self, failures: int, pauses: Backoff, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = failures
        self._pauses = pauses
        self._clock = clock
        self._failures = 0
        self._opens_at: float | None = None  # when the next probe may go; None while closed
        self._probing = False

    @property
    def remaining(self) -> float:
        """The seconds until a probe may go; 0 while calls are admitted."""
        return 0.0 if self._opens_at is None else max(0.0, self._opens_at - self._clock())

    def admit(self) -> Admission:
        """Whether a call may go now."""
        if self._opens_at is None:
            return Admission.FREE
        if self._probing or self.remaining > 0:
            return Admission.REFUSED
        self._probing = True
        return Admission.PROBE

    def succeeded(self) -> None:
        """A call was answered, whichever it was: the server lives."""
        self._failures = 0
        self._opens_at = None
        self._probing = False
        self._pauses.reset()

    def failed(self, admission: Admission) -> None:
        """A call got no answer. Those from before the opening do not lengthen the pause."""
        if admission is Admission.PROBE and self._probing:
            self._probing = False
            self._open()
        elif self._opens_at is None:
            self._failures += 1
            if self._failures >= self._most:
                self._open()

    def withdrew(self, admission: Admission) -> None:
        """Whoever asked no longer waits: nothing was learnt."""
        if admission is Admission.PROBE:
            self._probing = False

    def _open(self) -> None:
        self._failures = 0
        self._opens_at = self._clock() + self._pauses.next()
