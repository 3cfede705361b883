from __future__ import annotations

import socket
from pathlib import Path

import grpc
import pytest

from router.errors import ConfigError
from router.extproc.listener import listen, socket_path


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("unix:/run/a.sock", "/run/a.sock"),
        ("unix:///run/a.sock", "/run/a.sock"),
        ("unix:a.sock", "a.sock"),
        ("127.0.0.1:50051", None),
        ("[::1]:50051", None),
    ],
)
def test_a_unix_address_names_a_file(address: str, path: str | None) -> None:
    assert socket_path(address) == (Path(path) if path else None)


async def test_a_socket_file_left_over_from_a_dead_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = grpc.aio.server()
    assert listen(server, f"unix:{path}") == 0
    await server.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    await server.stop(None)


async def test_a_socket_that_somebody_listens_on_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(ConfigError, match="in use by another process"):
            listen(grpc.aio.server(), f"unix:{path}")
        assert path.is_socket()


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="exists and is no socket"):
        listen(grpc.aio.server(), f"unix:{path}")
    assert path.read_text() == "mine"


async def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"there is no directory '{tmp_path}/missing'"):
        listen(grpc.aio.server(), f"unix:{tmp_path}/missing/a.sock")
