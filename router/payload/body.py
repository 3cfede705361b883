"""What every API's request body has in common: model, stream, user, limits, and how edits combine.

Leaves to the dialects where an API keeps its prompt, its system prompt and its reasoning switch.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import ClassVar

import msgspec

from router.errors import BadRequest
from router.payload.content import read_string, wrong
from router.payload.document import JsonObject, encode, kind
from router.payload.edit import Edit, Reasoning, SystemPrompt
from router.payload.facts import read_metadata, read_positive, read_text, texts
from router.payload.reasoning import Changes
from router.request import Api, InferenceRequest, Prompt

# The name goes into answers and logs: no room for a prompt, no line breaks.
MAX_MODEL_NAME = 256
TOO_DEEP = "body is nested too deeply"

_NO_ITEMS = re.compile(rb"\[[ \t\n\r]*+\]")
_JSON_FORMATS = frozenset({"json_object", "json_schema"})


class Format(msgspec.Struct):
    """How the client wants the answer written."""

    type: str | None = None


_FORMAT = msgspec.json.Decoder(Format)


class RequestBody(ABC):
    """A parsed request body of one API."""

    api: ClassVar[Api]
    takes_system_prompt: ClassVar[bool] = True
    # The members that bound an answer's length, the first one first.
    limits: ClassVar[tuple[str, ...]] = ("max_tokens",)

    def __init__(self, body: JsonObject) -> None:
        self._body = body
        self._metadata = read_metadata(body.fields)
        self.request = InferenceRequest(
            api=self.api,
            model=self._read_model(),
            prompt=self._read_prompt(),
            stream=self._read_stream(),
            user=self._read_user(),
            metadata=texts(self._metadata),
            max_tokens=read_positive(body.fields, self.limits),
        )

    def rewrite(self, edit: Edit) -> bytes:
        """The body with `edit` applied; the very same object if that changes nothing."""
        try:
            changes = self._changes(edit)
        except RecursionError:
            # Parsed at a shallower stack than this one, with hardly a frame to spare.
            raise BadRequest(TOO_DEEP) from None
        source = self._body.source
        if not changes:
            return source
        body = b"".join(self._body.replace(changes))
        return source if body == source else body

    def _changes(self, edit: Edit) -> Changes:
        changes: Changes = {}
        if edit.model is not None and edit.model != self.request.model:
            changes["model"] = [encode(edit.model)]
        if edit.system_prompt is not None:
            changes |= self._system_prompt_change(edit.system_prompt)
        if edit.reasoning is not None:
            changes |= self._reasoning_change(edit.reasoning)
        return changes

    @abstractmethod
    def _read_prompt(self) -> Prompt: ...

    @abstractmethod
    def _system_prompt_change(self, prompt: SystemPrompt) -> Changes: ...

    @abstractmethod
    def _reasoning_change(self, reasoning: Reasoning) -> Changes: ...

    def _read_user(self) -> str | None:
        return read_text(self._body.fields, ("user", "safety_identifier"))

    def _read_model(self) -> str:
        value = self._body.get("model")
        if kind(value) == "n":
            raise wrong("is missing, expected the name of a model", "model")
        model = read_string(value, "model")
        if not model:
            raise wrong("is empty, expected the name of a model", "model")
        if len(model) > MAX_MODEL_NAME or not model.isprintable():
            raise wrong(f"expected at most {MAX_MODEL_NAME} printable characters", "model")
        return model

    def _read_stream(self) -> bool:
        found = kind(self._body.get("stream"))
        if found not in "tfn":
            raise wrong("expected true or false", "stream")
        return found == "t"

    def _has_items(self, name: str) -> bool:
        value = self._body.get(name)
        return kind(value) == "[" and not _NO_ITEMS.fullmatch(value)


def is_json_format(value: msgspec.Raw) -> bool:
    """Whether a response format asks for JSON; one of a form unknown to us does not."""
    if kind(value) != "{":
        return False
    try:
        return _FORMAT.decode(value).type in _JSON_FORMATS
    except msgspec.ValidationError:
        return False
