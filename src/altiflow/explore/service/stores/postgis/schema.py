"""The schema: its version in a database, and the numbered migrations that bring it to the newest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg

from altiflow.errors import DatabaseError
from altiflow.explore.service.stores.postgis.address import SCHEMA, Database, told_version

__all__ = ["bring_up", "check_version", "migrate_database", "migrations", "version_of"]


@cache
def migrations() -> Mapping[int, str]:
    """Return the migrations, in order, by their number."""
    folder = files("altiflow.explore.service.stores.postgis") / "migrations"
    found = sorted((entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return {int(name.partition("_")[0]): sql for name, sql in found}


def version_of(connection: psycopg.Connection[Any], schema: str) -> int:
    """Return the number of the last migration that a schema has had, 0 if it has had none."""
    there = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{schema}.migrations"]).fetchone()
    if not (there and there[0]):
        return 0
    row = connection.execute(f"SELECT coalesce(max(number), 0) FROM {schema}.migrations").fetchone()
    return int(row[0]) if row else 0


def check_version(connection: psycopg.Connection[Any], database: Database) -> None:
    """Raise DatabaseError if a schema is not of the version that this altiflow knows."""
    held, known = version_of(connection, database.schema), max(migrations())
    if held == 0:
        fix = "altiflow catalog load makes and fills it"
        raise DatabaseError(f"{database} has no catalogues in schema {database.schema}; {fix}")
    if held < known:
        fix = "altiflow catalog migrate brings it up"
        raise DatabaseError(f"schema {database.schema} of {database} is of version {held}, not {known}; {fix}")
    _refuse_newer(held, database)


def _refuse_newer(held: int, database: Database) -> None:
    """Raise DatabaseError if a schema is of a version that is not known here."""
    if held > max(migrations()):
        told = (
            f"schema {database.schema} of {database} is of version {held}, and this altiflow knows {max(migrations())}"
        )
        raise DatabaseError(f"{told}; update altiflow")


def bring_up(connection: psycopg.Connection[Any], database: Database) -> tuple[int, int]:
    """Return the version that a schema had, and the newest, which it has now; all of it happens or nothing."""
    with database.errors(), connection.transaction():
        # Two that begin at once do it one after the other.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"altiflow {database.schema}"])
        held = version_of(connection, database.schema)
        _refuse_newer(held, database)
        if held == 0:
            # Who owns the schema need not be allowed to make one.
            there = connection.execute("SELECT to_regnamespace(%s) IS NOT NULL", [database.schema]).fetchone()
            if not (there and there[0]):
                connection.execute(f"CREATE SCHEMA {database.schema}")
            connection.execute(
                f"CREATE TABLE {database.schema}.migrations "
                "(number integer PRIMARY KEY, software text, applied_at timestamptz NOT NULL DEFAULT now())"
            )
        connection.execute(
            "SELECT set_config('search_path', %s || ', ' || current_setting('search_path'), true)", [database.schema]
        )
        for number, sql in migrations().items():
            if number > held:
                connection.execute(sql.encode())
                values = [number, told_version()]
                connection.execute("INSERT INTO migrations (number, software) VALUES (%s, %s)", values)
        return held, max(migrations())


def migrate_database(address: str, *, schema: str = SCHEMA) -> tuple[int, int]:
    """Return the version that the schema of a database had, 0 for none, and the newest, which it has now.

    Parameters
    ----------
    address
        The database, as libpq names it: ``postgresql://user@host:5432/name``.
    schema
        Schema of the catalogues.

    Raises
    ------
    InputError
        If the address or the schema cannot be read.
    DatabaseError
        If the database cannot be reached or refuses, or has a schema of a newer altiflow.
    """
    database = Database(address, schema)
    with database.connect() as connection:
        return bring_up(connection, database)
