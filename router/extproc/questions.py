"""What the exchange asks its caller: facts and decisions that it cannot find in the messages."""

from __future__ import annotations

from dataclasses import dataclass

from router.errors import RouterError
from router.extproc.messages import Outgoing
from router.request import HttpMessage


@dataclass(frozen=True, slots=True)
class NeedHead:
    """Can the headers alone decide? `answer(None)` says no: the body is wanted."""

    head: HttpMessage
    end_of_stream: bool


@dataclass(frozen=True, slots=True)
class NeedRoute:
    """The request has arrived whole; where shall it go?"""

    request: HttpMessage


@dataclass(frozen=True, slots=True)
class Refused:
    """The request cannot be served; only an ImmediateResponse that says so answers this."""

    path: str
    error: RouterError


Question = NeedHead | NeedRoute | Refused
Event = Outgoing | Question
