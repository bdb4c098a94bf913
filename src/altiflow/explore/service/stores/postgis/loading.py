"""Loading: a catalogue in GeoParquet is copied into a table of its own, which then replaces the one before."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import shapely

from altiflow.errors import DatabaseError, StoreLockedError, UnsupportedFormatError
from altiflow.explore.service.stores.items import kind_of, select_items
from altiflow.explore.service.stores.postgis.address import SCHEMA, Database, told_version
from altiflow.explore.service.stores.postgis.loads import Load, current_load
from altiflow.explore.service.stores.postgis.schema import bring_up
from altiflow.explore.service.stores.postgis.tables import EDGES, SRID, index_table, make_table, table_columns
from altiflow.explore.service.stores.query import read_shapes
from altiflow.progress import progress_bar
from altiflow.readers.catalogue.collecting import CatalogueKind

__all__ = ["load_catalogue"]

_BATCH = 16_384
"""Rows that are read and sent at a time."""
_PLAIN = [
    shapely.GeometryType[f"{many}{word}"] for many in ("", "MULTI") for word in ("POINT", "LINESTRING", "POLYGON")
]


def load_catalogue(path: str | Path, address: str, *, schema: str = SCHEMA, quiet: bool = False) -> Load:
    """Put a catalogue into a database, in the place of the one of its kind, and return what was put there.

    The rows go into a new table. When it is whole and indexed it becomes the current one, in one transaction: a search
    sees the old rows or the new ones, all of them, and a load that fails leaves nothing. The table before stays for
    answers that are being sent, until the next load.

    Parameters
    ----------
    path
        File that :func:`altiflow.write_catalogue` or :func:`altiflow.write_pairs` wrote.
    address
        The database, as libpq names it: ``postgresql://user@host:5432/name``.
    schema
        Schema of the catalogues, made if it is not there.
    quiet
        Whether no bar shows how far it is.

    Raises
    ------
    InputError
        If there is no such file, or an argument means nothing.
    UnsupportedFormatError
        If it is no catalogue, or has text that the database cannot hold.
    DatabaseError
        If the database cannot be reached, refuses, or has a schema of a newer altiflow.
    StoreLockedError
        If another process is loading a catalogue of this kind.
    """
    source = Path(path)
    kind = kind_of(source)
    database = Database(address, schema)
    with database.connect() as connection, database.errors(), _alone(connection, database, kind):
        bring_up(connection, database)
        _drop_former(connection, database, kind)
        try:
            with connection.transaction():
                return _load(connection, database, kind, source, quiet)
        except (psycopg.DataError, duckdb.Error, pa.ArrowException) as error:
            told = " ".join(str(error).split())
            raise UnsupportedFormatError(f"{source.name} cannot be loaded as a catalogue: {told}") from error


@contextmanager
def _alone(connection: psycopg.Connection[Any], database: Database, kind: CatalogueKind) -> Iterator[None]:
    """Keep other loads of this kind away, until the connection ends."""
    name = f"altiflow {database.schema} {kind}"
    row = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [name]).fetchone()
    if not (row and row[0]):
        raise StoreLockedError(f"another process is loading {kind} into {database}; wait until it is done")
    yield


def _drop_former(connection: psycopg.Connection[Any], database: Database, kind: CatalogueKind) -> None:
    """Drop the tables of loads before the current one; those that are still read stay until the next time."""
    loads = f"{database.schema}.loads"
    sql = f"SELECT number FROM {loads} WHERE kind = '{kind}' AND NOT current"
    for (number,) in connection.execute(sql.encode()).fetchall():
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '5s'")
                connection.execute(f"DELETE FROM {loads} WHERE number = {number}".encode())
                connection.execute(f"DROP TABLE {database.schema}.{kind}_{number}".encode())
        except psycopg.errors.LockNotAvailable:
            continue


def _load(
    connection: psycopg.Connection[Any], database: Database, kind: CatalogueKind, source: Path, quiet: bool
) -> Load:
    """Return the load of a file, all within one transaction."""
    loads = f"{database.schema}.loads"
    row = connection.execute(
        f"SELECT coalesce(max(first_place + size), 0), nextval('{loads}_number_seq') FROM {loads} "
        f"WHERE kind = '{kind}'".encode()
    ).fetchone()
    first, number = row or (0, 0)
    table = f"{database.schema}.{kind}_{number}"
    connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
    connection.execute(make_table(table, kind).encode())
    _copy(connection, table, kind, source, first, quiet)
    for statement in index_table(table, kind):
        connection.execute(statement.encode())
    connection.execute(f"UPDATE {loads} SET current = false WHERE kind = '{kind}' AND current".encode())
    edges = ", ".join(f"{word}({edge})" for word, edge in zip(("min", "min", "max", "max"), EDGES, strict=True))
    connection.execute(
        f"INSERT INTO {loads} (number, kind, current, size, first_place, without_footprint, odd, "
        f'"start", "end", {", ".join(EDGES)}, source, software) OVERRIDING SYSTEM VALUE '
        f"SELECT {number}, '{kind}', true, count(*), {first}, count(*) FILTER (WHERE geom IS NULL), "
        f'count(*) FILTER (WHERE NOT plain), min("start"), max(finish), {edges}, %s, %s FROM {table}'.encode(),
        [source.name, told_version()],
    )
    return current_load(connection, database, kind, 0.0)


def _copy(
    connection: psycopg.Connection[Any], table: str, kind: CatalogueKind, source: Path, first: int, quiet: bool
) -> None:
    """Copy the rows of a file into a table, which this transaction made."""
    columns = ", ".join(f'"{name}"' for name in table_columns(kind))
    size = pq.read_metadata(source).num_rows
    # FREEZE spares the table the work that is put off until rows are read for the first time.
    sql = f"COPY {table} ({columns}) FROM STDIN (FORMAT csv, FREEZE)"
    cursor = connection.cursor()
    with progress_bar("rows loaded", size, quiet=quiet) as bar, cursor.copy(sql.encode()) as copy:
        for batch in _batches(kind, source):
            copy.write(_as_text(batch, first))
            bar.update(batch.num_rows)
    if cursor.rowcount != size:
        raise DatabaseError(f"{cursor.rowcount} of {size} rows of {source.name} came to be in the database; load again")


def _batches(kind: CatalogueKind, source: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file as all stores hold them, in batches; what has no room in memory is put on the disk."""
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb.connect(":memory:", config={"temp_directory": folder}) as sorting,
        pq.ParquetFile(source) as file,
    ):
        sorting.register("given", pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(_BATCH)))
        yield from sorting.sql(select_items(kind)).to_arrow_reader(_BATCH)


