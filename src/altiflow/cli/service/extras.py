"""Extras: parts of the service that need packages of their own, and the option that names a database."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

import click

from altiflow.errors import InputError

__all__ = ["database_option", "import_extra", "schema_option"]

database_option = click.option(
    "--database",
    metavar="ADDRESS",
    help="PostgreSQL with PostGIS: postgresql://user@host:5432/name; the password is that of PGPASSWORD or ~/.pgpass.",
)
schema_option = click.option(
    "--schema", default="altiflow", show_default=True, help="Schema of the database that holds the catalogues."
)


def import_extra(module: str, command: str, extra: Literal["service", "postgres"]) -> Any:
    """Return a module that needs an extra.

    Raises
    ------
    InputError
        If a package of it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        # Without the library of PostgreSQL psycopg is there and cannot be imported.
        missing = "psycopg" if "psycopg" in str(error) or "pq wrapper" in str(error) else str(error.name)
        if missing.startswith("altiflow"):
            raise
        fix = f"install it with: pip install 'altiflow[{extra}]'"
        raise InputError(f"{command} needs {missing}; {fix}") from error
