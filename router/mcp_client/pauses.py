"""How long the client waits, for what, and how much longer each time in vain."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Durations, in seconds.

    `connect` bounds starting a server and getting to know it, `pings` is how often an idle
    connection is tried and `ping` how long the server may take to answer, `close` how long the
    client's own end may take. `first_pause` and `longest_pause` bound the pauses between attempts
    to connect.
    """

    connect: float = 30.0
    first_pause: float = 0.2
    longest_pause: float = 30.0
    pings: float = 15.0
    ping: float = 10.0
    close: float = 8.0


class Backoff:
    """Pauses that double from `first` to `longest` seconds, each cut by up to half at random.

    The chance keeps many routers from coming back to one server at the same moment.
    """

    def __init__(
        self, first: float, longest: float, chance: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._longest = longest
        self._chance = chance
        self._next = first

    def next(self) -> float:
        """The pause to make now; the one after it is longer."""
        pause = self._next * (1 - self._chance() / 2)
        self._next = min(self._next * 2, self._longest)
        return pause

    def reset(self) -> None:
        """All is well: the next pause is the first again."""
        self._next = self._first
