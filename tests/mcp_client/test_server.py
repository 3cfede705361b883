"""Clients of real servers: good ones, bad ones, and those that come and go."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import uvloop
from structlog.testing import capture_logs

from router.errors import ClassifierFailed, ConfigError, DeadlineExceeded, Overloaded
from router.mcp_client import McpServer, session
from router.mcp_client import stdio as transport
from router.mcp_client.link import Link
from router.mcp_client.pauses import Patience
from router.mcp_client.tools import Tool
from tests.mcp_client.conftest import HERE, HURRIED, SOON, Connect, configured, stdio, until
from tests.mcp_client.http_server import HttpServer
from tests.mcp_client.sdk_server import classifier
from tests.mcp_client.stdio_server import SECRET

QUESTION = {"text": "May I sublet?", "with_probabilities": True}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def refusal(client: McpServer, text: str = "May I sublet?") -> str:
    with pytest.raises(ClassifierFailed) as caught:
        await client.call({"text": text})
    message = str(caught.value)
    assert "\n" not in message
    assert SECRET not in message
    return message


async def test_a_server_written_with_the_sdk_answers_over_stdio(connect: Connect) -> None:
    args = ("-W", "ignore", str(HERE / "sdk_server.py"))
    client = await connect(configured(command=sys.executable, args=args))
    assert (client.categories, client.tool) == (("law", "health"), "classify_text")
    answer = await client.call(QUESTION)
    assert (answer["class"], answer["confidence"]) == (0, 0.75)
    assert answer["probabilities"] == [0.75, 0.25]


@pytest.mark.parametrize(
    "options", [{}, {"json_response": True}, {"stateless_http": True}], ids=str
)
async def test_a_server_written_with_the_sdk_answers_over_http(
    connect: Connect, http_server: HttpServer, options: dict[str, bool]
) -> None:
    await http_server.start(classifier().streamable_http_app(**options))
    client = await connect(configured(url=http_server.url))
    assert client.categories == ("law", "health")
    answer = await client.call({**QUESTION, "headers": {"x-tenant": "a"}})
    assert answer["headers"] == {"x-tenant": "a"}
    assert answer["probabilities"] == [0.75, 0.25]


async def _ask_both_ways() -> None:
    http_server = HttpServer()
    await http_server.start(classifier().streamable_http_app())
    for settings in (stdio(), configured(url=http_server.url)):
        client = McpServer(settings, patience=HURRIED)
        client.start()
        assert await client.tried(SOON)
        assert (await client.call(QUESTION))["confidence"] > 0.5
        await client.close()
    await http_server.stop()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_it_works_on_either_event_loop(run: Callable[[Awaitable[None]], None]) -> None:
    run(_ask_both_ways())


async def test_a_server_that_speaks_only_the_newest_protocol_answers(connect: Connect) -> None:
    client = await connect(stdio("newest"))
    assert (await client.call(QUESTION))["category"] == "law"


async def test_calls_fail_at_once_before_the_start() -> None:
    message = await refusal(McpServer(stdio()))
    assert message == "mcp server is not connected: it has not been started"


async def test_a_server_that_is_down_is_asked_as_soon_as_it_is_up(
    connect: Connect, http_server: HttpServer
) -> None:
    pauses: list[None] = []

    def chance() -> float:
        pauses.append(None)
        return 0.0

    with capture_logs() as logs:
        client = await connect(configured(url=http_server.url), chance=chance)
        assert not client.is_connected
        assert "the server cannot be reached" in await refusal(client)
        await until(lambda: len(pauses) >= 3)
        await http_server.start(classifier().streamable_http_app())
        await until(lambda: client.is_connected)
    assert (await client.call(QUESTION))["class"] == 0
    events = [entry["event"] for entry in logs]
    assert events == ["mcp_server", "mcp_connected"]  # one line for all the attempts in vain


async def test_a_server_that_was_restarted_is_connected_to_again(
    connect: Connect, http_server: HttpServer
) -> None:
    await http_server.start(classifier().streamable_http_app())
    client = await connect(configured(url=http_server.url))
    await client.call(QUESTION)
    await http_server.stop()
    await refusal(client)
    await http_server.start(classifier().streamable_http_app())
    await until(lambda: client.is_connected)
    assert (await client.call(QUESTION))["class"] == 0


async def test_a_session_that_the_server_forgot_is_opened_again(
    connect: Connect, http_server: HttpServer
) -> None:
    await http_server.start(classifier().streamable_http_app())
    client = await connect(configured(url=http_server.url))
    await http_server.stop()
    await http_server.start(classifier().streamable_http_app())
    await refusal(client)
    await until(lambda: client.is_connected)
    assert (await client.call(QUESTION))["class"] == 0


async def test_an_idle_connection_that_no_longer_answers_is_replaced(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_GRACE", 0.1)
    patience = Patience(first_pause=0.01, pings=0.05, ping=0.05)
    client = await connect(stdio(), patience=patience)
    first = (await client.call(QUESTION))["pid"]
    freezing = asyncio.create_task(client.call({"text": "freeze"}))
    with pytest.raises(ClassifierFailed):
        await freezing
    await until(lambda: client.is_connected)
    assert (await client.call(QUESTION))["pid"] != first
    assert not psutil.pid_exists(first)


async def test_a_server_that_dies_in_a_call_fails_it_at_once_and_is_started_again(
    connect: Connect,
) -> None:
    client = await connect(stdio(timeout_seconds=60.0))
    first = (await client.call(QUESTION))["pid"]
    waiting = asyncio.create_task(client.call({"text": "hang"}))
    async with asyncio.timeout(SOON):  # long before the calls' own deadline
        assert await refusal(client, "die") == "mcp server: the connection broke"
        with pytest.raises(ClassifierFailed, match="the connection broke"):
            await waiting
    await until(lambda: client.is_connected)
    assert (await client.call(QUESTION))["pid"] != first


async def test_a_server_that_breaks_its_connections_fails_only_the_calls_on_them(
    connect: Connect, http_server: HttpServer
) -> None:
    called, released = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        called.set()
        await released.wait()

    await http_server.start(classifier({"hang": hang}).streamable_http_app())
    client = await connect(configured(url=http_server.url))
    waiting = asyncio.create_task(client.call({"text": "hang"}))
    await called.wait()
    await http_server.stop()
    with pytest.raises(ClassifierFailed):
        await waiting
    released.set()


async def test_a_call_that_hangs_ends_at_its_deadline_and_leaves_nothing_behind(
    connect: Connect,
) -> None:
    client = await connect(stdio(timeout_seconds=0.05, max_concurrency=1))
    with pytest.raises(DeadlineExceeded, match=r"within 0\.05 seconds"):
        await client.call({"text": "hang"})
    await until(lambda: client.under_way == 0)


async def test_a_call_that_hangs_over_http_gives_its_connection_back(
    connect: Connect, http_server: HttpServer
) -> None:
    ended = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await http_server.start(classifier({"hang": hang}).streamable_http_app())
    client = await connect(configured(url=http_server.url, timeout_seconds=0.2))
    with pytest.raises(DeadlineExceeded):
        await client.call({"text": "hang"})
    async with asyncio.timeout(SOON):
        await ended.wait()
    await until(lambda: client.under_way == 0)


async def test_one_call_too_many_fails_at_once(connect: Connect) -> None:
    client = await connect(stdio(max_concurrency=1))
    waiting = asyncio.create_task(client.call({"text": "hang"}))
    await until(lambda: client.under_way == 1)
    with pytest.raises(Overloaded, match="1 mcp calls are under way already"):
        await client.call(QUESTION)
    waiting.cancel()
    await until(lambda: client.under_way == 0)
    assert (await client.call(QUESTION))["category"] == "law"


async def test_a_server_that_fails_five_times_in_a_row_is_left_alone_for_a_while(
    connect: Connect,
) -> None:
    clock = Clock()
    client = await connect(stdio(timeout_seconds=0.05), clock=clock, chance=lambda: 0.0)
    for _ in range(5):
        with pytest.raises(DeadlineExceeded):
            await client.call({"text": "hang"})
    assert await refusal(client) == (
        "mcp server is left alone after failures in a row, for 1.0 more seconds"
    )
    clock.now = 1.0
    with pytest.raises(DeadlineExceeded):
        await client.call({"text": "hang"})  # the probe
    clock.now = 2.5
    assert "for 0.5 more seconds" in await refusal(client)


async def test_a_probe_that_is_answered_lets_calls_through_again(connect: Connect) -> None:
    clock = Clock()
    client = await connect(stdio(), clock=clock)
    for _ in range(5):
        await refusal(client, "die")
        await until(lambda: client.is_connected)
    assert "left alone" in await refusal(client)
    clock.now = 1.0
    assert (await client.call(QUESTION))["category"] == "law"
    assert (await client.call(QUESTION))["category"] == "law"


async def test_a_probe_whose_caller_leaves_is_followed_by_another(connect: Connect) -> None:
    clock = Clock()
    client = await connect(stdio(), clock=clock)
    for _ in range(5):
        await refusal(client, "die")
        await until(lambda: client.is_connected)
    clock.now = 1.0
    probe = asyncio.create_task(client.call({"text": "hang"}))
    await until(lambda: client.under_way == 1)
    assert "left alone" in await refusal(client)
    probe.cancel()
    await until(lambda: client.under_way == 0)
    assert (await client.call(QUESTION))["category"] == "law"


async def test_answers_of_no_use_do_not_make_the_server_one_to_leave_alone(
    connect: Connect,
) -> None:
    client = await connect(stdio())
    for _ in range(6):
        assert await refusal(client, "error") == "the mcp tool reported an error"
    assert (await client.call(QUESTION))["category"] == "law"


BAD_ANSWERS = {
    "huge": "mcp server: the answer is larger than 1048576 bytes",
    "huge, number last": "mcp server: the answer is larger than 1048576 bytes",
    "no json": "mcp server: the answer is not json-rpc",
    "no result": "mcp answer: expected a tool's result",
    "text that is no json": "mcp answer: expected text that is json",
    "nan": "mcp answer: expected text that is json",
    "empty": "mcp answer: expected content that begins with text",
    "error": "the mcp tool reported an error",
    "error object": "the mcp tool answered with an error",
    "rpc error": "mcp server: answered with error code -32602",
}


async def test_bad_answers_fail_their_call_in_our_words_and_no_other(connect: Connect) -> None:
    client = await connect(stdio())
    waiting = asyncio.create_task(client.call({"text": "hang"}))
    with capture_logs() as logs:
        for text, expected in BAD_ANSWERS.items():
            assert await refusal(client, text) == expected
        assert (await client.call(QUESTION))["category"] == "law"
    assert not waiting.done()
    assert logs == []
    waiting.cancel()


@pytest.mark.parametrize("text", ["noise", "flood", "fill stderr"])
async def test_what_a_server_says_besides_is_passed_over(connect: Connect, text: str) -> None:
    client = await connect(stdio())
    assert (await client.call({"text": text}))["category"] == "law"


async def test_arguments_that_cannot_be_written_fail_their_call_only(connect: Connect) -> None:
    client = await connect(stdio())
    assert "cannot be written as json" in await refusal(client, "half a character: \ud800")
    assert (await client.call(QUESTION))["category"] == "law"


async def test_a_server_without_a_tool_that_classifies_is_not_worked_with(
    connect: Connect,
) -> None:
    client = await connect(stdio("toolless"))
    assert "no tool that classifies among its tools: none" in await refusal(client)


async def test_a_server_that_does_not_introduce_itself_is_given_up(connect: Connect) -> None:
    client = await connect(stdio("mute"), patience=Patience(connect=0.2))
    assert "it did not introduce itself within 0.2 seconds" in await refusal(client)


async def test_closing_while_the_connection_is_opened_ends_the_process() -> None:
    client = McpServer(stdio("mute"))
    client.start()
    await until(lambda: bool(_children()))
    await client.close()
    assert not _children()


def _children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if "stdio_server.py" in str(p.cmdline())]


async def test_waiting_calls_fail_when_the_client_is_closed(connect: Connect) -> None:
    client = await connect(stdio())
    waiting = asyncio.create_task(client.call({"text": "hang"}))
    await until(lambda: client.under_way == 1)
    await client.close()
    with pytest.raises(ClassifierFailed):
        await waiting
    assert "the router is stopping" in await refusal(client)
    await client.close()


@dataclass
class Odd:
    """A connection that does not do as it is told."""

    link: Link
    tool = Tool("classify")
    categories = ()

    async def ask(self, _: object) -> dict[str, object]:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("the SDK's own words")


@asynccontextmanager
async def swallowing(_: object, __: object, link: Link) -> AsyncIterator[Odd]:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    yield Odd(link)


@asynccontextmanager
async def odd(_: object, __: object, link: Link) -> AsyncIterator[Odd]:
    yield Odd(link)


async def test_a_cancellation_that_is_lost_on_the_way_does_not_keep_the_client_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "connected", swallowing)
    client = McpServer(stdio())
    client.start()
    assert not await client.tried(0.05)
    with capture_logs() as logs:
        await client.close()
    assert [entry["event"] for entry in logs] == ["mcp_connected"]


async def test_what_becomes_of_a_call_that_was_given_up_concerns_nobody(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    monkeypatch.setattr(session, "connected", odd)
    client = await connect(stdio(timeout_seconds=0.01))
    with pytest.raises(DeadlineExceeded):
        await client.call(QUESTION)
    await until(lambda: client.under_way == 0)
    gc.collect()
    assert complaints == []


async def test_a_fault_of_our_own_is_a_failure_without_its_words(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "connected", odd)
    client = await connect(stdio())
    waiting = asyncio.create_task(client.call(QUESTION))
    await until(lambda: client.under_way == 1)
    for task in tuple(client._under_way):
        task.cancel()
    with pytest.raises(ClassifierFailed, match=r"^mcp client: RuntimeError$"):
        await waiting


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    with pytest.raises(ConfigError, match=r"pip install 'lora-router\[mcp\]'"):
        McpServer(stdio())


def test_the_package_is_not_imported_before_a_server_is_connected_to() -> None:
    script = (
        "import sys, router.mcp_client, router.signals.mcp; "
        "sys.exit('mcp' in sys.modules or 'httpx2' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", script], cwd=root, check=False).returncode == 0
