"""The address of a database: what libpq is told, and what others are told of it, which is never a password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict

from altiflow.errors import DatabaseError, InputError
from altiflow.version import __version__

__all__ = ["SCHEMA", "Database", "told_version"]

SCHEMA = "altiflow"
"""Schema of the database that holds the catalogues, where no other is named."""

_SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,50}")
_DEFAULTS: dict[str, Any] = {
    "application_name": "altiflow",
    "connect_timeout": 10,
    # A server that is gone without a word is noticed within a minute and a half.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_SEEN = ("host", "hostaddr", "port", "dbname", "user", "service")
_ADMIN = "as an administrator of the database"


@dataclass(frozen=True)
class Database:
    """A database and the schema in it that holds the catalogues; shows no password.

    Attributes
    ----------
    address
        What libpq connects to: ``postgresql://user@host:port/name``, ``service=name`` or other words of libpq. What it
        leaves out comes from the environment (PGHOST, PGPASSWORD ...) and the files of libpq (``.pgpass``,
        ``.pg_service.conf``).
    schema
        Schema of the catalogues.

    Raises
    ------
    InputError
        If it is no address, or the schema no name.

    Examples
    --------
    >>> Database("postgresql://reader:secret@db.example.org/ice")
    Database('host=db.example.org dbname=ice user=reader', schema='altiflow')
    """

    address: str = field(repr=False)
    schema: str = SCHEMA

    def __post_init__(self) -> None:
        """Refuse what is no address."""
        if not _SCHEMA.fullmatch(self.schema):
            raise InputError(f"schema={self.schema!r} is no name of a schema; use small letters, digits and _")
        try:
            conninfo_to_dict(self.address)
        except psycopg.Error:
            # What libpq says of it may quote the password.
            shown = "such as postgresql://user@host:5432/name, special letters of it as %40"
            raise InputError(f"the address of the database cannot be read; give one {shown}") from None

    def __repr__(self) -> str:
        """Return where it is."""
        return f"Database({str(self)!r}, schema={self.schema!r})"

    def __str__(self) -> str:
        """Return where it is in words of libpq, without what is secret."""
        given = conninfo_to_dict(self.address)
        return " ".join(f"{word}={given[word]}" for word in _SEEN if given.get(word)) or "the default database"

    def connect(self, *, reading: Literal["only", "and writing"] = "and writing") -> psycopg.Connection[Any]:
        """Return a connection, each statement its own transaction, that finds PostGIS wherever it is installed.

        Raises
        ------
        DatabaseError
            If there is none to be had, or the database has no PostGIS.
        """
        words = {**_DEFAULTS, **conninfo_to_dict(self.address)}
        try:
            # Statements are planned for their values, which for a place on the globe matter most.
            connection = psycopg.connect(autocommit=True, prepare_threshold=None, **words)
        except psycopg.OperationalError as error:
            raise self._refused(error) from None
        try:
            with self.errors():
                # Compiling takes longer than most searches.
                connection.execute("SET jit = off")
                self._find_postgis(connection)
                if reading == "only":
                    connection.execute("SET default_transaction_read_only = on")
        except BaseException:
            connection.close()
            raise
        return connection

    def _find_postgis(self, connection: psycopg.Connection[Any]) -> None:
        """Let names without a schema be those of PostGIS."""
        asked = (
            "SELECT set_config('search_path', quote_ident(nspname), false) "
            "FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'postgis'"
        )
        if connection.execute(asked).fetchone() is None:
            raise DatabaseError(f"{self} has no PostGIS; run in it, {_ADMIN}: CREATE EXTENSION postgis")

    def _refused(self, error: psycopg.OperationalError) -> DatabaseError:
        """Return what is to be said of a connection that cannot be had."""
        tried = error.pgconn
        told = self._without_secret(" ".join(str(error).split()))
        fix = "look whether the server runs there, and whether this machine may ask it"
        if "does not exist" in told:
            fix = "see that user and database are named as they are on the server (createdb makes one)"
        elif tried is not None and (tried.needs_password or tried.used_password):
            fix = "give the password in PGPASSWORD or in the file ~/.pgpass"
        return DatabaseError(f"no connection to {self}: {told}; {fix}")

    def _without_secret(self, told: str) -> str:
        """Return what a server said, without the password should it be there."""
        secret = conninfo_to_dict(self.address).get("password")
        return told.replace(str(secret), "***") if secret else told

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn errors of the database into those of the package.

        Raises
        ------
        TimeoutError
            If a statement took longer than allowed.
        DatabaseError
            If the database refused it or went away.
        """
        try:
            yield
        except psycopg.errors.QueryCanceled as error:
            raise TimeoutError("the search took too long") from error
        except psycopg.errors.InsufficientPrivilege as error:
            told = self._without_secret(str(error.diag.message_primary))
            raise DatabaseError(f"{self}, schema {self.schema}: {told}; GRANT it, {_ADMIN}") from error
        except psycopg.Error as error:
            told = self._without_secret(" ".join(str(error).split()))
            raise DatabaseError(f"{self}, schema {self.schema}: {told}") from error


def told_version() -> str:
    """Return what is written down of the program that changes a database."""
    return f"altiflow {__version__}"
