"""JSON text whose members can be replaced while every other byte stays the client's.

Knows JSON: validity, where each member of an object begins and ends, and how to splice new values
between the old bytes. What the members mean is left to the dialects.

Decoding finds a member's value as a slice (`msgspec.Raw`) but not where the slice lies, so a walk
follows the members in decoded order and checks that each slice stands where it should. The walk
costs one regular-expression match per member, whatever the size of the values.
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from router.errors import BadRequest

Piece = bytes | memoryview
Pieces = list[Piece]

NULL = msgspec.Raw(b"null")

# Bodies that no client means, and that would hold up the requests beside them for long. All are
# found before work in proportion is done; what is small enough to be harmless is not counted.
MAX_MEMBERS = 4096  # of one object; no API has a hundred
MAX_NAME = 1024  # characters in the name of a member of a large object
MAX_BRACKETS = 1_048_576  # in a large body, text included
MAX_LONE_SURROGATES = 65_536
MAX_MENDED_BACKSLASHES = 2_097_152  # in a body with lone surrogates

_LARGE_OBJECT = 1 << 18
_LARGE_BODY = 1 << 22
_UTF8_CHUNK = 1 << 16
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])

# The possessive quantifiers keep the matcher from storing a way back for every escape of a key,
# and from trying every way to share a run of blanks.
_NAME = re.compile(
    rb'[ \t\n\r]*+[{,][ \t\n\r]*+"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\n\r]*+:[ \t\n\r]*+',
    re.DOTALL,
)
_COMMA = re.compile(rb"[ \t\n\r]*+[\[,][ \t\n\r]*+")
_END = re.compile(rb"[ \t\n\r]*+\{?+[ \t\n\r]*+\}")
# Begins with what every surrogate begins with, which the matcher finds much faster.
_LONE_SURROGATE = re.compile(
    rb"\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB]..\\u[dD])[c-fC-F][0-9a-fA-F]{2})",
    re.DOTALL,
)
_FOUND = re.compile(r"(?:JSON is malformed: )?(?P<what>.*?)(?: \(byte (?P<byte>\d+)\))?$")


class RepeatedName(Exception):
    """An object has two members of the same name; readers disagree about which of them counts."""


class _TooMany(Exception):
    """An object holds more than it may; says of what."""


class _Name(str):
    """The name of a member; a type of its own, so that the decoder hands over each it meets."""

    __slots__ = ()


class Span(NamedTuple):
    """Where a value stands: the offsets of its first byte and of the byte after its last."""

    start: int
    end: int


def kind(value: msgspec.Raw) -> str:
    """The first character of a JSON value, which tells its type."""
    if value is NULL:  # what an absent member is, as most are
        return "n"
    return chr(memoryview(value)[0])


def encode(value: str | bool) -> bytes:
    return msgspec.json.encode(value)


class JsonObject(msgspec.Struct, frozen=True):
    """An object inside `source`: its members decoded one level deep, and where each stands.

    `text` is `source`, or its like of equal length where the decoder needs that; `span` may take in
    blanks around the object.
    """

    source: bytes
    text: bytes
    span: Span
    fields: Mapping[str, msgspec.Raw]
    spans: Mapping[str, Span]
    _children: dict[str, JsonObject] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"JsonObject(span={self.span!r})"  # it holds a prompt

    def get(self, name: str) -> msgspec.Raw:
        """The member's value; an absent member is null, as in every API that we speak."""
        return self.fields.get(name, NULL)

    def view(self, name: str) -> memoryview:
        """The client's bytes of the member's value; null where there is none."""
        span = self.spans.get(name)
        return memoryview(self.source)[span.start : span.end] if span else memoryview(b"null")

    def child(self, name: str) -> JsonObject:
        """The member `name`, which is an object."""
        if name not in self._children:
            self._children[name] = nested(self.source, self.text, self.spans[name], name)
        return self._children[name]

    def replace(self, changes: Mapping[str, Pieces]) -> Pieces:
        """The object with members replaced where they stand, or added behind the last one."""
        view = memoryview(self.source)
        pieces: Pieces = []
        cursor = self.span.start
        for span, name in sorted(
            (self.spans[name], name) for name in changes if name in self.spans
        ):
            pieces += (view[cursor : span.start], *changes[name])
            cursor = span.end
        end = max(self.spans.values()).end if self.spans else self._brace() + 1
        pieces.append(view[cursor:end])
        pieces += self._added(changes)
        pieces.append(view[end : self.span.end])
        return pieces

    def _brace(self) -> int:
        return self.source.index(b"{", self.span.start)

    def _added(self, changes: Mapping[str, Pieces]) -> Pieces:
        pieces: Pieces = []
        for name, value in changes.items():
            if name not in self.spans:
                comma = b"," if self.spans or pieces else b""
                pieces += (comma + encode(name) + b":", *value)
        return pieces


def read_body(body: bytes) -> JsonObject:
    """The whole body as one object. Raises BadRequest for anything that is not exactly that."""
    _check_text(body)
    _check_brackets(body)
    try:
        text, fields = _decode(body)
        return JsonObject(body, text, Span(0, len(body)), fields, _walk(text, 0, fields))
    except _TooMany as error:
        raise BadRequest(f"body {error}") from None
    except RepeatedName:
        raise BadRequest("body repeats a name") from None


