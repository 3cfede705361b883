"""An MCP server as the router sees it: asked at any time, connected to whenever it can be.

Knows callers, deadlines, the breaker and when to connect again; leaves sessions to `session`. One
task owns the connection, because the SDK's scopes must be left by the task that entered them.
Serves one event loop.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from router.config.classifier import McpCategoryModel
from router.errors import ClassifierFailed, ConfigError, DeadlineExceeded, Overloaded
from router.mcp_client.breaker import Admission, Breaker
from router.mcp_client.link import CannotConnect, Link, NoAnswer
from router.mcp_client.pauses import Backoff, Patience

if TYPE_CHECKING:
    from router.mcp_client.session import Connection

_PATIENCE = Patience()
_FAILURES = 5  # in a row, that open the breaker
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_IN_OUR_WORDS = (CannotConnect, ClassifierFailed, NoAnswer)
_SDK = ("mcp", "mcp_types")  # the second came with version 2
_MISSING = (
    "classifier.mcp_category_model: needs the package mcp, version 2 or later; "
    "pip install 'lora-router[mcp]'"
)


class McpServer:
    """A client of the configured server. `start` it, `call` it, `close` it.

    Raises ConfigError where the SDK is not installed.
    """

    def __init__(
        self,
        settings: McpCategoryModel,
        *,
        patience: Patience = _PATIENCE,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if any(find_spec(name) is None for name in _SDK):
            raise ConfigError([_MISSING])
        self._settings = settings
        self._patience = patience
        self._pauses = Backoff(patience.first_pause, patience.longest_pause, chance)
        self._breaker = Breaker(_FAILURES, Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, chance), clock)
        self._log = structlog.get_logger()
        self._owner: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._categories: tuple[str, ...] = ()
        self._why_not = "it has not been started"
        self._is_closing = False
        self._link = Link()
        self._tried = asyncio.Event()
        self._under_way: set[asyncio.Task[dict[str, Any]]] = set()

    @property
    def categories(self) -> tuple[str, ...]:
        """What the server listed when it was last connected to; empty before."""
        return self._categories

    @property
    def tool(self) -> str | None:
        """The tool that classifies; None while there is no connection."""
        connection = self._live()
        return connection.tool.name if connection else None

    @property
    def is_connected(self) -> bool:
        """Whether the server can be asked just now."""
        return self._live() is not None

    @property
    def under_way(self) -> int:
        """How many calls have not ended; those that were given up end a little later."""
        return len(self._under_way)

    def start(self) -> None:
        """Begin to connect, and go on whenever the connection is lost, until `close`."""
        if self._owner is None:
            self._why_not = "the connection is being opened"
            self._owner = asyncio.create_task(self._own())

    async def tried(self, timeout: float) -> bool:
        """Wait for the first attempt to connect, `timeout` seconds at most; whether it worked."""
        try:
            async with asyncio.timeout(timeout):
                await self._tried.wait()
        except TimeoutError:
            return False
        return self.is_connected

    async def close(self) -> None:
        """End the connection, and the server's process if it is ours. May be called twice."""
        owner, self._owner = self._owner, None
        if owner is None:
            return
        self._drop("the router is stopping")
        self._is_closing = True
        # Once only: a second cancellation could reach the work of ending a process. Where the first
        # is lost in the SDK's own, the end of the link and the loop's condition see to it.
        self._link.end()
        owner.cancel()
        _, pending = await asyncio.wait((owner,), timeout=self._patience.close)
        for task in tuple(self._under_way):
            task.cancel()
        if pending:
            self._log.warning("mcp_server", problem="the connection does not end")

    async def call(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """See McpClient.call. Waits `timeout_seconds` at most."""
        connection = self._live()
        if connection is None:
            raise ClassifierFailed(f"mcp server is not connected: {self._why_not}")
        _check_writable(arguments)
        if len(self._under_way) >= self._settings.max_concurrency:
            raise Overloaded(f"{self._settings.max_concurrency} mcp calls are under way already")
        admission = self._breaker.admit()
        if admission is Admission.REFUSED:
            raise ClassifierFailed(
                "mcp server is left alone after failures in a row, for "
                f"{self._breaker.remaining:.1f} more seconds"
            )
        return await self._answer(self._send(connection, arguments), admission)

    def _live(self) -> Connection | None:
        connection = self._connection
        if connection is not None and connection.link.lost.is_set():
            self._drop(connection.link.account())
        return self._connection

    def _send(
        self, connection: Connection, arguments: Mapping[str, Any]
    ) -> asyncio.Task[dict[str, Any]]:
        """The call as a task of its own: it may end long after its caller was told that it is late.

        The SDK tells the server of a call that is given up, and that can take a while too.
        """
        task = asyncio.create_task(connection.ask(arguments))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[dict[str, Any]]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # seen, if nobody waits any more

    async def _answer(
        self, task: asyncio.Task[dict[str, Any]], admission: Admission
    ) -> Mapping[str, Any]:
        seconds = self._settings.timeout_seconds
        try:
            await asyncio.wait((task,), timeout=seconds)
            if not task.done():
                raise DeadlineExceeded(f"no answer of the mcp server within {seconds:g} seconds")
            if task.cancelled():
                raise NoAnswer(self._why_not)
            answer = task.result()
        except asyncio.CancelledError:
            self._breaker.withdrew(admission)
            raise
        except NoAnswer as error:
            self._breaker.failed(admission)
            raise ClassifierFailed(f"mcp server: {error}") from None
        except DeadlineExceeded:
            self._breaker.failed(admission)
            raise
        except ClassifierFailed:
            self._is_well()  # an answer of no use is one
            raise
        except Exception as error:
            self._breaker.failed(admission)
            raise ClassifierFailed(f"mcp client: {type(error).__name__}") from error
        finally:
            task.cancel()
        self._is_well()
        return answer

    def _is_well(self) -> None:
        self._breaker.succeeded()
        self._pauses.reset()

    async def _own(self) -> None:
        """Connect, wait until the connection is lost, pause, and again."""
        logged = ""
        while not self._is_closing:
            self._link = Link()
            reason = await self._connect_once(self._link)
            self._drop(reason)
            self._tried.set()
            if reason != logged and not self._is_closing:
                self._log.warning("mcp_server", problem=f"not connected: {reason}")
            logged = reason
            if not self._is_closing:
                await asyncio.sleep(self._pauses.next())

    async def _connect_once(self, link: Link) -> str:
        """Hold one connection for as long as it lasts; why it ended."""
        try:
            # Half a second of work the first time, which no request should wait for.
            session = await asyncio.to_thread(import_module, "router.mcp_client.session")
            async with session.connected(self._settings, self._patience, link) as connection:
                self._take(connection)
                try:
                    await self._watch(connection)
                finally:
                    self._drop(link.account())
        except Exception as error:
            link.reason = link.reason or _explain(error)
        return link.account()

    def _take(self, connection: Connection) -> None:
        self._connection = connection
        self._categories = connection.categories
        self._tried.set()
        self._log.info(
            "mcp_connected", tool=connection.tool.name, categories=len(connection.categories)
        )

    def _drop(self, reason: str) -> None:
        self._connection = None
        if not self._is_closing:
            self._why_not = reason

    async def _watch(self, connection: Connection) -> None:
        """Return when the connection is lost; now and then find out whether it is."""
        while not connection.link.lost.is_set():
            try:
                async with asyncio.timeout(self._patience.pings):
                    await connection.link.lost.wait()
            except TimeoutError:
                try:
                    await connection.ping(self._patience.ping)
                except NoAnswer as error:
                    connection.link.lose(str(error))


def _check_writable(arguments: Mapping[str, Any]) -> None:
    """Half a character would fail not only its own call, but the connection that it goes by."""
    try:
        msgspec.json.encode(arguments)
    except (TypeError, ValueError):
        raise ClassifierFailed("the arguments of the mcp call cannot be written as json") from None


def _explain(error: BaseException) -> str:
    """The first of the errors that a task group gathered, in words that hold no prompt."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) if isinstance(error, _IN_OUR_WORDS) else type(error).__name__
