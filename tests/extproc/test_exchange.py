from __future__ import annotations

import gc
import weakref

import pytest

from router.errors import BadRequest, PayloadTooLarge, ProtocolError, TooManyBodies
from router.extproc.collected import Allowance
from router.extproc.exchange import Exchange
from router.extproc.messages import (
    Body,
    BodyMode,
    HeaderMutation,
    ImmediateReply,
    Incoming,
    ProcessingRequest,
    ProtocolConfig,
    RequestBody,
    RequestBodyResponse,
    RequestHeaders,
    RequestHeadersResponse,
    RequestTrailers,
    RequestTrailersResponse,
    ResponseHeaders,
    ResponseHeadersResponse,
    StreamedBody,
    Unrecognised,
)
from router.extproc.questions import Event, NeedHead, NeedRoute, Refused
from router.extproc.responses import CHUNK_BYTES, COMPLETE_HEADER
from router.mutation import ImmediateResponse, Mutation
from router.request import Headers, HttpMessage

HEADERS = Headers([(":method", "POST"), (":path", "/v1/chat/completions")])
HEAD = RequestHeaders(HEADERS)
HEAD_ONLY = RequestHeaders(HEADERS, end_of_stream=True)
ROUTED = Mutation((("x-selected-endpoint", "a"),), body=b"new", clear_route_cache=True)
UNTOUCHED = Mutation((("x-selected-endpoint", "a"),))
CANNOT_ROUTE = [BodyMode.STREAMED, BodyMode.BUFFERED_PARTIAL, BodyMode.NONE, BodyMode.GRPC]


def begin(
    mode: BodyMode | None = None, *, head: Incoming = HEAD, expects_response_phases: bool = False
) -> tuple[Exchange, list[Event]]:
    exchange = Exchange(max_body_bytes=100_000, expects_response_phases=expects_response_phases)
    config = None if mode is None else ProtocolConfig(mode)
    return exchange, exchange.receive(ProcessingRequest(head, config))


def collecting(allowance: Allowance) -> Exchange:
    exchange = Exchange(max_body_bytes=100_000, allowance=allowance)
    exchange.receive(ProcessingRequest(HEAD, ProtocolConfig(BodyMode.FULL_DUPLEX_STREAMED)))
    exchange.answer(None)
    return exchange


def send(exchange: Exchange, message: Incoming) -> list[Event]:
    return exchange.receive(ProcessingRequest(message))


def bodies(events: list[Event]) -> list[Body | StreamedBody | None]:
    return [e.response.body_mutation for e in events if isinstance(e, RequestBodyResponse)]


# BUFFERED


def test_the_headers_are_asked_first() -> None:
    exchange, events = begin(BodyMode.BUFFERED)
    assert events == [NeedHead(HttpMessage(HEADERS), end_of_stream=False)]
    assert not exchange.done


@pytest.mark.parametrize("end_of_stream", [True, False])
def test_a_buffered_body_is_routed_whatever_its_end_of_stream_says(end_of_stream: bool) -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    assert exchange.answer(None) == [RequestHeadersResponse()]
    events = send(exchange, RequestBody(b"old", end_of_stream))
    assert events == [NeedRoute(HttpMessage(HEADERS, b"old"))]
    [response] = exchange.answer(ROUTED)
    assert isinstance(response, RequestBodyResponse)
    assert response.response.body_mutation == Body(b"new")
    assert response.response.clear_route_cache
    assert response.response.header_mutation == HeaderMutation(
        (("x-selected-endpoint", b"a"), ("content-length", b"3"))
    )
    assert exchange.done


def test_without_protocol_config_the_default_mode_holds() -> None:
    exchange, _ = begin(None)
    assert exchange.answer(None) == [RequestHeadersResponse()]


def test_a_decision_by_the_headers_skips_the_body() -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    [response] = exchange.answer(UNTOUCHED)
    assert isinstance(response, RequestHeadersResponse)
    assert response.response.replace
    assert exchange.done


def test_a_request_without_body_is_answered_at_its_headers() -> None:
    exchange, events = begin(BodyMode.BUFFERED, head=HEAD_ONLY)
    assert events == [NeedHead(HttpMessage(HEADERS), end_of_stream=True)]
    assert exchange.answer(None) == [NeedRoute(HttpMessage(HEADERS))]
    [response] = exchange.answer(UNTOUCHED)
    assert isinstance(response, RequestHeadersResponse)
    assert not response.response.replace
    assert exchange.done


