"""The PostGIS store: a catalogue in PostgreSQL, searched by an index of its footprints."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
import shapely

from altiflow.explore.service.stores.postgis.address import SCHEMA, Database
from altiflow.explore.service.stores.postgis.loads import Load, current_load, load_of_place
from altiflow.explore.service.stores.postgis.pool import Pool
from altiflow.explore.service.stores.postgis.schema import check_version
from altiflow.explore.service.stores.postgis.tables import SRID
from altiflow.explore.service.stores.query import Query, Test, meets, shapes_of, where_clause
from altiflow.explore.service.stores.store import Found, sort_found
from altiflow.readers.catalogue.collecting import CatalogueKind

__all__ = ["PostgisStore", "open_stores", "search_statement"]

_BATCH = 4096
"""Rows whose columns are read at a time."""
_PATIENCE = 60.0
"""Longest time [s] of what is no search."""
_BOX = f"geom && ST_MakeEnvelope({{0}}, {{0}}, {{0}}, {{0}}, {SRID})"
_MEETS = f"ST_Intersects(geom, ST_GeomFromWKB(%b, {SRID}))"
_PACKED = "string_agg(int8send(place) || int4send(year) || boolsend(address IS NOT NULL), ''::bytea)"
"""All rows found as one value: numbers with their highest byte first, one after the other."""
_ROW = np.dtype([("place", ">i8"), ("year", ">i4"), ("public", "?")])


class PostgisStore:
    """A catalogue in PostgreSQL with PostGIS, which :func:`load_catalogue` put there; see :class:`Store`.

    It answers from the load that is the current one when it is asked, so that a catalogue is replaced under a running
    service. Boxes are compared by the index of footprints, footprints by ``ST_Intersects`` on the plane of longitude
    and latitude; those that are no valid geometry, of which engines think differently, by shapely.

    Parameters
    ----------
    address
        The database, as libpq names it: ``postgresql://user@host:5432/name``. A password is best in ``~/.pgpass`` or
        PGPASSWORD.
    kind
        "pairs" or "granules".
    schema
        Schema of the catalogues.
    connections
        Most connections to the database at a time.

    Raises
    ------
    InputError
        If an argument means nothing.
    DatabaseError
        If the database cannot be reached or refuses, has no PostGIS, holds no such catalogue, or is of another version.
    """

    def __init__(self, address: str, kind: CatalogueKind, *, schema: str = SCHEMA, connections: int = 8) -> None:
        self.kind: CatalogueKind = kind
        self._pool = Pool(Database(address, schema), connections)
        try:
            self._pool.ask(lambda connection: check_version(connection, self._database), seconds=_PATIENCE)
            self._current()
        except BaseException:
            self._pool.close()
            raise

    def __repr__(self) -> str:
        """Return what is held where."""
        return f"PostgisStore({str(self._database)!r}, {self.kind!r}, schema={self._database.schema!r})"

    @property
    def _database(self) -> Database:
        return self._pool.database

    def _current(self) -> Load:
        """Return the load that is searched now."""
        return self._pool.ask(
            lambda connection: current_load(connection, self._database, self.kind, _PATIENCE), seconds=_PATIENCE
        )

    @property
    def size(self) -> int:
        """How many rows there are."""
        return self._current().size

    @property
    def version(self) -> int:
        """Which load is searched."""
        return self._current().number

    def find(self, query: Query, *, seconds: float) -> Found:
        """Return which rows meet a query, exactly; see :meth:`Store.find`."""
        deadline = time.monotonic() + seconds
        asked = _without_strangers(query)

        def search(connection: psycopg.Connection[Any]) -> Found:
            load = current_load(connection, self._database, self.kind, _left(deadline))
            return _find(connection, load.table(self._database.schema), load, asked)

        return self._pool.ask(search, seconds=_left(deadline))

    def rows(self, places: npt.NDArray[np.int64], columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        """Yield columns of the rows at rising places, of the load that they are of; see :meth:`Store.rows`."""
        names = ", ".join("ST_AsBinary(geom, 'NDR')" if name == "wkb" else f'"{name}"' for name in columns)
        for first in range(0, len(places), _BATCH):
            chunk = [int(place) for place in places[first : first + _BATCH]]

            def read(connection: psycopg.Connection[Any], chunk: list[int] = chunk) -> list[tuple[Any, ...]]:
                load = load_of_place(connection, self._database, self.kind, chunk[0], _PATIENCE)
                table = load.table(self._database.schema)
                sql = f"SELECT {names} FROM {table} WHERE place = ANY(%s::bigint[]) ORDER BY place"
                return connection.execute(sql.encode(), [chunk], binary=True).fetchall()

            yield self._pool.ask(read, seconds=_PATIENCE)

    def place_of(self, granule: str) -> int | None:
        """Return the place of a granule, None if it is not there."""
        if _STRANGE.search(granule):
            return None

        def look(connection: psycopg.Connection[Any]) -> int | None:
            load = current_load(connection, self._database, self.kind, _PATIENCE)
            table = load.table(self._database.schema)
            sql = f"SELECT min(place) FROM {table} WHERE granule = %s"
            row = connection.execute(sql.encode(), [granule]).fetchone()
            return None if row is None else row[0]

        return self._pool.ask(look, seconds=_PATIENCE)

    def extent(self) -> dict[str, Any]:
        """Return period and box of all; see :meth:`Store.extent`."""
        load = self._current()
        box = [load.west, load.south, load.east, load.north]
        return {"start": load.start, "end": load.end, "bbox": None if None in box else box}

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def open_stores(address: str, *, schema: str = SCHEMA, connections: int = 8) -> list[PostgisStore]:
    """Return a store of each catalogue that a database holds, pairs first; see :class:`PostgisStore`.

    Raises
    ------
    InputError
        If an argument means nothing.
    DatabaseError
        As :class:`PostgisStore`; if there is none at all.
    """
    database = Database(address, schema)
    with database.errors(), database.connect() as connection:
        check_version(connection, database)
        rows = connection.execute(
            f"SELECT kind FROM {schema}.loads WHERE current ORDER BY kind DESC".encode()
        ).fetchall()
    kinds: list[CatalogueKind] = [row[0] for row in rows]
    # One that is not there says what to do about it.
    return [PostgisStore(address, kind, schema=schema, connections=connections) for kind in kinds or ["pairs"]]


def _left(deadline: float) -> float:
    """Return the seconds until then."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the search took too long")
    return left


