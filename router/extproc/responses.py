"""One answer, put into the messages that each body mode allows, in the order that it demands.

Knows ext_proc's rules for a single answer; leaves when to answer, and to what, to the exchange.
"""

from __future__ import annotations

from collections.abc import Iterator

from router.extproc.headers import with_content_length, with_header
from router.extproc.messages import (
    Body,
    CommonResponse,
    HeaderMutation,
    ImmediateReply,
    Outgoing,
    RequestBodyResponse,
    RequestHeadersResponse,
    RequestTrailersResponse,
    StreamedBody,
)
from router.mutation import ImmediateResponse, Mutation

# Tells Envoy's routes that the whole body is there and that no trailers follow it. Only then may a
# request be tried again in FULL_DUPLEX_STREAMED: what Envoy keeps for that, it also adds to the
# body when it goes on to trailers.
COMPLETE_HEADER = "x-vsr-request-complete"

# Some data planes cap a message at 64 KiB; this leaves room for the frame around the chunk.
CHUNK_BYTES = 62_000


def head_response(
    mutation: Mutation, headers: HeaderMutation, *, body_follows: bool
) -> list[Outgoing]:
    """Answer to the headers alone, outside FULL_DUPLEX_STREAMED.

    CONTINUE_AND_REPLACE without a body tells Envoy to pass the body on unseen; with one it is the
    only way to give a request a body at this point (Envoy then drops content-length).
    """
    body = None if mutation.body is None else Body(mutation.body)
    common = CommonResponse(
        replace=body_follows or body is not None,
        header_mutation=headers,
        body_mutation=body,
        clear_route_cache=_clears(mutation, headers),
    )
    return [RequestHeadersResponse(common, mutation.metadata)]


def body_response(mutation: Mutation, headers: HeaderMutation) -> list[Outgoing]:
    """Answer to the whole body (BUFFERED).

    A changed body needs its exact length beside it: Envoy answers 500 to the old one.
    """
    body = None
    if mutation.body is not None:
        body = Body(mutation.body)
        headers = with_content_length(headers, len(mutation.body))
    common = CommonResponse(
        header_mutation=headers,
        body_mutation=body,
        clear_route_cache=_clears(mutation, headers),
    )
    return [RequestBodyResponse(common, mutation.metadata)]


def duplex_head_response(mutation: Mutation, headers: HeaderMutation) -> list[Outgoing]:
    """The first answer in FULL_DUPLEX_STREAMED; all header changes must be in it.

    No content-length: Envoy removes the client's and would trust a wrong one of ours.
    """
    common = CommonResponse(header_mutation=headers, clear_route_cache=_clears(mutation, headers))
    return [RequestHeadersResponse(common, mutation.metadata)]


def duplex_body_responses(body: bytes, *, end_of_stream: bool) -> list[Outgoing]:
    """`body` in chunks; only the last one may end the stream, and only if no trailers follow."""
    return [
        RequestBodyResponse(CommonResponse(body_mutation=chunk))
        for chunk in chunks(body, end_of_stream)
    ]


def duplex_responses(
    mutation: Mutation, headers: HeaderMutation, received: bytes, *, trailers: bool
) -> list[Outgoing]:
    """The whole answer in FULL_DUPLEX_STREAMED, once the request has arrived."""
    body = received if mutation.body is None else mutation.body
    if not trailers:
        headers = with_header(headers, COMPLETE_HEADER, b"true")
    return [
        *duplex_head_response(mutation, headers),
        *duplex_body_responses(body, end_of_stream=not trailers),
        *([RequestTrailersResponse()] if trailers else []),
    ]


def chunks(body: bytes, end_of_stream: bool) -> Iterator[StreamedBody]:
    """`body` cut to size; nothing for an empty body, unless the end of the stream must be told."""
    last = len(body) - CHUNK_BYTES
    for start in range(0, len(body), CHUNK_BYTES):
        yield StreamedBody(body[start : start + CHUNK_BYTES], end_of_stream and start >= last)
    if not body and end_of_stream:
        yield StreamedBody(b"", end_of_stream=True)


def immediate_reply(response: ImmediateResponse, headers: HeaderMutation) -> ImmediateReply:
    """The response in the request's stead; a status that HTTP does not know becomes 500."""
    return ImmediateReply(
        status=response.status if 200 <= response.status <= 599 else 500,
        headers=headers,
        body=response.body,
        details=response.details,
        dynamic_metadata=response.metadata,
    )


def _clears(mutation: Mutation, headers: HeaderMutation) -> bool:
    # Envoy ignores, and counts as an error, a cleared route cache without a header mutation.
    return mutation.clear_route_cache and bool(headers)
