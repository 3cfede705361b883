from __future__ import annotations

import json

import pytest

from router.request import Api
from router.testing.answers import answer, bad_request, model_list, sse_events, unknown_model


@pytest.mark.parametrize("api", Api)
def test_every_api_names_the_model_that_answers(api: Api) -> None:
    whole = answer(api, "medical-lora", "I see.")
    assert whole["model"] == "medical-lora"
    assert "I see." in json.dumps(whole)


@pytest.mark.parametrize("api", Api)
def test_a_stream_says_the_same_word_by_word(api: Api) -> None:
    events = sse_events(api, "medical-lora", ["I ", "see."])
    assert all(event.endswith(b"\n\n") for event in events)
    assert b"medical-lora" in events[0] + events[-1]
    whole = b"".join(events)
    assert whole.index(b'"I "') < whole.index(b'"see."')


@pytest.mark.parametrize("api", [Api.CHAT_COMPLETIONS, Api.COMPLETIONS])
def test_openai_streams_end_in_done(api: Api) -> None:
    assert sse_events(api, "m", [])[-1] == b"data: [DONE]\n\n"


@pytest.mark.parametrize("api", [Api.RESPONSES, Api.MESSAGES])
def test_named_events_say_their_type_twice(api: Api) -> None:
    for event in sse_events(api, "m", ["x"]):
        name, data = event.decode().splitlines()[:2]
        assert json.loads(data.removeprefix("data: "))["type"] == name.removeprefix("event: ")


def test_errors_have_the_form_of_vllm() -> None:
    assert unknown_model("x")["error"]["code"] == 404
    assert unknown_model("x")["error"]["message"] == "The model `x` does not exist."
    assert bad_request("why")["error"]["type"] == "BadRequestError"


def test_adapters_have_a_parent() -> None:
    cards = model_list("base", ["lora"])["data"]
    assert [(card["id"], card["parent"]) for card in cards] == [("base", None), ("lora", "base")]
