"""The response's side of a stream: each message gets one of its kind that changes nothing.

These phases are off in our own Envoy configuration; a stream may still begin here, when an earlier
filter replied to the client itself.
"""

from __future__ import annotations

from router.extproc.messages import (
    BodyMode,
    CommonResponse,
    Outgoing,
    ResponseBody,
    ResponseBodyResponse,
    ResponseHeaders,
    ResponseHeadersResponse,
    ResponseTrailers,
    ResponseTrailersResponse,
)
from router.extproc.responses import chunks

ResponseMessage = ResponseHeaders | ResponseBody | ResponseTrailers


class ResponsePhases:
    """Answers response messages, and says when the last one needed has come (`finished`).

    Envoy does not tell whether trailers will be sent; a stream that is closed before them does no
    harm, so `finished` does not wait for them unless the body's end is still open.
    """

    def __init__(self) -> None:
        self.body_mode = BodyMode.NONE
        self.finished = False

    def answer(self, message: ResponseMessage) -> list[Outgoing]:
        match message:
            case ResponseHeaders(end_of_stream=end_of_stream):
                self.finished = end_of_stream or self.body_mode is BodyMode.NONE
                return [ResponseHeadersResponse()]
            case ResponseBody():
                self.finished = message.end_of_stream or self.body_mode is BodyMode.BUFFERED
                return self._body(message)
            case ResponseTrailers():
                self.finished = True
                return [ResponseTrailersResponse()]

    def _body(self, message: ResponseBody) -> list[Outgoing]:
        if self.body_mode is not BodyMode.FULL_DUPLEX_STREAMED:
            return [ResponseBodyResponse()]
        # What is not echoed in this mode is lost.
        return [
            ResponseBodyResponse(CommonResponse(body_mutation=chunk))
            for chunk in chunks(message.body, message.end_of_stream)
        ]
