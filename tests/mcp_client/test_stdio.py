"""The server's process: what it is given, what it leaves behind, what it says."""

from __future__ import annotations

import sys

import psutil
import pytest

from router.errors import ClassifierFailed
from router.mcp_client import stdio as transport
from router.mcp_client.server import McpServer
from tests.mcp_client.conftest import Connect, configured, stdio, until


async def refusal(client: McpServer) -> str:
    with pytest.raises(ClassifierFailed) as caught:
        await client.call({"text": "x"})
    return str(caught.value)


def gone(pid: int) -> bool:
    """Whether the process has ended, waited for by its parent or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_the_process_sees_what_is_configured_and_little_of_our_environment(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    monkeypatch.setenv("LANG", "C.UTF-8")
    client = await connect(stdio(env={"DATABASE": "tenants.db", "TZ": "UTC"}))
    seen = (await client.call({"text": "environment"}))["environment"]
    assert seen["DATABASE"] == "tenants.db"
    assert seen["LANG"] == "C.UTF-8"
    assert set(seen) <= {*transport.INHERITED, "DATABASE"}


def test_what_is_configured_goes_before_what_is_inherited() -> None:
    settings = stdio(env={"PATH": "/opt/bin"})
    ours = {"PATH": "/bin", "HOME": "/root", "AWS_SECRET_ACCESS_KEY": "s3cret"}
    assert transport.environment(settings, ours) == {"PATH": "/opt/bin", "HOME": "/root"}


async def test_the_process_ends_with_the_client(connect: Connect) -> None:
    client = await connect(stdio())
    pid = (await client.call({"text": "x"}))["pid"]
    await client.close()
    assert gone(pid)


async def test_a_process_that_will_not_end_is_made_to(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_GRACE", 0.1)
    client = await connect(stdio("deaf"))
    pid = (await client.call({"text": "x"}))["pid"]
    await client.close()
    assert gone(pid)


async def test_what_the_process_has_started_ends_with_it(connect: Connect) -> None:
    client = await connect(stdio())
    child = (await client.call({"text": "have a child"}))["child"]
    await client.close()
    await until(lambda: gone(child))


async def test_a_program_that_does_not_exist_is_named(connect: Connect) -> None:
    client = await connect(configured(command="/no/such/classifier"))
    assert await refusal(client) == (
        "mcp server is not connected: '/no/such/classifier' cannot be started: "
        "no such file or directory"
    )


async def test_a_process_that_ends_at_its_start_is_told_with_its_last_words_but_no_secret(
    connect: Connect,
) -> None:
    client = await connect(stdio("broken", env={"PASSWORD": "s3cret"}))
    message = await refusal(client)
    assert "the connection broke" in message or "its process ended with status 1" in message
    assert message.endswith("its last words: no *** at postgres://***@db")


async def test_no_words_are_kept_once_the_server_is_known(connect: Connect) -> None:
    client = await connect(stdio())
    await client.call({"text": "fill stderr"})
    with pytest.raises(ClassifierFailed):
        await client.call({"text": "die"})
    await until(lambda: "its process ended" in client._why_not or client.is_connected)
    assert "last words" not in client._why_not


async def test_a_program_that_writes_no_utf8_is_no_server(connect: Connect) -> None:
    script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)"
    client = await connect(configured(command=sys.executable, args=("-I", "-S", "-c", script)))
    assert not client.is_connected


@pytest.mark.parametrize(
    "line", [b'{"jsonrpc":"2.0","method":"notifications/progress"}', b"", b"{}"]
)
def test_lines_that_answer_nobody_are_dropped(line: bytes) -> None:
    assert transport._message(line) is None
