"""Ports that are free on this machine, and configurations that use them."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence

from router.config import Config
from router.config.schema import VllmEndpoint

# Below the ports that systems give to outgoing connections: one of those could take a port between
# its being found free and its being listened on.
_CANDIDATES = range(20_000, 32_000)
_given: set[int] = set()


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens on just now, and that was not given out before."""
    for port in random.sample(_CANDIDATES, len(_CANDIDATES)):
        if port not in _given and is_free(f"[{host}]:{port}" if ":" in host else f"{host}:{port}"):
            _given.add(port)
            return port
    raise RuntimeError(f"no free port on {host} from {_CANDIDATES.start} to {_CANDIDATES.stop}")


def is_free(address: str) -> bool:
    """Whether nothing listens on `host:port`, an IPv6 host in brackets."""
    host, _, port = address.rpartition(":")
    try:
        server = socket.create_server((host.strip("[]"), int(port)), family=_family(host))
    except OSError:
        return False
    server.close()
    return True


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def on_free_ports(config: Config, backends: Sequence[int] = ()) -> Config:
    """`config` with every listening address on loopback and a free port.

    `backends` are the ports of the endpoints, in their order; endpoints beyond them stay as they
    are.
    """
    server = {"extproc": _free_address(), "admin": _free_address()}
    envoy = {"listen": _free_address(), "admin": _free_address()}
    endpoints = [
        endpoint.model_copy(update=_at(backends[index]) if index < len(backends) else {})
        for index, endpoint in enumerate(config.vllm_endpoints)
    ]
    return config.model_copy(
        update={
            "server": config.server.model_copy(update=server),
            "envoy": config.envoy.model_copy(update=envoy),
            "vllm_endpoints": tuple[VllmEndpoint, ...](endpoints),
        }
    )


def _free_address() -> str:
    return f"127.0.0.1:{free_port()}"


def _at(port: int) -> dict[str, str | int]:
    return {"address": "127.0.0.1", "port": port}