_STRANGE = re.compile("[\\0\\ud800-\\udfff]")
"""What PostgreSQL has in no text: NUL, and half of a letter."""


def _without_strangers(query: Query) -> Query:
    """Return a query that means the same, without texts that PostgreSQL cannot hold."""
    return Query(query.region, tuple(_known(test) for test in query.tests))


def _known(test: Test) -> Test:
    """Return a test that the same rows meet, of texts that PostgreSQL can hold."""
    if test.op == "in":
        values = tuple(value for value in test.value if not (isinstance(value, str) and _STRANGE.search(value)))
        # A list is never empty, and nothing is like None.
        return Test(test.column, "in", values or (None,))
    cut = _STRANGE.search(test.value) if isinstance(test.value, str) else None
    if cut is None:
        return test
    # The nearest text that can be held, from above or from below.
    above, below = ("\x01", "") if cut[0] == "\0" else ("\ue000", "\ud7ff")
    return Test(test.column, test.op, test.value[: cut.start()] + (above if test.op == ">=" else below))


def search_statement(table: str, query: Query) -> tuple[str, list[Any]]:
    """Return the statement that finds the rows of a query in a table, and its values."""
    condition, values = where_clause(query, "%s", _BOX)
    if query.region is not None:
        shapes = [shapely.to_wkb(shape) for shape in shapes_of(query.region)]
        condition += f" AND plain AND ({' OR '.join([_MEETS] * len(shapes))})"
        values += shapes
    return f"SELECT {_PACKED} FROM {table} WHERE {condition}", values


def _find(connection: psycopg.Connection[Any], table: str, load: Load, query: Query) -> Found:
    """Return which rows of a load meet a query."""
    sql, values = search_statement(table, query)
    row = connection.execute(sql.encode(), values, binary=True).fetchone()
    parts = [np.frombuffer((row and row[0]) or b"", _ROW)]
    unplaced = 0
    if query.region is not None and load.odd:
        parts.append(_find_odd(connection, table, query, shapes_of(query.region)))
    if query.region is not None and load.without_footprint:
        condition, values = where_clause(Query(None, query.tests), "%s")
        sql = f"SELECT count(*) FROM {table} WHERE geom IS NULL AND {condition}"
        unplaced = int((connection.execute(sql.encode(), values).fetchone() or (0,))[0])
    places, years, public = ([part[name] for part in parts] for name in ("place", "year", "public"))
    return sort_found(places, years, public, unplaced)


def _find_odd(
    connection: psycopg.Connection[Any], table: str, query: Query, shapes: tuple[Any, ...]
) -> npt.NDArray[Any]:
    """Return the rows whose footprint shapely alone is to judge."""
    condition, values = where_clause(query, "%s", _BOX)
    wanted = "place, year, address IS NOT NULL, ST_AsBinary(geom, 'NDR')"
    sql = f"SELECT {wanted} FROM {table} WHERE {condition} AND NOT plain"
    rows = connection.execute(sql.encode(), values, binary=True).fetchall()
    found = np.array([row[:3] for row in rows], _ROW)
    return found[meets(shapes, np.array([row[3] for row in rows], object))]
