"""Process, the one method of Envoy's ExternalProcessor: reads, asks the flow, writes, and returns.

Returns as soon as the exchange is done, because Envoy would otherwise hold the stream for as long
as the backend answers; never before, because a clean early close lets a request go on unrouted.
Nothing raised in here reaches Envoy as text. Leaves the order of messages to the exchange.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from traceback import extract_tb
from typing import Any, Protocol

import grpc
import structlog

from router.errors import RequestTimeout, RouterError
from router.extproc import wire
from router.extproc.exchange import Exchange
from router.extproc.questions import Event, NeedHead, NeedRoute, Question, Refused
from router.mutation import Answer, ImmediateResponse
from router.request import HttpMessage

RenderError = Callable[[str, RouterError], ImmediateResponse]

_FAILED = "the router failed on this request"


class Flow(Protocol):
    """What decides one request. Made when a stream opens; `closed` is always its last call."""

    def on_request_headers(self, head: HttpMessage, *, end_of_stream: bool) -> Answer | None:
        """Decide by the headers alone, or None: the body is wanted."""
        ...

    async def on_request(self, request: HttpMessage) -> Answer:
        """Decide by the whole request. Called once, after None from `on_request_headers`."""
        ...

    def refuse(self, error: RouterError) -> ImmediateResponse:
        """Say no in the flow's stead: the protocol does not let the request go on."""
        ...

    def closed(self, response_status: int | None = None) -> None:
        """The stream has ended: answered, failed, or given up by the client.

        `response_status` is what the upstream answered, where Envoy showed it.
        """
        ...


class ExternalProcessor:
    """Serves streams, each with a flow and an exchange of its own."""

    def __init__(
        self,
        new_flow: Callable[[], Flow],
        new_exchange: Callable[[], Exchange],
        render_error: RenderError,
        chunk_timeout: float,
    ) -> None:
        self._new_flow = new_flow
        self._new_exchange = new_exchange
        self._render_error = render_error
        self._chunk_timeout = chunk_timeout

    async def process(self, _messages: object, context: Any) -> None:
        """Serve one stream. gRPC cancels this when Envoy gives the stream up."""
        if not await self._succeeds(context):
            await context.abort(grpc.StatusCode.INTERNAL, _FAILED)

    async def _succeeds(self, context: Any) -> bool:
        try:
            flow = self._new_flow()
            stream = _Stream(flow, self._new_exchange(), context, self._render)
            try:
                await stream.run(self._chunk_timeout)
            finally:
                stream.close()
        except Exception as error:
            _log_failure(error)
            return False
        return True

    def _render(self, path: str, error: RouterError) -> ImmediateResponse:
        try:
            return self._render_error(path, error)
        except Exception as failure:
            _log_failure(failure)
            return ImmediateResponse(500, b'{"error":{"message":"%s"}}' % _FAILED.encode())


class _Stream:
    """One stream: carries messages and questions between Envoy, the exchange and the flow."""

    def __init__(
        self, flow: Flow, exchange: Exchange, context: Any, render_error: RenderError
    ) -> None:
        self._flow = flow
        self._exchange = exchange
        self._context = context
        self._render_error = render_error

    async def run(self, chunk_timeout: float) -> None:
        # A step's frame ends with its message: no body is held while the next one is awaited.
        while not self._exchange.done and await self._step(chunk_timeout):
            pass

    async def _step(self, chunk_timeout: float) -> bool:
        """Read one message and do what follows from it; False at the end of the stream."""
        events = await self._receive(chunk_timeout)
        if events is None:
            return False
        await self._handle(events)
        return True

    async def _receive(self, chunk_timeout: float) -> list[Event] | None:
        """What follows from the next message, or from its absence; None at the stream's end."""
        if not self._exchange.awaits_chunks:
            data = await self._context.read()
        else:
            try:
                async with asyncio.timeout(chunk_timeout):
                    data = await self._context.read()
            except TimeoutError:
                silence = f"no part of the body arrived for {chunk_timeout:g} s"
                return self._exchange.refuse(RequestTimeout(silence))
        return None if data is grpc.aio.EOF else self._exchange.receive(wire.decode(data))

    def close(self) -> None:
        self._exchange.abandon()
        for problem in self._exchange.problems:
            structlog.get_logger().warning("ext_proc", problem=str(problem))
        try:
            self._flow.closed(self._exchange.response_status)
        except Exception as error:
            _log_failure(error)

    async def _handle(self, events: Iterable[Event]) -> None:
        pending = deque(events)
        while pending:
            event = pending.popleft()
            if isinstance(event, Question):
                pending.extend(await self._ask(event))
            else:
                await self._context.write(wire.encode(event))

    async def _ask(self, question: Question) -> list[Event]:
        try:
            return self._exchange.answer(await self._answer(question))
        except Exception as error:
            if isinstance(question, Refused):
                raise
            _log_failure(error)
            return self._exchange.refuse(RouterError(_FAILED))

    async def _answer(self, question: Question) -> Answer | None:
        match question:
            case NeedHead(head, end_of_stream):
                return self._flow.on_request_headers(head, end_of_stream=end_of_stream)
            case NeedRoute(request):
                return await self._flow.on_request(request)
            case Refused(path, error):
                return self._refusal(path, error)

    def _refusal(self, path: str, error: RouterError) -> ImmediateResponse:
        try:
            return self._flow.refuse(error)
        except Exception as failure:
            _log_failure(failure)
            return self._render_error(path, error)


def _log_failure(error: Exception) -> None:
    """Where it happened and of what kind; the text of an exception may hold a prompt."""
    last = extract_tb(error.__traceback__)[-1]
    structlog.get_logger().error(
        "ext_proc failure", error=type(error).__name__, where=f"{last.filename}:{last.lineno}"
    )
