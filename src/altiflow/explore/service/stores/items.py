"""Items: the rows of a catalogue in GeoParquet as every store holds them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.explore.service.stores.store import COLUMNS, NO_YEAR
from altiflow.readers.catalogue.collecting import CatalogueKind
from altiflow.readers.catalogue.pairs import PAIR_COLUMNS
from altiflow.readers.catalogue.tables import CATALOGUE_COLUMNS

__all__ = ["WHEN", "kind_of", "select_items"]

_EDGES = ("xmin", "ymin", "xmax", "ymax")
"""Edges of the box of a footprint [degrees]."""

WHEN = {"pairs": "mid", "granules": "start"}
"""The moment that each kind of catalogue is sorted and counted by."""

_REMOTE = "regexp_matches({0}, '^(https?|s3)://')"
_MADE = {
    "pairs": {
        "finish": '"end"',
        "address": f"CASE WHEN {_REMOTE.format('url')} THEN url END",
        "local": f"CASE WHEN NOT {_REMOTE.format('url')} THEN url END",
    },
    "granules": {
        "finish": 'CASE WHEN "start" IS NOT NULL THEN coalesce("end", "start") END',
        "address": "coalesce(url_https, url_s3)",
        "local": '"path"',
    },
}
"""Columns that are made of those of the file."""


def kind_of(source: Path) -> CatalogueKind:
    """Return what the rows of a file are.

    Raises
    ------
    InputError
        If there is no such file.
    UnsupportedFormatError
        If it is no catalogue.
    """
    if not source.is_file():
        raise InputError(f"catalogue {str(source)!r}: no such file; altiflow catalog build makes one")
    try:
        columns = set(pq.read_schema(source).names)
    except (pa.ArrowException, OSError) as error:
        raise UnsupportedFormatError(f"{source.name} is no Parquet file: {error}") from error
    kinds: tuple[tuple[CatalogueKind, set[str]], ...] = (
        ("pairs", set(PAIR_COLUMNS)),
        ("granules", set(CATALOGUE_COLUMNS)),
    )
    for kind, needed in kinds:
        if columns >= needed | {"bbox"}:
            return kind
    raise UnsupportedFormatError(f"{source.name} lacks columns of a catalogue; altiflow catalog build makes one of it")


def select_items(kind: CatalogueKind) -> str:
    """Return, in the SQL of DuckDB, the rows of the table ``given``, which is such a file.

    They are numbered (``place``) as the catalogue is sorted, and lie in bands of latitude, so that neighbours on the
    globe are neighbours on the disk.
    """
    made, when = _MADE[kind], f'"{WHEN[kind]}"'
    # NaN is the greatest number in SQL; here it means that nothing is told.
    told = ", ".join(
        f'CASE WHEN isnan("{name}") THEN NULL ELSE "{name}" END AS "{name}"'
        if name in ("percent_valid", "size_mb", "separation_days")
        else f'"{name}"'
        for name in COLUMNS[kind]
    )
    derived = ", ".join(f'{made[name]} AS "{name}"' for name in ("finish", "address", "local"))
    boxes = ", ".join(f"CASE WHEN NOT isnan(bbox.{edge}) THEN bbox.{edge}::DOUBLE END AS {edge}" for edge in _EDGES)
    return (
        f"SELECT row_number() OVER (ORDER BY {when}, granule) - 1 AS place, coalesce(year({when}), {NO_YEAR}) AS year, "
        f"{told}, {derived}, {boxes}, geometry AS wkb FROM given ORDER BY floor((ymin + ymax) / 2), xmin"
    )
