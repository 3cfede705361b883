"""A small HTTP/2 client without TLS, which can also send trailers."""

from __future__ import annotations

import asyncio
from types import TracebackType

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded, StreamReset


class Http2Client:
    """One connection, one request at a time."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._connection = H2Connection(H2Configuration(header_encoding="utf-8"))

    async def __aenter__(self) -> Http2Client:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        self._connection.initiate_connection()
        await self._flush()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def post(self, path: str, body: bytes, *, trailers: bool = False) -> tuple[int, bytes]:
        """Status and body of the answer to a JSON request."""
        stream = self._connection.get_next_available_stream_id()
        self._connection.send_headers(stream, self._head(path))
        self._connection.send_data(stream, body, end_stream=not trailers)
        if trailers:
            self._connection.send_headers(stream, [("x-checksum", "none")], end_stream=True)
        await self._flush()
        return await self._answer()

    def _head(self, path: str) -> list[tuple[str, str]]:
        return [
            (":method", "POST"),
            (":path", path),
            (":scheme", "http"),
            (":authority", "test"),
            ("content-type", "application/json"),
        ]

    async def _answer(self) -> tuple[int, bytes]:
        status, body = 0, b""
        while True:
            for event in await self._events():
                if isinstance(event, ResponseReceived):
                    status = int(dict(event.headers)[":status"])
                elif isinstance(event, DataReceived):
                    body += event.data
                elif isinstance(event, StreamEnded):
                    return status, body
                elif isinstance(event, StreamReset):
                    raise ConnectionError(f"stream reset: {event.error_code}")

    async def _events(self) -> list[Event]:
        data = await self._reader.read(65536)
        if not data:
            raise ConnectionError("the connection was closed")
        events = self._connection.receive_data(data)
        await self._flush()
        return events

    async def _flush(self) -> None:
        self._writer.write(self._connection.data_to_send())
        await self._writer.drain()
