"""The tools as MCP sees them. Knows no transport and no database.

A tool that fails says why in one line, and the router takes that for UNKNOWN. Neither prompts nor
ids are logged.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp.server.lowlevel import Server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)

from tenant_router.answers import Answer, HeaderNames, categories, classify
from tenant_router.errors import BadInput, DatabaseError, TenantRouterError
from tenant_router.tenant import Find

_log = logging.getLogger("tenant_router")

LIST_CATEGORIES = Tool(
    name="list_categories",
    description="The categories that classify_text may answer.",
    input_schema={"type": "object", "properties": {}},
)
CLASSIFY_TEXT = Tool(
    name="classify_text",
    description="The LoRA adapter of the tenant that a request belongs to, by its headers.",
    input_schema={
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "The prompt; it is not looked at."},
            "with_probabilities": {"type": "boolean", "default": False},
            "headers": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Request headers in lower case: the tenant's id, the user's id.",
            },
        },
        "required": ["text"],
    },
)

_Context = Any  # the tools need nothing of it
_Tool = Callable[[Mapping[str, Any]], Awaitable[Answer]]


def build_server(find: Find, names: HeaderNames) -> Server[Any]:
    """An MCP server whose tools look tenants up with `find`."""

    async def list_categories(_: Mapping[str, Any]) -> Answer:
        return categories()

    async def classify_text(arguments: Mapping[str, Any]) -> Answer:
        return await classify(arguments, find, names)

    tools: dict[str, _Tool] = {
        LIST_CATEGORIES.name: list_categories,
        CLASSIFY_TEXT.name: classify_text,
    }

    async def list_tools(_: _Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[LIST_CATEGORIES, CLASSIFY_TEXT])

    async def call_tool(_: _Context, call: CallToolRequestParams) -> CallToolResult:
        try:
            return _result(await _tool(tools, call.name)(call.arguments or {}))
        except TenantRouterError as error:
            if isinstance(error, DatabaseError):
                _log.error("%s", error)
            return CallToolResult(
                content=[TextContent(type="text", text=str(error))], is_error=True
            )

    return Server("mcp-tenant-router", on_list_tools=list_tools, on_call_tool=call_tool)


def _tool(tools: Mapping[str, _Tool], name: str) -> _Tool:
    if name not in tools:
        raise BadInput(f"unknown tool; expected one of {', '.join(tools)}")
    return tools[name]


def _result(answer: Answer) -> CallToolResult:
    text = json.dumps(answer, ensure_ascii=False)
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=answer)
