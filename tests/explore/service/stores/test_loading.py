"""Catalogues come into a database whole or not at all; what stands in the way is told, and no password ever."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
from catalogues import Both, make_pairs

from altiflow.errors import DatabaseError, InputError, StoreLockedError, UnsupportedFormatError
from altiflow.explore.service import Query
from altiflow.explore.service.stores.postgis import (
    Database,
    PostgisStore,
    load_catalogue,
    loading,
    migrate_database,
    open_stores,
)
from altiflow.explore.service.stores.postgis import (
    schema as migrating,
)
from altiflow.readers.catalogue import write_pairs

NEWEST = max(migrating.migrations())


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Return a catalogue of 40 pairs."""
    return write_pairs(make_pairs(40), tmp_path / "few.parquet")


def tables(database: str, schema: str = "altiflow") -> set[str]:
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = %s", [schema])
        return {row[0] for row in rows}


def found(database: str, schema: str = "altiflow") -> int:
    store = PostgisStore(database, "pairs", schema=schema)
    try:
        return len(store.find(Query(), seconds=20).places)
    finally:
        store.close()


SCHEMA = "fresh"


@pytest.fixture
def fresh(postgres: Any) -> Iterator[str]:
    """Return the address of a database without the schema of these tests."""
    address = postgres.address()
    yield address
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


@pytest.mark.parametrize("before", range(NEWEST + 1))
def test_every_older_schema_is_brought_up_with_what_it_holds(
    before: int, fresh: str, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if before:
        known = dict(migrating.migrations())
        monkeypatch.setattr(migrating, "migrations", lambda: {number: known[number] for number in range(1, before + 1)})
        assert migrate_database(fresh, schema=SCHEMA) == (0, before)
        with psycopg.connect(fresh, autocommit=True) as connection:
            columns = "kind, current, size, first_place, without_footprint, odd"
            connection.execute(f"INSERT INTO {SCHEMA}.loads ({columns}) VALUES ('granules', true, 7, 0, 0, 0)")
        monkeypatch.undo()
    if 0 < before < NEWEST:
        with pytest.raises(DatabaseError, match=f"is of version {before}, not {NEWEST}; altiflow catalog migrate"):
            PostgisStore(fresh, "pairs", schema=SCHEMA)
    assert migrate_database(fresh, schema=SCHEMA) == (before, NEWEST)
    assert migrate_database(fresh, schema=SCHEMA) == (NEWEST, NEWEST)
    assert load_catalogue(few, fresh, schema=SCHEMA, quiet=True).size == 40
    assert found(fresh, SCHEMA) == 40
    with psycopg.connect(fresh) as connection:
        rows = connection.execute(f"SELECT kind, size FROM {SCHEMA}.loads WHERE current ORDER BY kind").fetchall()
        told = connection.execute(f"SELECT source, software FROM {SCHEMA}.loads WHERE kind = 'pairs'").fetchone()
    assert rows == [*([("granules", 7)] if before else []), ("pairs", 40)]
    assert told[0] == "few.parquet"
    assert told[1].startswith("altiflow ")


def test_a_schema_of_a_newer_altiflow_is_left_alone(fresh: str, few: Path) -> None:
    migrate_database(fresh, schema=SCHEMA)
    with psycopg.connect(fresh, autocommit=True) as connection:
        connection.execute(f"INSERT INTO {SCHEMA}.migrations (number) VALUES (99)")
    asked = (
        lambda: PostgisStore(fresh, "pairs", schema=SCHEMA),
        lambda: load_catalogue(few, fresh, schema=SCHEMA, quiet=True),
        lambda: migrate_database(fresh, schema=SCHEMA),
    )
    for ask in asked:
        with pytest.raises(DatabaseError, match=f"is of version 99, and this altiflow knows {NEWEST}; update altiflow"):
            ask()


def test_a_migration_that_fails_leaves_all_as_it_was(fresh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "migrations", lambda: {1: "CREATE TABLE loads ()", 2: "SELECT nothing"})
    with pytest.raises(DatabaseError, match="nothing"):
        migrate_database(fresh, schema=SCHEMA)
    assert tables(fresh, SCHEMA) == set()


def test_migrations_that_begin_at_once_happen_once(fresh: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: migrate_database(fresh, schema=SCHEMA), range(4)))
    assert sorted(done) == [(0, NEWEST), *[(NEWEST, NEWEST)] * 3]


