"""Socket addresses of the configuration as Envoy's messages."""

from __future__ import annotations

from ipaddress import ip_address

from envoy_data_plane.envoy.config.core import v3 as core

from router.errors import ConfigError

_UNIX = "unix:"
# A listener on every interface is reached through its own loopback.
_REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def is_ip(host: str) -> bool:
    """Whether `host` is an IP address rather than a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def tcp(host: str, port: int) -> core.Address:
    """`host` and `port` as an address."""
    return core.Address(socket_address=core.SocketAddress(address=host, port_value=port))


def split(text: str) -> tuple[str, int]:
    """Host and port of `host:port`, an IPv6 address without its brackets."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def listening(text: str, key: str) -> core.Address:
    """Where Envoy itself listens. Raises ConfigError for a host name, which Envoy cannot bind."""
    host, port = split(text)
    if not is_ip(host):
        raise ConfigError([f"{key}: found '{text}', expected an IP address such as 127.0.0.1"])
    return tcp(host, port)


def reachable(text: str) -> tuple[str | None, core.Address]:
    """Where Envoy reaches a server that listens at `text`, and the host name to look up, if any."""
    if text.startswith(_UNIX):
        return None, core.Address(pipe=core.Pipe(path=text.removeprefix(_UNIX)))
    host, port = split(text)
    host = _REACHABLE.get(host, host)
    return (None if is_ip(host) else host), tcp(host, port)
