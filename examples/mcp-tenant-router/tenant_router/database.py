"""Where the tenants are kept: the door to SQLite and PostgreSQL, by address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from importlib import import_module
from types import MappingProxyType
from typing import Protocol, cast

from tenant_router.errors import BadInput
from tenant_router.table import Table
from tenant_router.tenant import Find


class Database(Protocol):
    """A database that holds the two tables, or could."""

    def create(self) -> None:
        """Make the tables where there are none. Raises DatabaseError."""
        ...

    def edit(self) -> AbstractContextManager[Table]:
        """The tenants within one transaction, which an error undoes. Raises DatabaseError."""
        ...

    def reader(self) -> AbstractAsyncContextManager[Find]:
        """Tenants by id, as they are at each call. Raises DatabaseError, without tables too."""
        ...


_BACKENDS: Mapping[str, str] = MappingProxyType(
    {
        "sqlite": "tenant_router.sqlite:SqliteDatabase",
        "postgresql": "tenant_router.postgres:PostgresDatabase",
        "postgres": "tenant_router.postgres:PostgresDatabase",
    }
)


def open_database(address: str) -> Database:
    """The database at a file's path, `sqlite:///path` or `postgresql://…`; nothing is read yet.

    Raises BadInput where the address is none, DatabaseError where its driver is not installed.
    """
    scheme, separator, _ = address.partition("://")
    path = _BACKENDS.get(scheme if separator else "sqlite")
    if path is None:
        raise BadInput(
            "database: expected a file's path, sqlite:///path or postgresql://…, "
            f"found the scheme {scheme[:20]!r}"
        )
    module, _, name = path.partition(":")
    backend = cast(Callable[[str], Database], getattr(import_module(module), name))
    return backend(address)
