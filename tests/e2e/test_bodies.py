"""Bodies arrive as they were sent, whatever their size, form and way of coming."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from tests.e2e.conftest import CHAT, JSON, Stack, question
from tests.e2e.http2 import Http2Client

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

ODD = (
    b'{ "temperature" : 1.0e+0,"model":"MoM" , "messages":[{"content":"mumble \\ud83d\\ude00",'
    b'"role":"user"}],\n\t"unknown":{"b":[1,2.50,-0.0],"a":null},"n":100000000000000000000 } '
)


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def test_only_the_model_changes_in_a_body(stack: Stack) -> None:
    await stack.send("POST", CHAT, data=ODD, headers=JSON)
    received = await stack.backend.arrived()
    assert received.body == ODD.replace(b'"MoM"', b'"llama2-7b"')


async def test_a_body_that_nothing_changes_in_arrives_byte_for_byte(stack: Stack) -> None:
    body = ODD.replace(b"MoM", b"medical-lora")
    await stack.send("POST", CHAT, data=body, headers=JSON)
    assert (await stack.backend.arrived()).body == body


async def test_the_content_length_is_exact(stack: Stack) -> None:
    await stack.chat("高血压的原因是什么？")
    received = await stack.backend.arrived()
    if stack.buffered:
        assert received.header("content-length") == str(len(received.body))
        assert received.header("transfer-encoding") is None
    else:
        # Envoy cannot know the length of what it has not got yet.
        assert received.header("transfer-encoding") == "chunked"


async def test_a_chunked_upload_is_routed(stack: Stack) -> None:
    body = json.dumps(question("What causes high blood pressure?")).encode()
    reply = await stack.send("POST", CHAT, data=pieces(body, 7), headers=JSON)
    assert reply.status == 200
    assert (await stack.backend.arrived()).json["model"] == "medical-lora"


async def test_a_client_that_waits_for_100_continue_is_served(stack: Stack) -> None:
    reply = await stack.send(
        "POST", CHAT, json=question("What causes high blood pressure?"), expect100=True
    )
    assert reply.status == 200
    assert (await stack.backend.arrived()).json["model"] == "medical-lora"


async def test_a_body_of_16_mib_passes(stack: Stack) -> None:
    text = "a" * (16 * 1024 * 1024)
    reply = await stack.chat(text)
    received = await stack.backend.arrived()
    assert reply.status == 200
    assert received.json["model"] == "llama2-7b"
    assert len(received.json["messages"][0]["content"]) == len(text)


async def test_requests_on_one_connection_do_not_mix(stack: Stack) -> None:
    texts = ["Is a verbal contract binding?", "What causes high blood pressure?"] * 5
    for text in texts:
        await stack.chat(text)
    models = [received.json["model"] for received in stack.backend.received]
    assert models == ["legal-lora", "medical-lora"] * 5


@pytest.mark.parametrize("trailers", [False, True], ids=["plain", "with trailers"])
async def test_an_http_2_client_is_served(stack: Stack, trailers: bool) -> None:
    body = json.dumps(question("What causes high blood pressure?")).encode()
    async with Http2Client(stack.envoy.config.envoy.listen) as client:
        status, answer = await client.post(CHAT, body, trailers=trailers)
    assert status == 200, answer
    assert json.loads(answer)["model"] == "medical-lora"
