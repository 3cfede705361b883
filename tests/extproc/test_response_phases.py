from __future__ import annotations

import pytest

from router.extproc.messages import (
    BodyMode,
    ResponseBody,
    ResponseBodyResponse,
    ResponseHeaders,
    ResponseHeadersResponse,
    ResponseTrailers,
    ResponseTrailersResponse,
    StreamedBody,
)
from router.extproc.response_phases import ResponsePhases
from router.request import Headers

HEADERS = ResponseHeaders(Headers([(":status", "200")]))


@pytest.fixture
def phases() -> ResponsePhases:
    return ResponsePhases()


def test_each_message_gets_one_of_its_kind_that_changes_nothing(phases: ResponsePhases) -> None:
    phases.body_mode = BodyMode.BUFFERED
    assert phases.answer(HEADERS) == [ResponseHeadersResponse()]
    assert phases.answer(ResponseBody(b"x")) == [ResponseBodyResponse()]
    assert phases.answer(ResponseTrailers()) == [ResponseTrailersResponse()]


def test_without_a_body_phase_the_headers_are_all(phases: ResponsePhases) -> None:
    phases.answer(HEADERS)
    assert phases.finished


@pytest.mark.parametrize(
    "mode", [BodyMode.BUFFERED, BodyMode.STREAMED, BodyMode.FULL_DUPLEX_STREAMED]
)
def test_with_a_body_phase_the_headers_finish_nothing_unless_they_end_the_stream(
    phases: ResponsePhases, mode: BodyMode
) -> None:
    phases.body_mode = mode
    phases.answer(HEADERS)
    assert not phases.finished
    phases.answer(ResponseHeaders(Headers(), end_of_stream=True))
    assert phases.finished


def test_a_streamed_body_finishes_with_its_last_chunk_or_with_trailers(
    phases: ResponsePhases,
) -> None:
    phases.body_mode = BodyMode.STREAMED
    phases.answer(ResponseBody(b"a"))
    assert not phases.finished
    phases.answer(ResponseBody(b"b", end_of_stream=True))
    assert phases.finished


def test_a_buffered_body_comes_in_one_message_whatever_its_end_of_stream_says(
    phases: ResponsePhases,
) -> None:
    phases.body_mode = BodyMode.BUFFERED
    phases.answer(ResponseBody(b"a", end_of_stream=False))
    assert phases.finished


def test_a_full_duplex_body_is_echoed_with_its_end(phases: ResponsePhases) -> None:
    phases.body_mode = BodyMode.FULL_DUPLEX_STREAMED
    sent = [*phases.answer(ResponseBody(b"a")), *phases.answer(ResponseBody(b"b", True))]
    chunks = [m.response.body_mutation for m in sent if isinstance(m, ResponseBodyResponse)]
    assert chunks == [StreamedBody(b"a"), StreamedBody(b"b", end_of_stream=True)]
