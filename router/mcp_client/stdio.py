"""An MCP server as a child process: its pipes as the SDK's streams, and its end.

Stands in for the SDK's own stdio transport, which reads lines of any length, passes on every
notification and lets standard error through. Here lines are bounded, a line that is no answer of
use fails the call that waits for it, and the process gets little of our environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping

import anyio
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import (
    INTERNAL_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)

from router.config.classifier import McpCategoryModel
from router.mcp_client.frames import Lines, Overlong, answered_id
from router.mcp_client.link import MAX_ANSWER_BYTES, CannotConnect, Fault, Link

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]

# What programs need to run at all, and nothing that could be a secret.
INHERITED = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TMPDIR",
    "TZ",
    "USER",
)
_CHUNK = 65536
_GRACE = 1.5  # seconds that the process is given at each step towards its end
_POLL = 0.01
_CLOSED = "its process closed its standard output"
_WORDS = 200
_KEPT = 4096
_USERINFO = re.compile(r"//[^/\s@]+@")


def environment(settings: McpCategoryModel, ours: Mapping[str, str]) -> dict[str, str]:
    """What the process gets to see: a few variables of `ours`, and the configured ones."""
    return {name: ours[name] for name in INHERITED if name in ours} | settings.env


@contextlib.asynccontextmanager
async def stdio_streams(
    settings: McpCategoryModel, link: Link
) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """Start the server; it has ended, with all its children, when the block ends.

    Raises CannotConnect where it cannot be started.
    """
    process = await _spawn(settings)
    to_session, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, from_session = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [
        asyncio.create_task(_read(process, to_session, link)),
        asyncio.create_task(_write(process, from_session, link)),
        asyncio.create_task(_listen(process, settings, link)),
    ]
    try:
        yield incoming, outgoing
    finally:
        link.end()
        # Closed first: the reader then throws away what the process still writes, so that no full
        # pipe keeps it from ending.
        for stream in (incoming, outgoing):
            stream.close()
        await _end(process)
        await _finish(tasks)


async def _spawn(settings: McpCategoryModel) -> Process:
    assert settings.command is not None  # checked with the configuration
    try:
        return await asyncio.create_subprocess_exec(
            settings.command,
            *settings.args,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment(settings, os.environ),
            # Ctrl-C is for the router; and a group of its own can be ended whole.
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise CannotConnect(f"{settings.command!r} cannot be started: {reason}") from None


async def _read(
    process: Process, to_session: MemoryObjectSendStream[SessionMessage | Exception], link: Link
) -> None:
    assert process.stdout is not None
    lines = Lines(MAX_ANSWER_BYTES)
    # When the block ends, so does the session's hope: every waiting call fails at once.
    async with to_session:
        while chunk := await process.stdout.read(_CHUNK):
            for line in lines.feed(chunk):
                if message := _message(line):
                    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                        await to_session.send(SessionMessage(message))
        link.lose(_CLOSED)
    if link.reason == _CLOSED and await _has_ended(process):
        link.reason = f"its process ended with status {process.returncode}"


def _message(line: bytes | Overlong) -> JSONRPCMessage | None:
    """What a line says; an error for the call that it was to answer, where it cannot be read."""
    if isinstance(line, Overlong):
        return _failure(answered_id(line.head, line.tail), Fault.TOO_LARGE)
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return _failure(answered_id(line, line), Fault.UNREADABLE)
    # Progress, logging and changes of lists: nothing here needs them, and a flood would cost.
    return None if isinstance(message, JSONRPCNotification) else message


def _failure(number: int | None, fault: Fault) -> JSONRPCError | None:
    """None where nobody can be told: the call that waits then ends at its deadline."""
    if number is None:
        return None
    error = ErrorData(code=INTERNAL_ERROR, message=fault)
    return JSONRPCError(jsonrpc="2.0", id=number, error=error)


async def _write(
    process: Process, from_session: MemoryObjectReceiveStream[SessionMessage], link: Link
) -> None:
    assert process.stdin is not None
    try:
        async with from_session:
            async for item in from_session:
                line = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()
    except (OSError, RuntimeError):  # the second is uvloop's
        link.lose("its process closed its standard input")


async def _listen(process: Process, settings: McpCategoryModel, link: Link) -> None:
    """Keep standard error from filling up, and its last line until the server is known."""
    assert process.stderr is not None
    kept = b""
    while chunk := await process.stderr.read(_CHUNK):
        if not link.settled:
            kept = (kept + chunk)[-_KEPT:]
            link.last_words = _last_words(kept, settings)


def _last_words(text: bytes, settings: McpCategoryModel) -> str:
    """The last line that says something, without what may be a secret."""
    lines = [line.strip() for line in text.decode(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    for value in sorted(settings.env.values(), key=len, reverse=True):
        last = last.replace(value, "***") if value else last
    shown = _USERINFO.sub("//***@", last)[:_WORDS]
    return "".join(char if char.isprintable() else " " for char in shown)


async def _end(process: Process) -> None:
    """Ask by closing its input, then by SIGTERM, then do not ask: each takes its time at most."""
    assert process.stdin is not None
    process.stdin.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not await _has_ended(process):
            _signal_group(process, number)
    if not await _has_ended(process):
        log = structlog.get_logger()
        log.warning("mcp_server", problem="its process does not end", pid=process.pid)
    _signal_group(process, signal.SIGKILL)  # what it has started may have outlived it
    # Frees the pipes where a child that left the group holds on to them.
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


async def _has_ended(process: Process) -> bool:
    """Whether the process ends within its time of grace.

    `process.wait` would wait for its children too, for as long as they hold its pipes.
    """
    deadline = asyncio.get_running_loop().time() + _GRACE
    while process.returncode is None:
        if asyncio.get_running_loop().time() >= deadline:
            return False
        await asyncio.sleep(_POLL)
    return True


def _signal_group(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


async def _finish(tasks: list[asyncio.Task[None]]) -> None:
    """The pipes are closed, so that the tasks end by themselves, or else are made to."""
    await asyncio.wait(tasks, timeout=_GRACE)
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            structlog.get_logger().warning("mcp_server", problem=type(outcome).__name__)
