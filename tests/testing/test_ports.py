from __future__ import annotations

import socket

import pytest

from router.testing import free_port, on_free_ports
from router.testing.ports import is_free
from tests.e2e.conftest import read_config
from tests.envoy_config.conftest import endpoint, with_endpoints


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_can_be_listened_on(host: str) -> None:
    port = free_port(host)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    assert is_free(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family):
        assert not is_free(address)


def test_no_port_is_given_out_twice_or_from_where_connections_get_theirs() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert max(ports) < 32_768


def test_every_listener_of_a_configuration_moves() -> None:
    before = with_endpoints(read_config(), endpoint("a"), endpoint("b"))
    after = on_free_ports(before, [7])
    moved = {after.server.extproc, after.server.admin, after.envoy.listen, after.envoy.admin}
    assert len(moved) == 4
    assert all(is_free(address) for address in moved)
    assert (after.vllm_endpoints[0].address, after.vllm_endpoints[0].port) == ("127.0.0.1", 7)
    assert after.vllm_endpoints[1] == before.vllm_endpoints[1]
    assert after.categories == before.categories
