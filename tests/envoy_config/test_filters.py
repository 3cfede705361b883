from __future__ import annotations

import re

import pytest

from router.config import Config
from router.config.decisions import ModelSelection
from router.config.signals import Signals
from router.flow import HEADERS_READ
from tests.envoy_config.conftest import changed, changing_headers, rendered


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
    assert rendered(config).ext_proc["message_timeout"] == "5s"
    assert config.classifier.category_model.timeout_ms < 5000


def shown_to_the_router(config: Config) -> list[str]:
    patterns = rendered(config).ext_proc["forward_rules"]["allowed_headers"]["patterns"]
    return [pattern["exact"] for pattern in patterns]


def test_the_router_sees_the_headers_that_it_reads_and_no_credentials(config: Config) -> None:
    assert shown_to_the_router(config) == list(HEADERS_READ)


def test_the_router_sees_the_headers_that_the_configuration_reads(config: Config) -> None:
    rules = [{"name": "premium", "headers": {"x-plan": "gold", "content-type": "*json*"}}]
    reading = config.model_copy(
        update={
            "signals": Signals.model_validate({"requests": rules}),
            "model_selection": ModelSelection(sticky_key="header:x-session"),
        }
    )
    assert shown_to_the_router(reading) == [*HEADERS_READ, "x-plan", "x-session"]


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("x-selected-endpoint", True),
        ("x-vsr-request-complete", True),
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


def allows(config: Config, header: str) -> bool:
    rules = rendered(config).ext_proc["mutation_rules"]
    return bool(re.search(rules["allow_expression"]["regex"], header))


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("x-team", True),
        ("x-odd.name+", True),
        ("authorization", True),
        ("x-internal", True),
        ("x-selected-endpoint", True),
        ("x-oddoname+", False),
        ("x-team-2", False),
        ("cookie", False),
        (":path", False),
    ],
)
def test_the_router_may_change_the_headers_that_decisions_change(
    config: Config, header: str, allowed: bool
) -> None:
    changing = changing_headers(
        config,
        add=[{"name": "X-Team", "value": "law"}, {"name": "x-odd.name+", "value": "1"}],
        update=[{"name": "authorization", "value": "Bearer backend"}],
        delete=["x-internal"],
    )
    assert allows(changing, header) is allowed


def test_what_a_plugin_that_is_switched_off_would_change_stays_closed(config: Config) -> None:
    off = changing_headers(config, enabled=False, delete=["x-internal"])
    assert not allows(off, "x-internal")


def test_the_values_that_decisions_set_are_not_envoys_to_know(config: Config) -> None:
    changing = changing_headers(config, add=[{"name": "authorization", "value": "SECRET"}])
    assert "SECRET" not in str(rendered(changing).bootstrap)


def test_the_decision_is_received_as_metadata(config: Config) -> None:
    options = rendered(config).ext_proc["metadata_options"]
    assert options == {"receiving_namespaces": {"untyped": ["lora-router"]}}


def test_the_beginning_of_responses_is_shown_only_where_that_is_wanted(config: Config) -> None:
    for wanted in (False, True):
        envoy = config.envoy.model_copy(update={"show_responses": wanted})
        shown = config.model_copy(update={"envoy": envoy})
        mode = rendered(shown).ext_proc["processing_mode"]["response_header_mode"]
        assert mode == ("SEND" if wanted else "SKIP")
        assert (":status" in shown_to_the_router(shown)) is wanted
