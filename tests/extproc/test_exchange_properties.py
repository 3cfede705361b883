"""The exchange under every order of messages, legal and illegal, in every mode."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from router.extproc.collected import Allowance
from router.extproc.exchange import Exchange, State
from router.extproc.messages import (
    BodyMode,
    ImmediateReply,
    Incoming,
    Outgoing,
    ProcessingRequest,
    ProtocolConfig,
    RequestBody,
    RequestBodyResponse,
    RequestHeaders,
    RequestHeadersResponse,
    RequestTrailers,
    RequestTrailersResponse,
    ResponseBody,
    ResponseHeaders,
    ResponseTrailers,
    StreamedBody,
    Unrecognised,
)
from router.extproc.questions import NeedHead, NeedRoute, Question, Refused
from router.extproc.responses import CHUNK_BYTES
from router.mutation import Answer, ImmediateResponse, Mutation
from router.request import Headers

LIMIT = 200_000
ORDER = [RequestHeadersResponse, RequestBodyResponse, RequestTrailersResponse]

modes = st.none() | st.sampled_from(BodyMode)
bodies = st.binary(max_size=8) | st.sampled_from(
    [CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES]
).map(lambda size: b"x" * size)
messages: st.SearchStrategy[Incoming] = st.one_of(
    st.builds(RequestHeaders, st.just(Headers()), st.booleans()),
    st.builds(RequestBody, bodies, st.booleans()),
    st.builds(RequestTrailers),
    st.builds(ResponseHeaders, st.just(Headers()), st.booleans()),
    st.builds(ResponseBody, bodies, st.booleans()),
    st.builds(ResponseTrailers),
    st.builds(Unrecognised),
)
mutations = st.builds(
    Mutation,
    set_headers=st.sampled_from([(), (("x-selected-endpoint", "a"),), (("bad name", "\r\n"),)]),
    body=st.none() | bodies,
    clear_route_cache=st.booleans(),
)
answers: st.SearchStrategy[Answer] = mutations | st.builds(ImmediateResponse, st.integers(0, 999))


class Driver:
    """Plays the server's part: gives each question an answer, and keeps what was sent."""

    def __init__(
        self, mode: BodyMode | None, head: Answer | None, route: Answer, *, responses: bool = False
    ) -> None:
        self.allowance = Allowance(LIMIT)
        self.exchange = Exchange(
            max_body_bytes=LIMIT, allowance=self.allowance, expects_response_phases=responses
        )
        self._config = None if mode is None else ProtocolConfig(mode, mode)
        self._head = head
        self._route = route
        self.sent: list[Outgoing] = []
        self.asked: list[Question] = []

    def receive(self, message: Incoming, *, observed: bool = False) -> list[Outgoing]:
        before = len(self.sent)
        pending = self.exchange.receive(ProcessingRequest(message, self._config, observed))
        while pending:
            event = pending.pop(0)
            if isinstance(event, NeedHead | NeedRoute | Refused):
                assert not pending, "a question is the last event"
                self.asked.append(event)
                pending = self.exchange.answer(self._answer(event))
            else:
                self.sent.append(event)
        return self.sent[before:]

    def _answer(self, question: Question) -> Answer | None:
        if isinstance(question, NeedHead):
            return self._head
        return self._route if isinstance(question, NeedRoute) else ImmediateResponse(500)


@settings(deadline=None, max_examples=200)
@given(
    modes, st.none() | answers, answers, st.booleans(), st.lists(st.tuples(messages, st.booleans()))
)
def test_no_order_of_messages_raises_and_nothing_follows_an_immediate_reply_or_observation(
    mode: BodyMode | None,
    head: Answer | None,
    route: Answer,
    responses: bool,
    incoming: list[tuple[Incoming, bool]],
) -> None:
    driver = Driver(mode, head, route, responses=responses)
    silent = False
    for message, observed in incoming:
        sent = driver.receive(message, observed=observed)
        silent = silent or observed
        assert not (silent and sent)
        assert not any(isinstance(event, ImmediateReply) for event in sent[:-1])
        silent = silent or (bool(sent) and isinstance(sent[-1], ImmediateReply))
        assert driver.exchange.done or not silent


