"""What the guard makes of a server's HTTP, without a server; and of servers that are no MCP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from router.errors import ClassifierFailed, DeadlineExceeded
from router.mcp_client import http
from router.mcp_client.http import Guard, shown_url
from router.mcp_client.link import Fault, Link
from tests.mcp_client.conftest import SOON, Connect, configured
from tests.mcp_client.http_server import HttpServer
from tests.mcp_client.minimal import Minimal
from tests.mcp_client.sdk_server import classifier, said

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}}


class Body(httpx2.AsyncByteStream):
    """Pieces of a body; waits for ever where it is told to."""

    def __init__(self, *pieces: bytes | None) -> None:
        self.pieces = pieces
        self.given = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if piece is None:
                await asyncio.Event().wait()
            self.given += 1
            yield piece or b""

    async def aclose(self) -> None:
        self.closed = True


def guard(
    answer: Callable[[httpx2.Request], Any], seconds: float = 20.0, call_seconds: float = 20.0
) -> Guard:
    return Guard(httpx2.MockTransport(answer), Link(), seconds=seconds, call_seconds=call_seconds)


async def post(made: Guard, message: object = CALL, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(transport=made) as client:
        return await client.post("http://mcp.test/mcp", json=message, headers=headers)


async def failure(made: Guard, **headers: str) -> str:
    response = await post(made, **headers)
    assert response.status_code == 502
    error = json.loads(response.content)
    assert (error["jsonrpc"], error["id"]) == ("2.0", None)
    return str(error["error"]["message"])


async def test_a_good_answer_passes_as_it_is() -> None:
    made = guard(lambda _: httpx2.Response(200, headers=JSON, stream=Body(b'{"a"', b": 1}")))
    assert (await post(made)).content == b'{"a": 1}'


@pytest.mark.parametrize(
    ("headers", "error"), [(JSON, httpx2.StreamError), (EVENTS, httpx2.SSEError)]
)
async def test_a_body_that_is_too_long_is_not_read_to_its_end(
    headers: dict[str, str], error: type[Exception]
) -> None:
    body = Body(*[b"x" * 65536] * 160)
    with pytest.raises(error, match=str(Fault.TOO_LARGE)):
        await post(guard(lambda _: httpx2.Response(200, headers=headers, stream=body)))
    assert body.given == 17
    assert body.closed


async def test_a_body_that_stops_half_way_ends_at_the_deadline() -> None:
    body = Body(b"{", None)
    made = guard(lambda _: httpx2.Response(200, headers=JSON, stream=body), seconds=0.05)
    with pytest.raises(httpx2.StreamError, match=str(Fault.LATE)):
        await post(made)
    assert body.closed


async def hang(_: httpx2.Request) -> httpx2.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_server_that_does_not_answer_is_late() -> None:
    assert await failure(guard(hang, seconds=0.05)) == Fault.LATE


async def test_calls_have_a_time_of_their_own_once_the_server_is_known() -> None:
    call = httpx2.Request("POST", "http://mcp.test/", json=CALL)
    made = guard(hang, call_seconds=0.05)
    assert made._seconds_for(call) == 20.0
    made._link.settled = True
    assert made._seconds_for(call) == 0.05
    assert await failure(made) == Fault.LATE


async def test_a_prompt_does_not_make_a_call_of_another_request() -> None:
    request = httpx2.Request("POST", "http://mcp.test/", json={"x": '"method":"tools/call"'})
    made = guard(hang, call_seconds=0.05)
    made._link.settled = True
    assert made._seconds_for(request) == 20.0


def test_urls_are_shown_without_secrets() -> None:
    assert shown_url("https://me:pw@mcp.test:8443/mcp?key=1") == "https://mcp.test:8443/mcp"


def raising(error: Exception) -> Callable[[httpx2.Request], httpx2.Response]:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise error

    return answer


async def test_a_server_that_cannot_be_reached_loses_the_connection() -> None:
    made = guard(raising(httpx2.ConnectError("All connection attempts failed")))
    assert await failure(made) == Fault.UNREACHABLE
    assert made._link.reason == (
        f"{Fault.UNREACHABLE} at http://mcp.test/mcp: all connection attempts failed"
    )


async def test_one_broken_connection_does_not() -> None:
    made = guard(raising(httpx2.ReadError("")))
    assert await failure(made) == Fault.BROKEN
    assert not made._link.lost.is_set()


async def test_a_session_that_the_server_does_not_know_is_lost() -> None:
    made = guard(lambda _: httpx2.Response(404))
    assert await failure(made, **{"mcp-session-id": "s"}) == "http status 404"
    assert made._link.reason == "its session has ended"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (httpx2.Response(503, text="May I sublet?"), "http status 503"),
        (httpx2.Response(404, json={"detail": "Not Found"}), "http status 404"),
        (httpx2.Response(200, html="<html>May I sublet?</html>"), Fault.UNREADABLE),
        (
            httpx2.Response(200, headers={**JSON, "content-encoding": "gzip"}, stream=Body(b"")),
            Fault.COMPRESSED,
        ),
        (httpx2.Response(500, headers=JSON, stream=Body(b"x" * 2_000_000)), "http status 500"),
    ],
    ids=["text", "json", "page", "compressed", "long"],
)
async def test_other_answers_fail_in_our_words(response: httpx2.Response, message: str) -> None:
    assert await failure(guard(lambda _: response)) == message


async def test_the_protocol_s_own_errors_pass() -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32022, "message": "no"}}
    assert (await post(guard(lambda _: httpx2.Response(400, json=error)))).json() == error


@pytest.mark.parametrize("headers", [{}, {"last-event-id": "1"}], ids=["news", "the rest"])
async def test_neither_news_nor_the_rest_of_an_answer_are_asked_for(
    headers: dict[str, str],
) -> None:
    made = guard(lambda _: httpx2.Response(200, headers=EVENTS, stream=Body(b"data: x\n\n")))
    async with httpx2.AsyncClient(transport=made) as client:
        assert (await client.get("http://mcp.test/mcp", headers=headers)).status_code == 405


def replying(status: int, body: bytes, kind: bytes = b"application/json") -> Any:
    """An ASGI application that answers everything alike."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


