"""GeoParquet 1.1 straight from arrays: points, bounding boxes, metadata and encodings that suit measurements."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

__all__ = [
    "INDEX",
    "ORDER_KEY",
    "ROW_GROUP_ROWS",
    "PointEncoding",
    "arrow_points",
    "arrow_table",
    "index_metadata",
    "with_geometry",
    "write_parquet",
]

PointEncoding = Literal["WKB", "point"]
"""How points are stored: "WKB" opens everywhere, "point" (x and y, as geoarrow has it) is smaller and faster."""

ROW_GROUP_ROWS = 16_384
"""Few enough that the box of a row group is small, enough that it compresses well."""

INDEX = "__index_level_0__"
"""Column of the numbers by which rows are put back in order, named as pandas names an index."""

ORDER_KEY = b"altiflow_order"
"""Key of the metadata that says whether rows have to be put back in order."""

_WKB_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
"""A point in well-known binary: little-endian mark, type 1, two coordinates (OGC 06-103r4, section 8.2)."""
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_STEPS_PER_DEGREE = 256
"""Boxes of points end at multiples of 1/256 degree (0.4 km at most), which float32 holds exactly."""

Floats = npt.NDArray[np.float64]


def arrow_points(x: npt.ArrayLike, y: npt.ArrayLike, encoding: PointEncoding = "WKB") -> pa.Array:
    """Return points (n,) as an Arrow column, without making an object of each.

    Examples
    --------
    >>> arrow_points([1.0], [2.0])[0].as_py() == shapely.to_wkb(shapely.Point(1, 2), byte_order=1)
    True
    """
    first, second = (np.ascontiguousarray(values, dtype="<f8") for values in (x, y))
    if encoding == "point":
        return pa.StructArray.from_arrays([pa.array(first), pa.array(second)], names=["x", "y"])
    packed = np.empty(first.size, dtype=_WKB_POINT)
    packed["order"], packed["kind"], packed["x"], packed["y"] = 1, 1, first, second
    # Offsets of 4 bytes reach 2**31 bytes.
    wide = packed.nbytes >= 2**31
    step = _WKB_POINT.itemsize
    offsets = np.arange(0, step * (first.size + 1), step, dtype=np.int64 if wide else np.int32)
    kind = pa.large_binary() if wide else pa.binary()
    return pa.Array.from_buffers(kind, first.size, [None, pa.py_buffer(offsets), pa.py_buffer(packed)])


def with_geometry(
    arrow: pa.Table, x: Floats, y: Floats, *, name: str = "geometry", place: int | None = None, encoding: PointEncoding
) -> tuple[pa.Table, dict[str, Any]]:
    """Return an Arrow table with points in EPSG:4326 added to it, and its GeoParquet metadata.

    Points as WKB come with a column ``bbox``, by whose statistics readers skip row groups; those of points stored as
    x and y tell as much themselves.
    """
    column = arrow_points(x, y, encoding)
    whole = arrow.add_column(arrow.num_columns if place is None else place, name, column)
    if encoding == "WKB":
        whole = whole.append_column("bbox", _point_boxes(x, y))
    return whole, _metadata(name, encoding, ["Point"], _json_of("EPSG:4326"), _extent(x, y, x, y))


def arrow_table(table: gpd.GeoDataFrame) -> tuple[pa.Table, dict[str, Any]]:
    """Return a GeoDataFrame with WKB geometry and bounding boxes as an Arrow table, and its GeoParquet metadata."""
    name = table.geometry.name
    plain = pd.DataFrame(table.drop(columns=name))
    plain.attrs = {}
    shapes = table.geometry.to_numpy()
    flat = bool(np.all((shapely.get_type_id(shapes) == 0) & ~shapely.is_empty(shapes) & ~shapely.has_z(shapes)))
    x, y = shapely.get_x(shapes), shapely.get_y(shapes)
    binary = arrow_points(x, y) if flat else pa.array(shapely.to_wkb(shapes), type=pa.binary())
    bounds = shapely.bounds(shapes)
    boxes = _point_boxes(x, y) if flat and table.crs.is_geographic else _boxes(bounds.T)
    arrow = pa.Table.from_pandas(plain)
    arrow = arrow.add_column(int(table.columns.get_loc(name)), name, binary).append_column("bbox", boxes)
    kinds = (
        ["Point"]
        if flat and len(table)
        else sorted({kind for kind in table.geom_type.unique() if isinstance(kind, str)})
    )
    return arrow, _metadata(name, "WKB", kinds, table.crs.to_json_dict(), _extent(*bounds.T))


def write_parquet(
    arrow: pa.Table, path: Path, *, geo: dict[str, Any], metadata: dict[bytes, bytes], cuts: Iterable[int] = ()
) -> None:
    """Write an Arrow table as GeoParquet with encodings that suit measurements, compressed with zstd.

    Parameters
    ----------
    arrow, path
        What, and where.
    geo
        GeoParquet metadata.
    metadata
        Other metadata of the file.
    cuts
        Rows at which a row group ends in any case.
    """
    told = {**(arrow.schema.metadata or {}), b"geo": json.dumps(geo).encode(), **metadata}
    whole = arrow.replace_schema_metadata(told)
    words, encodings = _encodings(whole.schema)
    # The least and greatest of binary points tell nobody anything.
    told_of = [name for name, kind in _leaves(whole.schema) if not _is_bytes(kind)]
    edges = sorted({0, whole.num_rows, *cuts})
    with pq.ParquetWriter(
        path,
        whole.schema,
        compression="zstd",
        use_dictionary=words,
        column_encoding=encodings,
        write_statistics=told_of,
    ) as writer:
        for first, last in pairwise(edges):
            writer.write_table(whole.slice(first, last - first), row_group_size=ROW_GROUP_ROWS)


def index_metadata() -> dict[bytes, bytes]:
    """Return metadata that say that :data:`INDEX` is the index of the rows, and their order."""
    level = {"name": None, "field_name": INDEX, "pandas_type": "int32", "numpy_type": "int32", "metadata": None}
    frame = {"index_columns": [INDEX], "column_indexes": [], "columns": [level], "pandas_version": pd.__version__}
    order = {"by_index": True, "counted": True}
    return {b"pandas": json.dumps(frame).encode(), ORDER_KEY: json.dumps(order).encode()}


def _encodings(schema: pa.Schema) -> tuple[list[str], dict[str, str]]:
    """Return the columns to be written with a dictionary, and the encodings of the others.

    Bytes of one significance stand together (BYTE_STREAM_SPLIT) where numbers are measured, and times and large whole
    numbers go as differences.
    """
    words: list[str] = []
    encodings: dict[str, str] = {}
    for name, kind in _leaves(schema):
        if pa.types.is_floating(kind):
            encodings[name] = "BYTE_STREAM_SPLIT"
        elif pa.types.is_timestamp(kind) or (pa.types.is_integer(kind) and kind.bit_width >= 32):
            encodings[name] = "DELTA_BINARY_PACKED"
        elif _is_bytes(kind):
            encodings[name] = "PLAIN"
        else:
            words.append(name)
    return words, encodings


def _is_bytes(kind: pa.DataType) -> bool:
    """Return whether a column holds bytes, as geometry in binary is."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _leaves(schema: pa.Schema) -> Iterable[tuple[str, pa.DataType]]:
    """Yield path and type of each stored column."""
    for field in schema:
        if pa.types.is_struct(field.type):
            yield from ((f"{field.name}.{child.name}", child.type) for child in field.type)
        else:
            yield field.name, field.type


