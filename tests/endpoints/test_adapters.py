"""A server lists, loads and unloads; whatever else it answers becomes one line for the operator."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress

import pytest

from router.catalog import Endpoint
from router.endpoints.adapters import AdapterClient, EndpointError, Outcome
from router.testing import free_port
from tests.adapters.vllm import LOAD, MODELS, UNLOAD, Said, Vllm, in_json

HOW_TO_OPEN = (
    "adapters cannot be changed while it runs; start vLLM with --enable-lora and "
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"
)
HEADERS = {"authorization": "Bearer s3cret-key", "x-zone": "a"}
NO_LIST = "an answer that is no list of models"
NO_HTTP = "an answer that is no HTTP, or broke off"
NO_KEY = "status 401; credentials go under live_view.headers"
MOVED = Said(307, b"", {"location": "/elsewhere"})


@pytest.fixture
async def server() -> AsyncIterator[Vllm]:
    server = Vllm()
    runner = await server.start()
    yield server
    server.gate.set()
    await runner.cleanup()


@pytest.fixture
async def client() -> AsyncIterator[AdapterClient]:
    async with AdapterClient(timeout=20.0, headers=HEADERS) as client:
        yield client


async def failure(request: Awaitable[object]) -> str:
    with pytest.raises(EndpointError) as caught:
        await request
    line = str(caught.value)
    assert line.isprintable()
    return line


async def test_a_server_lists_its_models_with_their_parents(
    server: Vllm, client: AdapterClient
) -> None:
    server.adapters = {"legal": "/l"}
    served = await client.models(server.endpoint)
    assert served.names == {"llama", "legal"}
    assert served.parents == {"legal": "llama"}
    assert server.seen["authorization"] == "Bearer s3cret-key"


async def test_an_adapter_comes_and_goes(server: Vllm, client: AdapterClient) -> None:
    assert await client.load(server.endpoint, "legal", "/l") is Outcome.LOADED
    assert await client.load(server.endpoint, "legal", "/l/") is Outcome.ALREADY_LOADED
    assert await client.unload(server.endpoint, "legal") is Outcome.UNLOADED
    assert await client.unload(server.endpoint, "legal") is Outcome.NOT_LOADED


async def test_another_version_that_is_there_under_the_name_is_no_success(
    server: Vllm, client: AdapterClient
) -> None:
    server.adapters = {"legal": "/v1"}
    line = await failure(client.load(server.endpoint, "legal", "/v2"))
    assert line == "loaded already, from '/v1'; unload it first"
    assert server.adapters == {"legal": "/v1"}


async def test_a_server_that_does_not_tell_paths_is_believed(
    server: Vllm, client: AdapterClient
) -> None:
    server.adapters = {"legal": "/v1"}
    server.says[MODELS] = Said(200, in_json({"data": [{"id": "legal", "parent": "llama"}]}))
    assert await client.load(server.endpoint, "legal", "/v2") is Outcome.ALREADY_LOADED


async def test_the_name_of_a_base_model_is_not_taken_for_a_loaded_adapter(
    server: Vllm, client: AdapterClient
) -> None:
    error = {"message": "the name conflicts with a served base model"}
    server.says[LOAD] = Said(400, in_json({"error": error}))
    line = await failure(client.load(server.endpoint, "llama", "/l"))
    assert line == "status 400: the name conflicts with a served base model"


async def test_what_the_server_did_not_find_is_told_in_its_words(
    server: Vllm, client: AdapterClient
) -> None:
    line = await failure(client.load(server.endpoint, "legal", "/nowhere/legal"))
    assert line == ("status 404: Loading lora legal failed: No adapter found for /nowhere/legal")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (Said(404, in_json({"detail": "Not Found"})), f"status 404; {HOW_TO_OPEN}"),
        (Said(404, b"<html><h1>404</h1></html>"), f"status 404; {HOW_TO_OPEN}"),
        (Said(405, in_json({"detail": "Method Not Allowed"})), f"status 405; {HOW_TO_OPEN}"),
        (Said(403), f"status 403; {HOW_TO_OPEN}"),
        (Said(403, b"not for you"), f"status 403: not for you; {HOW_TO_OPEN}"),
        (Said(401, in_json({"error": "Unauthorized"})), NO_KEY),
        (MOVED, "status 307: a redirect, expected the server itself"),
        (Said(500, in_json({"object": "error", "message": "no memory"})), "status 500: no memory"),
        (Said(500, in_json(["no", "object"])), "status 500"),
        (Said(500, b"\xff\x00 went\twrong\r\n  at 3"), "status 500: �� went wrong at 3"),
        (Said(599, b""), "status 599"),
    ],
)
@pytest.mark.parametrize("verb", [LOAD, UNLOAD])
async def test_a_refusal_is_told_in_one_line(
    server: Vllm, client: AdapterClient, verb: str, said: Said, line: str
) -> None:
    server.says[verb] = said
    if verb == UNLOAD:
        server.adapters = {"legal": "/l"}
        assert await failure(client.unload(server.endpoint, "legal")) == line
    else:
        assert await failure(client.load(server.endpoint, "legal", "/l")) == line
    assert set(server.paths) == {verb, MODELS}


async def test_a_long_refusal_is_cut_and_credentials_in_it_are_hidden(
    server: Vllm, client: AdapterClient
) -> None:
    server.says[LOAD] = Said(500, b"s3cret-key was Bearer s3cret-key, a key \x1b[2J" + b"y" * 9999)
    line = await failure(client.load(server.endpoint, "legal", "/l"))
    assert line.startswith("status 500: [hidden] was [hidden], a key �[2Jyyy")
    assert line.endswith("y…")
    assert len(line) < 300


@pytest.mark.parametrize("nested", [b"[" * 100_000, b'{"error":' * 100_000])
async def test_a_deeply_nested_answer_is_survived(
    server: Vllm, client: AdapterClient, nested: bytes
) -> None:
    server.says[LOAD] = Said(400, nested)
    server.says[MODELS] = Said(200, nested)
    assert (await failure(client.load(server.endpoint, "x", "/l"))).startswith("status 400")
    assert await failure(client.models(server.endpoint)) == NO_LIST


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (Said(200, b"<html>"), NO_LIST),
        (Said(200, b""), NO_LIST),
        (Said(200, in_json({"data": "none"})), NO_LIST),
        (Said(200, b"\xff\xfe"), NO_LIST),
        (Said(200, b" " * (8 * 1024 * 1024 + 1)), "a list of models of more than 8388608 bytes"),
        (Said(204), "status 204"),
        (Said(404, b"no route"), "status 404: no route"),
        (MOVED, "status 307: a redirect, expected the server itself"),
        (Said(200, b"no gzip", {"content-encoding": "gzip"}), NO_HTTP),
    ],
)
async def test_a_list_that_cannot_be_had_is_told_in_one_line(
    server: Vllm, client: AdapterClient, said: Said, line: str
) -> None:
    server.says[MODELS] = said
    assert await failure(client.models(server.endpoint)) == line
    assert server.paths == [MODELS]


async def test_a_list_that_is_large_only_once_unpacked_is_not_unpacked_to_its_end(
    server: Vllm, client: AdapterClient
) -> None:
    packed = gzip.compress(b" " * (1 << 26), 1)
    server.says[MODELS] = Said(200, packed, {"content-encoding": "gzip"})
    assert "more than 8388608 bytes" in await failure(client.models(server.endpoint))


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Said(200, in_json({"data": []})), "said that it is loaded, and does not list it"),
        (Said(503), "said that it is done, and then: status 503"),
    ],
)
async def test_a_load_that_the_list_does_not_bear_out_is_no_success(
    server: Vllm, client: AdapterClient, answer: Said, line: str
) -> None:
    server.says[MODELS] = answer
    assert await failure(client.load(server.endpoint, "legal", "/l")) == line


async def test_an_unload_that_the_list_does_not_bear_out_is_no_success(
    server: Vllm, client: AdapterClient
) -> None:
    server.adapters = {"legal": "/l"}
    server.says[UNLOAD] = Said(200)
    line = await failure(client.unload(server.endpoint, "legal"))
    assert line == "said that it is unloaded, and lists it still"


async def test_a_refusal_counts_where_the_list_cannot_be_had(
    server: Vllm, client: AdapterClient
) -> None:
    server.says = {path: Said(500, b"down") for path in (LOAD, UNLOAD, MODELS)}
    assert await failure(client.load(server.endpoint, "legal", "/l")) == "status 500: down"
    assert await failure(client.unload(server.endpoint, "legal")) == "status 500: down"


async def test_a_server_that_keeps_silent_is_given_up(server: Vllm) -> None:
    server.gate.clear()
    async with AdapterClient(timeout=0.05, headers={}) as client:
        listing = await failure(client.models(server.endpoint))
        loading = await failure(client.load(server.endpoint, "legal", "/l"))
    assert listing == "not reachable: no answer within 0.05 s"
    assert loading == "no answer within 0.05 s; it may still be at it"


async def test_nobody_listens(client: AdapterClient) -> None:
    nobody = Endpoint("nobody", "127.0.0.1", free_port())
    line = "not reachable: connection refused"
    assert await failure(client.models(nobody)) == line
    assert await failure(client.load(nobody, "legal", "/l")) == line
    assert await failure(client.unload(nobody, "legal")) == line


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (b"", "not reachable: the connection was closed unanswered"),
        (b"220 smtp.example ESMTP\r\n", NO_HTTP),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{",
            NO_HTTP,
        ),
    ],
)
async def test_something_else_listens(client: AdapterClient, written: bytes, line: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(written)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    port = free_port()
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        assert await failure(client.models(Endpoint("x", "127.0.0.1", port))) == line


async def test_a_list_without_end_is_given_up_where_no_list_is_as_long(
    client: AdapterClient,
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b" " * 65_536)
                await writer.drain()
        writer.close()

    port = free_port()
    async with await asyncio.start_server(answer, "127.0.0.1", port):
        line = await failure(client.models(Endpoint("x", "127.0.0.1", port)))
    assert line == "a list of models of more than 8388608 bytes"


async def test_a_host_that_has_no_address_is_told(client: AdapterClient) -> None:
    line = await failure(client.models(Endpoint("x", "no-such-host.invalid", 80)))
    assert line.startswith("not reachable: ")
    assert "no-such-host" not in line


async def test_headers_that_http_cannot_hold_are_told_without_their_value(server: Vllm) -> None:
    async with AdapterClient(timeout=20.0, headers={"x-key": "s3cret\r\nhost: evil"}) as client:
        line = await failure(client.models(server.endpoint))
    assert line == "live_view.headers: expected headers that HTTP can hold"


async def test_of_very_many_servers_some_wait_for_their_turn(
    server: Vllm, client: AdapterClient
) -> None:
    server.gate.clear()
    asked = asyncio.gather(*(client.models(server.endpoint) for _ in range(80)))
    await server.arrived(64)
    server.gate.set()
    assert len(await asked) == 80
    assert server.busiest == 64
