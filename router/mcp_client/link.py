"""What a connection tells its owner: that it is lost, and which fault a call met.

The faults are sentences of ours. The SDK reports them as the messages of its errors, among others
that come from the server: only what is recognised here is ever repeated to anybody, because a
server's own words may quote the prompt.
"""

from __future__ import annotations

import asyncio
import re
from enum import StrEnum

MAX_ANSWER_BYTES = 1024 * 1024
_STATUS = re.compile(r"\bhttp status \d{3}\b")


class NoAnswer(Exception):
    """The server did not answer at all: the connection, not the answer, is at fault."""


class CannotConnect(Exception):
    """There is no server to work with; the message says why, and what was expected."""


class Fault(StrEnum):
    """Why there is no answer, or none that is read."""

    UNREACHABLE = "the server cannot be reached"
    BROKEN = "the connection broke"
    LATE = "the connection was silent for too long"
    TOO_LARGE = f"the answer is larger than {MAX_ANSWER_BYTES} bytes"
    COMPRESSED = "the answer is compressed"
    UNREADABLE = "the answer is not json-rpc"

    @property
    def is_silence(self) -> bool:
        """Whether the server gave no answer, rather than one that is not read."""
        return self in (Fault.UNREACHABLE, Fault.BROKEN, Fault.LATE)


def status_text(status: int) -> str:
    """How an HTTP status is told; `status_in` finds it again."""
    return f"http status {status}"


def fault_in(message: str) -> Fault | None:
    """The fault that `message` speaks of, if it is one of ours."""
    return next((fault for fault in Fault if fault in message), None)


def status_in(message: str) -> str | None:
    """The HTTP status that `message` speaks of, as `status_text` tells it."""
    found = _STATUS.search(message)
    return found.group() if found else None


class Link:
    """One connection. `lost` is set when it is of no more use, and `reason` says why.

    `settled` is set when the server has introduced itself. Until then `last_words` are what its
    process wrote to standard error; afterwards it may quote prompts.
    """

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.reason = ""
        self.last_words = ""
        self.settled = False

    def lose(self, reason: str) -> None:
        """The connection is of no more use; the first reason counts."""
        if not self.lost.is_set():
            self.reason = reason
            self.lost.set()

    def end(self) -> None:
        """The connection is being closed: what happens to it now is no reason."""
        self.lost.set()

    def account(self) -> str:
        """Why the connection was lost, with the last words."""
        reason = self.reason or "the connection was closed"
        return f"{reason}; its last words: {self.last_words}" if self.last_words else reason
