"""A classifier as one would write it with the official SDK; as a script it is on stdio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent

Deeds = dict[str, Callable[[], Any]]


def classifier(deeds: Deeds | None = None) -> MCPServer[Any]:
    """A server that says `law`, or does what `deeds` has for the text."""
    server: MCPServer[Any] = MCPServer("classifier", log_level="CRITICAL")

    @server.tool()
    def list_categories() -> dict[str, Any]:
        """The categories."""
        return {"categories": ["law", "health"]}

    @server.tool()
    async def classify_text(
        text: str, with_probabilities: bool = False, headers: dict[str, str] | None = None
    ) -> Any:
        """Find the category of a text."""
        if deeds and text in deeds:
            done = deeds[text]()
            return await done if asyncio.iscoroutine(done) else done
        answer = {"class": 0, "confidence": 0.75, "headers": headers}
        return {**answer, "probabilities": [0.75, 0.25]} if with_probabilities else answer

    return server


def said(text: str) -> CallToolResult:
    """A result whose first block is `text`."""
    return CallToolResult(content=[TextContent(type="text", text=text)])


if __name__ == "__main__":
    classifier().run("stdio")
