"""The tables in a SQLite file, in WAL mode: readers and the writer do not wait for each other.

A lookup reads a page or two of an index, some ten microseconds, and so is made without a thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

from tenant_router.errors import BadInput, DatabaseError
from tenant_router.table import FIND, SCHEMA, Row, Table, tenants_of
from tenant_router.tenant import Find, Tenant

_WRITER_WAITS = 5.0  # seconds, for another writer
_READER_WAITS = 0.2  # seconds; only while the file is recovered after a crash


class SqliteDatabase:
    """A SQLite file; `address` is its path, or `sqlite:///` and its path."""

    def __init__(self, address: str) -> None:
        path = address.removeprefix("sqlite:///")
        if not path or not path.isprintable() or "://" in path:
            raise BadInput("database: expected sqlite:/// and a file's path")
        self._path = Path(path)

    def create(self) -> None:
        """Make the file and the tables where there are none."""
        with _reported(self._path), closing(_connect(self._path, "rwc")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA)

    @contextmanager
    def edit(self) -> Iterator[Table]:
        """The tenants within one transaction."""
        with _reported(self._path), closing(_connect(self._path, "rw")) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            yield Table(_Statements(connection))

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Find]:
        """Tenants by id."""
        with closing(_Reader(self._path)) as reader:
            reader.find("")

            async def find(tenant_id: str) -> Tenant | None:
                return reader.find(tenant_id)

            yield find


class _Reader:
    """One connection; it is opened anew when another file stands at the path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def find(self, tenant_id: str) -> Tenant | None:
        with _reported(self._path):
            rows = self._current().execute(FIND, (tenant_id,)).fetchall()
        return next(tenants_of(rows), None)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _current(self) -> sqlite3.Connection:
        file = _identity(self._path)
        if file != self._file:
            self.close()
        if self._connection is None:
            self._connection = _connect(self._path, "rw", _READER_WAITS)
            self._connection.execute("PRAGMA query_only = ON")
            self._file = file
        return self._connection


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file stands at `path`; its number is not given to another while it is open."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(path: Path, mode: str, wait: float = _WRITER_WAITS) -> sqlite3.Connection:
    if mode == "rw" and not path.is_file():
        raise DatabaseError(f"{path}: no such database; the command seed makes one")
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        hint = "; the command seed makes the tables" if "no such table" in str(error) else ""
        raise DatabaseError(f"{path}: {error}{hint}") from error


class _Statements:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(statement, parameters).fetchall()

    def run(self, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(statement, parameters)
