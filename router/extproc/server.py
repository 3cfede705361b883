"""The gRPC server that Envoy connects to: ext_proc and health, from start to a graceful stop.

The method is registered by its name, so that no compiled Envoy service is needed, and it takes and
gives bytes. Leaves what happens on a stream to the service.
"""

from __future__ import annotations

from collections.abc import Callable

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from router.extproc.collected import Allowance
from router.extproc.exchange import Exchange
from router.extproc.health import Health
from router.extproc.listener import listen, socket_path
from router.extproc.messages import BodyMode
from router.extproc.service import ExternalProcessor, Flow, RenderError

__all__ = ["SERVICE", "ExtProcServer", "Flow", "RenderError"]

_STREAMS_EACH = 32  # open streams of one connection, where servers share a port
_BODIES_AT_ONCE = 8  # of the largest size, FULL_DUPLEX_STREAMED, in one process
SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"

# "liveness" and "readiness" are the names that gateway probes ask for.
HEALTH_NAMES = ("", "liveness", "readiness", SERVICE)

# What a message holds besides the body: headers (60 KiB at most by Envoy's default).
_ENVELOPE_BYTES = 64 * 1024

# FULL_DUPLEX_STREAMED sends chunks of about Envoy's connection buffer, however small our own limit.
_LARGEST_CHUNK_BYTES = 4 * 1024 * 1024


class ExtProcServer:
    """Listens on `address` and serves each stream with a flow made by `new_flow`.

    `default_mode` is the body mode assumed where Envoy does not tell it; `expects_response_phases`
    says that Envoy sends response headers too, so that streams are held open for them;
    `chunk_timeout` is how long a FULL_DUPLEX_STREAMED body may pause, for Envoy waits for ever;
    `max_collected_bytes` is how much such bodies may hold in this process all together, by default
    eight times `max_body_bytes`: the stream whose chunk goes beyond is refused with 503.
    """

    def __init__(
        self,
        new_flow: Callable[[], Flow],
        *,
        address: str,
        max_body_bytes: int,
        render_error: RenderError,
        default_mode: str = "BUFFERED",
        expects_response_phases: bool = False,
        share_port: bool = False,
        chunk_timeout: float = 60.0,
        max_collected_bytes: int | None = None,
    ) -> None:
        allowance = Allowance(max_collected_bytes or _BODIES_AT_ONCE * max_body_bytes)

        def new_exchange() -> Exchange:
            return Exchange(
                max_body_bytes=max_body_bytes,
                allowance=allowance,
                default_mode=BodyMode[default_mode],
                expects_response_phases=expects_response_phases,
            )

        self.address = address
        self.port = 0
        self._processor = ExternalProcessor(new_flow, new_exchange, render_error, chunk_timeout)
        self._health = Health(HEALTH_NAMES)
        self._options = _options(max_body_bytes, share_port)
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen and say SERVING. Raises ConfigError where the address cannot be had."""
        server = grpc.aio.server(options=self._options)
        server.add_generic_rpc_handlers((_handlers(self._processor),))
        add_HealthServicer_to_server(self._health, server)
        self.port = listen(server, self.address)
        await server.start()
        self._server = server

    async def stop(self, grace: float) -> None:
        """Say NOT_SERVING, let open streams finish for `grace` seconds, then close."""
        server, self._server = self._server, None
        if server is None:
            return
        self._health.stop()
        # Once only: gRPC crashes when a second stop overlaps the first.
        await server.stop(grace)
        if path := socket_path(self.address):
            path.unlink(missing_ok=True)


def _handlers(processor: ExternalProcessor) -> grpc.GenericRpcHandler:
    # No (de)serialisers: bytes come and go, and a message that cannot be parsed is ours to log.
    process = grpc.stream_stream_rpc_method_handler(processor.process)
    return grpc.method_handlers_generic_handler(SERVICE, {"Process": process})


def _options(max_body_bytes: int, share_port: bool) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", _receive_limit(max_body_bytes)),
        ("grpc.max_send_message_length", -1),
        # Without this two servers could share a port by accident: gRPC's default is to share.
        ("grpc.so_reuseport", int(share_port)),
        # Envoy keeps to one connection for each of its threads until that is full: several servers
        # get their share only of the connections opened after it.
        *([("grpc.max_concurrent_streams", _STREAMS_EACH)] if share_port else []),
        # Envoy may ping idle connections as often as it is configured to.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
        ("grpc.http2.max_ping_strikes", 0),
    ]


def _receive_limit(max_body_bytes: int) -> int:
    return max(max_body_bytes, _LARGEST_CHUNK_BYTES) + _ENVELOPE_BYTES
