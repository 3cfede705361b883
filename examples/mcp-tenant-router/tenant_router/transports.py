"""The two ways in: stdio for a server that the router starts, streamable HTTP for one of its own.

HTTP is stateless: any number of servers may stand behind one address, and none keeps sessions.
"""

from __future__ import annotations

import socket
import sys
from hmac import compare_digest
from ipaddress import ip_address
from typing import Any

import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tenant_router.errors import CannotListen

PATH = "/mcp"


async def serve_stdio(server: Server[Any]) -> None:
    """Serve the one client on stdin and stdout until it closes them."""
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


async def serve_http(server: Server[Any], host: str, port: int, token: str) -> None:
    """Serve `http://host:port/mcp` until SIGTERM or SIGINT; port 0 takes a free one.

    With a `token`, a request must carry it as `authorization: Bearer …`. Raises CannotListen.
    """
    app: ASGIApp = server.streamable_http_app(
        streamable_http_path=PATH, host=host, json_response=True, stateless_http=True
    )
    if token:
        app = RequireToken(app, token)
    elif not _is_loopback(host):
        _say("without TENANT_ROUTER_TOKEN whoever reaches this address may ask for any tenant")
    with _listen(host, port) as listener:
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        _say(f"listening on http://{_shown(host)}:{listener.getsockname()[1]}{PATH}")
        await uvicorn.Server(config).serve(sockets=[listener])


class RequireToken:
    """Lets only those requests through that carry the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 401."""
        if scope["type"] == "http" and not self._admits(Headers(scope=scope)):
            refusal = PlainTextResponse(
                "expected the token\n", 401, headers={"www-authenticate": "Bearer"}
            )
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _admits(self, headers: Headers) -> bool:
        return compare_digest(headers.get("authorization", "").encode(), self._expected)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise CannotListen(f"cannot listen on {_shown(host)}:{port}: {error}") from error
    # Connections inherit it. Without it an answer's body waits 40 ms for its head's ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _say(line: str) -> None:
    print(f"mcp-tenant-router: {line}", file=sys.stderr, flush=True)
