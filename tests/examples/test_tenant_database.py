"""The tables, in SQLite and in PostgreSQL alike."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tenant_router.database import Database, open_database
from tenant_router.errors import BadInput, DatabaseError
from tenant_router.table import FIND
from tenant_router.tenant import Tenant, is_name

ACME = Tenant("acme", {"acme-lora": 80.0, "acme-lora-v2": 20.0}, "llama2-7b", True)
PLAIN = Tenant("plain", {"plain-lora": 1.0})
HOSTILE = [
    "'; DROP TABLE tenants; --",
    '" OR 1=1 --',
    "acme' OR 'a'='a",
    "%s",
    "?",
    "%(tenant_id)s",
    "{0}",
    "\\",
    "a" * 200,
    "医" * 200,
    "café",
    "cafe\u0301",
    "😀",
    "*",
    "_cme",
    "null",
]


@pytest.fixture
def database(address: str) -> Database:
    database = open_database(address)
    database.create()
    return database


def put(database: Database, *tenants: Tenant) -> None:
    with database.edit() as table:
        table.put(tenants)


async def begin_reading(database: Database) -> None:
    async with database.reader():
        pass


def everyone(database: Database) -> list[Tenant]:
    with database.edit() as table:
        return list(table)


async def test_a_tenant_is_found_as_it_was_written(database: Database) -> None:
    asleep = Tenant("asleep", {"x": 1.0}, use_reasoning=False, active=False)
    put(database, ACME, PLAIN, asleep, Tenant("bare"))
    async with database.reader() as find:
        for tenant in (ACME, PLAIN, asleep, Tenant("bare")):
            assert await find(tenant.tenant_id) == tenant
        assert await find("nobody") is None


async def test_a_change_is_seen_by_the_next_lookup(database: Database) -> None:
    async with database.reader() as find:
        assert await find("acme") is None
        put(database, ACME)
        assert await find("acme") == ACME
        put(database, Tenant("acme", {"other": 1.0}))
        assert await find("acme") == Tenant("acme", {"other": 1.0})
        with database.edit() as table:
            assert table.remove("acme")
        assert await find("acme") is None


def test_a_tenant_that_is_written_anew_keeps_none_of_its_old_adapters(database: Database) -> None:
    put(database, ACME, PLAIN)
    put(database, Tenant("acme", {"acme-lora-v2": 1.0}))
    assert everyone(database) == [Tenant("acme", {"acme-lora-v2": 1.0}), PLAIN]


def test_removing_a_tenant_leaves_the_others_and_tells_whether_there_was_one(
    database: Database,
) -> None:
    put(database, ACME, PLAIN)
    with database.edit() as table:
        assert table.remove("acme")
        assert not table.remove("acme")
    assert everyone(database) == [PLAIN]


def test_seeding_writes_only_those_who_are_missing(database: Database) -> None:
    put(database, ACME)
    with database.edit() as table:
        assert table.seed([Tenant("acme", {"sample": 1.0}), PLAIN]) == 1
    assert everyone(database) == [ACME, PLAIN]


def test_making_the_tables_again_keeps_the_tenants(database: Database) -> None:
    put(database, ACME)
    database.create()
    assert everyone(database) == [ACME]


def test_an_error_undoes_the_whole_transaction(database: Database) -> None:
    put(database, ACME)
    unknown = Tenant("plain", {"plain-lora": 0.0})
    with pytest.raises(DatabaseError):
        put(database, Tenant("acme", {"other": 1.0}), unknown)
    assert everyone(database) == [ACME]


@pytest.mark.parametrize("share", [0.0, -1.0, float("inf"), float("nan"), 1e7])
def test_a_share_that_is_none_is_refused(database: Database, share: float) -> None:
    with pytest.raises(DatabaseError):
        put(database, Tenant("acme", {"acme-lora": share}))
    assert everyone(database) == []


async def test_hostile_ids_are_ids_like_any_other(database: Database) -> None:
    for number, tenant_id in enumerate(HOSTILE):
        assert is_name(tenant_id)
        put(database, Tenant(tenant_id, {f"adapter-{number}": 1.0}))
    async with database.reader() as find:
        for number, tenant_id in enumerate(HOSTILE):
            assert await find(tenant_id) == Tenant(tenant_id, {f"adapter-{number}": 1.0})
        for number, tenant_id in enumerate(HOSTILE):
            with database.edit() as table:
                assert table.remove(tenant_id)
            assert await find(tenant_id) is None
            assert len(everyone(database)) == len(HOSTILE) - number - 1


@given(text=st.text(max_size=200).filter(is_name))
@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_whatever_may_be_a_name_is_found_by_itself_alone(database: Database, text: str) -> None:
    async def found() -> Tenant | None:
        async with database.reader() as find:
            return await find(text)

    put(database, Tenant(text, {text: 1.0}))
    assert asyncio.run(found()) == Tenant(text, {text: 1.0})
    with database.edit() as table:
        assert table.remove(text)
    assert asyncio.run(found()) is None


async def test_lookups_at_once_do_not_mix_their_answers(database: Database) -> None:
    tenants = [Tenant(f"t{number}", {f"a{number}": 1.0}) for number in range(200)]
    put(database, *tenants)
    async with database.reader() as find:
        assert await asyncio.gather(*(find(t.tenant_id) for t in tenants)) == tenants


def test_tables_that_are_missing_are_an_error_that_names_the_remedy(address: str) -> None:
    database = open_database(address)
    if address.endswith(".db"):
        Path(address).touch()  # an empty file is an empty database
    with pytest.raises(DatabaseError, match=r"no .*table.*tenants.*seed"):
        asyncio.run(begin_reading(database))
    with pytest.raises(DatabaseError, match=r"no .*table.*tenants.*seed"):
        put(database, ACME)


@pytest.mark.parametrize("address", ["mysql://root@db/x", "http://db", "://", "redis://x"])
def test_an_address_of_no_known_kind_is_an_error_that_names_the_known(address: str) -> None:
    with pytest.raises(BadInput, match=r"expected a file's path, sqlite:///path or postgresql://"):
        open_database(address)


@pytest.mark.parametrize("address", ["", "sqlite:///", "sqlite://host/x", "a\0b"])
def test_an_address_without_a_path_is_an_error(address: str) -> None:
    with pytest.raises(BadInput, match=r"expected sqlite:/// and a file's path"):
        open_database(address)


def test_a_path_may_be_given_as_a_url_too(tmp_path: Path) -> None:
    for address in (f"sqlite:///{tmp_path}/a b?#%.db", f"{tmp_path}/a b?#%.db"):
        open_database(address).create()
    assert {path.name for path in tmp_path.iterdir()} == {"a b?#%.db"}


class TestSqlite:
    def test_a_file_that_is_missing_is_an_error_and_is_not_made(self, sqlite_address: str) -> None:
        with pytest.raises(DatabaseError, match=r"tenants\.db: no such database"):
            asyncio.run(begin_reading(open_database(sqlite_address)))
        assert not Path(sqlite_address).exists()

    def test_a_file_of_another_kind_is_an_error(self, sqlite_address: str) -> None:
        Path(sqlite_address).write_text("no database, but long enough to be taken for one" * 100)
        with pytest.raises(DatabaseError, match=r"tenants\.db: file is not a database"):
            asyncio.run(begin_reading(open_database(sqlite_address)))

    async def test_a_file_that_goes_away_is_noticed_and_so_is_the_next_one(
        self, sqlite_address: str
    ) -> None:
        database = open_database(sqlite_address)
        database.create()
        put(database, ACME)
        async with database.reader() as find:
            assert await find("acme") == ACME
            for path in Path(sqlite_address).parent.glob("tenants.db*"):
                path.unlink()
            with pytest.raises(DatabaseError, match="no such database"):
                await find("acme")
            database.create()
            assert await find("acme") is None
            put(database, PLAIN)
            assert await find("plain") == PLAIN

    async def test_neither_a_writer_nor_a_lookup_waits_for_the_other(
        self, sqlite_address: str
    ) -> None:
        database = open_database(sqlite_address)
        database.create()
        put(database, ACME)
        async with database.reader() as find:
            with database.edit() as table:
                table.put([Tenant("acme", {"other": 1.0})])
                assert await find("acme") == ACME
            assert await find("acme") == Tenant("acme", {"other": 1.0})
        with closing(sqlite3.connect(sqlite_address)) as reading:
            reading.execute("BEGIN")
            assert reading.execute(FIND, ("acme",)).fetchall()
            put(database, PLAIN)

    def test_a_lookup_searches_by_index(self, sqlite_address: str) -> None:
        open_database(sqlite_address).create()
        connection = sqlite3.connect(sqlite_address)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {FIND}", ("acme",)).fetchall()
        connection.close()
        assert plan
        assert all(detail.startswith("SEARCH") for *_, detail in plan)


class TestPostgres:
    def test_a_lookup_searches_by_index(self, postgres_address: str) -> None:
        import psycopg

        database = open_database(postgres_address)
        database.create()
        put(database, *(Tenant(f"t{number}", {"a": 1.0}) for number in range(2000)))
        with psycopg.connect(postgres_address) as connection:
            connection.execute("ANALYZE")
            explain = f"EXPLAIN {FIND.replace('?', '%s')}".encode()
            plan = " ".join(row[0] for row in connection.execute(explain, ("t7",)).fetchall())
        assert "tenants_pkey" in plan
        assert "tenant_adapters_pkey" in plan
        assert "Seq Scan" not in plan

    async def test_a_server_that_was_restarted_is_found_again(
        self, postgres_server: Any, postgres_address: str
    ) -> None:
        database = open_database(postgres_address)
        database.create()
        put(database, ACME)
        async with database.reader() as find:
            await asyncio.gather(*(find("acme") for _ in range(8)))
            await asyncio.to_thread(postgres_server.control, "-m", "immediate", "restart")
            assert await asyncio.gather(*(find("acme") for _ in range(8))) == [ACME] * 8

    async def test_a_server_that_goes_away_is_an_error_and_not_a_wait(
        self, postgres_server: Any, postgres_address: str
    ) -> None:
        database = open_database(postgres_address)
        database.create()
        put(database, ACME)
        async with database.reader() as find:
            await asyncio.to_thread(postgres_server.control, "-m", "immediate", "stop")
            try:
                with pytest.raises(DatabaseError, match="no answer within 1 s"):
                    await find("acme")
            finally:
                await asyncio.to_thread(postgres_server.control, "start")

    async def test_a_lookup_that_must_wait_is_given_up_and_the_next_is_answered(
        self, postgres_address: str
    ) -> None:
        import psycopg

        database = open_database(postgres_address)
        database.create()
        put(database, ACME)
        async with database.reader() as find:
            with psycopg.connect(postgres_address) as connection:
                connection.execute("LOCK TABLE tenants")
                with pytest.raises(DatabaseError, match="no answer within 1 s"):
                    await find("acme")
            assert await find("acme") == ACME

    @pytest.mark.parametrize(
        "operation",
        [
            lambda database: database.create(),
            lambda database: put(database, ACME),
            lambda database: asyncio.run(begin_reading(database)),
        ],
        ids=["create", "edit", "read"],
    )
    def test_a_server_that_is_not_there_is_an_error_that_hides_the_password(
        self, tmp_path: Path, operation: Callable[[Database], None]
    ) -> None:
        pytest.importorskip("psycopg_pool", reason="psycopg is not installed, with its pool")
        database = open_database(f"postgresql://user:hunter2@/tenants?host={tmp_path}")
        with pytest.raises(DatabaseError, match=r"^postgresql 'tenants' on ") as caught:
            operation(database)
        assert "hunter2" not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_url_that_is_none_is_an_error_that_hides_the_password(self) -> None:
        pytest.importorskip("psycopg_pool", reason="psycopg is not installed, with its pool")
        with pytest.raises(BadInput, match="expected postgresql://") as caught:
            open_database("postgresql://user:hunter2@[db/tenants")
        assert "hunter2" not in str(caught.value)


def test_without_psycopg_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    monkeypatch.delitem(__import__("sys").modules, "tenant_router.postgres", raising=False)
    with pytest.raises(DatabaseError, match=r"pip install 'psycopg\[binary,pool\]'"):
        open_database("postgresql://db/tenants")
