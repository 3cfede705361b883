"""What the exchange asks its caller: facts and decisions that it cannot find in the messages."""

from __future__ import annotations

import msgspec

from router.errors import RouterError
from router.extproc.messages import Outgoing
from router.request import HttpMessage


class NeedHead(msgspec.Struct, frozen=True):
    """Can the headers alone decide? `answer(None)` says no: the body is wanted."""

    head: HttpMessage
    end_of_stream: bool


class NeedRoute(msgspec.Struct, frozen=True):
    """The request has arrived whole; where shall it go?"""

    request: HttpMessage


class Refused(msgspec.Struct, frozen=True):
    """The request cannot be served; only an ImmediateResponse that says so answers this."""

    path: str
    error: RouterError


Question = NeedHead | NeedRoute | Refused
Event = Outgoing | Question