@settings(deadline=None, max_examples=200)
@given(modes, st.none() | answers, answers, st.lists(messages))
def test_each_message_gets_at_most_one_answer_and_the_phases_keep_their_order(
    mode: BodyMode | None, head: Answer | None, route: Answer, incoming: list[Incoming]
) -> None:
    driver = Driver(mode, head, route)
    for message in incoming:
        sent = driver.receive(message)
        assert mode is BodyMode.FULL_DUPLEX_STREAMED or len(sent) <= 1
    # Trailers may be answered before the headers only where they came first.
    if driver.asked and isinstance(driver.asked[0], NeedHead):
        phases = [ORDER.index(type(event)) for event in driver.sent if type(event) in ORDER]
        phases = phases[phases.index(0) :] if 0 in phases else []
        assert all(earlier <= later for earlier, later in pairwise(phases))
        assert phases.count(0) <= 1


@settings(deadline=None, max_examples=200)
@given(st.none() | mutations, mutations, st.lists(bodies, max_size=3), st.booleans())
def test_full_duplex_chunks_are_exactly_the_body_that_should_go_on(
    head: Mutation | None, route: Mutation, chunks: list[bytes], trailers: bool
) -> None:
    driver = Driver(BodyMode.FULL_DUPLEX_STREAMED, head, route)
    driver.receive(RequestHeaders(Headers()))
    for chunk in chunks:
        driver.receive(RequestBody(chunk))
    driver.receive(RequestTrailers() if trailers else RequestBody(b"", end_of_stream=True))

    if len(b"".join(chunks)) > LIMIT and head is None:
        assert isinstance(driver.sent[-1], ImmediateReply)
        return
    decided = route if head is None else head
    expected = b"".join(chunks) if decided.body is None else decided.body
    if trailers and not chunks:
        expected = b""  # a request without body cannot be given one in this mode
    streamed = [
        event.response.body_mutation
        for event in driver.sent
        if isinstance(event, RequestBodyResponse)
    ]
    assert all(isinstance(chunk, StreamedBody) for chunk in streamed)
    cut = [chunk for chunk in streamed if isinstance(chunk, StreamedBody)]
    assert b"".join(chunk.body for chunk in cut) == expected
    assert all(len(chunk.body) <= CHUNK_BYTES for chunk in cut)
    assert not any(chunk.end_of_stream for chunk in cut[:-1])
    assert isinstance(driver.sent[0], RequestHeadersResponse)
    assert isinstance(driver.sent[-1], RequestTrailersResponse) == trailers
    assert trailers or cut[-1].end_of_stream
    assert not (trailers and cut and cut[-1].end_of_stream)
    assert driver.exchange.done


@settings(deadline=None, max_examples=200)
@given(modes, st.none() | answers, answers, bodies, st.booleans(), st.booleans(), st.booleans())
def test_a_legal_request_is_done_when_its_last_message_has_been_answered(
    mode: BodyMode | None,
    head: Answer | None,
    route: Answer,
    body: bytes,
    header_only: bool,
    has_body: bool,
    trailers: bool,
) -> None:
    driver = Driver(mode, head, route)
    driver.receive(RequestHeaders(Headers(), end_of_stream=header_only))
    if not header_only and not driver.exchange.done and (has_body or not trailers):
        driver.receive(RequestBody(body, end_of_stream=not trailers))
    if not header_only and trailers and not driver.exchange.done:
        driver.receive(RequestTrailers())
    assert driver.exchange.done
    assert driver.exchange.state in (State.ANSWERED, State.CLOSED)
    assert driver.sent


@settings(deadline=None, max_examples=200)
@given(st.none() | answers, answers, st.lists(messages))
def test_full_duplex_holds_nothing_of_an_allowance_once_it_is_done_or_abandoned(
    head: Answer | None, route: Answer, incoming: list[Incoming]
) -> None:
    driver = Driver(BodyMode.FULL_DUPLEX_STREAMED, head, route)
    for message in (RequestHeaders(Headers()), *incoming):
        driver.receive(message)
        assert 0 <= driver.allowance.held <= LIMIT
        assert not (driver.exchange.done and driver.allowance.held)
    driver.exchange.abandon()
    assert driver.allowance.held == 0
    assert driver.exchange.done
