"""The OpenAI dialects: what is read from each body, and where a system prompt goes."""

from __future__ import annotations

import json

import pytest

from router.errors import BadRequest
from router.payload import Edit, SystemPrompt, SystemPromptMode, parse
from router.request import Api, Prompt, Turn

DOCTOR = SystemPrompt("You are a doctor.")
DOCTOR_FIRST = SystemPrompt("You are a doctor.", SystemPromptMode.INSERT)


def prompt_of(api: Api, **fields: object) -> Prompt:
    return parse(api, json.dumps({"model": "MoM", **fields}).encode()).request.prompt


def edited(api: Api, prompt: SystemPrompt, **fields: object) -> dict[str, object]:
    body = json.dumps({"model": "MoM", **fields}).encode()
    return json.loads(parse(api, body).rewrite(Edit(system_prompt=prompt)))


def chat(*messages: object, **fields: object) -> Prompt:
    return prompt_of(Api.CHAT_COMPLETIONS, messages=messages, **fields)


def chat_edited(prompt: SystemPrompt, *messages: object) -> object:
    return edited(Api.CHAT_COMPLETIONS, prompt, messages=messages)["messages"]


def message(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


USER = message("user", "hello")


def test_a_conversation_is_read_in_order_with_system_and_developer_set_apart() -> None:
    prompt = chat(
        message("system", "be kind"),
        message("user", "hi"),
        message("assistant", None),
        {"role": "tool", "content": "42", "tool_call_id": "x"},
        message("developer", "be short"),
    )
    assert prompt.turns == (Turn("user", "hi"), Turn("assistant", ""), Turn("tool", "42"))
    assert prompt.system == "be kind\n\nbe short"
    assert prompt.text == "hi"


def test_a_message_without_content_is_a_turn_without_text() -> None:
    assert chat({"role": "assistant", "tool_calls": []}).turns == (Turn("assistant", ""),)


def test_the_text_parts_of_multimodal_content_are_joined_and_images_are_noticed() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    text = [{"type": "text", "text": "what is"}, picture, {"type": "text", "text": "this?"}]
    prompt = chat(message("user", text))
    assert prompt.text == "what is\nthis?"
    assert prompt.has_images


@pytest.mark.parametrize(
    ("fields", "has_tools"),
    [
        ({}, False),
        ({"tools": []}, False),
        ({"tools": None}, False),
        ({"tools": [{"type": "function"}]}, True),
        ({"functions": [{"name": "f"}]}, True),
    ],
)
def test_tools_are_noticed(fields: dict[str, object], has_tools: bool) -> None:
    assert chat(USER, **fields).has_tools is has_tools


@pytest.mark.parametrize(
    ("response_format", "json_mode"),
    [
        ({"type": "json_object"}, True),
        ({"type": "json_schema", "json_schema": {}}, True),
        ({"type": "text"}, False),
        ({"type": 5}, False),
        (None, False),
        ("json", False),
    ],
)
def test_json_mode_is_noticed(response_format: object, json_mode: bool) -> None:
    assert chat(USER, response_format=response_format).json_mode is json_mode


@pytest.mark.parametrize("role", ["system", "developer"])
def test_the_first_system_or_developer_message_is_replaced_where_it_stands(role: str) -> None:
    messages = [USER, message(role, "be kind"), message("system", "stays")]
    assert chat_edited(DOCTOR, *messages) == [
        USER,
        message(role, "You are a doctor."),
        message("system", "stays"),
    ]


@pytest.mark.parametrize("prompt", [DOCTOR, DOCTOR_FIRST])
def test_a_system_message_is_put_first_where_there_is_none(prompt: SystemPrompt) -> None:
    assert chat_edited(prompt, USER) == [message("system", "You are a doctor."), USER]


def test_insert_puts_the_prompt_and_a_blank_line_before_the_clients_text() -> None:
    changed = chat_edited(DOCTOR_FIRST, message("system", "be kind"), USER)
    assert changed == [message("system", "You are a doctor.\n\nbe kind"), USER]


def test_insert_puts_a_text_part_before_the_clients_parts() -> None:
    parts = [{"type": "text", "text": "be kind", "cache": 1}]
    changed = chat_edited(DOCTOR_FIRST, message("system", parts))
    first = {"type": "text", "text": "You are a doctor.\n\n"}
    assert changed == [message("system", [first, *parts])]


@pytest.mark.parametrize("content", ["", None, []])
def test_insert_into_a_system_message_that_says_nothing_leaves_no_blank_lines(
    content: object,
) -> None:
    changed = chat_edited(DOCTOR_FIRST, message("system", content))
    assert changed == [message("system", "You are a doctor.")]


def test_a_system_message_without_content_is_given_one() -> None:
    assert chat_edited(DOCTOR, {"role": "system"}) == [message("system", "You are a doctor.")]


def test_a_system_message_that_repeats_a_name_is_written_anew_from_what_counts() -> None:
    body = (
        b'{"model":"MoM","messages":[{"role":"user","content":"a","role":"system",'
        b'"content":"b"} , {"role":"user","content":1.50,"content":"c"}]}'
    )
    changed = parse(Api.CHAT_COMPLETIONS, body).rewrite(Edit(system_prompt=DOCTOR_FIRST))
    assert changed == (
        b'{"model":"MoM","messages":[{"role":"system","content":"You are a doctor.\\n\\nb"}'
        b' , {"role":"user","content":1.50,"content":"c"}]}'
    )


def test_the_last_of_two_contents_is_read_as_the_backend_reads_it() -> None:
    body = b'{"model":"MoM","messages":[{"role":"user","content":"a","content":"b"}]}'
    assert parse(Api.CHAT_COMPLETIONS, body).request.prompt.text == "b"


@pytest.mark.parametrize(
    ("messages", "param", "message"),
    [
        (None, "messages", "messages: is missing, expected an array of messages"),
        ("hi", "messages", "messages: expected `array`, got `str`"),
        ([], "messages", "messages: is empty, expected at least one message"),
        ([USER, "hi"], "messages[1]", "messages[1]: expected `object`, got `str`"),
        ([{}], "messages[0]", "messages[0]: object missing required field `role`"),
        ([message("", "")] * 2 + [{"role": 5}], "messages[2].role", "expected `str`, got `int`"),
        ([USER, message("user", 5)], "messages[1].content", "expected a string or an array"),
        ([message("user", {})], "messages[0].content", "expected a string or an array of parts"),
        ([message("user", [USER, 5])], "messages[0].content[1]", "expected `str | object`"),
        ([message("user", [{"type": 5}])], "messages[0].content[0].type", "expected `str | null`"),
        ([message("user", [{"text": 5}])], "messages[0].content[0].text", "expected a string"),
    ],
)
def test_messages_of_a_wrong_form_are_refused_by_their_place(
    messages: object, param: str, message: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        prompt_of(Api.CHAT_COMPLETIONS, messages=messages)
    assert caught.value.param == param
    assert str(caught.value).startswith(f"{param}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("prompt", "text"),
    [("once upon", "once upon"), (["a", "b"], "a\nb"), ([1, 2], ""), ([[1], [2]], ""), ("", "")],
)
def test_a_completion_prompt_is_read_where_it_is_text(prompt: object, text: str) -> None:
    assert prompt_of(Api.COMPLETIONS, prompt=prompt).text == text


def test_a_completion_may_bring_embeddings_in_place_of_a_prompt() -> None:
    assert prompt_of(Api.COMPLETIONS, prompt_embeds="AAAA").text == ""


@pytest.mark.parametrize("prompt", [None, 5, {}, [], ["a", 1], [1, "a"], [[1], ["a"]]])
def test_a_completion_prompt_of_a_wrong_form_is_refused(prompt: object) -> None:
    with pytest.raises(BadRequest, match=r"^prompt"):
        prompt_of(Api.COMPLETIONS, prompt=prompt)


def test_completions_have_no_place_for_a_system_prompt_and_say_so() -> None:
    body = b'{"model":"MoM","prompt":"hi"}'
    payload = parse(Api.COMPLETIONS, body)
    assert not payload.takes_system_prompt
    assert payload.rewrite(Edit(system_prompt=DOCTOR)) is body
    assert payload.rewrite(Edit("math", DOCTOR)) == b'{"model":"math","prompt":"hi"}'


def test_a_responses_input_string_is_the_users_turn() -> None:
    prompt = prompt_of(Api.RESPONSES, input="hi", instructions="be kind")
    assert prompt == Prompt(turns=(Turn("user", "hi"),), system="be kind")


def test_responses_items_are_turns_and_tool_outputs_are_the_tools() -> None:
    prompt = prompt_of(
        Api.RESPONSES,
        input=[
            message("developer", "be short"),
            message("user", [{"type": "input_text", "text": "hi"}, {"type": "input_image"}]),
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "output": "42"},
            {"type": "computer_call_output", "output": {"type": "computer_screenshot"}},
            {"type": "message", **message("assistant", [{"type": "output_text", "text": "yes"}])},
        ],
        instructions="be kind",
        tools=[{"type": "function"}],
        text={"format": {"type": "json_schema"}},
    )
    roles = ["user", "assistant", "assistant", "tool", "tool", "assistant"]
    assert [turn.role for turn in prompt.turns] == roles
    assert [turn.text for turn in prompt.turns] == ["hi", "", "", "42", "", "yes"]
    assert prompt.system == "be kind\n\nbe short"
    assert prompt.has_images
    assert prompt.has_tools
    assert prompt.json_mode


def test_a_reference_to_an_earlier_item_may_leave_its_type_out_and_has_no_text() -> None:
    reference = {"id": "msg_1"}
    prompt = prompt_of(Api.RESPONSES, input=[USER, reference, {"id": "x", "type": None}])
    assert prompt.turns == (Turn("user", "hello"), Turn("assistant", ""), Turn("assistant", ""))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": [{"id": 5}]}, "input[0]"),
        ({"input": [{"id": "x", "type": "message"}]}, "input[0]"),
        ({"input": [{"id": "x", "content": "hi"}]}, "input[0]"),
        ({"input": 5}, "input"),
        ({"input": []}, "input"),
        ({"input": ["hi"]}, "input[0]"),
        ({"input": [USER, {"content": "hi"}]}, "input[1]"),
        ({"input": [{"type": "message", "content": "hi"}]}, "input[0]"),
        ({"input": [message("user", 5)]}, "input[0].content"),
        ({"input": "hi", "instructions": 5}, "instructions"),
        ({"input": "hi", "reasoning": "high"}, "reasoning"),
    ],
)
def test_a_responses_body_of_a_wrong_form_is_refused_by_its_place(
    fields: dict[str, object], param: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        prompt_of(Api.RESPONSES, **fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("prompt", "instructions", "expected"),
    [
        (DOCTOR, "be kind", "You are a doctor."),
        (DOCTOR_FIRST, "be kind", "You are a doctor.\n\nbe kind"),
        (DOCTOR_FIRST, None, "You are a doctor."),
    ],
)
def test_the_system_prompt_of_responses_goes_into_the_instructions(
    prompt: SystemPrompt, instructions: object, expected: str
) -> None:
    items = [message("developer", "stays")]
    changed = edited(Api.RESPONSES, prompt, input=items, instructions=instructions)
    assert changed == {"model": "MoM", "input": items, "instructions": expected}


def test_instructions_are_added_where_there_are_none() -> None:
    body = b'{ "model": "MoM", "input": "hi" }'
    changed = parse(Api.RESPONSES, body).rewrite(Edit(system_prompt=DOCTOR))
    assert changed == b'{ "model": "MoM", "input": "hi","instructions":"You are a doctor." }'
