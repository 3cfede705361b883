"""An MCP server behind a URL: the SDK's streamable HTTP, on a transport of bounded patience.

The SDK reads answers of any length, keeps the connection of a call that nobody waits for any more,
and ends the whole session with one broken connection. All three are mended here, below it, where
requests and responses pass as HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import msgspec
from mcp.client.streamable_http import streamable_http_client
from mcp_types import INTERNAL_ERROR

from router.config.classifier import McpCategoryModel
from router.mcp_client.link import MAX_ANSWER_BYTES, Fault, Link, status_text
from router.mcp_client.pauses import Patience

_SESSION = "mcp-session-id"
_GOODBYE = 1.0  # seconds for telling the server that the session is over
_SPARE_CONNECTIONS = 8  # for pings and notices beside the calls
_OK = 200
_NOT_FOUND = 404
_JSON = "application/json"
_EVENTS = "text/event-stream"
_CALL = b'"method":"tools/call"'  # no prompt can hold it: in a string the quotes are escaped


def shown_url(url: str) -> str:
    """The URL without what may be a secret: user name, password, query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@contextlib.asynccontextmanager
async def http_streams(
    settings: McpCategoryModel, link: Link, patience: Patience
) -> AsyncIterator[tuple[Any, Any]]:
    """The SDK's streams to the server and from it."""
    assert settings.url is not None  # checked with the configuration
    connections = settings.max_concurrency + _SPARE_CONNECTIONS
    # Reading the certificates takes a while.
    tls = await asyncio.to_thread(httpx2.create_ssl_context)
    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    inner = httpx2.AsyncHTTPTransport(verify=tls, limits=limits)
    guard = Guard(inner, link, seconds=patience.connect, call_seconds=settings.timeout_seconds)
    headers = {**settings.headers, "accept-encoding": "identity"}
    client = httpx2.AsyncClient(transport=guard, headers=headers, timeout=None, trust_env=False)
    async with client, streamable_http_client(settings.url, http_client=client) as streams:
        try:
            yield streams
        finally:
            guard.seconds = _GOODBYE


class Guard(httpx2.AsyncBaseTransport):
    """Passes requests on; each takes `seconds` at most, and its answer is of bounded size.

    Once the server is known, calls of its tools take `call_seconds` at most. What goes wrong
    becomes an answer that says so: the SDK then fails that call and no other.
    """

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, link: Link, *, seconds: float, call_seconds: float
    ) -> None:
        self._inner = inner
        self._link = link
        self.seconds = seconds
        self._call_seconds = call_seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            # What servers say unasked nothing here needs. And a broken answer is not taken up
            # again: the SDK would go on with that for as long as the server likes.
            return httpx2.Response(405)
        seconds = self._seconds_for(request)
        deadline = anyio.current_time() + seconds
        try:
            with anyio.fail_after(seconds):
                response = await self._inner.handle_async_request(request)
        except (httpx2.ConnectError, httpx2.UnsupportedProtocol) as error:
            place = shown_url(str(request.url))
            self._link.lose(f"{Fault.UNREACHABLE} at {place}: {_first_line(error)}")
            return _failure(Fault.UNREACHABLE)
        except httpx2.TransportError:
            return _failure(Fault.BROKEN)
        except TimeoutError:
            return _failure(Fault.LATE)
        if response.status_code == _NOT_FOUND and _SESSION in request.headers:
            self._link.lose("its session has ended")
        return await _examined(response, deadline)

    def _seconds_for(self, request: httpx2.Request) -> float:
        is_call = self._link.settled and _CALL in request.content
        return self._call_seconds if is_call else self.seconds

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _examined(response: httpx2.Response, deadline: float) -> httpx2.Response:
    """The response with its body bounded; one that says why where it is of no use."""
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    response.stream = _Bounded(response.stream, deadline, is_events=kind == _EVENTS)
    complaint = await _complaint(response, kind)
    if complaint is None:
        return response
    await response.aclose()
    return _failure(complaint)


async def _complaint(response: httpx2.Response, kind: str) -> str | None:
    if response.headers.get("content-encoding", "identity") != "identity":
        return Fault.COMPRESSED
    if response.status_code == _OK and kind not in (_JSON, _EVENTS):
        return Fault.UNREADABLE
    if not response.is_error:
        return None
    # The protocol's own errors come with an error's status too.
    is_protocol = kind == _JSON and b'"jsonrpc"' in await _body(response)
    return None if is_protocol else status_text(response.status_code)


async def _body(response: httpx2.Response) -> bytes:
    try:
        return await response.aread()
    except httpx2.StreamError:
        return b""


def _failure(what: str) -> httpx2.Response:
    """An answer that the SDK takes for the server's error, whichever request it is for."""
    error = {"code": INTERNAL_ERROR, "message": str(what)}
    body = msgspec.json.encode({"jsonrpc": "2.0", "id": None, "error": error})
    return httpx2.Response(502, headers={"content-type": _JSON}, content=body)


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends in an error where it is too long or takes too long."""

    def __init__(self, stream: httpx2.AsyncByteStream, deadline: float, is_events: bool) -> None:
        self._stream = stream
        self._deadline = deadline
        # Each is what the SDK expects where it reads such a body, and fails the one call for.
        self._error = httpx2.SSEError if is_events else httpx2.StreamError

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER_BYTES
        chunks = aiter(self._stream)
        while chunk := await self._next(chunks):
            left -= len(chunk)
            if left < 0:
                raise self._error(Fault.TOO_LARGE)
            yield chunk

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes:
        try:
            with anyio.fail_after(max(0.0, self._deadline - anyio.current_time())):
                return await anext(chunks, b"")
        except TimeoutError:
            raise self._error(Fault.LATE) from None
        except httpx2.TransportError:
            raise self._error(Fault.BROKEN) from None

    async def aclose(self) -> None:
        await self._stream.aclose()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0].lower()
