"""What may be changed in a request body, and what a parsed body can do.

Knows the words of the edit; where each API keeps the fields is left to the dialects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import msgspec

from router.catalog import ReasoningFamily
from router.request import InferenceRequest


class SystemPromptMode(StrEnum):
    """How a decision's system prompt meets the client's own."""

    REPLACE = "replace"
    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class SystemPrompt:
    """A system prompt to put in place of the client's, or in front of it."""

    text: str = field(repr=False)
    mode: SystemPromptMode = SystemPromptMode.REPLACE


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Whether the model shall reason, said in the words of its family."""

    family: ReasoningFamily
    enabled: bool
    effort: str | None = None


class Edit(msgspec.Struct, frozen=True):
    """The changes to one body; what is None stays as the client sent it."""

    model: str | None = None
    system_prompt: SystemPrompt | None = None
    reasoning: Reasoning | None = None


class Payload(Protocol):
    """A parsed request body."""

    @property
    def request(self) -> InferenceRequest: ...

    @property
    def takes_system_prompt(self) -> bool:
        """Whether the API has a place for a system prompt; where not, rewrite leaves it out."""
        ...

    def rewrite(self, edit: Edit) -> bytes:
        """The body with `edit` applied and every other byte the client's.

        An edit that changes nothing returns the very bytes object that was parsed.
        """
        ...
