"""The example beside the router: where it lies, its databases, and its server as a process."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "mcp-tenant-router"
sys.path.insert(0, str(EXAMPLE))

Serving = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def example() -> Path:
    return EXAMPLE


@pytest.fixture
def sqlite_address(tmp_path: Path) -> str:
    """Where a SQLite database may be made."""
    return str(tmp_path / "tenants.db")


@pytest.fixture
def serving() -> Serving:
    """Serves a database over HTTP for a while; yields the URL.

    `said`, if given, is filled with the lines that the server wrote until it was stopped.
    """

    @asynccontextmanager
    async def serve(
        address: str, *options: str, token: str = "", said: list[str] | None = None
    ) -> AsyncIterator[str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(EXAMPLE), "serve", "--transport", "http", "--port", "0"),
            *("--database", address, *options),
            env={**os.environ, "TENANT_ROUTER_TOKEN": token},
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        lines = said if said is not None else []
        try:
            while not lines or " listening on " not in lines[-1]:
                line = await process.stderr.readline()
                assert line, lines
                lines.append(line.decode())
            yield lines[-1].split()[-1]
        finally:
            if process.returncode is None:
                process.terminate()
            lines.append((await process.stderr.read()).decode())
            await process.wait()

    return serve


@dataclass(frozen=True)
class PostgresServer:
    """A PostgreSQL server of the tests' own, on a Unix socket in `folder`."""

    programs: Mapping[str, str]
    folder: Path
    owner: str | None

    def run(self, program: str, *arguments: str) -> None:
        """Run one of its programs to the end; as `owner`, since none of them runs as root."""
        result = subprocess.run(
            [self.programs[program], *arguments],
            cwd=self.folder,
            user=self.owner,
            extra_groups=None if self.owner is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert result.returncode == 0, result.stdout or (self.folder / "log").read_text()

    def control(self, *arguments: str) -> None:
        """Start, stop or restart it, and wait until that is done."""
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self.run(
            *("pg_ctl", "-w", "-D", str(self.folder / "data"), "-l", str(self.folder / "log")),
            *("-o", options, *arguments),
        )

    @property
    def url(self) -> str:
        """Its one database, with the right to everything."""
        return f"postgresql://tenants@/postgres?host={self.folder}"


def _programs() -> dict[str, str]:
    folders = [os.environ.get("PATH", ""), *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    found = {
        name: shutil.which(name, path=os.pathsep.join(folders))
        for name in ("initdb", "pg_ctl", "postgres")
    }
    if missing := [name for name, path in found.items() if path is None]:
        pytest.skip(f"no PostgreSQL server here: {', '.join(missing)} not found")
    return {name: path for name, path in found.items() if path is not None}


def _owner() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    if not known & {"postgres", "nobody"}:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
    return "postgres" if "postgres" in known else "nobody"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    pytest.importorskip("psycopg_pool", reason="psycopg is not installed, with its pool")
    programs, owner = _programs(), _owner()
    with tempfile.TemporaryDirectory(prefix="tenants-") as name:
        folder = Path(name)
        if owner is not None:
            shutil.chown(folder, owner)
        server = PostgresServer(programs, folder, owner)
        server.run(
            *("initdb", "--pgdata", str(folder / "data"), "--username=tenants", "--auth=trust"),
            *("--encoding=UTF8", "--no-locale", "--no-sync"),
        )
        server.control("start")
        try:
            yield server
        finally:
            server.control("-m", "immediate", "stop")


@pytest.fixture
def postgres_address(postgres_server: PostgresServer) -> str:
    """A database without tables."""
    import psycopg

    with psycopg.connect(postgres_server.url) as connection:
        connection.execute("DROP TABLE IF EXISTS tenant_adapters, tenants")
    return postgres_server.url


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> str:
    """Where a database may be made, of either kind."""
    found: str = request.getfixturevalue(f"{request.param}_address")
    return found