@pytest.mark.parametrize("accident", ["an error", "cut by the server", "killed"])
def test_a_load_that_breaks_off_leaves_the_catalogue_before(
    accident: str, fresh: str, few: Path, catalogues: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_catalogue(few, fresh, schema=SCHEMA, quiet=True)
    before = tables(fresh, SCHEMA)
    whole, connect, used = loading._batches, Database.connect, []

    def batches(*given: Any) -> Iterator[Any]:
        for batch in whole(*given):
            yield batch.slice(0, 1000)
            if accident == "an error":
                raise RuntimeError("the disk broke")
            if accident == "killed":
                # All that a server sees of a client that is killed.
                with socket.socket(fileno=os.dup(used[-1].fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)
            else:
                with psycopg.connect(fresh, autocommit=True) as other:
                    other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY %'")
            yield batch.slice(1000)

    monkeypatch.setattr(Database, "connect", lambda *given: used.append(connect(*given)) or used[-1])
    monkeypatch.setattr(loading, "_batches", batches)
    with pytest.raises(RuntimeError if accident == "an error" else DatabaseError):
        load_catalogue(catalogues.pairs_file, fresh, schema=SCHEMA, quiet=True)
    monkeypatch.undo()
    assert found(fresh, SCHEMA) == 40
    assert tables(fresh, SCHEMA) == before
    assert load_catalogue(catalogues.pairs_file, fresh, schema=SCHEMA, quiet=True).first_place == 40
    assert found(fresh, SCHEMA) == 3000


def test_rows_that_do_not_arrive_are_noticed(fresh: str, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_batches", lambda *_: iter(()))
    with pytest.raises(DatabaseError, match=r"0 of 40 rows of few\.parquet came to be in the database"):
        load_catalogue(few, fresh, schema=SCHEMA, quiet=True)


def test_one_load_of_a_kind_at_a_time(fresh: str, few: Path, catalogues: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end, whole = Event(), Event(), loading._batches

    def batches(kind: Any, source: Path) -> Iterator[Any]:
        if source == few:
            begun.set()
            assert end.wait(20)
        yield from whole(kind, source)

    monkeypatch.setattr(loading, "_batches", batches)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(load_catalogue, few, fresh, schema=SCHEMA, quiet=True)
        try:
            assert begun.wait(20)
            with pytest.raises(StoreLockedError, match="another process is loading pairs"):
                load_catalogue(catalogues.pairs_file, fresh, schema=SCHEMA, quiet=True)
            assert load_catalogue(catalogues.granules_file, fresh, schema=SCHEMA, quiet=True).size == 800
        finally:
            end.set()
        assert first.result().size == 40
    stores = open_stores(fresh, schema=SCHEMA)
    assert [(store.kind, store.size) for store in stores] == [("pairs", 40), ("granules", 800)]
    for store in stores:
        store.close()


def test_what_the_database_cannot_hold_is_told(fresh: str, tmp_path: Path) -> None:
    table = make_pairs(3)
    table.loc[1, "granule"] = "a\0b"
    path = write_pairs(table, tmp_path / "nul.parquet")
    with pytest.raises(UnsupportedFormatError, match=r"nul\.parquet cannot be loaded as a catalogue: .*0x00"):
        load_catalogue(path, fresh, schema=SCHEMA, quiet=True)
    with pytest.raises(InputError, match="no such file"):
        load_catalogue(tmp_path / "none.parquet", fresh, schema=SCHEMA)
    pq.write_table(pq.read_table(path).drop_columns(["mid"]), tmp_path / "other.parquet")
    with pytest.raises(UnsupportedFormatError, match="lacks columns"):
        load_catalogue(tmp_path / "other.parquet", fresh, schema=SCHEMA)
    assert tables(fresh, SCHEMA) <= {"loads", "migrations"}


def test_a_catalogue_without_rows_is_one(fresh: str, tmp_path: Path) -> None:
    load = load_catalogue(write_pairs(make_pairs(3)[:0], tmp_path / "none.parquet"), fresh, schema=SCHEMA, quiet=True)
    store = PostgisStore(fresh, "pairs", schema=SCHEMA)
    assert (load.size, store.size, found(fresh, SCHEMA)) == (0, 0, 0)
    assert store.extent() == {"start": None, "end": None, "bbox": None}
    store.close()


def test_one_role_loads_and_another_only_reads(postgres: Any, fresh: str, few: Path) -> None:
    loader, reader = (postgres.address(user=name, password="of-a-role") for name in ("loader", "reader"))
    with psycopg.connect(fresh, autocommit=True) as connection:
        for name in ("loader", "reader"):
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'of-a-role'")
        try:
            with pytest.raises(DatabaseError, match="permission denied for database ice; GRANT it"):
                load_catalogue(few, loader, schema=SCHEMA, quiet=True)
            connection.execute(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION loader")
            load_catalogue(few, loader, schema=SCHEMA, quiet=True)
            with pytest.raises(DatabaseError, match=f"permission denied for schema {SCHEMA}; GRANT it"):
                found(reader, SCHEMA)
            connection.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO reader")
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {SCHEMA} TO reader")
            readable = f"ALTER DEFAULT PRIVILEGES FOR ROLE loader IN SCHEMA {SCHEMA} GRANT SELECT ON TABLES TO reader"
            connection.execute(readable)
            assert found(reader, SCHEMA) == 40
            load_catalogue(few, loader, schema=SCHEMA, quiet=True)
            assert found(reader, SCHEMA) == 40
            with pytest.raises(DatabaseError, match="permission denied"):
                load_catalogue(few, reader, schema=SCHEMA, quiet=True)
        finally:
            for name in ("reader", "loader"):
                connection.execute(f"DROP OWNED BY {name} CASCADE")
                connection.execute(f"DROP ROLE {name}")


def test_connections_of_a_service_write_nothing(loaded: str) -> None:
    connection = Database(loaded).connect(reading="only")
    with connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("DELETE FROM altiflow.loads")


def told(ask: Any) -> str:
    """Return what an error says, and what it was made of."""
    with pytest.raises(DatabaseError) as raised:
        ask()
    chain: list[str] = []
    error: BaseException | None = raised.value
    while error is not None:
        chain.append(str(error))
        error = error.__cause__
    return " | ".join(chain)


def test_what_stands_in_the_way_is_told_without_a_secret(postgres: Any, fresh: str) -> None:
    wrong = postgres.address(password="not-the-one")
    said = told(lambda: PostgisStore(wrong, "pairs"))
    assert "password authentication failed" in said
    assert "give the password in PGPASSWORD or in the file ~/.pgpass" in said
    assert "not-the-one" not in said
    gone = postgres.address().replace(str(postgres.port), "1")
    said = told(lambda: PostgisStore(gone, "pairs"))
    assert "look whether the server runs there" in said
    assert postgres.password not in said
    assert "createdb" in told(lambda: PostgisStore(postgres.address("nowhere"), "pairs"))
    assert "run in it, as an administrator of the database: CREATE EXTENSION postgis" in told(
        lambda: PostgisStore(postgres.address("postgres"), "pairs")
    )
    said = told(lambda: PostgisStore(fresh, "pairs", schema=SCHEMA))
    assert "altiflow catalog load makes and fills it" in said
    migrate_database(fresh, schema=SCHEMA)
    said = told(lambda: open_stores(fresh, schema=SCHEMA))
    assert "holds no such catalogue in schema fresh; altiflow catalog load puts pairs there" in said


def test_the_password_is_taken_from_the_surroundings(
    postgres: Any, fresh: str, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_catalogue(few, fresh, schema=SCHEMA, quiet=True)
    bare = f"postgresql://postgres@127.0.0.1:{postgres.port}/ice"
    with pytest.raises(DatabaseError, match="give the password in PGPASSWORD"):
        found(bare, SCHEMA)
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    assert found(bare, SCHEMA) == 40
    monkeypatch.delenv("PGPASSWORD")
    (tmp_path / "pass").write_text(f"127.0.0.1:{postgres.port}:ice:postgres:{postgres.password}\n")
    (tmp_path / "pass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pass"))
    assert found(bare, SCHEMA) == 40
    (tmp_path / "services").write_text(f"[ice]\nhost=127.0.0.1\nport={postgres.port}\ndbname=ice\nuser=postgres\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    assert found("service=ice", SCHEMA) == 40


@pytest.mark.parametrize(
    "address", ["postgresql://me:se%cret@host", "postgresql//me:secret@host/db", "password=secret x"]
)
def test_an_address_that_cannot_be_read_is_not_repeated(address: str) -> None:
    with pytest.raises(InputError, match="the address of the database cannot be read") as raised:
        Database(address)
    assert "cret" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("schema", ["", "a b", "Ice", "pg_ice", 'x"; DROP', "a" * 60])
def test_a_schema_is_a_plain_name(schema: str) -> None:
    with pytest.raises(InputError, match="is no name of a schema"):
        Database("postgresql://host/db", schema)


def test_connections_are_at_least_one() -> None:
    with pytest.raises(InputError, match="connections=0 lets nobody ask"):
        PostgisStore("postgresql://host/db", "pairs", connections=0)


def test_what_is_shown_of_a_store_has_no_password(loaded: str, postgis_stores: SimpleNamespace, postgres: Any) -> None:
    assert postgres.password in loaded
    assert postgres.password not in repr(postgis_stores.pairs) + repr(postgis_stores.pairs._pool.database)
    assert "dbname=ice" in repr(postgis_stores.pairs)
