"""The router or the classifier fails: one configured word says what becomes of requests."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from yarl import URL

from router.errors import ClassifierFailed, Overloaded
from router.request import Api
from tests.e2e.conftest import (
    BODY_MODES,
    CHAT,
    JSON,
    NewStack,
    Stack,
    in_mode,
    question,
    read_config,
    request_id,
)
from tests.e2e.test_bodies import pieces

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

BLOOD = "What causes high blood pressure?"
FAILURES = [
    ClassifierFailed("the graph raised"),
    Overloaded("the queue is full"),
    RuntimeError("secret internals"),
]


@pytest.mark.parametrize("mode", BODY_MODES)
async def test_without_the_router_reject_answers_503(new_stack: NewStack, mode: str) -> None:
    async with new_stack(in_mode(read_config(on_error="reject"), mode)) as stack:
        await stack.router.stop()
        openai = await stack.send("POST", CHAT, json=question(BLOOD))
        anthropic = await stack.send("POST", "/v1/messages", json=question(BLOOD))
        assert [openai.status, anthropic.status] == [503, 503]
        assert openai.error["code"] == "service_unavailable"
        assert anthropic.error["type"] == "overloaded_error"
        assert openai.headers["content-type"] == "application/json"
        assert stack.backend.received == []


@pytest.mark.parametrize("name", ["MoM", "auto"])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
async def test_without_the_router_the_default_model_answers_for_the_auto_names(
    new_stack: NewStack, name: str, chunked: bool
) -> None:
    async with new_stack(read_config()) as stack:
        await stack.router.stop()
        text = 'say \\"model\\": \\"MoM\\", "model": "MoM"'
        body = json.dumps(question(text, model=name, stream=True)).encode()
        data = pieces(body, 32) if chunked else body
        reply = await stack.send("POST", CHAT, data=data, headers=JSON)
        (received,) = stack.backend.received
        assert reply.status == 200
        assert received.body == body.replace(f'"{name}"'.encode(), b'"llama2-7b"', 1)
        assert reply.body == b"".join(stack.backend.events(Api.CHAT_COMPLETIONS, "llama2-7b"))


@pytest.mark.parametrize("up", [True, False], ids=["router up", "router down"])
async def test_adapters_cannot_be_managed_whatever_the_path_looks_like(
    new_stack: NewStack, up: bool
) -> None:
    paths = {
        "/v1/load_lora_adapter": 403,
        "/v1/unload_lora_adapter/?x=1": 403,
        "/v1//load_lora_adapter": 403,
        "/v1/x/../load_lora_adapter": 403,
        "/v1/load%5Flora%5fadapter": 403,
        "/v1/load_lora_adapter%0a": 400,
        "/v1/load_lora_adapter%0A/": 400,
        "/v1/chat/completions%0a": 400,
    }
    async with new_stack(read_config()) as stack:
        if not up:
            await stack.router.stop()
            await stack.envoy.until_router(healthy=False)
        body = {"lora_name": "mine", "lora_path": "/etc"}
        for path, status in paths.items():
            reply = await stack.send("POST", URL(stack.envoy.url + path, encoded=True), json=body)
            assert (path, reply.status) == (path, status)
            assert reply.error["message"]
        assert not stack.backend.received


async def test_an_auto_name_may_hold_what_is_magic_to_a_script(new_stack: NewStack) -> None:
    name = 'a"b\\c%1.*[模]]=]'
    async with new_stack(read_config(auto_model_name=name)) as stack:
        await stack.router.stop()
        body = json.dumps(question(BLOOD, model=name), ensure_ascii=False).encode()
        reply = await stack.send("POST", CHAT, data=body, headers=JSON)
        assert reply.status == 200
        assert stack.backend.received[0].json["model"] == "llama2-7b"


async def test_without_the_router_requests_go_to_the_default_endpoint_as_they_are(
    new_stack: NewStack,
) -> None:
    async with new_stack(read_config()) as stack:
        await stack.router.stop()
        marked = request_id()
        body = question(BLOOD, model="legal-lora")
        reply = await stack.send("POST", CHAT, json=body, headers=marked)
        assert reply.status == 200
        assert reply.chosen == {"failed-open": "true"}
        assert stack.backend.received[0].json == body
        line = await stack.envoy.logged(marked["x-request-id"])
        assert line["failed_open"] == "1"


@pytest.mark.parametrize("on_error", ["default_model", "reject"])
async def test_a_router_that_comes_back_is_used_again(new_stack: NewStack, on_error: str) -> None:
    async with new_stack(read_config(on_error=on_error)) as stack:
        await stack.router.stop()
        await stack.envoy.until_router(healthy=False)
        await stack.router.start()
        reply = await stack.until_routed(BLOOD)
        assert reply.chosen["selected-category"] == "medical"


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_a_failing_classifier_leads_to_the_default_model(
    stack: Stack, failure: Exception
) -> None:
    stack.encoder.failure = failure
    try:
        reply = await stack.chat(BLOOD)
    finally:
        stack.encoder.failure = None
    assert reply.status == 200
    assert stack.backend.received[0].json["model"] == "llama2-7b"
    assert stack.backend.received[0].system_prompt is None
    assert "selected-category" not in reply.chosen


@pytest.mark.parametrize("mode", BODY_MODES)
async def test_a_failing_classifier_is_told_where_requests_are_to_be_rejected(
    new_stack: NewStack, mode: str
) -> None:
    async with new_stack(in_mode(read_config(on_error="reject"), mode)) as stack:
        for failure in FAILURES:
            stack.encoder.failure = failure
            openai = await stack.send("POST", CHAT, json=question(BLOOD))
            anthropic = await stack.send("POST", "/v1/messages", json=question(BLOOD, max_tokens=1))
            assert [openai.status, anthropic.status] == [503, 503]
            assert openai.error["code"].startswith("classifier")
            assert anthropic.error["type"]
            assert b"secret" not in openai.body + anthropic.body
        assert stack.backend.received == []


def impatient(on_error: str) -> dict[str, object]:
    """Changes to a configuration whose classifier has 100 ms."""
    classifier = read_config().classifier
    assert classifier.category_model is not None
    model = classifier.category_model.model_copy(update={"timeout_ms": 100})
    return {
        "classifier": classifier.model_copy(update={"category_model": model}),
        "on_error": on_error,
    }


@pytest.mark.parametrize("mode", BODY_MODES)
@pytest.mark.parametrize("on_error", ["default_model", "reject"])
async def test_a_classifier_that_never_answers_holds_nobody_up(
    new_stack: NewStack, on_error: str, mode: str
) -> None:
    async with new_stack(in_mode(read_config(**impatient(on_error)), mode)) as stack:
        stack.encoder.gate.clear()
        reply = await stack.chat(BLOOD)
        if on_error == "reject":
            assert (reply.status, stack.backend.received) == (503, [])
            assert reply.error["code"] == "classifier_timeout"
        else:
            assert reply.status == 200
            assert stack.backend.received[0].json["model"] == "llama2-7b"


async def test_a_router_that_hangs_is_given_up_on(new_stack: NewStack) -> None:
    config = read_config(on_error="reject")
    envoy = config.envoy.model_copy(update={"message_timeout_ms": 200})
    async with new_stack(config.model_copy(update={"envoy": envoy})) as stack:
        stack.encoder.gate.clear()
        reply = await stack.chat(BLOOD)
        assert reply.status == 504
        assert reply.error["code"] == "timeout"
        assert stack.backend.received == []


async def until_refused(address: str) -> None:
    """Wait until nobody can connect to `address` any more; a listener that closes may reset."""
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            while True:
                _, writer = await asyncio.open_connection(host, int(port))
                writer.close()
                await writer.wait_closed()


@pytest.mark.parametrize("mode", BODY_MODES)
async def test_a_router_that_stops_finishes_what_it_has_begun(
    new_stack: NewStack, mode: str
) -> None:
    async with new_stack(in_mode(read_config(on_error="reject"), mode)) as stack:
        stack.encoder.gate.clear()
        asked = asyncio.create_task(stack.chat(BLOOD))
        await stack.encoder.asked()
        stopping = asyncio.create_task(stack.router.stop(grace=30))
        await until_refused(stack.config.server.extproc)
        stack.encoder.gate.set()
        reply = await asked
        await stopping
        assert reply.status == 200
        assert reply.chosen["selected-category"] == "medical"


async def test_two_hundred_clients_at_once_are_all_served_right(stack: Stack) -> None:
    texts = [
        "Is a verbal contract binding?",
        BLOOD,
        "口头合同有法律效力吗？",
        "高血压的原因是什么？",
    ]
    asked = texts * 50
    replies = await asyncio.gather(*(stack.chat(text) for text in asked))
    assert {reply.status for reply in replies} == {200}
    chosen = [reply.chosen["selected-category"] for reply in replies]
    assert chosen == ["legal", "medical"] * 100
