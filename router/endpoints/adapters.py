"""What running servers are told of adapters: list them, load one, unload one.

Knows vLLM's dynamic LoRA API, and how its servers say no; leaves which servers to ask, and what a
list means for a configuration, to the `adapters` command. The last word on what is loaded has a
server's model list, not its answer to a request. Headers hold credentials: they are sent, and kept
out of everything else.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from types import TracebackType

import aiohttp
import msgspec

from router.catalog import Endpoint
from router.endpoints.vllm import MAX_PAGE_BYTES, Served, read_models

_AT_ONCE = 64
_MAX_TOLD = 240  # characters of a server's own words
_SHORTEST_SECRET = 8
_CLOSED = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
_HOW_TO_OPEN = (
    "adapters cannot be changed while it runs; start vLLM with --enable-lora and "
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True"
)
_BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class EndpointError(Exception):
    """A server did not do as it was asked. The message is one line for the operator."""


class Outcome(StrEnum):
    """What became of an adapter on a server that did as it was asked, or had nothing to do."""

    LOADED = "loaded"
    ALREADY_LOADED = "already_loaded"
    UNLOADED = "unloaded"
    NOT_LOADED = "not_loaded"


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer; `told` is what it says in words, in one bounded line without credentials."""

    status: int
    body: bytes
    told: str

    @property
    def done(self) -> bool:
        return self.status // 100 == 2

    def summary(self) -> str:
        """What the status and the words say."""
        if self.status // 100 == 3:
            return f"status {self.status}: a redirect, expected the server itself"
        words = f": {self.told}" if self.told else ""
        hint = "; credentials go under live_view.headers" if self.status == 401 else ""
        return f"status {self.status}{words}{hint}"

    def refusal(self) -> str:
        """The same of a request to change an adapter.

        A server that has closed the door says no more than the status does; one that has it open
        names the adapter that it did not find.
        """
        if self.status not in _CLOSED or (self.status == HTTPStatus.NOT_FOUND and self.told):
            return self.summary()
        return f"{self.summary()}; {_HOW_TO_OPEN}"


