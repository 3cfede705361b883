"""What a tool's answer says, read strictly: shapes, types and ranges.

Whether the names in it mean anything here is the signal's matter. A complaint names the field and
what was expected of it, never what was found: that may quote the prompt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta

from router.config.texts import header_safe
from router.errors import ClassifierFailed

MAX_CATEGORIES = 4096
_ROUNDED_UP = 1.001  # what is left of 1 after arithmetic in half precision


class ToolResult(Protocol):
    """A tool's result, as the SDK hands it over."""

    @property
    def content(self) -> Sequence[Any]: ...

    @property
    def structured_content(self) -> Any: ...

    @property
    def is_error(self) -> bool: ...


class Answer(msgspec.Struct, frozen=True, rename={"class_index": "class"}):
    """What the classifying tool said; a field that it left out is None.

    `class_index` counts the categories that the server lists, `probabilities` are in their order.
    """

    category: str | None = None
    class_index: int | None = None
    confidence: float | None = None
    probabilities: Annotated[list[float], Meta(max_length=MAX_CATEGORIES)] | None = None
    model: str | None = None
    lora_name: str | None = None
    use_reasoning: bool | None = None

    @property
    def names_model(self) -> bool:
        """Whether the answer names who shall serve the request."""
        return self.model is not None or self.lora_name is not None

    def entropy(self) -> float | None:
        """How undecided the probabilities are: 0 for one certain category, 1 for all alike."""
        if self.probabilities is None or len(self.probabilities) < 2:
            return None
        total = math.fsum(self.probabilities)
        shares = [p / total for p in self.probabilities if p > 0] if total > 0 else []
        return abs(math.fsum(-s * math.log(s) for s in shares)) / math.log(len(self.probabilities))


def payload(result: ToolResult) -> dict[str, Any]:
    """The JSON object that a tool answered with. Raises ClassifierFailed.

    Structured content goes first; a server that declares its tool's result as text or as a mapping
    may have wrapped it as `result`.
    """
    if result.is_error:
        raise ClassifierFailed("the mcp tool reported an error")
    value = result.structured_content
    if isinstance(value, dict) and value.keys() == {"result"}:
        value = value["result"]
    if value is None:
        value = _text(result.content)
    if isinstance(value, str):
        value = _decoded(value)
    if not isinstance(value, dict):
        raise ClassifierFailed("mcp answer: expected a json object")
    if value.get("error") is not None:
        raise ClassifierFailed("the mcp tool answered with an error")
    return value


def _text(content: Sequence[Any]) -> str:
    text = getattr(content[0], "text", None) if content else None
    if not isinstance(text, str):
        raise ClassifierFailed("mcp answer: expected content that begins with text")
    return text


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        raise ClassifierFailed("mcp answer: expected text that is json") from None


def read_categories(value: Mapping[str, Any]) -> tuple[str, ...]:
    """The names that `list_categories` answered with, in order. Raises ClassifierFailed."""
    names = value.get("categories")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ClassifierFailed("mcp answer: categories: expected a list of texts")
    if len(names) > MAX_CATEGORIES:
        raise ClassifierFailed(f"mcp answer: categories: expected at most {MAX_CATEGORIES}")
    for name in names:
        try:
            header_safe(name)
        except ValueError:
            raise ClassifierFailed(
                "mcp answer: categories: expected printable names, not blank, not padded, "
                "not too long"
            ) from None
    return tuple(names)


def read_answer(value: Mapping[str, Any], categories: Sequence[str]) -> Answer:
    """The classifying tool's answer; `categories` are those the server lists, if it does.

    Raises ClassifierFailed.
    """
    try:
        answer = msgspec.convert(value, Answer)
    except (ValueError, OverflowError, RecursionError) as error:
        raise ClassifierFailed(f"mcp answer: {_complaint(error)}") from None
    _check_confidence(answer)
    _check_probabilities(answer, categories)
    return answer


def _complaint(error: Exception) -> str:
    """msgspec's words, which name types and places only, in our order."""
    found, _, path = str(error).partition(" - at `$")
    return f"{path.strip('.`') or 'the object'}: {found[:1].lower()}{found[1:].replace('`', '')}"


def _check_confidence(answer: Answer) -> None:
    # A chain of comparisons is false for nan.
    if answer.confidence is not None and not 0 <= answer.confidence <= 1:
        raise ClassifierFailed("mcp answer: confidence: expected a number from 0 to 1")
    if answer.confidence is None and not answer.names_model:
        raise ClassifierFailed("mcp answer: confidence: missing, expected a number from 0 to 1")


def _check_probabilities(answer: Answer, categories: Sequence[str]) -> None:
    if answer.probabilities is None:
        return
    if not all(0 <= p <= _ROUNDED_UP for p in answer.probabilities):
        raise ClassifierFailed("mcp answer: probabilities: expected numbers from 0 to 1")
    if categories and len(answer.probabilities) != len(categories):
        raise ClassifierFailed(
            f"mcp answer: probabilities: expected one for each of the {len(categories)} categories"
        )
