"""Tables: the columns and indexes of a catalogue in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

from altiflow.explore.service.stores.items import WHEN
from altiflow.explore.service.stores.store import COLUMNS
from altiflow.readers.catalogue.collecting import CatalogueKind

__all__ = ["EDGES", "SRID", "index_table", "make_table", "table_columns"]

SRID = 4326
"""Footprints are plane geometries in longitude and latitude, so that edges are straight there, as everywhere else."""

EDGES = ("west", "south", "east", "north")
"""Edges of the box of a footprint [degrees]; xmin and xmax are names of PostgreSQL's own."""

_TYPES = {
    **dict.fromkeys(("start", "end", "mid", "finish"), "timestamp"),
    **dict.fromkeys(("separation_days", "percent_valid", "size_mb", *EDGES), "double precision"),
    **dict.fromkeys(("revision", "rgt", "cycle"), "bigint"),
    "epsg": "integer",
}
"""Types of columns that are no text."""
_TEXT = 'text COLLATE "C"'
"""Texts are compared letter by letter, whatever language the database speaks."""

_INDEXED = {
    "pairs": ('"mid"', '"start"', '"end"', "granule"),
    "granules": ('"start"', "finish", "rgt, cycle", "granule"),
}
"""What is found by value: moments, repeats of a track, and a granule by its name."""


def table_columns(kind: CatalogueKind) -> dict[str, str]:
    """Return the columns of the table of a catalogue and their types, as :func:`select_items` sorts them.

    ``plain`` tells footprints that every geometry engine understands alike; ``geom`` is the footprint.
    """
    named = (*COLUMNS[kind], "finish", "address", "local", *EDGES)
    told = {name: _TYPES.get(name, _TEXT) for name in named}
    return {
        "place": "bigint NOT NULL",
        "year": "integer NOT NULL",
        **told,
        "plain": "boolean NOT NULL",
        "geom": f"geometry(Geometry, {SRID})",
    }


def make_table(name: str, kind: CatalogueKind) -> str:
    """Return the statement that makes the table of a catalogue."""
    columns = ", ".join(f'"{column}" {told}' for column, told in table_columns(kind).items())
    return f"CREATE TABLE {name} ({columns})"


def index_table(name: str, kind: CatalogueKind) -> Iterator[str]:
    """Yield the statements that index a table and let the planner know what it holds.

    Footprints have a GiST index; places, moments and names B-trees. Indexes are made once the rows are there, which
    takes a fraction of the time of adding to them row by row.
    """
    yield f"ALTER TABLE {name} ADD PRIMARY KEY (place)"
    yield f"CREATE INDEX ON {name} USING gist (geom)"
    for columns in _INDEXED[kind]:
        yield f"CREATE INDEX ON {name} ({columns})"
    yield f"COMMENT ON TABLE {name} IS 'A catalogue of {kind} in order of {WHEN[kind]}; altiflow catalog load made it'"
    yield f"ANALYZE {name}"
