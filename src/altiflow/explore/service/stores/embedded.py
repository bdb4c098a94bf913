"""The embedded store: a catalogue in GeoParquet, asked by DuckDB in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from altiflow.errors import UnsupportedFormatError
from altiflow.explore.service.stores.items import kind_of, select_items
from altiflow.explore.service.stores.query import Query, meets, shapes_of, where_clause
from altiflow.explore.service.stores.store import Found, sort_found
from altiflow.readers.catalogue.collecting import CatalogueKind

__all__ = ["EmbeddedStore"]

_BATCH = 4096
"""Rows whose footprints are tested, or whose columns are read, at a time."""
_BLOCK = 8192
"""Rows of a block of the database; rows lie in bands of latitude, so that most blocks are passed over unread."""


class EmbeddedStore:
    """A catalogue in GeoParquet, read whole into memory when it is opened; see :class:`Store`.

    Boxes are compared in SQL; footprints whose box meets that of the region are tested by shapely.

    Parameters
    ----------
    path
        File that :func:`altiflow.write_catalogue` or :func:`altiflow.write_pairs` wrote.
    threads
        Threads of the database, for all requests together.

    Raises
    ------
    InputError
        If there is no such file.
    UnsupportedFormatError
        If it is no such catalogue.
    """

    def __init__(self, path: str | Path, *, threads: int = 2) -> None:
        source = Path(path)
        self.kind: CatalogueKind = kind_of(source)
        self._database = duckdb.connect(":memory:", config={"threads": threads})
        try:
            self._load(source)
        except duckdb.Error as error:
            self._database.close()
            raise UnsupportedFormatError(f"{source.name} cannot be read as a catalogue: {error}") from error
        self.version = 0
        self.size = int(self._scalar("SELECT count(*) FROM held.items"))
        self._unplaced = int(self._scalar("SELECT count(*) FROM held.items WHERE wkb IS NULL"))

    def _load(self, source: Path) -> None:
        """Read the file into a table, numbered as the catalogue is sorted; then shut the database off from files."""
        rows = pq.read_table(source)
        self._database.execute(f"ATTACH ':memory:' AS held (ROW_GROUP_SIZE {_BLOCK})")
        self._database.register("given", rows)
        self._database.execute(f"CREATE TABLE held.items AS {select_items(self.kind)}")
        self._database.unregister("given")
        self._database.execute("SET enable_external_access = false")
        self._database.execute("SET lock_configuration = true")

    def _scalar(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the one value of a query."""
        with self._database.cursor() as cursor:
            row = cursor.execute(sql, list(values)).fetchone()
        return None if row is None else row[0]

    def find(self, query: Query, *, seconds: float) -> Found:
        """Return which rows meet a query, exactly; see :meth:`Store.find`."""
        condition, values = where_clause(query, "?")
        shapes = None if query.region is None else shapes_of(query.region)
        kept: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        deadline = time.monotonic() + seconds
        wanted = "place, year, address IS NOT NULL AS public" + ("" if shapes is None else ", wkb")
        for batch in self._batches(f"SELECT {wanted} FROM held.items WHERE {condition}", values, deadline):
            met = slice(None) if shapes is None else meets(shapes, batch["wkb"].to_numpy(zero_copy_only=False))
            for column, rows in zip(kept, ("place", "year", "public"), strict=True):
                column.append(batch[rows].to_numpy(zero_copy_only=False)[met])
        return sort_found(*kept, self._count_unplaced(query))

    def _count_unplaced(self, query: Query) -> int:
        """Return how many rows meet every test but tell no footprint."""
        if query.region is None or not self._unplaced:
            return 0
        condition, values = where_clause(Query(None, query.tests), "?")
        return int(self._scalar(f"SELECT count(*) FROM held.items WHERE wkb IS NULL AND {condition}", values))

    def _batches(self, sql: str, values: Sequence[Any], deadline: float) -> Iterator[pa.RecordBatch]:
        """Yield the answer of the database batch by batch; an answer that is late is broken off."""
        with self._database.cursor() as cursor:
            watch = Timer(max(deadline - time.monotonic(), 0.0), cursor.interrupt)
            watch.daemon = True
            watch.start()
            try:
                for batch in cursor.sql(sql, params=list(values)).to_arrow_reader(_BATCH):
                    if time.monotonic() > deadline:
                        raise TimeoutError("the search took too long")
                    yield batch
            except (duckdb.InterruptException, OSError) as error:
                raise TimeoutError("the search took too long") from error
            finally:
                watch.cancel()

    def rows(self, places: npt.NDArray[np.int64], columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        """Yield columns of the rows at rising places; see :meth:`Store.rows`."""
        names = ", ".join(f'"{name}"' for name in columns)
        for first in range(0, len(places), _BATCH):
            chunk = places[first : first + _BATCH]
            sql = f"SELECT {names} FROM held.items WHERE place IN (SELECT unnest(?)) ORDER BY place"
            with self._database.cursor() as cursor:
                found = cursor.execute(sql, [chunk.tolist()]).fetchall()
            # Whoever takes the rows may never come back.
            yield found

    def place_of(self, granule: str) -> int | None:
        """Return the place of a granule, None if it is not there."""
        found = self._scalar("SELECT place FROM held.items WHERE granule = ?", [granule])
        return None if found is None else int(found)

    def extent(self) -> dict[str, Any]:
        """Return period and box of all; see :meth:`Store.extent`."""
        sql = 'SELECT min("start"), max(finish), min(xmin), min(ymin), max(xmax), max(ymax) FROM held.items'
        with self._database.cursor() as cursor:
            start, end, *box = cursor.execute(sql).fetchone() or (None,) * 6
        return {"start": start, "end": end, "bbox": None if None in box else box}

    def close(self) -> None:
        """Let go of the memory."""
        self._database.close()
