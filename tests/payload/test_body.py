"""What every API's body has in common: model, stream, user."""

from __future__ import annotations

import json

import pytest

from router.errors import BadRequest
from router.payload import Edit, parse
from router.request import Api, InferenceRequest

PROMPTS: dict[Api, dict[str, object]] = {
    Api.CHAT_COMPLETIONS: {"messages": [{"role": "user", "content": "hi"}]},
    Api.COMPLETIONS: {"prompt": "hi"},
    Api.RESPONSES: {"input": "hi"},
    Api.MESSAGES: {"messages": [{"role": "user", "content": "hi"}]},
}
every_api = pytest.mark.parametrize("api", list(Api))


def read(api: Api, **fields: object) -> InferenceRequest:
    return parse(api, json.dumps({**PROMPTS[api], **fields}).encode()).request


def refusal(api: Api, **fields: object) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(api, **fields)
    return caught.value


@every_api
def test_model_and_text_are_read(api: Api) -> None:
    request = read(api, model="MoM")
    assert (request.api, request.model, request.prompt.text) == (api, "MoM", "hi")
    assert request.stream is False
    assert request.user is None


@every_api
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "model: is missing, expected the name of a model"),
        ({"model": None}, "model: is missing, expected the name of a model"),
        ({"model": ""}, "model: is empty, expected the name of a model"),
        ({"model": 5}, "model: expected a string"),
        ({"model": ["MoM"]}, "model: expected a string"),
    ],
)
def test_a_body_without_the_name_of_a_model_is_refused(
    api: Api, fields: dict[str, object], message: str
) -> None:
    error = refusal(api, **fields)
    assert (str(error), error.param, error.status) == (message, "model", 400)


@every_api
@pytest.mark.parametrize(("stream", "expected"), [(True, True), (False, False), (None, False)])
def test_stream_is_read(api: Api, stream: object, expected: bool) -> None:
    assert read(api, model="MoM", stream=stream).stream is expected


@every_api
@pytest.mark.parametrize("stream", ["true", 1, [], {}])
def test_a_stream_that_is_neither_true_nor_false_is_refused(api: Api, stream: object) -> None:
    error = refusal(api, model="MoM", stream=stream)
    assert (str(error), error.param) == ("stream: expected true or false", "stream")


@pytest.mark.parametrize(("user", "expected"), [("ann", "ann"), (5, None), (None, None)])
def test_the_user_is_read_where_it_is_a_string(user: object, expected: str | None) -> None:
    assert read(Api.CHAT_COMPLETIONS, model="MoM", user=user).user == expected


@every_api
def test_a_new_model_is_escaped_and_written_in_the_old_ones_place(api: Api) -> None:
    head, tail = b'{"x":1, "model" :\t', b' ,"y":[1.50]}'
    prompt = json.dumps(PROMPTS[api]).encode()[1:-1] + b","
    body = head.replace(b'"x"', prompt + b'"x"') + b'"M\\u006fM"' + tail
    payload = parse(api, body)
    assert payload.request.model == "MoM"
    assert payload.rewrite(Edit('a"\\ü\n')) == body.replace(
        b'"M\\u006fM"', '"a\\"\\\\ü\\n"'.encode()
    )
    assert payload.rewrite(Edit("MoM")) is body
