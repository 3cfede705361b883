"""Messages and their content as every chat-like API writes them, read and prepended to.

Knows the two forms of content, a string or an array of typed parts, and the roles that count as
system. Which member of the body holds messages is left to the dialects.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from router.errors import BadRequest
from router.payload.document import NULL, Pieces, encode, kind, lower
from router.payload.edit import SystemPrompt, SystemPromptMode
from router.request import Turn

SYSTEM_ROLES = frozenset({"system", "developer"})
TEXT_TYPES = frozenset({None, "text", "input_text", "output_text"})
IMAGE_TYPES = frozenset({"image", "image_url", "input_image"})

# Of a longer conversation, and of a longer content, the latest items are read: signals need no
# more, and a body of a million tiny items must not hold up the requests beside it.
MAX_ITEMS = 1024

_EMPTY = re.compile(rb'null|""|\[[ \t\n\r]*\]')


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


class Conversation(NamedTuple):
    """The turns that are read, the joined text of the system messages, and the images' presence."""

    turns: tuple[Turn, ...]
    system: str
    has_images: bool


_STRING = msgspec.json.Decoder(str)
_PARTS = msgspec.json.Decoder(list[str | Part])
_MESSAGES = msgspec.json.Decoder(list[Message])


def wrong(what: str, param: str) -> BadRequest:
    return BadRequest(f"{param}: {what}", param=param)


def invalid(error: msgspec.ValidationError, param: str) -> BadRequest:
    """A type error inside the member `param`, named by its place and without its value."""
    what, place = _found(error)
    return wrong(what, f"{param}{place}")


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
    try:
        messages = _MESSAGES.decode(value)
    except msgspec.ValidationError as error:
        raise invalid(error, param) from None
    if not messages:
        raise wrong("is empty, expected at least one message", param)
    return messages


def read_conversation(messages: Sequence[Message], param: str) -> Conversation:
    """The last MAX_ITEMS messages, and all system messages; the contents of all are checked."""
    turns: list[Turn] = []
    system: list[str] = []
    images = False
    unread = len(messages) - MAX_ITEMS
    index = 0
    try:
        for index, message in enumerate(messages):
            if message.role in SYSTEM_ROLES:
                system.append(_read(message.content).text)
            elif index < unread:
                _check(message.content)
            else:
                content = _read(message.content)
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
    except msgspec.ValidationError as error:
        raise _Misfit(*_found(error)) from None
    unread = max(0, len(parts) - MAX_ITEMS)
    texts = [_part_text(part, index) for index, part in enumerate(parts[unread:], unread)]
    images = any(isinstance(part, Part) and part.type in IMAGE_TYPES for part in parts[unread:])
    return Content("\n".join(text for text in texts if text), images)


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
