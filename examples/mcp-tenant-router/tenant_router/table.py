"""The two tables: their statements, and how rows become tenants. Knows no driver.

Values always travel as parameters, beside the statement; the placeholder is `?`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Protocol

from tenant_router.tenant import Tenant

SCHEMA = """\
CREATE TABLE IF NOT EXISTS tenants (
  tenant_id     TEXT PRIMARY KEY CHECK (length(tenant_id) BETWEEN 1 AND 200),
  model         TEXT,                           -- base model; NULL: found by the adapter
  use_reasoning BOOLEAN,                        -- NULL: the router's own setting
  active        BOOLEAN NOT NULL DEFAULT TRUE
);
CREATE TABLE IF NOT EXISTS tenant_adapters (
  tenant_id TEXT NOT NULL REFERENCES tenants (tenant_id) ON DELETE CASCADE,
  adapter   TEXT NOT NULL CHECK (length(adapter) BETWEEN 1 AND 200),
  share     DOUBLE PRECISION NOT NULL DEFAULT 1 CHECK (share > 0 AND share <= 1000000),
  PRIMARY KEY (tenant_id, adapter)
);
"""

_TENANTS = """\
SELECT t.tenant_id, t.model, t.use_reasoning, t.active, a.adapter, a.share
FROM tenants t LEFT JOIN tenant_adapters a ON a.tenant_id = t.tenant_id
"""
FIND = _TENANTS + "WHERE t.tenant_id = ?"
LIST = _TENANTS + "ORDER BY t.tenant_id, a.adapter"
PUT_TENANT = """\
INSERT INTO tenants (tenant_id, model, use_reasoning, active) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant_id) DO UPDATE SET
  model = excluded.model, use_reasoning = excluded.use_reasoning, active = excluded.active
"""
DROP_ADAPTERS = "DELETE FROM tenant_adapters WHERE tenant_id = ?"
PUT_ADAPTER = "INSERT INTO tenant_adapters (tenant_id, adapter, share) VALUES (?, ?, ?)"
DROP_TENANT = "DELETE FROM tenants WHERE tenant_id = ?"

Row = Sequence[Any]


class Statements(Protocol):
    """What a driver must do within one transaction."""

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """The rows of one query."""
        ...

    def run(self, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
        """One statement, once for each sequence of parameters."""
        ...


def tenants_of(rows: Iterable[Row]) -> Iterator[Tenant]:
    """The tenants of FIND's or LIST's rows, one row an adapter, a tenant's rows together."""
    for (tenant_id, model, use_reasoning, active), group in groupby(rows, key=lambda row: row[:4]):
        yield Tenant(
            tenant_id,
            {adapter: share for *_, adapter, share in group if adapter is not None},
            model=model,
            use_reasoning=None if use_reasoning is None else bool(use_reasoning),
            active=bool(active),
        )


class Table:
    """All tenants, within one transaction."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def __iter__(self) -> Iterator[Tenant]:
        return tenants_of(self._statements.rows(LIST))

    def __contains__(self, tenant_id: str) -> bool:
        return bool(self._statements.rows(FIND, (tenant_id,)))

    def put(self, tenants: Sequence[Tenant]) -> None:
        """Write tenants in place of those of the same ids."""
        self._statements.run(
            PUT_TENANT, [(t.tenant_id, t.model, t.use_reasoning, t.active) for t in tenants]
        )
        self._statements.run(DROP_ADAPTERS, [(t.tenant_id,) for t in tenants])
        self._statements.run(
            PUT_ADAPTER,
            [(t.tenant_id, adapter, share) for t in tenants for adapter, share in t.shares.items()],
        )

    def remove(self, tenant_id: str) -> bool:
        """Forget a tenant; whether there was one."""
        known = tenant_id in self
        self._statements.run(DROP_ADAPTERS, [(tenant_id,)])
        self._statements.run(DROP_TENANT, [(tenant_id,)])
        return known

    def seed(self, tenants: Iterable[Tenant]) -> int:
        """Write those tenants that are not there yet; how many they were."""
        known = set(map(itemgetter(0), self._statements.rows(LIST)))
        missing = [tenant for tenant in tenants if tenant.tenant_id not in known]
        self.put(missing)
        return len(missing)
