from __future__ import annotations

import json

from router.config import Config
from tests.envoy_config.conftest import changed, rendered


def test_the_listener_is_where_it_is_configured(config: Config) -> None:
    both = rendered(changed(config, "envoy", listen="[::1]:9"))
    (listener,) = both.bootstrap["static_resources"]["listeners"]
    assert listener["address"]["socket_address"] == {"address": "::1", "port_value": 9}


def test_what_clients_say_about_routing_is_removed_before_anything_reads_it(
    config: Config,
) -> None:
    (extension,) = rendered(config).manager["early_header_mutation_extensions"]
    mutations = extension["typed_config"]["mutations"]
    removed = {m["remove"] for m in mutations if "remove" in m}
    prefixes = [
        m["remove_on_match"]["key_matcher"]["prefix"]
        for m in mutations
        if len(m) and "remove_on_match" in m
    ]
    assert removed == {"x-selected-endpoint", "x-selected-model", "x-gateway-destination-endpoint"}
    assert prefixes == ["x-vsr-"]


def test_the_manager_is_hardened(config: Config) -> None:
    manager = rendered(config).manager
    assert manager["use_remote_address"] is True
    assert manager["normalize_path"] is True
    assert manager["path_with_escaped_slashes_action"] == "REJECT_REQUEST"
    options = manager["common_http_protocol_options"]
    assert options["headers_with_underscores_action"] == "REJECT_REQUEST"


def test_timeouts_are_configured(config: Config) -> None:
    times = {"idle_timeout_seconds": 7.5, "request_timeout_seconds": 9.0}
    manager = rendered(changed(config, "envoy", **times)).manager
    assert manager["stream_idle_timeout"] == "7.500s"
    assert manager["request_timeout"] == "9s"


def test_the_access_log_has_the_decision_and_no_query_string(config: Config) -> None:
    (log,) = rendered(changed(config, "envoy", access_log="/tmp/access.log")).manager["access_log"]
    assert log["typed_config"]["path"] == "/tmp/access.log"
    line = log["typed_config"]["log_format"]["json_format"]
    assert line["decision"] == "%DYNAMIC_METADATA(lora-router)%"
    assert line["served_by"] == "%UPSTREAM_METADATA(lora-router:endpoint)%"
    assert line["path"] == "%PATH(NQ)%"
    assert "%REQ(:PATH)%" not in json.dumps(line)


def test_web_sockets_are_refused(config: Config) -> None:
    (upgrade,) = rendered(config).manager["upgrade_configs"]
    assert upgrade == {"upgrade_type": "websocket", "enabled": False}
