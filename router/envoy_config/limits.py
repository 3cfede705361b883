"""How much of a body Envoy takes in, and the filter message that `envoy-data-plane` lacks."""

from __future__ import annotations

from dataclasses import dataclass

import betterproto2
from envoy_data_plane.message_pool import default_message_pool

from router.config import Config

# The router refuses a body over the limit in the caller's own error format, exactly at the limit.
# Envoy lets a little more pass, so little that the router's gRPC server still takes the message.
_SLACK = 32 * 1024


def buffer_limit(config: Config) -> int:
    """The largest body that Envoy hands to the router."""
    return config.server.max_body_bytes + _SLACK


@dataclass(eq=False, repr=False)
class BodySizeLimit(betterproto2.Message):
    """envoy.extensions.filters.http.body_size_limit.v3.BodySizeLimit, new in Envoy 1.40."""

    max_request_bytes: int | None = betterproto2.field(1, betterproto2.TYPE_UINT64, optional=True)


default_message_pool.register_message(
    "envoy.extensions.filters.http.body_size_limit.v3", "BodySizeLimit", BodySizeLimit
)
