"""Settings of the process and of the Envoy in front of it: addresses, limits, timeouts, log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from router.config.section import Section
from router.config.texts import SocketAddress, TcpAddress

Milliseconds = Annotated[int, Field(ge=1, le=3_600_000)]
Seconds = Annotated[float, Field(gt=0, le=604_800)]


class ServerSettings(Section):
    """Where the router itself listens, and how much it takes in."""

    example = """
server:
  extproc: unix:/run/lora-router/extproc.sock
  max_body_bytes: 16777216
  drain_seconds: 60
"""

    extproc: SocketAddress = Field(
        default="127.0.0.1:50051",
        description="Where the ext_proc service listens: `host:port`, `[IPv6]:port` or "
        "`unix:/path/of/socket`.",
    )
    admin: TcpAddress = Field(
        default="127.0.0.1:9190",
        description="Where health, readiness, `/metrics` and the admin pages are served. "
        "They have no authentication: keep them off public addresses.",
    )
    max_body_bytes: int = Field(
        default=33_554_432,
        ge=1024,
        le=1_073_741_824,
        description="The largest request body that is read; a larger one gets 413.",
    )
    body_mode: Literal["BUFFERED", "FULL_DUPLEX_STREAMED"] = Field(
        default="BUFFERED",
        description="How Envoy hands over request bodies. `BUFFERED` suits nearly everybody; "
        "`FULL_DUPLEX_STREAMED` saves a round trip but cannot fail open once a body has begun.",
    )
    drain_seconds: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        description="How long requests in flight may take to finish after SIGTERM.",
    )


class EnvoySettings(Section):
    """What `lora-router envoy` writes into Envoy's configuration."""

    example = """
envoy:
  listen: 0.0.0.0:8080
  extproc_address: lora-router:50051
"""

    listen: TcpAddress = Field(default="0.0.0.0:8080", description="Where clients reach Envoy.")
    admin: TcpAddress = Field(
        default="127.0.0.1:19000",
        description="Envoy's own admin interface. It can stop Envoy: never make it public.",
    )
    extproc_address: SocketAddress | None = Field(
        default=None,
        description="Where Envoy finds the router, when that is not `server.extproc`: the "
        "service name of another container, for example.",
    )
    message_timeout_ms: Milliseconds = Field(
        default=2000,
        description="How long Envoy waits for the router's answer before `on_error` decides. "
        "Keep it above `classifier.category_model.timeout_ms`.",
    )
    connect_timeout_ms: Milliseconds = Field(
        default=1000, description="How long a connection to an endpoint may take to open."
    )
    request_timeout_seconds: Seconds = Field(
        default=60.0, description="How long a client may take to send its whole request."
    )
    idle_timeout_seconds: Seconds = Field(
        default=300.0,
        description="The longest silence in an answer, between two tokens or before the first.",
    )
    max_stream_seconds: Seconds = Field(
        default=3600.0, description="The longest that one answer may take from first to last byte."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="How often a request is tried again on another endpoint before its first "
        "byte of answer.",
    )
    access_log: str = Field(
        default="/dev/stdout", min_length=1, description="The file that Envoy's access log goes to."
    )


class LoggingSettings(Section):
    """The router's log."""

    example = """
logging:
  level: debug
  format: console
"""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe messages that are written."
    )
    format: Literal["json", "console"] = Field(
        default="json", description="One JSON object a line, or text for a terminal."
    )
    include_prompt: bool = Field(
        default=False,
        description="Write the turn that was classified, whole, into the decision log. Prompts are "
        "private: leave it off outside of tests.",
    )