def _as_text(batch: pa.RecordBatch, first: int) -> bytes:
    """Return rows as COPY reads them; nothing and an empty text are told apart by quotes."""
    columns = {name: batch[name] for name in batch.schema.names}
    places = pa.array(columns.pop("place").to_numpy(zero_copy_only=False) + first, pa.int64())
    footprints, plain = _footprints(columns.pop("wkb").to_numpy(zero_copy_only=False))
    whole = pa.table({"place": places, **columns, "plain": pa.array(plain), "geom": pa.array(footprints, pa.string())})
    written = io.BytesIO()
    pa.csv.write_csv(whole, written, pa.csv.WriteOptions(include_header=False))
    return written.getvalue()


def _footprints(wkb: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return footprints (n,) as the database reads them, and which of them every geometry engine understands alike."""
    shapes = shapely.force_2d(read_shapes(wkb))
    there = ~shapely.is_missing(shapes)
    bounds = shapely.bounds(shapes)
    # What has corners that are no numbers meets nothing, as what is empty.
    shapes[there & ~np.isfinite(bounds).all(axis=1)] = shapely.Polygon()
    known = np.isin(shapely.get_type_id(shapes), _PLAIN)
    written = shapely.to_wkb(shapely.set_srid(shapes, SRID), hex=True, include_srid=True)
    return written, ~there | (known & shapely.is_valid(shapes))