def test_a_body_over_the_limit_is_refused_with_413() -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    exchange.answer(None)
    [refused] = send(exchange, RequestBody(b"x" * 100_001))
    assert isinstance(refused, Refused)
    assert refused.path == "/v1/chat/completions"
    assert isinstance(refused.error, PayloadTooLarge)


def test_a_body_of_exactly_the_limit_is_routed() -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    exchange.answer(None)
    [question] = send(exchange, RequestBody(b"x" * 100_000))
    assert isinstance(question, NeedRoute)


def test_trailers_in_place_of_the_body_say_that_it_is_empty() -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    exchange.answer(None)
    assert send(exchange, RequestTrailers()) == [NeedRoute(HttpMessage(HEADERS))]
    [reply] = exchange.answer(ImmediateResponse(400))
    assert isinstance(reply, ImmediateReply)
    assert exchange.done


def test_a_request_of_headers_and_trailers_is_refused_rather_than_let_through_unrouted() -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    exchange.answer(None)
    send(exchange, RequestTrailers())
    [refused] = exchange.answer(UNTOUCHED)
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, ProtocolError)
    assert not exchange.done
    [reply] = exchange.answer(ImmediateResponse(500))
    assert isinstance(reply, ImmediateReply)
    assert exchange.done


def test_after_an_immediate_response_nothing_is_said_any_more() -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    [reply] = exchange.answer(ImmediateResponse(404, b"{}", details="model_not_found"))
    assert reply == ImmediateReply(
        404, HeaderMutation((("content-type", b"application/json"),)), b"{}", "model_not_found"
    )
    assert exchange.done
    assert send(exchange, RequestBody(b"x")) == []


def test_a_bad_header_is_left_out_and_put_down() -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    [response] = exchange.answer(Mutation((("x-selected-model", "a\r\nb"), ("x-good", "1"))))
    assert isinstance(response, RequestHeadersResponse)
    assert response.response.header_mutation == HeaderMutation((("x-good", b"1"),))
    assert [str(p) for p in exchange.problems] == [
        "header 'x-selected-model' is not set: bad value"
    ]


# FULL_DUPLEX_STREAMED


def test_full_duplex_answers_the_headers_only_once_the_body_has_arrived() -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED)
    assert exchange.answer(None) == []
    assert exchange.awaits_chunks
    assert send(exchange, RequestBody(b"o")) == []
    assert send(exchange, RequestBody(b"ld")) == []
    events = send(exchange, RequestBody(b"", end_of_stream=True))
    assert events == [NeedRoute(HttpMessage(HEADERS, b"old"))]
    head, body = exchange.answer(ROUTED)
    assert isinstance(head, RequestHeadersResponse)
    assert head.response.header_mutation == HeaderMutation(
        (("x-selected-endpoint", b"a"), (COMPLETE_HEADER, b"true"))
    )
    assert head.response.clear_route_cache
    assert bodies([body]) == [StreamedBody(b"new", end_of_stream=True)]
    assert exchange.done


def test_full_duplex_echoes_a_body_that_is_not_changed() -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED)
    exchange.answer(None)
    send(exchange, RequestBody(b"old", end_of_stream=True))
    assert bodies(exchange.answer(UNTOUCHED)) == [StreamedBody(b"old", end_of_stream=True)]


def test_full_duplex_trailers_end_the_request_and_no_chunk_does() -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED)
    exchange.answer(None)
    send(exchange, RequestBody(b"old"))
    assert send(exchange, RequestTrailers()) == [NeedRoute(HttpMessage(HEADERS, b"old"))]
    events = exchange.answer(ROUTED)
    assert bodies(events) == [StreamedBody(b"new", end_of_stream=False)]
    assert events[-1] == RequestTrailersResponse()
    assert exchange.done


def test_full_duplex_echoes_what_follows_a_decision_by_the_headers() -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED)
    [head] = exchange.answer(UNTOUCHED)
    assert isinstance(head, RequestHeadersResponse)
    assert not head.response.replace
    assert not exchange.done
    assert bodies(send(exchange, RequestBody(b"a"))) == [StreamedBody(b"a")]
    big = b"x" * (CHUNK_BYTES + 1)
    sent = bodies(send(exchange, RequestBody(big, end_of_stream=True)))
    assert sent == [StreamedBody(big[:-1]), StreamedBody(b"x", end_of_stream=True)]
    assert exchange.done


def test_full_duplex_replaces_the_body_at_its_end_where_the_headers_decided() -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED)
    exchange.answer(ROUTED)
    assert send(exchange, RequestBody(b"old")) == []
    sent = bodies(send(exchange, RequestBody(b"old", end_of_stream=True)))
    assert sent == [StreamedBody(b"new", end_of_stream=True)]


