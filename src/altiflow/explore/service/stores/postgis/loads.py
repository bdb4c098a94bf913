"""Loads: what the database knows of a catalogue that was put into it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import psycopg

from altiflow.errors import DatabaseError
from altiflow.explore.service.stores.postgis.address import Database
from altiflow.readers.catalogue.collecting import CatalogueKind

__all__ = ["Load", "current_load", "load_of_place"]


@dataclass(frozen=True)
class Load:
    """A catalogue in the database; its rows are never changed, only replaced by those of another load.

    Attributes
    ----------
    number
        Loads count up, over all kinds.
    kind
        "pairs" or "granules".
    size
        Number of rows.
    first_place
        Place of the first row; places go on where those of the load before end.
    without_footprint
        Rows without a footprint.
    odd
        Rows whose footprint is no valid geometry.
    start, end
        First and last moment (UTC).
    west, south, east, north
        Box of all [degrees].
    """

    number: int
    kind: CatalogueKind
    size: int
    first_place: int
    without_footprint: int
    odd: int
    start: datetime | None
    end: datetime | None
    west: float | None
    south: float | None
    east: float | None
    north: float | None

    def table(self, schema: str) -> str:
        """Return the name of its table."""
        return f"{schema}.{self.kind}_{self.number}"


_COLUMNS = ", ".join(f'"{field.name}"' for field in fields(Load))


def current_load(connection: psycopg.Connection[Any], database: Database, kind: CatalogueKind, seconds: float) -> Load:
    """Return the load that is searched now; no statement that follows takes longer than so many seconds.

    Raises
    ------
    DatabaseError
        If there is none.
    """
    return _one(
        connection, database, f"kind = '{kind}' AND current", seconds, f"altiflow catalog load puts {kind} there"
    )


def load_of_place(
    connection: psycopg.Connection[Any], database: Database, kind: CatalogueKind, place: int, seconds: float
) -> Load:
    """Return the load of a place; see :func:`current_load`.

    Raises
    ------
    DatabaseError
        If it was dropped meanwhile.
    """
    told = f"kind = '{kind}' AND {int(place)} BETWEEN first_place AND first_place + size - 1"
    return _one(connection, database, told, seconds, "the catalogue was replaced; search again")


def _one(connection: psycopg.Connection[Any], database: Database, told: str, seconds: float, fix: str) -> Load:
    """Return the load of which something is told."""
    limit = str(max(1, round(1e3 * seconds)))
    sql = f"SELECT set_config('statement_timeout', %s, false), {_COLUMNS} FROM {database.schema}.loads WHERE {told}"
    row = connection.execute(sql, [limit]).fetchone()
    if row is None:
        raise DatabaseError(f"{database} holds no such catalogue in schema {database.schema}; {fix}")
    return Load(*row[1:])
