"""Where the ext_proc service listens: `host:port`, or `unix:/path` with a file of its own.

A socket file is open to owner and group alone. gRPC takes the place of whatever socket it finds,
left over from a dead process or in use; the latter is prevented here.
"""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import grpc

from router.errors import ConfigError


def listen(server: grpc.aio.Server, address: str) -> int:
    """Bind `server` to `address`; the port, 0 for a socket file. Raises ConfigError."""
    path = socket_path(address)
    if path is not None:
        _check(path)
    # The file must never be open to others, not even until a chmod: so a mask for the bind alone.
    mask = os.umask(0o117)
    try:
        port: int = server.add_insecure_port(address)
    except RuntimeError as error:
        raise ConfigError(
            [f"server.extproc: cannot listen on '{address}': is it in use?"]
        ) from error
    finally:
        os.umask(mask)
    return 0 if path else port


def socket_path(address: str) -> Path | None:
    """The file of a `unix:` address."""
    if not address.startswith("unix:"):
        return None
    return Path(address.removeprefix("unix:").removeprefix("//"))


def _check(path: Path) -> None:
    if not path.exists():
        if not path.parent.is_dir():
            raise ConfigError([f"server.extproc: there is no directory '{path.parent}'"])
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise ConfigError([f"server.extproc: '{path}' exists and is no socket"])
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise ConfigError([f"server.extproc: '{path}' is in use by another process"])