class AdapterClient:
    """Asks servers, many at once. An async context manager; `timeout` is seconds for an answer."""

    def __init__(self, *, timeout: float, headers: Mapping[str, str]) -> None:
        self._timeout = timeout
        self._headers = headers
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def __aenter__(self) -> AdapterClient:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def models(self, endpoint: Endpoint) -> Served:
        """What the server lists. Raises EndpointError."""
        return _models(await self._page(endpoint))

    async def load(self, endpoint: Endpoint, name: str, path: str) -> Outcome:
        """Have the server load the adapter at `path`, a path of its own, and see that it is there.

        Raises EndpointError, also where `name` is there from another path.
        """
        wanted = {"lora_name": name, "lora_path": path}
        reply = await self._send(endpoint, "/v1/load_lora_adapter", wanted)
        if not reply.done:
            return await self._there_already(endpoint, wanted, reply)
        if name not in (await self._afterwards(endpoint)).names:
            raise EndpointError("said that it is loaded, and does not list it")
        return Outcome.LOADED

    async def unload(self, endpoint: Endpoint, name: str) -> Outcome:
        """Have the server forget the adapter, and see that it is gone. Raises EndpointError."""
        reply = await self._send(endpoint, "/v1/unload_lora_adapter", {"lora_name": name})
        if not reply.done:
            return await self._not_there(endpoint, name, reply)
        if name in (await self._afterwards(endpoint)).names:
            raise EndpointError("said that it is unloaded, and lists it still")
        return Outcome.UNLOADED

    async def _there_already(
        self, endpoint: Endpoint, wanted: Mapping[str, str], reply: _Reply
    ) -> Outcome:
        name, path = wanted["lora_name"], wanted["lora_path"]
        try:
            page = await self._page(endpoint)
            served = _models(page)
        except EndpointError:
            raise EndpointError(reply.refusal()) from None
        if name not in served.parents:
            raise EndpointError(reply.refusal())
        root = _root(page, name)
        if root is not None and root.rstrip("/") != path.rstrip("/"):
            raise EndpointError(f"loaded already, from {self._plain(root)!r}; unload it first")
        return Outcome.ALREADY_LOADED

    async def _not_there(self, endpoint: Endpoint, name: str, reply: _Reply) -> Outcome:
        try:
            served = await self.models(endpoint)
        except EndpointError:
            raise EndpointError(reply.refusal()) from None
        if name in served.names:
            raise EndpointError(reply.refusal())
        return Outcome.NOT_LOADED

    async def _afterwards(self, endpoint: Endpoint) -> Served:
        try:
            return await self.models(endpoint)
        except EndpointError as error:
            raise EndpointError(f"said that it is done, and then: {error}") from None

    async def _page(self, endpoint: Endpoint) -> bytes:
        """The body of `/v1/models`."""
        reply = await self._send(endpoint, "/v1/models")
        if reply.status != HTTPStatus.OK:
            raise EndpointError(reply.summary())
        if len(reply.body) > MAX_PAGE_BYTES:
            raise EndpointError(f"a list of models of more than {MAX_PAGE_BYTES} bytes")
        return reply.body

    async def _send(
        self, endpoint: Endpoint, path: str, body: Mapping[str, str] | None = None
    ) -> _Reply:
        """Any answer. Raises EndpointError where there is none."""
        url = f"http://{endpoint.authority}{path}"
        method = "GET" if body is None else "POST"
        try:
            async with (
                self._turn,
                self._session.request(method, url, json=body, allow_redirects=False) as answer,
            ):
                content = await _beginning(answer)
                return _Reply(answer.status, content, self._words(answer.status, content))
        except TimeoutError:
            raise EndpointError(
                f"not reachable: no answer within {self._timeout:g} s"
                if body is None
                else f"no answer within {self._timeout:g} s; it may still be at it"
            ) from None
        except OSError as error:
            raise EndpointError(f"not reachable: {_cause(error)}") from None
        except aiohttp.ServerDisconnectedError:
            raise EndpointError("not reachable: the connection was closed unanswered") from None
        except aiohttp.ClientError:
            raise EndpointError("an answer that is no HTTP, or broke off") from None
        except ValueError:
            raise EndpointError("live_view.headers: expected headers that HTTP can hold") from None

    def _words(self, status: int, body: bytes) -> str:
        """What an answer says, unless that is its status over again."""
        if status // 100 == 2:
            return ""
        told = self._plain(_message(body))
        return "" if told.casefold() == _phrase(status).casefold() else told

    def _plain(self, text: str) -> str:
        """`text` in one bounded line, without what we sent in confidence."""
        for value in self._headers.values():
            for secret in (value, *value.split()):
                if len(secret) >= _SHORTEST_SECRET:
                    text = text.replace(secret, "[hidden]")
        line = " ".join(text.split())
        line = "".join(char if char.isprintable() else "�" for char in line[: _MAX_TOLD + 1])
        return line if len(line) <= _MAX_TOLD else line[: _MAX_TOLD - 1] + "…"


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """The body, or a little more of it than a page may have."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_PAGE_BYTES:
            break
    return bytes(body)


def _models(page: bytes) -> Served:
    try:
        return read_models(page)
    except ValueError:
        raise EndpointError("an answer that is no list of models") from None


class _Card(msgspec.Struct):
    id: str
    root: str | None = None


class _Cards(msgspec.Struct):
    data: list[_Card]


def _root(page: bytes, name: str) -> str | None:
    """The path that the adapter came from, where the server tells."""
    try:
        cards = msgspec.json.decode(page, type=_Cards).data
    except _BAD_JSON:
        return None
    return next((card.root for card in cards if card.id == name), None)


def _message(body: bytes) -> str:
    """An error's message in any of the forms that vLLM has had, or plain text; never a web page."""
    try:
        found = msgspec.json.decode(body)
    except _BAD_JSON:
        text = body.decode(errors="replace").strip()
        return "" if text.startswith("<") else text
    for key in ("error", "message", "detail"):
        part = found.get(key) if isinstance(found, dict) else None
        inner = part.get("message") if isinstance(part, dict) else part
        if isinstance(inner, str):
            return inner
    return ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _cause(error: OSError) -> str:
    """The system's words: asyncio puts addresses in their place."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return (error.strerror or "no connection").lower()