def test_full_duplex_replaces_the_body_before_its_trailers() -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED)
    exchange.answer(ROUTED)
    assert send(exchange, RequestBody(b"old")) == []
    events = send(exchange, RequestTrailers())
    assert bodies(events) == [StreamedBody(b"new")]
    assert events[-1] == RequestTrailersResponse()
    assert exchange.done


def test_full_duplex_counts_all_chunks_against_the_limit() -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED)
    exchange.answer(None)
    assert send(exchange, RequestBody(b"x" * 60_000)) == []
    [refused] = send(exchange, RequestBody(b"x" * 60_000))
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, PayloadTooLarge)


def test_full_duplex_bodies_of_all_streams_together_have_a_limit_too() -> None:
    allowance = Allowance(100)
    first, second = collecting(allowance), collecting(allowance)
    assert send(first, RequestBody(b"x" * 60)) == []
    [refused] = send(second, RequestBody(b"x" * 60))
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, TooManyBodies)
    assert allowance.held == 60
    assert send(first, RequestBody(b"x" * 40)) == []


@pytest.mark.parametrize("end", ["answered", "replied", "refused", "abandoned"])
def test_full_duplex_gives_back_what_it_collected_however_it_ends(end: str) -> None:
    allowance = Allowance(100)
    exchange = collecting(allowance)
    send(exchange, RequestBody(b"x" * 60, end_of_stream=end in ("answered", "replied")))
    assert allowance.held == 60
    if end == "answered":
        exchange.answer(UNTOUCHED)
    elif end == "replied":
        exchange.answer(ImmediateResponse(400))
    elif end == "refused":
        exchange.refuse(BadRequest("enough"))
    else:
        exchange.abandon()
    assert allowance.held == 0


def test_full_duplex_cannot_give_a_body_to_a_request_that_has_none() -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED, head=HEAD_ONLY)
    [response] = exchange.answer(ROUTED)
    assert isinstance(response, RequestHeadersResponse)
    assert response.response.body_mutation is None
    assert not response.response.replace
    assert exchange.problems
    assert exchange.done


@pytest.mark.parametrize("by_headers", [True, False])
def test_full_duplex_cannot_give_a_body_to_a_request_of_headers_and_trailers(
    by_headers: bool,
) -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED)
    events = exchange.answer(ROUTED if by_headers else None)
    events += send(exchange, RequestTrailers())
    if not by_headers:
        assert events == [NeedRoute(HttpMessage(HEADERS))]
        events = exchange.answer(ROUTED)
    assert [type(event) for event in events] == [RequestHeadersResponse, RequestTrailersResponse]
    assert len(exchange.problems) == 1
    assert exchange.done


# Other modes


@pytest.mark.parametrize("mode", CANNOT_ROUTE)
def test_a_mode_that_hides_or_corrupts_the_body_is_refused_by_name(mode: BodyMode) -> None:
    exchange, _ = begin(mode)
    [refused] = exchange.answer(None)
    assert isinstance(refused, Refused)
    assert isinstance(refused.error, ProtocolError)
    assert str(refused.error).startswith(f"request_body_mode {mode.name} cannot route by content")
    assert exchange.problems == [refused.error]


@pytest.mark.parametrize("mode", CANNOT_ROUTE)
def test_what_the_headers_decide_works_in_every_mode(mode: BodyMode) -> None:
    exchange, _ = begin(mode)
    [response] = exchange.answer(UNTOUCHED)
    assert isinstance(response, RequestHeadersResponse)
    assert exchange.done
    assert exchange.problems == []


# Orders that should not be


def test_a_body_without_headers_is_refused_and_names_the_setting() -> None:
    _, [refused] = begin(BodyMode.BUFFERED, head=RequestBody(b"x", end_of_stream=True))
    assert isinstance(refused, Refused)
    assert "request_header_mode must be SEND" in str(refused.error)


def test_trailers_without_headers_go_on() -> None:
    _, events = begin(BodyMode.NONE, head=RequestTrailers())
    assert events == [RequestTrailersResponse()]


def test_a_second_message_of_a_kind_is_put_down_and_not_answered() -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    exchange.answer(None)
    assert send(exchange, HEAD) == []
    assert [str(p) for p in exchange.problems] == [
        "RequestHeaders came out of order, in state BUFFERING"
    ]


def test_a_message_while_a_question_is_open_is_put_down_and_not_answered() -> None:
    exchange, _ = begin(BodyMode.BUFFERED)
    assert send(exchange, RequestBody(b"x")) == []
    assert len(exchange.problems) == 1
    assert exchange.answer(None) == [RequestHeadersResponse()]


