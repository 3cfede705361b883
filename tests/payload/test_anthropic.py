"""The Anthropic messages dialect: what is read, and where a system prompt goes."""

from __future__ import annotations

import json

import pytest

from router.errors import BadRequest
from router.payload import Edit, SystemPrompt, SystemPromptMode, parse
from router.request import Api, InferenceRequest, Turn

DOCTOR = "You are a doctor."
MESSAGES = [{"role": "user", "content": "hello"}]


def body_of(**fields: object) -> bytes:
    return json.dumps({"model": "MoM", "max_tokens": 5, "messages": MESSAGES, **fields}).encode()


def read(**fields: object) -> InferenceRequest:
    return parse(Api.MESSAGES, body_of(**fields)).request


def system_after(mode: SystemPromptMode, **fields: object) -> object:
    rewritten = parse(Api.MESSAGES, body_of(**fields)).rewrite(
        Edit(system_prompt=SystemPrompt(DOCTOR, mode))
    )
    after = json.loads(rewritten)
    system = after.pop("system")
    fields.pop("system", None)
    assert after == json.loads(body_of(**fields))
    return system


@pytest.mark.parametrize(
    "system",
    [
        "be kind\nbe short",
        [{"type": "text", "text": "be kind"}, {"type": "text", "text": "be short"}],
    ],
)
def test_the_system_text_is_read_from_a_string_or_from_blocks(system: object) -> None:
    assert read(system=system).prompt.system == "be kind\nbe short"


def test_a_tool_result_is_not_what_the_user_asked() -> None:
    result = {"role": "user", "content": [{"type": "tool_result", "content": "42"}]}
    call = {"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {}}]}
    prompt = read(messages=[*MESSAGES, call, result], tools=[{"name": "f"}]).prompt
    assert prompt.turns == (Turn("user", "hello"), Turn("assistant", ""), Turn("user", ""))
    assert prompt.text == "hello"
    assert prompt.has_tools


def test_images_are_noticed() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "AAAA"}}
    assert read(messages=[{"role": "user", "content": [image]}]).prompt.has_images
    assert not read().prompt.has_images


@pytest.mark.parametrize(
    ("metadata", "user"),
    [({"user_id": "ann"}, "ann"), ({"user_id": None}, None), ({"user_id": 5}, None), (None, None)],
)
def test_the_user_is_the_one_of_the_metadata(metadata: object, user: str | None) -> None:
    assert read(metadata=metadata).user == user


@pytest.mark.parametrize("system", ["be kind", [{"type": "text", "text": "be kind"}], None])
def test_replace_writes_a_string_whatever_was_there(system: object) -> None:
    assert system_after(SystemPromptMode.REPLACE, system=system) == DOCTOR


def test_a_system_prompt_is_added_where_there_is_none() -> None:
    assert system_after(SystemPromptMode.REPLACE) == DOCTOR
    assert system_after(SystemPromptMode.INSERT) == DOCTOR


def test_insert_precedes_the_clients_string() -> None:
    inserted = system_after(SystemPromptMode.INSERT, system="be kind")
    assert inserted == "You are a doctor.\n\nbe kind"


def test_insert_precedes_the_clients_blocks_which_keep_their_cache_marks() -> None:
    block = {"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}
    inserted = system_after(SystemPromptMode.INSERT, system=[block])
    assert inserted == [{"type": "text", "text": "You are a doctor.\n\n"}, block]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "hi"}]}, "messages[0]"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"system": 5}, "system"),
        ({"system": [5]}, "system[0]"),
    ],
)
def test_a_body_of_a_wrong_form_is_refused_by_its_place(
    fields: dict[str, object], param: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        read(**fields)
    assert caught.value.param == param
