"""The order of an ext_proc stream, as a state machine that does no input or output.

An Exchange takes messages and gives events: messages to send, or one question at the end. A
question is answered with `answer()`, which gives further events. Reading, writing, waiting and
deciding are left to the caller:

    START ─headers→ HEAD ─answer→ ANSWERED            decided by the headers alone
                     │ └──answer→ ECHOING → ANSWERED  the same in FULL_DUPLEX_STREAMED
                     └─None→ BUFFERING ─body→ ROUTE ─answer→ ANSWERED
                         └→ COLLECTING ─end→ ROUTE     FULL_DUPLEX_STREAMED
    any question ─ImmediateResponse→ CLOSED
    any state ─abandon→ CLOSED

An answered BUFFERED body is the end even where trailers follow it: Envoy takes the end of the
stream for consent to them, and keeps what was changed. An exchange refers to nothing that refers
back to it, so that a body goes with its stream and does not wait for the garbage collector.

A message that the tables below do not list for its state is left unanswered and put down in
`problems`. A request that needs its body, but comes in a mode that corrupts or hides it (STREAMED,
BUFFERED_PARTIAL, GRPC, NONE), is refused; one that the headers alone decide works in every mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from functools import partial
from types import NoneType
from typing import Any

from router.errors import ProtocolError, RouterError
from router.extproc import responses
from router.extproc.collected import Allowance, CollectedBody, too_large
from router.extproc.headers import header_mutation
from router.extproc.messages import (
    BodyMode,
    HeaderMutation,
    Incoming,
    ProcessingRequest,
    RequestBody,
    RequestHeaders,
    RequestHeadersResponse,
    RequestTrailers,
    RequestTrailersResponse,
    ResponseBody,
    ResponseHeaders,
    ResponseTrailers,
    Unrecognised,
)
from router.extproc.questions import Event, NeedHead, NeedRoute, Refused
from router.extproc.response_phases import ResponseMessage, ResponsePhases
from router.mutation import Answer, ImmediateResponse, Mutation
from router.request import Headers, HttpMessage


class State(Enum):
    START = auto()
    HEAD = auto()  # NeedHead was asked
    BUFFERING = auto()  # the whole body is awaited (BUFFERED)
    COLLECTING = auto()  # chunks are awaited, nothing is answered yet (FULL_DUPLEX_STREAMED)
    ECHOING = auto()  # the headers are answered, chunks pass through (FULL_DUPLEX_STREAMED)
    ROUTE = auto()  # NeedRoute was asked
    REFUSING = auto()  # Refused was asked
    ANSWERED = auto()  # all of the request is answered
    CLOSED = auto()  # nothing may be sent any more


class Exchange:
    """One ext_proc stream. Verbs: `receive`, `answer`, `refuse`, and `abandon` at its end.

    `done` says that it can be closed; `allowance` is what all streams may collect together.
    """

    def __init__(
        self,
        *,
        max_body_bytes: int,
        allowance: Allowance | None = None,
        default_mode: BodyMode = BodyMode.BUFFERED,
        expects_response_phases: bool = False,
    ) -> None:
        self.problems: list[ProtocolError] = []
        self.state = State.START
        self.mode = default_mode
        self.response_status: int | None = None  # known once the response has begun
        self._max_body_bytes = max_body_bytes
        self._expects_response_phases = expects_response_phases
        self._response = ResponsePhases()
        self._head = HttpMessage(Headers())
        self._body = CollectedBody(max_body_bytes, allowance or Allowance(max_body_bytes))
        self._ended = False  # the headers had end_of_stream
        self._has_body = False  # a chunk has come
        self._finish: Finish = Exchange._answer_headers
        self._replacement: bytes | None = None  # sent at the end instead of an echo

    @property
    def done(self) -> bool:
        """Nothing more needs an answer; holding the stream open would only cost capacity."""
        if self.state is State.ANSWERED:
            return not self._expects_response_phases or self._response.finished
        if self.state is State.START:  # a stream that began with its response
            return self._response.finished
        return self.state is State.CLOSED

    @property
    def awaits_chunks(self) -> bool:
        """Envoy has no timeout of its own while this holds."""
        return self.state in (State.COLLECTING, State.ECHOING)

    def receive(self, message: ProcessingRequest) -> list[Event]:
        """Take one message from Envoy; never raises, whatever comes in whatever order."""
        if message.observability_mode:
            self.state = State.CLOSED
        if self.state is State.CLOSED:
            return []
        if message.protocol_config is not None and self.state is State.START:
            self.mode = message.protocol_config.request_body_mode
            self._response.body_mode = message.protocol_config.response_body_mode
        request = message.request
        handle = TRANSITIONS.get((self.state, type(request))) or ANY_STATE.get(type(request))
        if handle is None:
            return self._out_of_order(request)
        return handle(self, request)

    def answer(self, answer: Answer | None) -> list[Event]:
        """Answer the question last asked. Raises ProtocolError where ANSWERS does not list it."""
        handle = ANSWERS.get((self.state, type(answer)))
        if handle is None:
            given = type(answer).__name__
            raise ProtocolError(f"{given} answers no question in state {self.state.name}")
        return handle(self, answer)

    def refuse(self, error: RouterError) -> list[Event]:
        """End the request with an error, whatever was asked before."""
        self._release()
        self.state = State.REFUSING
        return [Refused(self._head.path, error)]

    def abandon(self) -> None:
        """The stream is over, whether it was answered or not: nothing of the body is kept."""
        self._release()
        self.state = State.CLOSED

    # Messages

    def _on_headers(self, message: RequestHeaders) -> list[Event]:
        self.state = State.HEAD
        self._head = HttpMessage(message.headers)
        self._ended = message.end_of_stream
        return [NeedHead(self._head, message.end_of_stream)]

    def _on_buffered_body(self, message: RequestBody) -> list[Event]:
        # `end_of_stream` is false here where trailers follow or an earlier filter re-emitted the
        # body; BUFFERED sends one body message all the same.
        if len(message.body) > self._max_body_bytes:
            return self.refuse(too_large(len(message.body), self._max_body_bytes))
        return self._ask_route(message.body, Exchange._answer_buffered)

    def _on_trailers_without_body(self, _message: RequestTrailers) -> list[Event]:
        return self._ask_route(b"", Exchange._refuse_late)

    def _on_collected_chunk(self, message: RequestBody) -> list[Event]:
        self._has_body = True
        if error := self._body.add(message.body):
            return self.refuse(error)
        return self._collected(trailers=False) if message.end_of_stream else []

    def _on_collected_trailers(self, _message: RequestTrailers) -> list[Event]:
        if self._has_body:
            return self._collected(trailers=True)
        return self._ask_route(b"", Exchange._answer_trailers)

    def _on_echoed_chunk(self, message: RequestBody) -> list[Event]:
        self._has_body = True
        if message.end_of_stream:
            self.state = State.ANSWERED
            return self._echo(message.body, end_of_stream=True)
        return self._echo(message.body, end_of_stream=False) if self._replacement is None else []

    def _on_echoed_trailers(self, _message: RequestTrailers) -> list[Event]:
        self.state = State.ANSWERED
        if self._has_body:
            return [*self._echo(b"", end_of_stream=False), RequestTrailersResponse()]
        self._record_lost(self._replacement)
        return [RequestTrailersResponse()]

    def _echo(self, body: bytes, *, end_of_stream: bool) -> list[Event]:
        body = body if self._replacement is None else self._replacement
        return [*responses.duplex_body_responses(body, end_of_stream=end_of_stream)]

    def _on_trailers(self, _message: RequestTrailers) -> list[Event]:
        return [RequestTrailersResponse()]

    def _on_body_without_headers(self, _message: RequestBody) -> list[Event]:
        return self._break_off(
            "request_body came without request_headers: request_header_mode must be SEND"
        )

    def _on_response(self, message: ResponseMessage) -> list[Event]:
        if isinstance(message, ResponseHeaders):
            status = message.headers.get(":status")
            self.response_status = int(status) if status.isdecimal() else None
        return [*self._response.answer(message)]

    def _ignore(self, _message: Unrecognised) -> list[Event]:
        return []

    def _out_of_order(self, message: Incoming) -> list[Event]:
        self._record(f"{type(message).__name__} came out of order, in state {self.state.name}")
        return []

    # Answers

    def _reply(self, answer: ImmediateResponse) -> list[Event]:
        self.abandon()
        return [responses.immediate_reply(answer, self._safe(answer.headers))]

    def _answer_head(self, answer: Mutation) -> list[Event]:
        headers = self._safe(answer.set_headers, answer.remove_headers)
        self.state = State.ANSWERED
        if self.mode is BodyMode.FULL_DUPLEX_STREAMED and not self._ended:
            self.state = State.ECHOING
            self._replacement = answer.body
            return [*responses.duplex_head_response(answer, headers)]
        return self._answer_headers(answer, headers)

    def _want_body(self, _answer: None) -> list[Event]:
        if self._ended:
            return self._ask_route(b"", Exchange._answer_headers)
        if self.mode is BodyMode.BUFFERED:
            self.state = State.BUFFERING
            return [RequestHeadersResponse()]
        if self.mode is BodyMode.FULL_DUPLEX_STREAMED:
            self.state = State.COLLECTING
            return []
        return self._break_off(
            f"request_body_mode {self.mode.name} cannot route by content: "
            "set BUFFERED or FULL_DUPLEX_STREAMED"
        )

    def _answer_headers(self, answer: Mutation, headers: HeaderMutation) -> list[Event]:
        if self.mode is not BodyMode.FULL_DUPLEX_STREAMED:
            return [*responses.head_response(answer, headers, body_follows=not self._ended)]
        self._record_lost(answer.body)
        return [*responses.duplex_head_response(answer, headers)]

    def _answer_trailers(self, answer: Mutation, headers: HeaderMutation) -> list[Event]:
        return [*self._answer_headers(answer, headers), RequestTrailersResponse()]

    def _answer_buffered(self, answer: Mutation, headers: HeaderMutation) -> list[Event]:
        return [*responses.body_response(answer, headers)]

    def _answer_collected(
        self, answer: Mutation, headers: HeaderMutation, *, received: bytes, trailers: bool
    ) -> list[Event]:
        return [*responses.duplex_responses(answer, headers, received, trailers=trailers)]

    def _refuse_late(self, _answer: Mutation, _headers: HeaderMutation) -> list[Event]:
        return self._break_off("request_trailers without a request_body can set no request headers")

    def _answer_route(self, answer: Mutation) -> list[Event]:
        self.state = State.ANSWERED
        headers = self._safe(answer.set_headers, answer.remove_headers)
        events = self._finish(self, answer, headers)
        self._release()
        return events

    # Steps

    def _ask_route(self, body: bytes, finish: Finish) -> list[Event]:
        self.state = State.ROUTE
        self._finish = finish
        return [NeedRoute(HttpMessage(self._head.headers, body))]

    def _collected(self, *, trailers: bool) -> list[Event]:
        body = self._body.join()
        return self._ask_route(
            body, partial(Exchange._answer_collected, received=body, trailers=trailers)
        )

    def _release(self) -> None:
        self._body.drop()
        self._finish = Exchange._answer_headers
        self._replacement = None

    def _break_off(self, problem: str) -> list[Event]:
        return self.refuse(self._record(problem))

    def _safe(
        self, set_headers: Iterable[tuple[str, str]], remove_headers: Iterable[str] = ()
    ) -> HeaderMutation:
        mutation, refused = header_mutation(set_headers, remove_headers)
        for line in refused:
            self._record(line)
        return mutation

    def _record_lost(self, body: bytes | None) -> None:
        # Envoy takes a chunk for spurious where none was received, and answers 500.
        if body is not None:
            self._record("FULL_DUPLEX_STREAMED cannot give a body to a request that has none")

    def _record(self, problem: str) -> ProtocolError:
        error = ProtocolError(problem)
        self.problems.append(error)
        return error


Handler = Callable[[Exchange, Any], list[Event]]
Finish = Callable[[Exchange, Mutation, HeaderMutation], list[Event]]

TRANSITIONS: Mapping[tuple[State, type[Incoming]], Handler] = {
    (State.START, RequestHeaders): Exchange._on_headers,
    (State.START, RequestBody): Exchange._on_body_without_headers,
    (State.START, RequestTrailers): Exchange._on_trailers,
    (State.BUFFERING, RequestBody): Exchange._on_buffered_body,
    (State.BUFFERING, RequestTrailers): Exchange._on_trailers_without_body,
    (State.COLLECTING, RequestBody): Exchange._on_collected_chunk,
    (State.COLLECTING, RequestTrailers): Exchange._on_collected_trailers,
    (State.ECHOING, RequestBody): Exchange._on_echoed_chunk,
    (State.ECHOING, RequestTrailers): Exchange._on_echoed_trailers,
    (State.ANSWERED, RequestTrailers): Exchange._on_trailers,
}

ANY_STATE: Mapping[type[Incoming], Handler] = {
    ResponseHeaders: Exchange._on_response,
    ResponseBody: Exchange._on_response,
    ResponseTrailers: Exchange._on_response,
    Unrecognised: Exchange._ignore,
}

ANSWERS: Mapping[tuple[State, type[Answer | None]], Handler] = {
    (State.HEAD, NoneType): Exchange._want_body,
    (State.HEAD, Mutation): Exchange._answer_head,
    (State.HEAD, ImmediateResponse): Exchange._reply,
    (State.ROUTE, Mutation): Exchange._answer_route,
    (State.ROUTE, ImmediateResponse): Exchange._reply,
    (State.REFUSING, ImmediateResponse): Exchange._reply,
}
