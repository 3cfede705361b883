"""What a client asked: the HTTP request as Envoy forwards it, and the inference request inside.

Knows no vendor's JSON (the payload room does) and no protobuf (the ext_proc room does).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

import msgspec

_LONGEST_REQUEST_ID = 128

# Of a text with more characters, so many in so many pieces tell its length in tokens.
_MEASURED, _PIECES = 16_384, 8


class Headers:
    """An immutable header list: lower-case names, values as text, repeated names in order."""

    __slots__ = ("_first", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)
        self._first = dict(reversed(self._pairs))  # the first of a name is written last

    def get(self, name: str, default: str = "") -> str:
        """The first value of `name` (lower case), or `default`."""
        return self._first.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._first

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._pairs == other._pairs

    def __hash__(self) -> int:
        return hash(self._pairs)

    def __repr__(self) -> str:
        # Values may be credentials: never shown.
        return f"Headers({', '.join(self._first)})"


class HttpMessage(msgspec.Struct, frozen=True, weakref=True):
    """One HTTP request: its headers, pseudo-headers included, and its body once it has arrived."""

    headers: Headers
    body: bytes = b""

    def __repr__(self) -> str:
        return f"HttpMessage({self.headers!r})"

    @property
    def method(self) -> str:
        return self.headers.get(":method").upper()

    @property
    def path(self) -> str:
        """The path without its query string."""
        return self.headers.get(":path").partition("?")[0]

    @property
    def request_id(self) -> str:
        """What Envoy calls the request; cut, for clients may choose it and logs repeat it."""
        return self.headers.get("x-request-id")[:_LONGEST_REQUEST_ID]


class Api(StrEnum):
    """The inference APIs that are routed by content; the value is the API's path."""

    CHAT_COMPLETIONS = "/v1/chat/completions"
    COMPLETIONS = "/v1/completions"
    RESPONSES = "/v1/responses"
    MESSAGES = "/v1/messages"


class Turn(msgspec.Struct, frozen=True):
    """One message of a conversation: who spoke, and its text parts joined by newlines."""

    role: str
    text: str

    def __repr__(self) -> str:
        return f"Turn(role={self.role!r})"


class Prompt(msgspec.Struct, frozen=True):
    """The readable part of an inference request, as signals see it."""

    turns: tuple[Turn, ...] = ()
    system: str = ""
    has_images: bool = False
    has_tools: bool = False
    json_mode: bool = False

    def __repr__(self) -> str:
        return f"Prompt(turns={self.turns!r})"

    @property
    def text(self) -> str:
        """The text that is classified.

        The latest user turn that holds text; failing that the latest turn of anybody that does;
        failing that the system text.
        """
        anybody: Turn | None = None
        for turn in reversed(self.turns):
            if turn.text and not turn.text.isspace():
                if turn.role == "user":
                    return turn.text
                anybody = anybody or turn
        return anybody.text if anybody else self.system

    @property
    def estimated_tokens(self) -> int:
        """How long the prompt is for a model, by the number and the width of its characters.

        About four characters to a token in Latin script, two in Cyrillic and Arabic, one and a half
        in Han, Kana and Hangul; never exact. Of the turns, those that were read.
        """
        return sum(map(_estimated, (turn.text for turn in self.turns)), _estimated(self.system))


def _estimated(text: str) -> int:
    if text.isascii():
        return -(-len(text) // 4)
    if len(text) <= _MEASURED:
        return _measured(text)
    step = len(text) // _PIECES
    piece = _MEASURED // _PIECES
    sample = "".join(text[start : start + piece] for start in range(0, len(text), step))
    return _measured(sample) * len(text) // len(sample)


def _measured(text: str) -> int:
    beyond = len(text.encode(errors="replace")) - len(text)  # two bytes more for each of Han
    wide = min(len(text), beyond // 2)
    return -(-(len(text) - wide) // 4) + -(-2 * wide // 3)


class InferenceRequest(msgspec.Struct, frozen=True):
    """An API-neutral view of one inference request; its payload can rewrite the body.

    `headers` are those that Envoy shows to the router, `path` has no query. `metadata` holds the
    texts of the body's `metadata`, `max_tokens` how long an answer the client allows. `api` is None
    where only the head is known, of a request that is no inference request.
    """

    api: Api | None
    model: str
    prompt: Prompt
    stream: bool = False
    user: str | None = None
    metadata: Mapping[str, str] = msgspec.field(default_factory=dict)
    max_tokens: int | None = None
    headers: Headers = Headers()
    path: str = ""

    def __repr__(self) -> str:
        return f"InferenceRequest(api={self.api!r}, model={self.model!r}, prompt={self.prompt!r})"