def _point_boxes(x: Floats, y: Floats) -> pa.StructArray:
    """Return boxes round points, a little wider than they need be.

    Exact boxes would be the coordinates four times over, and take more than all other columns together. Neighbours
    along a track share these, so that they take next to nothing, and the box of a row group is as good.
    """
    edges: list[npt.NDArray[np.float32]] = []
    held = np.empty(len(x))
    for rounded in (np.floor, np.ceil):
        for values in (x, y):
            np.multiply(values, _STEPS_PER_DEGREE, out=held)
            edge = rounded(held, out=held).astype(np.float32)
            edge *= np.float32(1 / _STEPS_PER_DEGREE)
            edges.append(edge)
    return _boxes(edges)


def _boxes(edges: Iterable[npt.NDArray[np.floating[Any]]]) -> pa.StructArray:
    """Return west, south, east and north edges (n,) as the column of GeoParquet's bounding boxes."""
    return pa.StructArray.from_arrays([pa.array(edge) for edge in edges], names=list(_CORNERS))


def _extent(west: Floats, south: Floats, east: Floats, north: Floats) -> list[float]:
    """Return the box of all boxes that are known, [] if there is none."""
    edges = [west, south, east, north]
    known = np.logical_and.reduce([np.isfinite(edge) for edge in edges])
    if not known.all():
        edges = [edge[known] for edge in edges]
    if not edges[0].size:
        return []
    return [*(float(edge.min()) for edge in edges[:2]), *(float(edge.max()) for edge in edges[2:])]


def _metadata(name: str, encoding: str, kinds: list[str], crs: dict[str, Any], extent: list[float]) -> dict[str, Any]:
    """Return GeoParquet metadata (https://geoparquet.org/releases/v1.1.0)."""
    column: dict[str, Any] = {"encoding": encoding, "geometry_types": kinds, "crs": crs}
    if encoding == "WKB":
        column["covering"] = {"bbox": {corner: ["bbox", corner] for corner in _CORNERS}}
    if extent:
        column["bbox"] = extent
    return {"version": "1.1.0", "primary_column": name, "columns": {name: column}}


@lru_cache(maxsize=8)
def _json_of(crs: str) -> dict[str, Any]:
    """Return a CRS as PROJJSON."""
    found: dict[str, Any] = pyproj.CRS(crs).to_json_dict()
    return found
