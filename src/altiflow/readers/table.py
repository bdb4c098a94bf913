"""Segment tables on disk: GeoParquet 1.1 for everything modern, GeoPackage and FlatGeobuf for GIS, NetCDF, CSV."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio
import shapely

from altiflow.errors import InputError, UnsupportedFormatError, WriteError
from altiflow.files import whole_file
from altiflow.readers.datasets.geoparquet import ORDER_KEY, arrow_table, write_parquet
from altiflow.readers.datasets.netcdf import read_points_netcdf, write_points_netcdf
from altiflow.readers.datasets.text import read_text, write_text

__all__ = [
    "check_table_path",
    "existing_table",
    "join_tables",
    "read_arrow",
    "read_file",
    "read_table_metadata",
    "write_table",
]

_METADATA_KEY = b"altiflow"
_GEOPARQUET = (".parquet", ".geoparquet")
_TEXT, _NETCDF = ".csv", ".nc"
_GIS_DRIVERS = {".gpkg": "GPKG", ".fgb": "FlatGeobuf"}


def check_table_path(path: str | Path) -> None:
    """Refuse a path whose suffix no table is written with, before the work that makes the table.

    Raises
    ------
    InputError
        If the suffix is not known.
    """
    if Path(path).suffix not in (*_GEOPARQUET, *_GIS_DRIVERS, _TEXT, _NETCDF):
        known = ", ".join([".parquet", *_GIS_DRIVERS, _TEXT, _NETCDF])
        raise InputError(f"cannot write a table to {Path(path).name}: the suffix is one of {known}")


def write_table(table: gpd.GeoDataFrame, path: str | Path, *, order: Literal["hilbert", "rows"] = "hilbert") -> Path:
    """Write a segment table and return the path; the file appears whole or not at all.

    Parameters
    ----------
    table
        Points with a CRS.
    path
        ``.parquet`` (GeoParquet 1.1: WKB points, boxes round them that end at multiples of 1/256 degree, zstd, row
        groups of 16 384 rows), ``.gpkg`` or ``.fgb`` (geometry and columns only: the provenance stays behind, times
        are cut to milliseconds and small integers widened, as these formats have it), ``.csv`` (every digit; the first
        line begins with ``#`` and tells types, units and provenance), or ``.nc`` (points of CF). Of ``attrs`` the
        entry "altiflow" is kept.
    order
        "hilbert" writes GeoParquet rows along a space-filling curve, so that GIS and SQL read only the row groups
        of the area they need; the index goes with the rows, and :func:`altiflow.read_table` puts them back in order.
        "rows" keeps the order in the file, as is done anyway for a table whose index is not unique and increasing.

    Raises
    ------
    InputError
        If the table has no CRS, has a column named bbox, or the suffix is not known.
    WriteError
        If the disk is full, the place may not be written to, or GDAL cannot write it.
    """
    target = Path(path)
    if not isinstance(table, gpd.GeoDataFrame) or table.crs is None:
        raise InputError("write_table needs a GeoDataFrame with a CRS; build one with table.set_crs('EPSG:4326')")
    if "bbox" in table.columns:
        raise InputError("the table has a column 'bbox', the name of GeoParquet's bounding boxes; rename it")
    check_table_path(target)
    with whole_file(target) as part:
        if target.suffix in _GEOPARQUET:
            _write_geoparquet(table, part, curve=order == "hilbert" and len(table) > 0)
        elif target.suffix == _TEXT:
            write_text(table, part)
        elif target.suffix == _NETCDF:
            write_points_netcdf(table, part)
        else:
            plain = pd.DataFrame(table.drop(columns=table.geometry.name)).reset_index(drop=True)
            features = gpd.GeoDataFrame(plain, geometry=table.geometry.to_numpy(), crs=table.crs)
            try:
                features.to_file(part, driver=_GIS_DRIVERS[target.suffix], engine="pyogrio", layer=target.stem)
            except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
                raise WriteError(f"cannot write {target}: {error}; is there room on the disk?") from error
    return target


def _write_geoparquet(table: gpd.GeoDataFrame, path: Path, *, curve: bool) -> None:
    """Write GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0) with the provenance beside it."""
    restorable = table.index.is_monotonic_increasing and table.index.is_unique
    counted = isinstance(table.index, pd.RangeIndex) and table.index.equals(pd.RangeIndex(len(table)))
    turned = table
    if curve and restorable and not table.geometry.isna().any():
        place = table.geometry.hilbert_distance().to_numpy()
        turned = table.iloc[np.argsort(place, kind="stable")]
    arrow, geo = arrow_table(turned)
    metadata = {
        _METADATA_KEY: json.dumps(table.attrs.get("altiflow", {}), sort_keys=True).encode(),
        ORDER_KEY: json.dumps({"by_index": turned is not table, "counted": counted}).encode(),
    }
    write_parquet(arrow, path, geo=geo, metadata=metadata)


def read_file(path: str | Path, columns: list[str] | None = None, bbox: Any = None) -> gpd.GeoDataFrame:
    """Return a table that :func:`write_table` wrote; the arguments are those of :func:`altiflow.read_table`.

    Raises
    ------
    InputError
        If there is no such file, or it lacks a column.
    UnsupportedFormatError
        If it is not a table with geometry.
    """
    source = existing_table(path)
    if source.suffix == _TEXT:
        return _in_box(read_text(source, columns), bbox)
    if source.suffix == _NETCDF:
        return _in_box(read_points_netcdf(source, columns), bbox)
    if source.suffix in _GIS_DRIVERS:
        try:
            return gpd.read_file(source, engine="pyogrio", bbox=bbox)
        except pyogrio.errors.DataSourceError as error:
            raise UnsupportedFormatError(f"{source.name} is not a table that GDAL opens: {error}") from error
    try:
        schema = pq.read_schema(source)
        metadata = schema.metadata or {}
        geometry = json.loads(metadata.get(b"geo", b"{}")).get("primary_column", "geometry")
        wanted = None if columns is None else list(dict.fromkeys([*columns, geometry]))
        _check_columns(wanted or (), schema.names, source.name)
        # The boxes of points in the file are wider than the points.
        table = _in_box(gpd.read_parquet(source, columns=wanted, bbox=bbox), bbox)
        stored = json.loads(metadata.get(ORDER_KEY, b"{}"))
    except InputError:
        raise
    except (pa.ArrowInvalid, ValueError, OSError) as error:
        raise UnsupportedFormatError(f"{source.name} is not a GeoParquet table: {error}") from error
    if stored.get("by_index"):
        table = table.sort_index()
    if stored.get("counted"):
        table = table.reset_index(drop=True)
    table.attrs["altiflow"] = read_table_metadata(source)
    return table


def _in_box(table: gpd.GeoDataFrame, bbox: Any) -> gpd.GeoDataFrame:
    """Return the rows that a box meets, all of them if there is none."""
    if bbox is None:
        return table
    west, south, east, north = shapely.bounds(table.geometry.to_numpy()).T
    return table[(west <= bbox[2]) & (east >= bbox[0]) & (south <= bbox[3]) & (north >= bbox[1])]


def _check_columns(columns: Sequence[str], there: Sequence[str], name: str) -> None:
    """Refuse columns that a table lacks."""
    absent = [column for column in columns if column not in there]
    if absent and "geometry" not in absent:
        raise InputError(f"{name} has no column {', '.join(absent)}; it has {', '.join(there)}")


def join_tables(tables: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Return segment tables of one product as one, rows in the order given.

    Provenance is that of the first, with the granules, releases, DOIs and counts of screens of all.

    Raises
    ------
    InputError
        If there is none, they are of several products or CRSs, or a granule is in two of them.
    """
    if not tables:
        raise InputError("there is no table to join")
    told = [table.attrs.get("altiflow", {}) for table in tables]
    products = {str(one.get("product", "")) for one in told}
    if len(products) > 1 or any(table.crs != tables[0].crs for table in tables):
        raise InputError(f"the tables are of several products or CRSs ({', '.join(sorted(products))}); take one by one")
    if len(tables) == 1:
        return tables[0]
    names = [name for table in tables if "granule" in table for name in table["granule"].unique()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{twice[0]} is in two of the tables, so its rows would count twice; leave one out")
    joined = pd.concat([pd.DataFrame(table) for table in tables], ignore_index=True)
    result = gpd.GeoDataFrame(joined, geometry=tables[0].geometry.name, crs=tables[0].crs)
    lists = {
        name: list(dict.fromkeys(value for one in told for value in one[name]))
        for name in ("granules", "releases", "doi")
        if all(name in one for one in told)
    }
    screens: Counter[str] = Counter()
    for one in told:
        screens.update(one.get("screens", {}))
    result.attrs["altiflow"] = {**told[0], **lists, **({"screens": dict(screens)} if screens else {})}
    return result


def read_arrow(path: str | Path, *, columns: Sequence[str] | None = None, optional: Sequence[str] = ()) -> pa.Table:
    """Return columns of a GeoParquet table as an Arrow table, rows in the order they were written in.

    No geometry is made, so that this takes a fraction of the time and memory of :func:`altiflow.read_table`.

    Parameters
    ----------
    path
        A table that :func:`write_table` wrote, or any Parquet file.
    columns
        Columns to read; all but the geometry and its bounding boxes where not given.
    optional
        Columns that come along where the table has them.

    Returns
    -------
    pyarrow.Table
        Text is dictionary-encoded; the schema's metadata holds the provenance alone (key ``altiflow``).

    Raises
    ------
    InputError
        If there is no such file, or it lacks a column.
    UnsupportedFormatError
        If it is not Parquet.

    Examples
    --------
    >>> import tempfile
    >>> points = gpd.points_from_xy([170.0, 10.0, 100.0], [80.0, 81.0, 82.0], crs="EPSG:4326")
    >>> table = gpd.GeoDataFrame({"freeboard": [1.0, 2.0, 3.0]}, geometry=points)
    >>> path = write_table(table, Path(tempfile.mkdtemp()) / "segments.parquet")
    >>> pq.read_table(path)["freeboard"].to_pylist()
    [2.0, 3.0, 1.0]
    >>> read_arrow(path)["freeboard"].to_pylist()
    [1.0, 2.0, 3.0]
    """
    source = existing_table(path)
    try:
        with pq.ParquetFile(source) as opened:
            schema = opened.schema_arrow
            index = _index_order(schema)
            wanted = _wanted_columns(schema, index, columns, optional, source.name)
        text = [
            field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        with pq.ParquetFile(source, read_dictionary=[name for name in text if name not in index]) as opened:
            table = opened.read(columns=list(dict.fromkeys([*wanted, *index])))
    except (pa.ArrowInvalid, OSError) as error:
        raise UnsupportedFormatError(f"{source.name} is not a Parquet file: {error}") from error
    if index:
        table = table.take(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in index]))
    told = (schema.metadata or {}).get(_METADATA_KEY)
    return table.select(wanted).replace_schema_metadata({_METADATA_KEY: told} if told else None)


