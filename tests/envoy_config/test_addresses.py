from __future__ import annotations

import pytest

from router.envoy_config.addresses import is_ip, listening, reachable, split
from router.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:1", "127.0.0.1", 1), ("[::1]:50051", "::1", 50051), ("a.b:80", "a.b", 80)],
)
def test_an_address_is_split(text: str, host: str, port: int) -> None:
    assert split(text) == (host, port)


@pytest.mark.parametrize(("text", "ip"), [("10.0.0.7", True), ("::1", True), ("vllm", False)])
def test_an_ip_address_is_told_from_a_name(text: str, ip: bool) -> None:
    assert is_ip(text) is ip


def test_envoy_cannot_listen_on_a_name() -> None:
    with pytest.raises(ConfigError, match=r"^envoy.listen: found 'localhost:1', expected an IP"):
        listening("localhost:1", "envoy.listen")


@pytest.mark.parametrize(
    ("text", "host"), [("0.0.0.0:5", "127.0.0.1"), ("[::]:5", "::1"), ("10.0.0.7:5", "10.0.0.7")]
)
def test_a_server_on_every_interface_is_reached_on_loopback(text: str, host: str) -> None:
    name, address = reachable(text)
    assert name is None
    assert address.socket_address is not None
    assert (address.socket_address.address, address.socket_address.port_value) == (host, 5)


def test_a_server_with_a_name_is_looked_up() -> None:
    assert reachable("router.internal:5")[0] == "router.internal"


def test_a_unix_socket_is_a_pipe() -> None:
    name, address = reachable("unix:/run/router.sock")
    assert name is None
    assert address.pipe is not None
    assert address.pipe.path == "/run/router.sock"
