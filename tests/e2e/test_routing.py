"""The main job: a prompt enters Envoy, the right adapter answers, and everybody is told."""

from __future__ import annotations

import json

import pytest

from router.request import Api
from tests.e2e.conftest import CHAT, QUERIES, Stack, question, request_id

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

MODELS = {
    "technical": "technical-lora",
    "medical": "medical-lora",
    "legal": "legal-lora",
    "general": "llama2-7b",
}
PROMPTS = {
    "technical": "You are an expert software engineer.",
    "medical": "You are a medical expert.",
    "legal": "You are a legal expert.",
    "general": "You are a helpful assistant.",
}
BLOOD = "What causes high blood pressure?"
BODIES = {
    Api.CHAT_COMPLETIONS: question(BLOOD),
    Api.COMPLETIONS: {"model": "MoM", "prompt": BLOOD},
    Api.RESPONSES: {"model": "MoM", "input": BLOOD},
    Api.MESSAGES: {**question(BLOOD), "max_tokens": 9},
}


@pytest.mark.parametrize(("text", "category"), QUERIES.items())
async def test_a_question_reaches_its_adapter(stack: Stack, text: str, category: str) -> None:
    reply = await stack.chat(text)
    received = await stack.backend.arrived()
    assert reply.status == 200
    assert json.loads(reply.body)["model"] == MODELS[category]
    assert received.json["model"] == MODELS[category]
    assert received.system_prompt == PROMPTS[category]
    assert reply.chosen == {
        "selected-category": category,
        "selected-decision": category,
        "selected-confidence": "0.9000",
        "selected-reasoning": "off" if category == "general" else "on",
        "selected-model": MODELS[category],
        "injected-system-prompt": "true",
    }


@pytest.mark.parametrize("api", Api)
async def test_every_inference_api_is_routed(stack: Stack, api: Api) -> None:
    reply = await stack.send("POST", api.value, json=BODIES[api])
    assert reply.status == 200
    assert (await stack.backend.arrived()).json["model"] == "medical-lora"


async def test_an_unclear_question_goes_to_the_default_model(stack: Stack) -> None:
    reply = await stack.chat("mumble")
    received = await stack.backend.arrived()
    assert received.json["model"] == "llama2-7b"
    assert received.system_prompt is None
    assert "selected-category" not in reply.chosen
    assert reply.chosen["selected-model"] == "llama2-7b"


async def test_a_client_that_names_an_adapter_gets_it(stack: Stack) -> None:
    body = json.dumps(question("What causes high blood pressure?", model="legal-lora")).encode()
    headers = {"content-type": "application/json"}
    reply = await stack.send("POST", CHAT, data=body, headers=headers)
    assert (await stack.backend.arrived()).body == body
    assert reply.chosen["selected-model"] == "legal-lora"
    assert "selected-category" not in reply.chosen


async def test_a_query_string_does_not_keep_a_request_from_being_routed(stack: Stack) -> None:
    await stack.send("POST", f"{CHAT}?beta=true", json=question("Is a verbal contract binding?"))
    received = await stack.backend.arrived()
    assert received.path == f"{CHAT}?beta=true"
    assert received.json["model"] == "legal-lora"


async def test_the_backend_learns_the_model_but_not_the_endpoint(stack: Stack) -> None:
    await stack.chat("Is a verbal contract binding?")
    received = await stack.backend.arrived()
    assert received.header("x-selected-model") == "legal-lora"
    assert received.header("x-selected-endpoint") is None


async def test_credentials_reach_the_backend(stack: Stack) -> None:
    secrets = {"authorization": "Bearer s3cret", "x-api-key": "s3cret"}
    await stack.send("POST", CHAT, json=question("hello"), headers=secrets)
    received = await stack.backend.arrived()
    assert {name: received.header(name) for name in secrets} == secrets


async def test_the_access_log_tells_the_decision_and_nothing_of_the_prompt(stack: Stack) -> None:
    marked = request_id()
    text = "Is a verbal contract binding?"
    await stack.send("POST", f"{CHAT}?q=private", json=question(text), headers=marked)
    line = await stack.envoy.logged(marked["x-request-id"])
    assert line["decision"]["category"] == "legal"
    assert line["decision"]["model"] == "legal-lora"
    assert line["cluster"] == "vllm-primary"
    assert line["status"] == 200
    assert line["path"] == CHAT
    assert "verbal" not in json.dumps(line)
    assert "private" not in json.dumps(line)


async def test_the_request_id_of_the_client_is_kept_all_the_way(stack: Stack) -> None:
    marked = request_id()
    reply = await stack.send("POST", CHAT, json=question("hello"), headers=marked)
    received = await stack.backend.arrived()
    assert received.header("x-request-id") == marked["x-request-id"]
    assert reply.headers["x-request-id"] == marked["x-request-id"]
    assert (await stack.router.routing(marked["x-request-id"])).status is None