def nested(source: bytes, text: bytes, span: Span, param: str) -> JsonObject:
    """The object at `span` of a valid document, called `param` where it is refused.

    Where a name is repeated the last one counts, as for the backends: such an object is written
    anew from the members that count.
    """
    try:
        fields = _members(memoryview(text)[span.start : span.end])
    except _TooMany as error:
        raise BadRequest(f"{param}: {error}", param=param) from None
    try:
        return JsonObject(source, text, span, fields, _walk(text, span.start, fields))
    except RepeatedName:
        plain = msgspec.json.encode(fields)
        return JsonObject(plain, plain, Span(0, len(plain)), fields, _walk(plain, 0, fields))


def item_span(text: bytes, span: Span, index: int) -> Span:
    """Where the array at `span` holds its item `index`."""
    position = span.start
    for item in _ITEMS.decode(memoryview(text)[span.start : span.end])[: index + 1]:
        lead = _COMMA.match(text, position)
        start = lead.end() if lead else position
        position = start + memoryview(item).nbytes
    return Span(start, position)


def _walk(text: bytes, start: int, fields: Mapping[str, msgspec.Raw]) -> dict[str, Span]:
    """Where each member's value stands in the object that begins at `start`.

    Each step passes exactly one member of the text, and the dict of a text that repeats a name is
    shorter than the text: then a value is not the expected one, or the end is not where it ought.
    """
    spans: dict[str, Span] = {}
    position = start
    for name, value in fields.items():
        lead = _NAME.match(text, position)
        if lead is None or not text.startswith(value, lead.end()):
            raise RepeatedName
        begin = lead.end()
        position = begin + memoryview(value).nbytes
        spans[name] = Span(begin, position)
    if not _END.match(text, position):
        raise RepeatedName
    return spans


def _members(text: bytes | memoryview) -> dict[str, msgspec.Raw]:
    """The members of an object; too many are refused as soon as one too many is met."""
    if len(text) > _LARGE_OBJECT:
        return _counted_members(text)
    fields = _FIELDS.decode(text)
    if len(fields) > MAX_MEMBERS:
        raise _TooMany(f"holds more than {MAX_MEMBERS} members")
    return fields


def _counted_members(text: bytes | memoryview) -> dict[str, msgspec.Raw]:
    met = itertools.count(1)

    def name(_: type, text: str) -> _Name:
        if next(met) > MAX_MEMBERS:
            raise _TooMany(f"holds more than {MAX_MEMBERS} members")
        if len(text) > MAX_NAME:
            raise _TooMany(f"holds a name of more than {MAX_NAME} characters")
        return _Name(text)

    decoder = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=name)
    return {str(key): value for key, value in decoder.decode(text).items()}


def _check_text(body: bytes) -> None:
    if not body:
        raise BadRequest("body is empty, expected a json object")
    if body.startswith(codecs.BOM_UTF8):
        raise BadRequest("body begins with a byte order mark, expected a json object")
    if body.isascii():
        return
    view, position = memoryview(body), 0
    try:
        while position < len(body):
            chunk = view[position : position + _UTF8_CHUNK]
            position += codecs.utf_8_decode(chunk, "strict", position + len(chunk) == len(body))[1]
    except UnicodeDecodeError as error:
        raise BadRequest(f"body is not valid utf-8 at byte {position + error.start}") from None


def _check_brackets(body: bytes) -> None:
    if len(body) > _LARGE_BODY and body.count(b"[") + body.count(b"{") > MAX_BRACKETS:
        raise BadRequest(f"body holds more than {MAX_BRACKETS} brackets")


def _decode(body: bytes) -> tuple[bytes, dict[str, msgspec.Raw]]:
    """The members of `body`, and the text of equal length that they are slices of."""
    try:
        return body, _members(body)
    except msgspec.ValidationError as error:
        raise BadRequest(f"body: {lower(str(error))}") from None
    except msgspec.DecodeError as error:
        mended = _without_lone_surrogates(body)
        if mended == body:
            raise BadRequest(_malformed(body, error)) from None
    try:
        return mended, _members(mended)
    except msgspec.DecodeError as error:
        raise BadRequest(_malformed(body, error)) from None


def _without_lone_surrogates(body: bytes) -> bytes:
    r"""`body` with U+FFFD for every lone surrogate escape, each byte else in its place.

    JSON allows `\ud800` alone; the decoder does not. Escaped backslashes are hidden as NULs
    meanwhile, so that every backslash begins an escape; a body with NULs of its own is not JSON,
    and one of more backslashes than the longest text needs is not mended.
    """
    if b"\0" in body or body.count(b"\\") > MAX_MENDED_BACKSLASHES:
        return body
    hidden = body.replace(rb"\\", b"\0\0") if rb"\\" in body else body
    mended, found = _LONE_SURROGATE.subn(rb"\\ufffd", hidden, MAX_LONE_SURROGATES + 1)
    if found > MAX_LONE_SURROGATES:
        raise _TooMany(f"holds more than {MAX_LONE_SURROGATES} lone surrogates")
    if not found:
        return body
    return mended if hidden is body else mended.replace(b"\0\0", rb"\\")


def _malformed(body: bytes, error: msgspec.DecodeError) -> str:
    found = _FOUND.match(str(error))
    what, byte = found.group("what", "byte") if found else ("", None)
    return f"body is not valid json: {lower(what)} at byte {byte or len(body)}"


def lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