def test_what_is_not_recognised_is_ignored() -> None:
    exchange, events = begin(BodyMode.BUFFERED, head=Unrecognised())
    assert events == []
    assert exchange.problems == []
    [question] = send(exchange, HEAD)
    assert isinstance(question, NeedHead)


def test_observed_traffic_is_never_answered() -> None:
    exchange = Exchange(max_body_bytes=10)
    assert exchange.receive(ProcessingRequest(HEAD, observability_mode=True)) == []
    assert exchange.done


# The response's side


def test_a_stream_may_begin_with_its_response() -> None:
    exchange, events = begin(BodyMode.BUFFERED, head=ResponseHeaders(Headers()))
    assert events == [ResponseHeadersResponse()]
    assert exchange.done


def test_where_response_phases_are_expected_the_stream_stays_open_for_them() -> None:
    exchange, _ = begin(BodyMode.BUFFERED, expects_response_phases=True)
    exchange.answer(UNTOUCHED)
    assert not exchange.done
    assert send(exchange, ResponseHeaders(Headers())) == [ResponseHeadersResponse()]
    assert exchange.done


@pytest.mark.parametrize(("status", "known"), [("503", 503), ("200", 200), ("", None), ("x", None)])
def test_how_the_response_began_is_known_where_envoy_shows_it(
    status: str, known: int | None
) -> None:
    exchange, _ = begin(BodyMode.BUFFERED, expects_response_phases=True)
    exchange.answer(UNTOUCHED)
    assert exchange.response_status is None
    send(exchange, ResponseHeaders(Headers([(":status", status)])))
    assert exchange.response_status == known


def test_trailers_after_a_buffered_body_go_on() -> None:
    exchange, _ = begin(BodyMode.BUFFERED, expects_response_phases=True)
    exchange.answer(None)
    send(exchange, RequestBody(b"old"))
    exchange.answer(ROUTED)
    assert send(exchange, RequestTrailers()) == [RequestTrailersResponse()]


# The caller


def test_an_answer_that_nobody_asked_for_is_the_callers_error() -> None:
    exchange = Exchange(max_body_bytes=10)
    with pytest.raises(ProtocolError, match="Mutation answers no question in state START"):
        exchange.answer(UNTOUCHED)


def test_a_body_that_has_arrived_cannot_be_wanted_again() -> None:
    exchange, _ = begin(BodyMode.BUFFERED, head=HEAD_ONLY)
    exchange.answer(None)
    with pytest.raises(ProtocolError, match="NoneType answers no question in state ROUTE"):
        exchange.answer(None)


def test_a_refused_request_cannot_be_routed() -> None:
    exchange, _ = begin(BodyMode.STREAMED)
    exchange.answer(None)
    with pytest.raises(ProtocolError, match="Mutation answers no question in state REFUSING"):
        exchange.answer(UNTOUCHED)


def test_a_request_can_be_refused_at_any_time() -> None:
    exchange, _ = begin(BodyMode.FULL_DUPLEX_STREAMED)
    exchange.answer(UNTOUCHED)
    send(exchange, RequestBody(b"a"))
    error = BadRequest("enough")
    assert exchange.refuse(error) == [Refused("/v1/chat/completions", error)]
    [reply] = exchange.answer(ImmediateResponse(400))
    assert isinstance(reply, ImmediateReply)
    assert exchange.done


@pytest.mark.parametrize("mode", [BodyMode.BUFFERED, BodyMode.FULL_DUPLEX_STREAMED])
@pytest.mark.parametrize("messages", range(4))
def test_an_abandoned_exchange_is_done_and_says_nothing_more(mode: BodyMode, messages: int) -> None:
    exchange, _ = begin(mode)
    if messages > 0:
        exchange.answer(None)
    if messages > 1:
        send(exchange, RequestBody(b"x", end_of_stream=messages > 2))
    exchange.abandon()
    assert exchange.done
    assert send(exchange, RequestBody(b"x", end_of_stream=True)) == []


@pytest.mark.parametrize("mode", [BodyMode.BUFFERED, BodyMode.FULL_DUPLEX_STREAMED])
@pytest.mark.parametrize("messages", range(4))
def test_an_exchange_needs_no_garbage_collector(mode: BodyMode, messages: int) -> None:
    exchange, _ = begin(mode)
    if messages > 0:
        exchange.answer(None)
    if messages > 1:
        send(exchange, RequestBody(b"x", end_of_stream=messages > 2))
    trace = weakref.ref(exchange)
    gc.disable()
    try:
        del exchange
        assert trace() is None
    finally:
        gc.enable()
