"""The OpenAI APIs: chat completions, completions and responses, as vLLM serves them.

Knows where each keeps its prompt, its system prompt and its reasoning switch.
"""

from __future__ import annotations

import re

import msgspec

from router.catalog import ReasoningStyle
from router.payload.arrays import ArrayDecoder
from router.payload.body import RequestBody, is_json_format
from router.payload.content import (
    Message,
    first_system,
    join,
    read_array,
    read_conversation,
    read_messages,
    read_string,
    with_prompt,
    wrong,
)
from router.payload.document import NULL, encode, item_span, kind, nested
from router.payload.edit import Reasoning, SystemPrompt
from router.payload.reasoning import (
    TEMPLATE_ARGUMENTS,
    Changes,
    check_object,
    effort,
    merged,
    template_argument,
)
from router.request import Api, Prompt, Turn


class Item(msgspec.Struct, gc=False):
    """One item of a responses input: a message, or a tool's call or output, or other things."""

    type: str | None = None
    role: str | None = None
    id: msgspec.Raw = NULL
    content: msgspec.Raw = NULL
    output: msgspec.Raw = NULL


class TextOptions(msgspec.Struct):
    """The `text` member of a responses request."""

    format: msgspec.Raw = NULL


_ITEMS: ArrayDecoder[Item] = ArrayDecoder(Item)
_STRINGS: ArrayDecoder[str] = ArrayDecoder(str)
_FIRST = re.compile(rb"\[[ \t\n\r]*+(?P<item>.)")
_QUOTE = re.compile(rb'"')
_TEXT_OPTIONS = msgspec.json.Decoder(TextOptions)


class ChatCompletions(RequestBody):
    """`/v1/chat/completions`: the system prompt is a message of role system or developer."""

    api = Api.CHAT_COMPLETIONS
    limits = ("max_completion_tokens", "max_tokens")

    def _read_prompt(self) -> Prompt:
        check_object(self._body, TEMPLATE_ARGUMENTS)
        messages = read_messages(self._body.get("messages"), "messages")
        self._system = first_system(messages)
        turns, system, has_images = read_conversation(messages, "messages")
        return Prompt(
            turns=turns,
            system=system,
            has_images=has_images,
            has_tools=self._has_items("tools") or self._has_items("functions"),
            json_mode=is_json_format(self._body.get("response_format")),
        )

    def _system_prompt_change(self, prompt: SystemPrompt) -> Changes:
        span = self._body.spans["messages"]
        view = memoryview(self._body.source)
        if self._system is None:
            first = b'[{"role":"system","content":' + encode(prompt.text) + b"},"
            return {"messages": [first, view[span.start + 1 : span.end]]}
        place = item_span(self._body.text, span, self._system)
        name = f"messages[{self._system}]"
        message = nested(self._body.source, self._body.text, place, name)
        changed = message.replace({"content": with_prompt(prompt, message.view("content"))})
        return {"messages": [view[span.start : place.start], *changed, view[place.end : span.end]]}

    def _reasoning_change(self, reasoning: Reasoning) -> Changes:
        if reasoning.family.style is ReasoningStyle.CHAT_TEMPLATE_KWARGS:
            return template_argument(self._body, reasoning)
        name = reasoning.family.parameter
        wanted = effort(reasoning, chosen_by_client=kind(self._body.get(name)) != "n")
        return {name: [encode(wanted)]} if wanted else {}


class Completions(RequestBody):
    """`/v1/completions`: plain text in, so there is neither a system prompt nor a template."""

    api = Api.COMPLETIONS
    takes_system_prompt = False

    def _read_prompt(self) -> Prompt:
        text = self._read_text()
        return Prompt(
            turns=(Turn("user", text),) if text else (),
            json_mode=is_json_format(self._body.get("response_format")),
        )

    def _read_text(self) -> str:
        """The prompt, or several joined by newlines; token ids have no text."""
        value = self._body.get("prompt")
        match kind(value):
            case '"':
                return read_string(value, "prompt")
            case "[":
                return _read_prompts(value)
            case "n" if "prompt_embeds" in self._body.fields:
                return ""
            case "n":
                raise wrong("is missing, expected a string or an array", "prompt")
            case _:
                raise wrong("expected a string or an array", "prompt")

    def _system_prompt_change(self, prompt: SystemPrompt) -> Changes:
        return {}

    def _reasoning_change(self, reasoning: Reasoning) -> Changes:
        return {}


class Responses(RequestBody):
    """`/v1/responses`: the system prompt is `instructions`; system items of the input stay."""

    api = Api.RESPONSES
    limits = ("max_output_tokens",)

    def _read_prompt(self) -> Prompt:
        check_object(self._body, TEMPLATE_ARGUMENTS)
        check_object(self._body, "reasoning")
        turns, system, has_images = read_conversation(self._read_input(), "input")
        return Prompt(
            turns=turns,
            system=join([self._read_instructions(), system]),
            has_images=has_images,
            has_tools=self._has_items("tools"),
            json_mode=self._is_json_mode(),
        )

    def _read_input(self) -> list[Message]:
        value = self._body.get("input")
        match kind(value):
            case '"':
                return [Message("user", value)]
            case "[":
                return _read_items(value)
            case "n":
                raise wrong("is missing, expected a string or an array of items", "input")
            case _:
                raise wrong("expected a string or an array of items", "input")

    def _read_instructions(self) -> str:
        value = self._body.get("instructions")
        return "" if kind(value) == "n" else read_string(value, "instructions")

    def _is_json_mode(self) -> bool:
        value = self._body.get("text")
        return kind(value) == "{" and is_json_format(_TEXT_OPTIONS.decode(value).format)

    def _system_prompt_change(self, prompt: SystemPrompt) -> Changes:
        return {"instructions": with_prompt(prompt, self._body.view("instructions"))}

    def _reasoning_change(self, reasoning: Reasoning) -> Changes:
        if reasoning.family.style is ReasoningStyle.CHAT_TEMPLATE_KWARGS:
            return template_argument(self._body, reasoning)
        wanted = effort(reasoning, chosen_by_client=self._chose_effort())
        return merged(self._body, "reasoning", "effort", encode(wanted)) if wanted else {}

    def _chose_effort(self) -> bool:
        if kind(self._body.get("reasoning")) == "n":
            return False
        return kind(self._body.child("reasoning").get("effort")) != "n"


def _read_prompts(value: msgspec.Raw) -> str:
    """Several prompts; token ids have no text, and may be very many: they are not decoded."""
    text = memoryview(value)
    first = _FIRST.match(text)
    if first and first["item"] not in b'"]':
        if _QUOTE.search(text):
            raise wrong("expected either strings or token ids", "prompt")
        return ""
    return "\n".join(read_array(_STRINGS, value, "prompt", "prompt"))


def _read_items(value: msgspec.Raw) -> list[Message]:
    items = read_array(_ITEMS, value, "input", "item")
    return [_as_message(item, index) for index, item in enumerate(items)]


def _as_message(item: Item, index: int) -> Message:
    """The item as a message; what a model did besides speaking is a turn of its without text."""
    if item.role is not None:
        return Message(item.role, item.content)
    if item.type is None and kind(item.id) == '"' and kind(item.content) == "n":
        return Message("assistant")  # a reference to an item of an earlier response
    if item.type is None or item.type == "message":
        raise wrong("object missing required field `role`", f"input[{index}]")
    if item.type.endswith("_output"):
        return Message("tool", item.output if kind(item.output) in '"[' else NULL)
    return Message("assistant")
