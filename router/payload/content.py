"""Messages and their content as every chat-like API writes them, read and prepended to.

Knows the two forms of content, a string or an array of typed parts, and the roles that count as
system. Which member of the body holds messages is left to the dialects.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import msgspec

from router.errors import BadRequest
from router.payload.arrays import MAX_ITEMS, ArrayDecoder, TooManyItems
from router.payload.document import NULL, Pieces, encode, kind, lower
from router.payload.edit import SystemPrompt, SystemPromptMode
from router.request import Turn

SYSTEM_ROLES = frozenset({"system", "developer"})
TEXT_TYPES = frozenset({None, "text", "input_text", "output_text"})
IMAGE_TYPES = frozenset({"image", "image_url", "input_image"})

# Of a longer conversation, and of a longer content, the latest items are read: signals need no
# more.
MAX_READ = 1024

_EMPTY = re.compile(rb'null|""|\[[ \t\n\r]*+\]')

T = TypeVar("T")


class Part(msgspec.Struct, gc=False):
    """One part of a multimodal content; text stays raw as some types keep other things there."""

    type: str | None = None
    text: msgspec.Raw = NULL


class Message(msgspec.Struct, gc=False):
    """One message of a conversation."""

    role: str
    content: msgspec.Raw = NULL


class Content(NamedTuple):
    """What a content says: its text parts joined by newlines, and whether there are images."""

    text: str = ""
    has_images: bool = False
    parts: int = 0


class Conversation(NamedTuple):
    """The turns that are read, the joined text of the system messages, and the images' presence."""

    turns: tuple[Turn, ...]
    system: str
    has_images: bool


_STRING = msgspec.json.Decoder(str)
_PARTS: ArrayDecoder[str | Part] = ArrayDecoder(str | Part)
_MESSAGES: ArrayDecoder[Message] = ArrayDecoder(Message)


def wrong(what: str, param: str) -> BadRequest:
    return BadRequest(f"{param}: {what}", param=param)


def invalid(error: msgspec.ValidationError, param: str) -> BadRequest:
    """A type error inside the member `param`, named by its place and without its value."""
    what, place = _found(error)
    return wrong(what, f"{param}{place}")


def read_array(decoder: ArrayDecoder[T], value: msgspec.Raw, param: str, items: str) -> list[T]:
    """The array's items, at least one; `items` is what the client calls them."""
    try:
        found = decoder.decode(value)
    except TooManyItems:
        raise wrong(f"holds more than {MAX_ITEMS} {items}s", param) from None
    except msgspec.ValidationError as error:
        raise invalid(error, param) from None
    if not found:
        raise wrong(f"is empty, expected at least one {items}", param)
    return found


def _found(error: msgspec.ValidationError) -> tuple[str, str]:
    """What the decoder found, and where: its messages end in a path that begins with `$`."""
    what, _, place = str(error).partition(" - at `$")
    return lower(what), place.removesuffix("`")


def read_string(value: msgspec.Raw, param: str) -> str:
    if kind(value) != '"':
        raise wrong("expected a string", param)
    return _STRING.decode(value)


def read_messages(value: msgspec.Raw, param: str) -> list[Message]:
    if kind(value) == "n":
        raise wrong("is missing, expected an array of messages", param)
    return read_array(_MESSAGES, value, param, "message")


def read_conversation(messages: Sequence[Message], param: str) -> Conversation:
    """The last MAX_READ messages, and all system messages; the contents of all are checked."""
    turns: list[Turn] = []
    system: list[str] = []
    images = False
    parts = index = 0
    unread = len(messages) - MAX_READ
    try:
        for index, message in enumerate(messages):
            is_system = message.role in SYSTEM_ROLES
            if index < unread and not is_system:
                _check(message.content)
                continue
            content = _read(message.content)
            parts += content.parts
            if parts > MAX_ITEMS:
                raise wrong(f"holds more than {MAX_ITEMS} parts of contents", param)
            if is_system:
                system.append(content.text)
            else:
                images = images or content.has_images
                turns.append(Turn(message.role, content.text))
    except _Misfit as misfit:
        raise wrong(misfit.what, f"{param}[{index}].content{misfit.place}") from None
    return Conversation(tuple(turns), join(system), images)


def join(texts: Sequence[str]) -> str:
    """System texts as one, empty ones left out."""
    return "\n\n".join(text for text in texts if text)


def read_content(value: msgspec.Raw, param: str) -> Content:
    try:
        return _read(value)
    except _Misfit as misfit:
        raise wrong(misfit.what, f"{param}{misfit.place}") from None


class _Misfit(Exception):
    """A content of a wrong type; `place` is where inside it. Whose content, the caller knows."""

    def __init__(self, what: str, place: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.place = place


def _read(value: msgspec.Raw) -> Content:
    match _check(value):
        case '"':
            return Content(_STRING.decode(value))
        case "[":
            return _read_parts(value)
        case _:
            return Content()


def _check(value: msgspec.Raw) -> str:
    found = kind(value)
    if found not in '"[n':
        raise _Misfit("expected a string or an array of parts")
    return found


def _read_parts(value: msgspec.Raw) -> Content:
    try:
        parts = _PARTS.decode(value)
    except TooManyItems:
        raise _Misfit(f"holds more than {MAX_ITEMS} parts") from None
    except msgspec.ValidationError as error:
        raise _Misfit(*_found(error)) from None
    unread = max(0, len(parts) - MAX_READ)
    texts = [_part_text(part, index) for index, part in enumerate(parts[unread:], unread)]
    images = any(isinstance(part, Part) and part.type in IMAGE_TYPES for part in parts[unread:])
    return Content("\n".join(text for text in texts if text), images, len(parts))


def _part_text(part: str | Part, index: int) -> str:
    if isinstance(part, str):
        return part
    if part.type not in TEXT_TYPES or (found := kind(part.text)) == "n":
        return ""
    if found != '"':
        raise _Misfit("expected a string", f"[{index}].text")
    return _STRING.decode(part.text)


def first_system(messages: Sequence[Message]) -> int | None:
    """The index of the message that a system prompt replaces or is inserted into."""
    return next((i for i, message in enumerate(messages) if message.role in SYSTEM_ROLES), None)


def with_prompt(prompt: SystemPrompt, content: memoryview) -> Pieces:
    """A content that holds `prompt` in place of, or in front of, the `content` there was.

    Inserted, the prompt and a blank line precede the existing text; an array gets them as a part of
    their own, put first.
    """
    if prompt.mode is SystemPromptMode.REPLACE or _EMPTY.fullmatch(content):
        return [encode(prompt.text)]
    lead = encode(prompt.text + "\n\n")
    if content[0] == ord('"'):
        return [lead[:-1], content[1:]]
    return [b'[{"type":"text","text":' + lead + b"},", content[1:]]