OLDER = (
    "expected an mcp server that speaks streamable http; classifiers of the older kind, which take "
    "POST {url}/tools/call with bare json, are not mcp and are not supported"
)
NO_MCP = {
    "no such path": (replying(404, b"not found", b"text/plain"), f"http status 404, {OLDER}"),
    "no such path, as json": (replying(404, b'{"detail": 1}'), f"http status 404, {OLDER}"),
    "wrong method": (replying(405, b"", b"text/plain"), f"http status 405, {OLDER}"),
    "bare json": (replying(200, b'{"class": 0}'), f"the answer is not json-rpc, {OLDER}"),
    "a page": (replying(200, b"<html>", b"text/html"), f"the answer is not json-rpc, {OLDER}"),
    "no credentials": (
        replying(401, b"", b"text/plain"),
        "http status 401, expected to be let in; see classifier.mcp_category_model.headers",
    ),
}


@pytest.mark.parametrize(("application", "expected"), NO_MCP.values(), ids=NO_MCP)
async def test_a_server_that_is_no_mcp_is_told_plainly(
    connect: Connect, http_server: HttpServer, application: Any, expected: str
) -> None:
    await http_server.start(application)
    client = await connect(configured(url=http_server.url))
    with pytest.raises(ClassifierFailed) as caught:
        await client.call({"text": "x"})
    place = f"mcp server is not connected: {http_server.url}: "
    assert str(caught.value) == place + expected.replace("{url}", http_server.url)


@pytest.mark.parametrize("json_response", [False, True], ids=["events", "json"])
async def test_bad_answers_over_http_fail_their_call_and_no_other(
    connect: Connect, http_server: HttpServer, json_response: bool
) -> None:
    deeds = {"huge": lambda: said("x" * 10_000_000), "prose": lambda: said("well, law")}
    application = classifier(deeds).streamable_http_app(json_response=json_response)
    await http_server.start(application)
    client = await connect(configured(url=http_server.url))
    with pytest.raises(ClassifierFailed, match="the answer is larger than 1048576 bytes"):
        await client.call({"text": "huge"})
    with pytest.raises(ClassifierFailed, match="expected text that is json"):
        await client.call({"text": "prose"})
    assert (await client.call({"text": "law"}))["class"] == 0


async def test_configured_headers_are_sent_and_nothing_is_asked_for_compressed(
    connect: Connect, http_server: HttpServer
) -> None:
    seen: list[dict[bytes, bytes]] = []
    served = classifier().streamable_http_app(json_response=True)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append(dict(scope["headers"]))
        await served(scope, receive, send)

    await http_server.start(application)
    await connect(configured(url=http_server.url, headers={"authorization": "Bearer s3cret"}))
    assert {headers[b"authorization"] for headers in seen} == {b"Bearer s3cret"}
    assert {headers[b"accept-encoding"] for headers in seen} == {b"identity"}


def test_settings_do_not_show_their_secrets() -> None:
    settings = configured(url="http://x", headers={"authorization": "s3cret"}, env={"K": "s3cret"})
    assert "s3cret" not in repr(settings)


async def test_the_connection_of_a_call_that_was_given_up_is_closed(
    connect: Connect, http_server: HttpServer
) -> None:
    server = Minimal()
    await http_server.start(server)
    client = await connect(configured(url=http_server.url, timeout_seconds=0.1))
    with pytest.raises(DeadlineExceeded):
        await client.call({"text": "x"})
    async with asyncio.timeout(SOON):
        await server.given_up.wait()


async def test_a_server_that_does_not_take_leave_is_left(
    connect: Connect, http_server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_GOODBYE", 0.05)
    server = Minimal()
    del server.results["DELETE"]
    await http_server.start(server)
    client = await connect(configured(url=http_server.url))
    with capture_logs() as logs:
        await client.close()
    assert server.asked["DELETE"] == 1
    assert logs == []


async def test_an_answer_that_breaks_off_again_and_again_is_not_asked_for_again(
    connect: Connect, http_server: HttpServer
) -> None:
    asked: list[str] = []
    served = classifier().streamable_http_app(json_response=True)
    breaking = replying(200, b"id: 1\nretry: 0\ndata:\n\n", b"text/event-stream")

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not is_connected:
            await served(scope, receive, send)
            return
        asked.append(scope["method"])
        await breaking(scope, receive, send)

    is_connected = False
    await http_server.start(application)
    client = await connect(configured(url=http_server.url))
    is_connected = True
    with pytest.raises(ClassifierFailed, match="the connection broke"):
        await client.call({"text": "x"})
    assert asked == ["POST"]
