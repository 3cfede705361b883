from __future__ import annotations

from pathlib import Path

import pytest

from router.config import Config
from router.errors import ConfigError
from tests.envoy_config.conftest import changed, rendered


@pytest.mark.parametrize("directory", ["envoy", "/etc/envoy"])
def test_the_clusters_come_from_the_watched_file(config: Config, directory: str) -> None:
    resources = rendered(config, Path(directory)).bootstrap["dynamic_resources"]
    assert resources["cds_config"]["path_config_source"] == {
        "path": f"{directory}/cds.yaml",
        "watched_directory": {"path": directory},
    }


def test_the_admin_interface_is_where_it_is_configured(config: Config) -> None:
    admin = rendered(changed(config, "envoy", admin="[::1]:9")).bootstrap["admin"]
    assert admin["address"]["socket_address"] == {"address": "::1", "port_value": 9}


@pytest.mark.parametrize("key", ["listen", "admin"])
def test_a_listener_needs_an_ip_address(config: Config, key: str) -> None:
    with pytest.raises(ConfigError, match=f"envoy.{key}"):
        rendered(changed(config, "envoy", **{key: "localhost:9"}))


def test_regular_expressions_may_be_as_long_as_the_list_of_headers(config: Config) -> None:
    (layer,) = rendered(config).bootstrap["layered_runtime"]["layers"]
    assert layer["static_layer"]["re2.max_program_size.error_level"] >= 10_000


def test_envoy_defends_its_memory(config: Config) -> None:
    manager = rendered(config).bootstrap["overload_manager"]
    assert {action["name"].rpartition(".")[2] for action in manager["actions"]} == {
        "shrink_heap",
        "reset_high_memory_stream",
        "stop_accepting_requests",
    }


def test_the_heap_has_room_for_many_of_the_largest_bodies(config: Config) -> None:
    def heap(config: Config) -> int:
        monitors = rendered(config).bootstrap["overload_manager"]["resource_monitors"]
        return int(monitors[0]["typed_config"]["max_heap_size_bytes"])

    assert heap(config) == 2 * 1024**3
    assert heap(changed(config, "server", max_body_bytes=1024**3)) > 30 * 1024**3
