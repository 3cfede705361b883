"""One MCP session: opened, introduced, asked.

Only this and the transports know the SDK; when to open another session is the owner's matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from mcp.client.session import ClientSession
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_PROTOCOL_VERSION,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    PaginatedRequestParams,
)
from pydantic import ValidationError

from router.config.classifier import McpCategoryModel
from router.errors import ClassifierFailed
from router.mcp_client.answers import payload, read_categories
from router.mcp_client.http import http_streams, shown_url
from router.mcp_client.link import CannotConnect, Fault, Link, NoAnswer, fault_in, status_in
from router.mcp_client.pauses import Patience
from router.mcp_client.stdio import stdio_streams
from router.mcp_client.tools import LIST_CATEGORIES, Tool, find_tool

# What the SDK logs comes from the server, which may quote prompts; what counts is reported here.
for _name in ("mcp", "client"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_MOST_PAGES = 50  # of tools
_US = Implementation(name="lora-router", version="1")
_CREDENTIALS = ("http status 401", "http status 403")
_NOT_MCP = (
    "expected an mcp server that speaks streamable http; classifiers of the older kind, which take "
    "POST {url}/tools/call with bare json, are not mcp and are not supported"
)


@dataclass(frozen=True, slots=True)
class Connection:
    """A session that has been introduced: the tool to ask, and the categories that it lists."""

    session: ClientSession
    link: Link
    tool: Tool
    categories: tuple[str, ...]

    async def ask(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The tool's answer as a JSON object; waits for as long as it takes.

        Raises NoAnswer where the connection failed, ClassifierFailed where the answer is none.
        """
        return await _call(self.session, self.tool.name, self.tool.accepted(arguments))

    async def ping(self, seconds: float) -> None:
        """Find out whether the server still answers. Raises NoAnswer."""
        try:
            async with asyncio.timeout(seconds):
                await self.session.send_ping()
        except TimeoutError:
            raise NoAnswer("it did not answer a ping") from None
        except MCPError as error:
            if complaint := _silence(error):
                raise NoAnswer(complaint) from None
        except ValidationError:
            pass  # an odd answer is a sign of life


@contextlib.asynccontextmanager
async def connected(
    settings: McpCategoryModel, patience: Patience, link: Link
) -> AsyncIterator[Connection]:
    """A session with the server, for as long as the block lasts.

    Raises CannotConnect, NoAnswer, or a group of such.
    """
    async with _introduced(settings, patience, link) as session:
        async with _in_time(patience.connect):
            tools = await _tools(session)
            tool = _chosen(tools, settings)
            categories = await _categories(session, tools)
        link.settled = True
        yield Connection(session, link, tool, categories)


@contextlib.asynccontextmanager
async def _introduced(
    settings: McpCategoryModel, patience: Patience, link: Link
) -> AsyncIterator[ClientSession]:
    if settings.command is not None:
        async with (
            stdio_streams(settings, link) as streams,
            ClientSession(*streams, client_info=_US) as session,
        ):
            async with _in_time(patience.connect):
                await _introduce(session)
            yield session
        return
    async with (
        http_streams(settings, link, patience) as streams,
        ClientSession(*streams, client_info=_US) as session,
    ):
        async with _in_time(patience.connect):
            await _introduce_over_http(session, settings)
        yield session


@contextlib.asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise NoAnswer(f"it did not introduce itself within {seconds:g} seconds") from None


async def _introduce(session: ClientSession) -> None:
    """The handshake that every server knows; failing that the newer one, which some know alone."""
    try:
        try:
            await session.initialize()
        except MCPError as error:
            if error.code not in (METHOD_NOT_FOUND, UNSUPPORTED_PROTOCOL_VERSION):
                raise
            await session.discover()
    except MCPError as error:
        raise CannotConnect(_finding(error)) from None
    except (ValidationError, RuntimeError):
        raise CannotConnect("its answer to initialize is not understood") from None


async def _introduce_over_http(session: ClientSession, settings: McpCategoryModel) -> None:
    assert settings.url is not None
    try:
        await _introduce(session)
    except CannotConnect as error:
        finding = str(error)
        is_silence = (fault := fault_in(finding)) is not None and fault.is_silence
        hint = "" if is_silence else f", {_hint(finding, settings.url)}"
        raise CannotConnect(f"{shown_url(settings.url)}: {finding}{hint}") from None


def _hint(finding: str, url: str) -> str:
    if finding in _CREDENTIALS:
        return "expected to be let in; see classifier.mcp_category_model.headers"
    return _NOT_MCP.format(url=shown_url(url))


async def _tools(session: ClientSession) -> list[Tool]:
    found: list[Tool] = []
    params = None
    for _ in range(_MOST_PAGES):
        try:
            page = await session.list_tools(params=params)
        except MCPError as error:
            raise CannotConnect(f"its tools cannot be listed: {_finding(error)}") from None
        except ValidationError:
            raise CannotConnect("its list of tools is not understood") from None
        found += (Tool(t.name, t.description or "", t.input_schema) for t in page.tools)
        if not page.next_cursor:
            break
        params = PaginatedRequestParams(cursor=page.next_cursor)
    return found


def _chosen(tools: list[Tool], settings: McpCategoryModel) -> Tool:
    try:
        return find_tool(tools, settings.tool_name)
    except LookupError as error:
        raise CannotConnect(str(error.args[0])) from None


async def _categories(session: ClientSession, tools: list[Tool]) -> tuple[str, ...]:
    if all(tool.name != LIST_CATEGORIES for tool in tools):
        return ()
    try:
        return read_categories(await _call(session, LIST_CATEGORIES, {}))
    except ClassifierFailed as error:
        # No harm where answers name their category themselves.
        structlog.get_logger().warning("mcp_server", problem=f"{LIST_CATEGORIES}: {error}")
        return ()


async def _call(session: ClientSession, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    # Not `session.call_tool`: that checks answers against the server's own schema, which is not
    # what they are used for here, and its complaints quote the answer.
    params = CallToolRequestParams(name=tool, arguments=arguments)
    try:
        result = await session.send_request(CallToolRequest(params=params), CallToolResult)
    except MCPError as error:
        if complaint := _silence(error):
            raise NoAnswer(complaint) from None
        raise ClassifierFailed(f"mcp server: {_finding(error)}") from None
    except ValidationError:
        raise ClassifierFailed("mcp answer: expected a tool's result") from None
    return payload(result)


def _silence(error: MCPError) -> str | None:
    """What is wrong with the connection, where it is that and not the answer."""
    fault = fault_in(error.message)
    if fault is not None:
        return fault if fault.is_silence else None
    return status_in(error.message) or (Fault.BROKEN if error.code == CONNECTION_CLOSED else None)


def _finding(error: MCPError) -> str:
    """What happened, in words of ours: the server's own may quote what it was sent."""
    known = _silence(error) or fault_in(error.message)
    if known is None and error.code == PARSE_ERROR:
        known = Fault.UNREADABLE
    return known or f"answered with error code {error.code}"
