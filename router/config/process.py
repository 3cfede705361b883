"""Settings of the process and of the Envoy in front of it: addresses, limits, timeouts, log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from router.config.section import Section
from router.config.texts import SocketAddress, TcpAddress, shown


def request_path(text: str) -> str:
    """The path of an HTTP request: what follows the host, in printable ASCII without blanks."""
    if not text.startswith("/") or not all("!" <= character <= "~" for character in text):
        raise ValueError(
            f"found {shown(text)}, expected a path that begins with /, such as /health"
        )
    return text


RequestPath = Annotated[str, AfterValidator(request_path)]
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
    watch_config: bool = Field(
        default=True,
        description="Whether a changed configuration file is taken up at once. SIGHUP and "
        "`POST /reload` do so in any case.",
    )
    drain_seconds: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        description="How long requests in flight may take to finish after SIGTERM.",
    )


class HealthCheckSettings(Section):
    """How Envoy asks endpoints whether they are up.

    Every endpoint is asked once in an interval for itself and once for each of the (at most eight)
    endpoints that it stands in for.
    """

    example = """
envoy:
  health_check:
    path: /health
    interval_ms: 2000
    timeout_ms: 5000
    failures: 5
"""

    path: RequestPath = Field(
        default="/health",
        description="What is asked for; any status but 200 means that the endpoint is down.",
    )
    interval_ms: Milliseconds = Field(default=1000, description="How often.")
    timeout_ms: Milliseconds = Field(
        default=2000,
        description="How long an endpoint may take to answer. Where all of a model's endpoints "
        "are slower than that, its requests get 503: be lenient.",
    )
    failures: int = Field(
        default=3,
        ge=1,
        le=100,
        description="How many questions in a row may find no connection or no answer before the "
        "endpoint counts as down. Requests are tried elsewhere meanwhile.",
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
        default=5000,
        description="How long Envoy waits for the router's answer before `on_error` decides. Keep "
        "it above the timeouts of the category model, the embedding model and the MCP server "
        "together: one may be waited for after the other.",
    )
    connect_timeout_ms: Milliseconds = Field(
        default=1000, description="How long a connection to an endpoint may take to open."
    )
    request_timeout_seconds: Seconds = Field(
        default=60.0, description="How long a client may take to send its whole request."
    )
    first_byte_timeout_seconds: Seconds = Field(
        default=300.0,
        description="How long an endpoint may take to begin its answer before the request is tried "
        "on another one. Without `stream` an answer begins when it is complete. A stream is not "
        "cut by it.",
    )
    idle_timeout_seconds: Seconds = Field(
        default=300.0,
        description="The longest silence in an answer, and ten seconds more; never shorter than "
        "all attempts together may take to begin: `retries` and one more times "
        "`first_byte_timeout_seconds`.",
    )
    max_stream_seconds: Seconds = Field(
        default=3600.0, description="The longest that one answer may take from first to last byte."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="How often a request is tried again before its first byte of answer: on "
        "another endpoint of the same models, as long as there is one. A prompt that crashes its "
        "backend is tried as often. With `FULL_DUPLEX_STREAMED` requests with trailers are not "
        "tried again, nor those that are no inference requests.",
    )
    health_check: HealthCheckSettings = Field(
        default=HealthCheckSettings(),
        description="How Envoy finds out that an endpoint is down, and up again.",
    )
    show_responses: bool = Field(
        default=False,
        description="Whether Envoy shows the router how endpoints answer, so that bursts of 429 "
        "and 5xx turn requests away from them. It costs one more message a request, and a stream "
        "to the router that stays open until the answer begins.",
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
