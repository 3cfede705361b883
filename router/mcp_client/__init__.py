"""A client of MCP servers that classify prompts: one lasting connection, asked many times.

Knows the Model Context Protocol, by its official SDK, and how servers fail; leaves what an answer
means for routing to the signal. The SDK is imported when a server is connected to, not before: it
takes half a second, and a router without such a server does not need it installed.
"""

from router.mcp_client.server import McpServer

__all__ = ["McpServer"]
