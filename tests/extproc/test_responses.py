from __future__ import annotations

import pytest

from router.extproc.messages import (
    Body,
    HeaderMutation,
    RequestBodyResponse,
    RequestHeadersResponse,
    RequestTrailersResponse,
    StreamedBody,
)
from router.extproc.responses import (
    CHUNK_BYTES,
    COMPLETE_HEADER,
    body_response,
    chunks,
    duplex_responses,
    head_response,
    immediate_reply,
)
from router.mutation import ImmediateResponse, Mutation

SET = HeaderMutation((("x-selected-endpoint", b"a"),))


def test_an_answer_by_the_headers_lets_the_body_pass_unseen() -> None:
    [message] = head_response(Mutation(), SET, body_follows=True)
    assert isinstance(message, RequestHeadersResponse)
    assert message.response.replace
    assert message.response.body_mutation is None


def test_an_answer_to_a_request_without_body_is_a_plain_continue() -> None:
    [message] = head_response(Mutation(), SET, body_follows=False)
    assert isinstance(message, RequestHeadersResponse)
    assert not message.response.replace


def test_a_request_without_body_can_be_given_one() -> None:
    [message] = head_response(Mutation(body=b"new"), SET, body_follows=False)
    assert isinstance(message, RequestHeadersResponse)
    assert message.response.replace
    assert message.response.body_mutation == Body(b"new")


def test_a_new_body_goes_with_its_exact_length() -> None:
    [message] = body_response(Mutation(body="数".encode()), SET)
    assert isinstance(message, RequestBodyResponse)
    assert message.response.header_mutation.set_headers[-1] == ("content-length", b"3")
    assert message.response.body_mutation == Body("数".encode())


def test_an_empty_new_body_has_length_0() -> None:
    [message] = body_response(Mutation(body=b""), HeaderMutation())
    assert isinstance(message, RequestBodyResponse)
    assert message.response.header_mutation.set_headers == (("content-length", b"0"),)


def test_an_untouched_body_keeps_the_clients_length() -> None:
    [message] = body_response(Mutation(), SET)
    assert isinstance(message, RequestBodyResponse)
    assert message.response.header_mutation == SET
    assert message.response.body_mutation is None


@pytest.mark.parametrize("headers", [SET, HeaderMutation(remove_headers=("x",))])
def test_the_route_cache_is_cleared_together_with_a_header_mutation(
    headers: HeaderMutation,
) -> None:
    [message] = body_response(Mutation(clear_route_cache=True), headers)
    assert isinstance(message, RequestBodyResponse)
    assert message.response.clear_route_cache


def test_the_route_cache_is_not_cleared_without_a_header_mutation() -> None:
    [message] = body_response(Mutation(clear_route_cache=True), HeaderMutation())
    assert isinstance(message, RequestBodyResponse)
    assert not message.response.clear_route_cache


@pytest.mark.parametrize(
    "size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES]
)
def test_chunks_hold_the_whole_body_and_only_the_last_one_ends_it(size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    cut = list(chunks(body[:size], end_of_stream=True))
    assert b"".join(chunk.body for chunk in cut) == body[:size]
    assert all(0 < len(chunk.body) <= CHUNK_BYTES for chunk in cut)
    assert [chunk.end_of_stream for chunk in cut] == [False] * (len(cut) - 1) + [True]


def test_an_empty_body_is_one_chunk_that_ends_the_stream_or_none_at_all() -> None:
    assert list(chunks(b"", end_of_stream=True)) == [StreamedBody(b"", end_of_stream=True)]
    assert list(chunks(b"", end_of_stream=False)) == []


def test_before_trailers_no_chunk_ends_the_stream() -> None:
    messages = duplex_responses(Mutation(body=b"new"), SET, received=b"old", trailers=True)
    kinds = [type(message) for message in messages]
    assert kinds == [RequestHeadersResponse, RequestBodyResponse, RequestTrailersResponse]
    assert isinstance(messages[1], RequestBodyResponse)
    assert messages[1].response.body_mutation == StreamedBody(b"new", end_of_stream=False)


@pytest.mark.parametrize("trailers", [False, True])
def test_a_request_is_called_complete_only_where_no_trailers_follow(trailers: bool) -> None:
    message, *_ = duplex_responses(Mutation(), SET, received=b"old", trailers=trailers)
    assert isinstance(message, RequestHeadersResponse)
    complete = () if trailers else ((COMPLETE_HEADER, b"true"),)
    assert message.response.header_mutation.set_headers == (*SET.set_headers, *complete)


@pytest.mark.parametrize(
    ("status", "sent"), [(404, 404), (200, 200), (0, 500), (99, 500), (999, 500)]
)
def test_a_status_that_http_does_not_know_is_sent_as_500(status: int, sent: int) -> None:
    assert immediate_reply(ImmediateResponse(status), HeaderMutation()).status == sent
