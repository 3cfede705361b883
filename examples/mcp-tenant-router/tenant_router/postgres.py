"""The tables in PostgreSQL, read through a pool of connections. Needs the extra `postgres`.

Works behind PgBouncer as well: no prepared statements, no settings of the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tenant_router.errors import BadInput, DatabaseError
from tenant_router.table import FIND, SCHEMA, Row, Table, tenants_of
from tenant_router.tenant import Find, Tenant

try:
    import psycopg
    from psycopg import conninfo
    from psycopg_pool import AsyncConnectionPool
except ImportError as error:  # the extra is optional
    raise DatabaseError(
        "database: PostgreSQL needs psycopg: pip install 'psycopg[binary,pool]'"
    ) from error

_CONNECTIONS = 8
_LOOKUP_SECONDS = 1.0  # as long as the router waits, unless it is told otherwise
_CONNECT_SECONDS = "5"

_Connection = psycopg.AsyncConnection[Row]


class PostgresDatabase:
    """A PostgreSQL database by its URL, libpq's parameters (`?sslmode=verify-full`) included."""

    def __init__(self, url: str) -> None:
        try:
            parts = conninfo.conninfo_to_dict(url)
        except psycopg.Error:  # its text may show the password
            raise BadInput("database: expected postgresql://user@host:port/name") from None
        self._name = f"postgresql {parts.get('dbname', '')!r} on {parts.get('host', 'localhost')!r}"
        wait = "" if "connect_timeout" in parts else _CONNECT_SECONDS
        self._url = conninfo.make_conninfo(url, connect_timeout=wait or None)

    def create(self) -> None:
        """Make the tables where there are none."""
        with self._reported(), self._connected() as connection:
            connection.execute(SCHEMA.encode())

    @contextmanager
    def edit(self) -> Iterator[Table]:
        """The tenants within one transaction."""
        with self._reported(), self._connected() as connection:
            yield Table(_Statements(connection))

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Find]:
        """Tenants by id."""
        with self._reported(), self._connected() as connection:  # a pool would try for ever
            _Statements(connection).rows(FIND, ("",))
        async with self._pool() as pool:

            async def find(tenant_id: str) -> Tenant | None:
                with self._reported():
                    async with asyncio.timeout(_LOOKUP_SECONDS), pool.connection() as connection:
                        rows = await connection.execute(_translated(FIND), (tenant_id,))
                        return next(tenants_of(await rows.fetchall()), None)

            yield find

    def _connected(self) -> psycopg.Connection[Row]:
        return psycopg.connect(self._url, prepare_threshold=None)

    def _pool(self) -> AsyncConnectionPool[_Connection]:
        return AsyncConnectionPool(
            self._url,
            open=False,
            min_size=2,
            max_size=_CONNECTIONS,
            kwargs={"autocommit": True, "prepare_threshold": None},
            # A connection that the server has closed meanwhile is replaced, not used.
            check=AsyncConnectionPool.check_connection,
        )

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.UndefinedTable as error:
            raise DatabaseError(
                f"{self._name}: no table tenants; the command seed makes the tables"
            ) from error
        except TimeoutError as error:
            raise DatabaseError(f"{self._name}: no answer within {_LOOKUP_SECONDS:g} s") from error
        except (psycopg.Error, UnicodeError) as error:
            raise DatabaseError(f"{self._name}: {' '.join(str(error).split())}") from error


class _Statements:
    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(_translated(statement), parameters).fetchall()

    def run(self, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_translated(statement), parameters)


def _translated(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()
