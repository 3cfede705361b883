from __future__ import annotations

from router.config import Config
from router.envoy_config.limits import BodySizeLimit, buffer_limit
from tests.envoy_config.conftest import changed, rendered


def test_envoy_lets_the_router_refuse_what_is_just_too_large(config: Config) -> None:
    narrow = changed(config, "server", max_body_bytes=100_000)
    assert buffer_limit(narrow) == 100_000 + 32_768
    assert rendered(narrow).host["request_body_buffer_limit"] == buffer_limit(narrow)


def test_full_duplex_has_the_same_limit(config: Config) -> None:
    duplex = changed(config, "server", body_mode="FULL_DUPLEX_STREAMED")
    limit = rendered(duplex).filters["envoy.filters.http.body_size_limit"]
    assert int(limit["max_request_bytes"]) == buffer_limit(duplex)


def test_the_message_goes_through_its_wire_form() -> None:
    message = BodySizeLimit(max_request_bytes=1 << 40)
    assert BodySizeLimit.parse(bytes(message)).max_request_bytes == 1 << 40
