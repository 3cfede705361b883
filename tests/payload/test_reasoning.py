"""Where each API is told whether the model shall reason, and when the client's choice stands."""

from __future__ import annotations

import json

import pytest

from router.catalog import ReasoningFamily, ReasoningStyle
from router.errors import BadRequest
from router.payload import Edit, Reasoning, parse
from router.request import Api

QWEN = ReasoningFamily("qwen3", ReasoningStyle.CHAT_TEMPLATE_KWARGS, "enable_thinking")
DEEPSEEK = ReasoningFamily("deepseek", ReasoningStyle.CHAT_TEMPLATE_KWARGS, "thinking")
GPT_OSS = ReasoningFamily("gpt-oss", ReasoningStyle.REASONING_EFFORT, "reasoning_effort")
MESSAGES = b'{"model":"MoM","messages":[{"role":"user","content":"hi"}]'
HEADS = {
    Api.CHAT_COMPLETIONS: MESSAGES,
    Api.COMPLETIONS: b'{"model":"MoM","prompt":"hi"',
    Api.RESPONSES: b'{"model":"MoM","input":"hi"',
    Api.MESSAGES: MESSAGES,
}
TEMPLATED = [Api.CHAT_COMPLETIONS, Api.RESPONSES, Api.MESSAGES]


def told(api: Api, reasoning: Reasoning, more: bytes = b"") -> str:
    """What follows the fixed head of the body once `reasoning` is written into it."""
    head = HEADS[api]
    rewritten = parse(api, head + more + b"}").rewrite(Edit(reasoning=reasoning))
    assert rewritten.startswith(head)
    return rewritten.removeprefix(head).decode().removesuffix("}")


@pytest.mark.parametrize("api", TEMPLATED)
@pytest.mark.parametrize("family", [QWEN, DEEPSEEK])
@pytest.mark.parametrize("enabled", [True, False])
def test_template_families_are_told_both_on_and_off(
    api: Api, family: ReasoningFamily, enabled: bool
) -> None:
    after = told(api, Reasoning(family, enabled, "high"))
    argument = json.dumps({family.parameter: enabled}, separators=(",", ":"))
    assert after == f',"chat_template_kwargs":{argument}'


@pytest.mark.parametrize("api", TEMPLATED)
def test_the_clients_other_template_arguments_survive_as_written(api: Api) -> None:
    own = b', "chat_template_kwargs" : { "a": 1.50,"enable_thinking" :true , "b":"\\u00e9" }'
    after = told(api, Reasoning(QWEN, enabled=False), own)
    assert after == own.decode().replace("true", "false")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (b"null", '{"enable_thinking":true}'),
        (b"{}", '{"enable_thinking":true}'),
        (b"{ }", '{"enable_thinking":true }'),
        (b'{"a":1}', '{"a":1,"enable_thinking":true}'),
        (
            b'{"enable_thinking":true,"a":1,"enable_thinking":false}',
            '{"enable_thinking":true,"a":1}',
        ),
    ],
)
def test_our_argument_joins_whatever_the_client_sent(own: bytes, expected: str) -> None:
    after = told(
        Api.CHAT_COMPLETIONS, Reasoning(QWEN, enabled=True), b',"chat_template_kwargs":' + own
    )
    assert after == f',"chat_template_kwargs":{expected}'


def test_a_template_family_leaves_the_clients_effort_alone() -> None:
    after = told(
        Api.CHAT_COMPLETIONS, Reasoning(QWEN, enabled=False), b',"reasoning_effort":"high"'
    )
    assert after.startswith(',"reasoning_effort":"high",')


EFFORTS = [
    # enabled, the decision's effort, the client's own, what the backend is told
    (True, None, None, "medium"),
    (True, "high", None, "high"),
    (True, "high", "low", "high"),
    (True, None, "high", "high"),
    (False, None, None, "low"),
    (False, "high", None, "low"),
    (False, None, "high", "high"),
    (False, "low", "minimal", "minimal"),
]


@pytest.mark.parametrize(("enabled", "effort", "own", "expected"), EFFORTS)
def test_the_effort_of_chat_completions(
    enabled: bool, effort: str | None, own: str | None, expected: str
) -> None:
    more = b',"reasoning_effort":' + json.dumps(own).encode() if own else b""
    after = told(Api.CHAT_COMPLETIONS, Reasoning(GPT_OSS, enabled, effort), more)
    assert after == f',"reasoning_effort":"{expected}"'


@pytest.mark.parametrize(("enabled", "effort", "own", "expected"), EFFORTS)
def test_the_effort_of_responses_lives_among_their_reasoning_options(
    enabled: bool, effort: str | None, own: str | None, expected: str
) -> None:
    more = b',"reasoning":{"summary":"auto","effort":' + json.dumps(own).encode() + b"}"
    after = told(Api.RESPONSES, Reasoning(GPT_OSS, enabled, effort), more)
    assert after == f',"reasoning":{{"summary":"auto","effort":"{expected}"}}'


@pytest.mark.parametrize("more", [b"", b',"reasoning":null'])
def test_reasoning_options_are_added_where_there_are_none(more: bytes) -> None:
    after = told(Api.RESPONSES, Reasoning(GPT_OSS, enabled=True), more)
    assert after == ',"reasoning":{"effort":"medium"}'


@pytest.mark.parametrize(
    ("api", "family"),
    [(Api.COMPLETIONS, QWEN), (Api.COMPLETIONS, GPT_OSS), (Api.MESSAGES, GPT_OSS)],
)
def test_an_api_without_a_field_for_it_is_left_alone(api: Api, family: ReasoningFamily) -> None:
    assert told(api, Reasoning(family, enabled=True)) == ""


@pytest.mark.parametrize("api", TEMPLATED)
@pytest.mark.parametrize("own", [b"[]", b'"x"', b"1", b"true"])
def test_template_arguments_that_are_no_object_are_refused(api: Api, own: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^chat_template_kwargs: expected an object$") as caught:
        parse(api, HEADS[api] + b',"chat_template_kwargs":' + own + b"}")
    assert caught.value.param == "chat_template_kwargs"
