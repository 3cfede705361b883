from __future__ import annotations

from typing import Any

import pytest

from router.config import Config
from tests.envoy_config.conftest import rendered


def mappers(config: Config) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rendered(config).manager["local_reply_config"]["mappers"]
    return found


def bodies(config: Config) -> list[dict[str, Any]]:
    return [mapper["body_format_override"]["json_format"] for mapper in mappers(config)[1:]]


def test_the_routers_own_responses_are_left_alone(config: Config) -> None:
    own, *others = mappers(config)
    assert list(own) == ["filter"]
    assert all("body_format_override" in other for other in others)


def test_each_status_is_told_to_anthropic_clients_first(config: Config) -> None:
    kinds = ["anthropic" if body.get("type") == "error" else "openai" for body in bodies(config)]
    assert kinds == ["anthropic", "openai"] * 6


def test_openai_clients_get_every_member_of_an_error(config: Config) -> None:
    for body in bodies(config)[1::2]:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("index", range(1, 13))
def test_an_error_is_json(config: Config, index: int) -> None:
    assert mappers(config)[index]["body_format_override"]["content_type"] == "application/json"
