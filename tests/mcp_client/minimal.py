"""As little of an MCP server over HTTP as will do, for what the SDK's own never does."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

INITIALIZED = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "minimal", "version": "1"},
}
TOOL = {"name": "classify", "inputSchema": {"type": "object"}}


class Minimal:
    """Answers each method with what `results` has for it, and tells what it was asked.

    A result that is a function is given the parameters; without a result the request is left
    without answer until its client gives it up, which `given_up` tells.
    """

    def __init__(self, **results: Any) -> None:
        usual = {"initialize": INITIALIZED, "tools/list": {"tools": [TOOL]}, "DELETE": {}}
        self.results = {**usual, **results}
        self.asked: Counter[str] = Counter()
        self.given_up = asyncio.Event()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        message = await self._message(receive)
        method = message.get("method", scope["method"])
        self.asked[method] += 1
        if method.startswith("notifications/"):
            await self._reply(send, 202, b"")
        elif method not in self.results:
            while (await receive())["type"] != "http.disconnect":
                pass
            self.given_up.set()
        else:
            result = self.results[method]
            value = result(message.get("params", {})) if callable(result) else result
            answer = {"jsonrpc": "2.0", "id": message.get("id"), "result": value}
            await self._reply(send, 200, json.dumps(answer).encode())

    async def _message(self, receive: Any) -> dict[str, Any]:
        body, more = b"", True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        return dict(json.loads(body)) if body else {}

    async def _reply(self, send: Any, status: int, body: bytes) -> None:
        headers = [(b"content-type", b"application/json"), (b"mcp-session-id", b"s")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def said(value: object) -> dict[str, Any]:
    """A tool's result that is `value` as JSON."""
    return {"content": [{"type": "text", "text": json.dumps(value)}]}
