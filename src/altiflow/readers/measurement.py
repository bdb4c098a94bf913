"""Which column of a table, or of a granule's table, is its measurement."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq

from altiflow.errors import AltiflowError, InputError
from altiflow.readers.catalogue.names import parse_granule_name
from altiflow.readers.icesat2.granule import granule_product
from altiflow.readers.icesat2.products import product_named
from altiflow.readers.remote.ranges import RemoteAccess, Sources, is_remote
from altiflow.readers.table import read_table_metadata

__all__ = ["value_column"]

_TABLES, _GRANULES = (".parquet", ".geoparquet"), (".h5", ".hdf5")


def value_column(source: str | Path, *, access: RemoteAccess | None = None) -> str:
    """Return the column that holds the measurement of a table or granule, or of the first one in a folder.

    A granule may be an address; where its name does not tell the product, it is opened with `access`. The column is
    that of the product (freeboard of ATL10, height of the others); of a table without provenance, freeboard or
    height, whichever it has.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be told.
    """
    if is_remote(source):
        return _value_at(str(source), access)
    path = Path(source)
    if not path.is_dir():
        return _value_of(path)
    files = sorted(file for file in path.rglob("*") if file.suffix in _TABLES + _GRANULES and file.name[0] not in "._")
    if not files:
        raise InputError(f"there is no table or granule in {path}")
    problem: AltiflowError | None = None
    for file in files:
        try:
            return _value_of(file)
        except AltiflowError as error:
            problem = problem or error
    raise problem or InputError(f"there is no table or granule in {path}")


def _value_at(url: str, access: RemoteAccess | None) -> str:
    """Return the column that holds the measurement of a remote granule."""
    try:
        return product_named(parse_granule_name(url).product).value
    except InputError:
        with closing(Sources(access)) as sources:
            return granule_product(url, sources).value


def _value_of(path: Path) -> str:
    """Return the column that holds the measurement of a table or granule."""
    if not path.exists():
        raise InputError(f"there is no table or granule at {path}")
    if path.suffix in _GRANULES:
        try:
            return product_named(parse_granule_name(path.name).product).value
        except InputError:
            return granule_product(path).value
    told = read_table_metadata(path)
    if told.get("value"):
        return str(told["value"])
    if told.get("product"):
        return product_named(told["product"]).value
    names = pq.read_schema(path).names
    found = next((name for name in ("freeboard", "height") if name in names), None)
    if found is None:
        raise InputError(f"{path.name} has neither freeboard nor height; say which column to grid (value=)")
    return found
