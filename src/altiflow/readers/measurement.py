"""Which column of a table, or of a granule's table, is its measurement."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from altiflow.errors import InputError
from altiflow.readers.catalogue.names import parse_granule_name
from altiflow.readers.icesat2.products import product_named
from altiflow.readers.table import read_table_metadata

__all__ = ["value_column"]

_TABLES, _GRANULES = (".parquet", ".geoparquet"), (".h5", ".hdf5")


def value_column(source: str | Path) -> str:
    """Return the column that holds the measurement of a table or granule, or of the first one in a folder.

    It is that of the product (freeboard of ATL10, height of ATL06); of a table without provenance, freeboard or
    height, whichever it has.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be told.
    """
    path = Path(source)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in _TABLES + _GRANULES)
        if not files:
            raise InputError(f"there is no table or granule in {path}")
        path = files[0]
    if not path.exists():
        raise InputError(f"there is no table or granule at {path}")
    if path.suffix in _GRANULES:
        return product_named(parse_granule_name(path.name).product).value
    told = read_table_metadata(path).get("product")
    if told:
        return product_named(told).value
    names = pq.read_schema(path).names
    found = next((name for name in ("freeboard", "height") if name in names), None)
    if found is None:
        raise InputError(f"{path.name} has neither freeboard nor height; say which column to grid (value=)")
    return found
