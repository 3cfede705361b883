from __future__ import annotations

import re

import pytest

from router.config import Config
from router.flow import HEADERS_READ
from tests.envoy_config.conftest import changed, rendered


def test_bodies_are_buffered_unless_configured_otherwise(config: Config) -> None:
    assert rendered(config).ext_proc["processing_mode"] == {
        "request_header_mode": "SEND",
        "response_header_mode": "SKIP",
        "request_body_mode": "BUFFERED",
        "request_trailer_mode": "SEND",
        "response_trailer_mode": "SKIP",
    }


@pytest.mark.parametrize("body_mode", ["BUFFERED", "FULL_DUPLEX_STREAMED"])
def test_trailers_are_sent_in_both_body_modes(config: Config, body_mode: str) -> None:
    both = rendered(changed(config, "server", body_mode=body_mode))
    mode = both.ext_proc["processing_mode"]
    assert mode["request_body_mode"] == body_mode
    assert mode["request_trailer_mode"] == "SEND"


def test_only_full_duplex_needs_a_size_filter(config: Config) -> None:
    assert next(iter(rendered(config).filters)) == "envoy.filters.http.ext_proc"
    both = rendered(changed(config, "server", body_mode="FULL_DUPLEX_STREAMED"))
    assert next(iter(both.filters)) == "envoy.filters.http.body_size_limit"


@pytest.mark.parametrize(("on_error", "allowed"), [("default_model", True), ("reject", False)])
def test_requests_pass_without_the_router_only_where_configured(
    config: Config, on_error: str, allowed: bool
) -> None:
    settings = rendered(config.model_copy(update={"on_error": on_error})).ext_proc
    assert settings.get("failure_mode_allow", False) is allowed
    assert settings["status_on_error"] == {"code": "ServiceUnavailable"}


def test_envoy_waits_longer_than_the_classifier_may_take(config: Config) -> None:
    assert config.classifier.category_model is not None
    assert rendered(config).ext_proc["message_timeout"] == "2s"
    assert config.classifier.category_model.timeout_ms < 2000


def test_the_router_sees_the_headers_that_it_reads_and_no_credentials(config: Config) -> None:
    patterns = rendered(config).ext_proc["forward_rules"]["allowed_headers"]["patterns"]
    assert {pattern["exact"] for pattern in patterns} == set(HEADERS_READ)


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("x-selected-endpoint", True),
        ("content-length", True),
        ("transfer-encoding", False),
        ("x-selected-endpoint-too", False),
        (":path", False),
        ("host", False),
    ],
)
def test_the_router_may_set_only_its_own_headers(
    config: Config, header: str, allowed: bool
) -> None:
    rules = rendered(config).ext_proc["mutation_rules"]
    assert rules["disallow_all"] is True
    assert bool(re.search(rules["allow_expression"]["regex"], header)) is allowed


def test_the_decision_is_received_as_metadata(config: Config) -> None:
    options = rendered(config).ext_proc["metadata_options"]
    assert options == {"receiving_namespaces": {"untyped": ["lora-router"]}}
