"""How a session is introduced, where the server does not do as most do."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.server.mcpserver import MCPServer
from structlog.testing import capture_logs

from router.errors import ClassifierFailed
from router.mcp_client import session
from router.mcp_client.pauses import Patience
from tests.mcp_client.conftest import Connect, configured, until
from tests.mcp_client.http_server import HttpServer
from tests.mcp_client.minimal import TOOL, Minimal, said


def server_with(**tools: Any) -> Any:
    server: MCPServer[Any] = MCPServer("odd", log_level="CRITICAL")
    for name, tool in tools.items():
        server.add_tool(tool, name=name)
    return server.streamable_http_app(json_response=True)


def by_name(text: str) -> dict[str, Any]:
    """Tell the category by its name."""
    return {"category": "law", "confidence": 1, "text": text}


def in_a_text(text: str) -> str:
    """Tell the category in a text."""
    return '{"category": "law", "confidence": 1}'


async def test_a_server_need_not_list_categories(connect: Connect, http_server: HttpServer) -> None:
    await http_server.start(server_with(classify=by_name))
    client = await connect(configured(url=http_server.url))
    assert client.categories == ()
    assert (await client.call({"text": "x"}))["category"] == "law"


async def test_a_list_of_categories_that_cannot_be_read_is_logged_and_done_without(
    connect: Connect, http_server: HttpServer
) -> None:
    await http_server.start(server_with(classify=by_name, list_categories=lambda: {"names": []}))
    with capture_logs() as logs:
        client = await connect(configured(url=http_server.url))
    assert client.is_connected
    assert logs[0]["problem"] == (
        "list_categories: mcp answer: categories: expected a list of texts"
    )


async def test_the_configured_tool_is_asked(connect: Connect, http_server: HttpServer) -> None:
    await http_server.start(server_with(classify=by_name, tenant=in_a_text))
    client = await connect(configured(url=http_server.url, tool_name="tenant"))
    assert client.tool == "tenant"
    assert await client.call({"text": "x"}) == {"category": "law", "confidence": 1}


async def test_a_configured_tool_that_is_not_there_is_told_with_those_that_are(
    connect: Connect, http_server: HttpServer
) -> None:
    await http_server.start(server_with(classify=by_name))
    client = await connect(configured(url=http_server.url, tool_name="classify_text"))
    with pytest.raises(
        ClassifierFailed, match="no tool 'classify_text' among its tools: 'classify'"
    ):
        await client.call({"text": "x"})


async def test_a_tool_is_not_given_what_its_schema_rules_out(
    connect: Connect, http_server: HttpServer
) -> None:
    schema = {"type": "object", "properties": {"text": {}}, "additionalProperties": False}
    tools = {"tools": [{**TOOL, "inputSchema": schema}]}
    call = {"tools/call": lambda params: said(params["arguments"])}
    await http_server.start(Minimal(**{"tools/list": tools, **call}))
    client = await connect(configured(url=http_server.url))
    assert await client.call({"text": "x", "with_probabilities": True}) == {"text": "x"}


async def test_tools_are_looked_for_on_every_page(
    connect: Connect, http_server: HttpServer
) -> None:
    def page(params: dict[str, Any]) -> dict[str, Any]:
        if "cursor" not in params:
            return {"tools": [{**TOOL, "name": "search"}], "nextCursor": "2"}
        return {"tools": [TOOL]}

    await http_server.start(Minimal(**{"tools/list": page}))
    client = await connect(configured(url=http_server.url))
    assert client.tool == "classify"


async def test_pages_without_end_are_not_read_for_ever(
    connect: Connect, http_server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_MOST_PAGES", 3)
    server = Minimal(**{"tools/list": {"tools": [], "nextCursor": "x"}})
    await http_server.start(server)
    client = await connect(configured(url=http_server.url), patience=Patience())
    assert not client.is_connected
    assert server.asked["tools/list"] == 3


@pytest.mark.parametrize("pong", [{}, {"_meta": 7}], ids=["a pong", "an odd one"])
async def test_whatever_answers_a_ping_is_alive(
    connect: Connect, http_server: HttpServer, pong: dict[str, Any]
) -> None:
    server = Minimal(ping=pong)
    await http_server.start(server)
    patience = Patience(pings=0.01)
    client = await connect(configured(url=http_server.url), patience=patience)
    await until(lambda: server.asked["ping"] >= 3)
    assert client.is_connected
    assert server.asked["initialize"] == 1