def _index_order(schema: pa.Schema) -> list[str]:
    """Return the columns that hold the index by which the rows of a table are put in order; none if they are."""
    metadata = schema.metadata or {}
    if not json.loads(metadata.get(ORDER_KEY, b"{}")).get("by_index"):
        return []
    return [name for name in json.loads(metadata[b"pandas"])["index_columns"] if isinstance(name, str)]


def _wanted_columns(
    schema: pa.Schema, index: list[str], columns: Sequence[str] | None, optional: Sequence[str], name: str
) -> list[str]:
    """Return the columns to read, each once."""
    if columns is None:
        geo = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
        left = {*index, *geo.get("columns", ()), *(["bbox"] if geo else [])}
        return [column for column in schema.names if column not in left]
    absent = [column for column in columns if column not in schema.names]
    if absent:
        raise InputError(f"{name} has no column {', '.join(absent)}; it has {', '.join(schema.names)}")
    return list(dict.fromkeys([*columns, *(column for column in optional if column in schema.names)]))


def read_table_metadata(path: str | Path) -> dict[str, Any]:
    """Return the provenance in a GeoParquet table's footer, {} where it has none.

    Raises
    ------
    InputError
        If there is no such file.
    UnsupportedFormatError
        If it is not Parquet.
    """
    source = existing_table(path)
    try:
        metadata = pq.read_schema(source).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise UnsupportedFormatError(f"{source.name} is not a Parquet file: {error}") from error
    found: dict[str, Any] = json.loads(metadata.get(_METADATA_KEY, b"{}"))
    return found


def existing_table(path: str | Path) -> Path:
    """Return the path, refused if nothing is there."""
    source = Path(path)
    if not source.exists():
        raise InputError(f"there is no table at {source}")
    return source
