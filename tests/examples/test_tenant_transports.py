"""The server as its clients meet it: a process of its own, over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from tenant_router.database import open_database
from tenant_router.tenant import Tenant
from tenant_router.transports import _listen

Connect = Callable[..., AbstractAsyncContextManager[Client]]
Serving = Callable[..., AbstractAsyncContextManager[str]]
PROMPT = "the patient's name is Rumpelstiltskin"
HOSTILE = ["'", '"; DROP TABLE tenants; --', "a" * 10_240, "acme\0", "\x1b[2J", "医院😀", "\u202e"]


def fill(address: str) -> str:
    """Write tenant-0001 … tenant-1000, and one tenant of each odd kind."""
    database = open_database(address)
    database.create()
    with database.edit() as table:
        table.put(
            [
                *(Tenant(f"tenant-{n:04}", {f"tenant-{n:04}-lora": 1.0}) for n in range(1, 1001)),
                Tenant("trial", {"trial-a": 50.0, "trial-b": 50.0}, "llama2-7b", True),
                Tenant("asleep", {"asleep-lora": 1.0}, active=False),
                Tenant("o'brien & 医院", {"hospital-lora": 1.0}),
            ]
        )
    return address


@pytest.fixture
def seeded(sqlite_address: str) -> str:
    """A database with tenants."""
    return fill(sqlite_address)


@pytest.fixture
def seeded_either(address: str) -> str:
    """The same in SQLite, and in PostgreSQL."""
    return fill(address)


@pytest.fixture(params=["stdio", "http"])
def connected(
    request: pytest.FixtureRequest, example: Path, serving: Serving, tmp_path: Path
) -> Connect:
    """Connects to a server over the one transport or the other."""

    @asynccontextmanager
    async def over_http(address: str, mode: str = "auto") -> AsyncIterator[Client]:
        async with serving(address) as url, Client(url, mode=mode) as client:
            yield client

    @asynccontextmanager
    async def over_stdio(address: str, mode: str = "auto") -> AsyncIterator[Client]:
        command = StdioServerParameters(
            command=sys.executable,
            args=[str(example), "serve", "--database", address],
            env=dict(os.environ),
        )
        with (tmp_path / "stderr").open("w") as log:
            async with Client(stdio_client(command, errlog=log), mode=mode) as client:
                yield client

    return over_http if request.param == "http" else over_stdio


async def ask(client: Client, tenant_id: str, user_id: str = "") -> Mapping[str, Any]:
    headers = {"x-tenant-id": tenant_id, **({"x-user-id": user_id} if user_id else {})}
    arguments = {"text": PROMPT, "with_probabilities": True, "headers": headers}
    result = await client.call_tool("classify_text", arguments)
    assert not result.is_error
    answer: Mapping[str, Any] = json.loads(result.content[0].text)  # type: ignore[union-attr]
    assert result.structured_content == answer
    return answer


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_tools_are_listed_with_their_arguments(
    connected: Connect, seeded: str, mode: str
) -> None:
    async with connected(seeded, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools.keys() == {"list_categories", "classify_text"}
        assert tools["classify_text"].input_schema["properties"].keys() == {
            "text",
            "with_probabilities",
            "headers",
        }
        listed = await client.call_tool("list_categories", {})
        answer = json.loads(listed.content[0].text)  # type: ignore[union-attr]
        assert answer["categories"] == ["tenant"]
        assert (await ask(client, "tenant-0042"))["lora_name"] == "tenant-0042-lora"


async def test_each_of_a_thousand_tenants_gets_its_own_adapter(
    connected: Connect, seeded_either: str
) -> None:
    async with connected(seeded_either) as client:
        for number in range(1, 1001):
            answer = await ask(client, f"tenant-{number:04}")
            assert answer["lora_name"] == f"tenant-{number:04}-lora"
            assert answer["confidence"] == 1.0
            assert answer["probabilities"] == [1.0]


async def test_calls_at_once_do_not_mix_their_answers(
    connected: Connect, seeded_either: str
) -> None:
    async with connected(seeded_either) as client:
        numbers = range(1, 201)
        answers = await asyncio.gather(*(ask(client, f"tenant-{n:04}") for n in numbers))
    assert [a["lora_name"] for a in answers] == [f"tenant-{n:04}-lora" for n in numbers]


async def test_whoever_is_no_active_tenant_gets_no_adapter(connected: Connect, seeded: str) -> None:
    async with connected(seeded) as client:
        for tenant_id in ("nobody", "", "asleep", "TENANT-0001", "tenant-0001 ", *HOSTILE):
            answer = await ask(client, tenant_id)
            assert answer["confidence"] == 0.0
            assert "lora_name" not in answer
        assert (await ask(client, "tenant-0001"))["lora_name"] == "tenant-0001-lora"
        assert (await ask(client, "o'brien & 医院"))["lora_name"] == "hospital-lora"


async def test_the_users_of_a_trial_keep_their_adapters_between_servers(
    connected: Connect, seeded: str
) -> None:
    users = [f"user-{number}" for number in range(20)]
    seen = []
    for _ in range(2):
        async with connected(seeded) as client:
            seen.append([await ask(client, "trial", user) for user in users])
    assert seen[0] == seen[1]
    assert {answer["lora_name"] for answer in seen[0]} == {"trial-a", "trial-b"}
    assert all(a["model"] == "llama2-7b" and a["use_reasoning"] for a in seen[0])


async def test_a_change_is_seen_by_the_next_call(connected: Connect, seeded: str) -> None:
    async with connected(seeded) as client:
        assert (await ask(client, "newcomer"))["confidence"] == 0.0
        with open_database(seeded).edit() as table:
            table.put([Tenant("newcomer", {"newcomer-lora": 1.0})])
        assert (await ask(client, "newcomer"))["lora_name"] == "newcomer-lora"


async def test_a_call_that_makes_no_sense_is_an_error_that_quotes_nothing(
    connected: Connect, seeded: str
) -> None:
    async with connected(seeded) as client:
        for tool, arguments in (
            ("classify_text", {"text": PROMPT, "headers": [PROMPT]}),
            ("classify_text", {"text": PROMPT, "headers": {"x-tenant-id": 7}}),
            ("classify_prompt", {"text": PROMPT}),
        ):
            result = await client.call_tool(tool, arguments)
            text = result.content[0].text  # type: ignore[union-attr]
            assert result.is_error
            assert "expected" in text
            assert "Rumpelstiltskin" not in text


async def test_a_database_that_goes_away_is_an_error_and_the_server_lives_on(
    serving: Serving, sqlite_address: str
) -> None:
    database = open_database(sqlite_address)
    database.create()
    said: list[str] = []
    async with serving(sqlite_address, said=said) as url, Client(url) as client:
        for path in Path(sqlite_address).parent.glob("tenants.db*"):
            path.unlink()
        arguments = {"text": PROMPT, "headers": {"x-tenant-id": "tenant-0001"}}
        result = await client.call_tool("classify_text", arguments)
        assert result.is_error
        assert "no such database" in result.content[0].text  # type: ignore[union-attr]
        database.create()
        assert not (await client.call_tool("classify_text", arguments)).is_error
    assert "no such database" in said[-1]
    assert "Rumpelstiltskin" not in "".join(said)
    assert "tenant-0001" not in "".join(said)


async def test_the_log_shows_neither_prompts_nor_ids(serving: Serving, seeded: str) -> None:
    said: list[str] = []
    async with serving(seeded, said=said) as url, Client(url) as client:
        for tenant_id in ("tenant-0001", "nobody", *HOSTILE):
            await ask(client, tenant_id, "user-1")
        await client.call_tool("classify_text", {"text": PROMPT, "headers": PROMPT})
    assert len(said) == 2  # where it listens, and nothing
    assert said[-1] == ""


async def test_a_server_with_a_token_admits_only_who_has_it(
    serving: Serving, sqlite_address: str
) -> None:
    open_database(sqlite_address).create()
    async with serving(sqlite_address, token="sesame") as url:
        async with httpx2.AsyncClient() as http:
            for authorization in ({}, {"authorization": "Bearer other"}, {"authorization": "ses"}):
                refusal = await http.post(url, json={}, headers=authorization)
                assert refusal.status_code == 401
        headers = {"authorization": "Bearer sesame"}
        async with (
            httpx2.AsyncClient(headers=headers) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            assert (await ask(client, "nobody"))["confidence"] == 0.0


async def test_an_address_for_all_the_world_without_a_token_is_remarked_on(
    serving: Serving, sqlite_address: str
) -> None:
    open_database(sqlite_address).create()
    for token, remarks in (("", 1), ("sesame", 0)):
        said: list[str] = []
        async with serving(sqlite_address, "--host", "0.0.0.0", token=token, said=said):
            pass
        assert "".join(said).count("TENANT_ROUTER_TOKEN") == remarks


async def test_other_headers_may_carry_the_ids(serving: Serving, sqlite_address: str) -> None:
    database = open_database(sqlite_address)
    database.create()
    with database.edit() as table:
        table.put([Tenant("acme", {"acme-lora": 1.0})])
    async with serving(sqlite_address, "--tenant-header", "X-Org") as url, Client(url) as client:
        arguments = {"text": PROMPT, "headers": {"x-org": "acme"}}
        result = await client.call_tool("classify_text", arguments)
        assert json.loads(result.content[0].text)["lora_name"] == "acme-lora"  # type: ignore[union-attr]


def test_an_accepted_connection_sends_its_answers_at_once() -> None:
    with (
        _listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
