from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import ClassifierFailed
from router.mcp_client.answers import payload, read_answer, read_categories

SECRET = "May I sublet?"


@dataclass
class Block:
    text: Any


@dataclass
class Result:
    """As the SDK's, as far as it is read."""

    content: list[Any] = field(default_factory=list)
    structured_content: Any = None
    is_error: bool = False


def complaint(read: Any, *arguments: Any) -> str:
    with pytest.raises(ClassifierFailed) as caught:
        read(*arguments)
    message = str(caught.value)
    assert SECRET not in message
    assert "\n" not in message
    return message


def text(value: Any) -> Result:
    return Result([Block(value if isinstance(value, str) else json.dumps(value))])


OBJECT = {"class": 0, "confidence": 0.5}


@pytest.mark.parametrize(
    "result",
    [
        text(OBJECT),
        Result([Block("{}")], OBJECT),
        Result([], {"result": OBJECT}),
        Result([], {"result": json.dumps(OBJECT)}),
        Result([Block(json.dumps(OBJECT)), Block("and more")]),
    ],
    ids=["text", "structured", "wrapped", "wrapped text", "first block"],
)
def test_the_object_is_found_wherever_servers_put_it(result: Result) -> None:
    assert payload(result) == OBJECT


UNREADABLE = {
    "nothing": (Result(), "mcp answer: expected content that begins with text"),
    "an image": (Result([object()]), "mcp answer: expected content that begins with text"),
    "a number as text": (
        Result([Block(1)]),
        "mcp answer: expected content that begins with text",
    ),
    "prose": (text(SECRET), "mcp answer: expected text that is json"),
    "nan": (text('{"confidence": NaN}'), "mcp answer: expected text that is json"),
    "nested without end": (text("[" * 100_000), "mcp answer: expected text that is json"),
    "half a character": (text('"\ud800"'), "mcp answer: expected text that is json"),
    "a list": (text([SECRET]), "mcp answer: expected a json object"),
    "structured list": (Result([], [SECRET]), "mcp answer: expected a json object"),
    "a wrapped number": (Result([], {"result": 1}), "mcp answer: expected a json object"),
    "an error": (Result([Block(SECRET)], is_error=True), "the mcp tool reported an error"),
    "an error object": (text({"error": SECRET}), "the mcp tool answered with an error"),
}


@pytest.mark.parametrize(("result", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_object_is_a_failure_that_quotes_nothing(result: Result, message: str) -> None:
    assert complaint(payload, result) == message


def test_an_error_that_is_null_is_none() -> None:
    assert payload(text({**OBJECT, "error": None}))["class"] == 0


def test_fields_are_read_and_others_passed_over() -> None:
    answer = read_answer({"class": 1, "confidence": 1, "note": SECRET}, ("law", "health"))
    assert (answer.class_index, answer.confidence, answer.model) == (1, 1.0, None)


LIES = {
    "class as text": ({"class": "law", "confidence": 1}, "class: expected `int | null`, got `str`"),
    "class as truth": ({"class": True, "confidence": 1}, "class: expected"),
    "class with a fraction": ({"class": 0.5, "confidence": 1}, "class: expected"),
    "confidence as text": ({"class": 0, "confidence": "0.9"}, "confidence: expected"),
    "confidence as truth": ({"class": 0, "confidence": True}, "confidence: expected"),
    "no confidence": ({"class": 0}, "confidence: missing, expected a number from 0 to 1"),
    "confidence above 1": ({"class": 0, "confidence": 1.5}, "a number from 0 to 1"),
    "confidence below 0": ({"class": 0, "confidence": -0.1}, "a number from 0 to 1"),
    "confidence nan": ({"class": 0, "confidence": math.nan}, "a number from 0 to 1"),
    "confidence infinite": ({"class": 0, "confidence": math.inf}, "a number from 0 to 1"),
    "confidence beyond floats": ({"class": 0, "confidence": 10**400}, "confidence"),
    "category as a number": ({"category": 7, "confidence": 1}, "category: expected"),
    "model as a list": ({"model": [SECRET], "confidence": 1}, "model: expected"),
    "reasoning as text": (
        {"category": "law", "confidence": 1, "use_reasoning": SECRET},
        "use_reasoning: expected",
    ),
    "probabilities as text": (
        {"class": 0, "confidence": 1, "probabilities": SECRET},
        "probabilities: expected",
    ),
    "a probability as text": (
        {"class": 0, "confidence": 1, "probabilities": [0.5, SECRET]},
        "probabilities[1]: expected",
    ),
    "a probability that is nan": (
        {"class": 0, "confidence": 1, "probabilities": [0.5, math.nan]},
        "probabilities: expected numbers from 0 to 1",
    ),
    "a probability below 0": (
        {"class": 0, "confidence": 1, "probabilities": [1.1, -0.1]},
        "probabilities: expected numbers from 0 to 1",
    ),
    "a probability too many": (
        {"class": 0, "confidence": 1, "probabilities": [0.5, 0.3, 0.2]},
        "probabilities: expected one for each of the 2 categories",
    ),
    "probabilities without end": (
        {"class": 0, "confidence": 1, "probabilities": [0.0] * 5000},
        "probabilities: expected",
    ),
}


@pytest.mark.parametrize(("value", "message"), LIES.values(), ids=LIES)
def test_a_lie_is_a_failure_that_names_the_field(value: dict[str, Any], message: str) -> None:
    found = complaint(read_answer, value, ("law", "health"))
    assert found.startswith("mcp answer: ")
    assert message.replace("`", "") in found


def test_a_lookup_that_names_a_model_need_not_say_how_sure_it_is() -> None:
    assert read_answer({"lora_name": "tenant-a"}, ()).names_model


def test_probabilities_may_have_any_length_where_no_categories_are_listed() -> None:
    answer = read_answer({"category": "law", "confidence": 1, "probabilities": [0.5] * 3}, ())
    assert answer.probabilities == [0.5] * 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    ["class", "category", "confidence", "probabilities", "model", "lora_name", "use_reasoning"]
)


@settings(deadline=None)
@given(st.dictionaries(fields, json_values))
def test_any_object_is_an_answer_or_a_failure(value: dict[str, Any]) -> None:
    try:
        answer = read_answer(value, ())
    except ClassifierFailed:
        return
    assert answer.confidence is None or 0 <= answer.confidence <= 1
    assert answer.entropy() is None or 0 <= answer.entropy() <= 1.000001


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [([1.0, 0.0], 0.0), ([0.5, 0.5], 1.0), ([0.0, 0.0], 0.0), ([0.7, 0.2, 0.1], 0.7298)],
)
def test_entropy_goes_from_certainty_to_none(probabilities: list[float], expected: float) -> None:
    answer = read_answer({"class": 0, "confidence": 1, "probabilities": probabilities}, ())
    assert answer.entropy() == pytest.approx(expected, abs=1e-4)


def test_without_probabilities_there_is_no_entropy() -> None:
    assert read_answer({"class": 0, "confidence": 1}, ()).entropy() is None


def test_categories_are_names_in_order() -> None:
    assert read_categories({"categories": ["law", "健康"]}) == ("law", "健康")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"categories": "law"},
        {"categories": ["law", 7]},
        {"categories": ["law", ""]},
        {"categories": ["law\nset-cookie: x"]},
        {"categories": ["x" * 300]},
        {"categories": ["law"] * 5000},
    ],
    ids=lambda value: str(value)[:40],
)
def test_categories_of_another_shape_are_a_failure(value: dict[str, Any]) -> None:
    assert complaint(read_categories, value).startswith("mcp answer: categories: expected")
