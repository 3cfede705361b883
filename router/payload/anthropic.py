"""The Anthropic messages API, as vLLM serves it.

The system prompt is the top-level `system`, a string or an array of text blocks. Reasoning goes
into `chat_template_kwargs`, which vLLM reads here too; the API has no definite field for an effort,
so families that are told an effort are left alone.
"""

from __future__ import annotations

from router.catalog import ReasoningStyle
from router.payload.body import RequestBody
from router.payload.content import (
    join,
    read_content,
    read_conversation,
    read_messages,
    with_prompt,
)
from router.payload.edit import Reasoning, SystemPrompt
from router.payload.facts import read_text
from router.payload.reasoning import TEMPLATE_ARGUMENTS, Changes, check_object, template_argument
from router.request import Api, Prompt


class Messages(RequestBody):
    """`/v1/messages`."""

    api = Api.MESSAGES

    def _read_prompt(self) -> Prompt:
        check_object(self._body, TEMPLATE_ARGUMENTS)
        messages = read_messages(self._body.get("messages"), "messages")
        turns, system, has_images = read_conversation(messages, "messages")
        return Prompt(
            turns=turns,
            system=join([read_content(self._body.get("system"), "system").text, system]),
            has_images=has_images,
            has_tools=self._has_items("tools"),
        )

    def _read_user(self) -> str | None:
        return read_text(self._metadata, ("user_id",))

    def _system_prompt_change(self, prompt: SystemPrompt) -> Changes:
        return {"system": with_prompt(prompt, self._body.view("system"))}

    def _reasoning_change(self, reasoning: Reasoning) -> Changes:
        if reasoning.family.style is ReasoningStyle.CHAT_TEMPLATE_KWARGS:
            return template_argument(self._body, reasoning)
        return {}
