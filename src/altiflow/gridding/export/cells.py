"""The filled cells of a grid as features for GIS, and as a sparse cube that reads back as the grid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import xarray as xr

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.files import whole_file
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally.storage import describe_grid, restore_grid
from altiflow.readers.table import write_table

__all__ = ["cell_table", "is_sparse", "read_sparse", "write_cells", "write_sparse"]

_KEY = b"altiflow_cells"
_FORMAT = 1


def cell_table(
    dataset: xr.Dataset,
    *,
    geometry: Literal["polygon", "point"] = "polygon",
    variables: Sequence[str] | None = None,
) -> gpd.GeoDataFrame:
    """Return the filled cells of a gridded Dataset, a row per period and cell.

    Parameters
    ----------
    dataset
        A gridded Dataset; a cell is filled where any of the variables is: a number, a time, a count above 0.
    geometry
        The square of the cell, or its centre; in the CRS of the grid.
    variables
        Names; all on (time, y, x) where None.

    Returns
    -------
    geopandas.GeoDataFrame
        ``time_start``, ``time_end`` (UTC), ``row``, ``col`` from the top left, ``x``, ``y`` of the centre [m], the
        variables, and the geometry.

    Raises
    ------
    InputError
        If a variable is not on the grid.

    Examples
    --------
    >>> frame = make_frame(Grid.from_bounds("EPSG:3413", (0, 0, 2000, 1000), 1000), [["2020-01-01", "2020-02-01"]])
    >>> frame["h"] = (("time", "y", "x"), np.array([[[np.nan, 0.0]]]))
    >>> cell_table(frame)[["row", "col", "x", "h"]].values.tolist()
    [[0.0, 1.0, 1500.0, 0.0]]
    """
    grid, names = Grid.from_dataset(dataset), _names(dataset, variables)
    period, row, col = _filled(dataset, names)
    x, y = grid.xy(row, col)
    columns: dict[str, Any] = {**_times(dataset, period), "row": row, "col": col, "x": x, "y": y}
    top_down = dataset.sortby("y", ascending=False)
    for name in names:
        columns[name] = top_down[name].to_numpy()[period, row, col]
    width, height = grid.resolution
    if geometry == "polygon":
        shapes = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    elif geometry == "point":
        shapes = shapely.points(x, y)
    else:
        raise InputError(f"geometry must be 'polygon' or 'point', got {geometry!r}")
    table = gpd.GeoDataFrame(columns, geometry=shapes, crs=grid.crs)
    units = {name: str(dataset[name].attrs["units"]) for name in names if "units" in dataset[name].attrs}
    told = {name: dataset.attrs[name] for name in ("title", "product", "altiflow_version") if name in dataset.attrs}
    table.attrs["altiflow"] = told | {"grid": describe_grid(grid), "units": units | {"x": "m", "y": "m"}}
    return table


def write_cells(
    dataset: xr.Dataset,
    path: str | Path,
    *,
    geometry: Literal["polygon", "point"] = "polygon",
    variables: Sequence[str] | None = None,
) -> Path:
    """Write the filled cells of a gridded Dataset for GIS and return the path; see :func:`cell_table`.

    ``.parquet`` (GeoParquet 1.1), ``.gpkg`` or ``.fgb``; the file appears whole or not at all.

    Raises
    ------
    InputError
        If a variable is not on the grid, or the suffix is not known.
    EmptyDataError
        If no cell is filled.
    """
    table = cell_table(dataset, geometry=geometry, variables=variables)
    if len(table) == 0:
        raise EmptyDataError(f"no cell is filled, so {Path(path).name} is not written")
    return write_table(table, path)


def write_sparse(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write the filled cells of a gridded Dataset as Parquet and return the path; :func:`read_sparse` reads it.

    One row per period and cell: ``time_start``, ``time_end``, ``row``, ``col`` and the variables on (time, y, x);
    the footer (``altiflow_cells``, JSON) holds the grid, the periods, the empty ones too, and all attributes of the
    Dataset and its variables; those of coordinates are made anew.

    Raises
    ------
    InputError
        If the Dataset has variables with other dimensions: they do not fit into a table of cells.
    """
    names = _names(dataset, None)
    others = [str(name) for name in dataset.data_vars if name not in (*names, "crs")]
    if others:
        raise InputError(
            f"{', '.join(others)} cannot go into a sparse table of cells; drop them first, or write NetCDF"
        )
    grid = Grid.from_dataset(dataset)
    period, row, col = _filled(dataset, names)
    top_down = dataset.sortby("y", ascending=False)
    columns: dict[str, Any] = {
        **_times(dataset, period),
        "period": period.astype(np.int32),
        "row": row.astype(np.int32),
        "col": col.astype(np.int32),
    }
    columns |= {name: top_down[name].to_numpy()[period, row, col] for name in names}
    bounds = dataset["time_bnds"].to_numpy().astype("datetime64[ns]")
    head = {
        "format": _FORMAT,
        "upward": bool(dataset["y"][0] < dataset["y"][-1]),
        "grid": describe_grid(grid),
        "periods": bounds.view(np.int64).tolist(),
        "attributes": dataset.attrs,
        "variables": {name: {"attributes": dataset[name].attrs, "dtype": str(dataset[name].dtype)} for name in names},
    }
    text = json.dumps(head, default=_plain).encode()
    table = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False).replace_schema_metadata({_KEY: text})
    with whole_file(path) as part:
        pq.write_table(table, part, compression="zstd")
    return Path(path)


def read_sparse(path: str | Path) -> xr.Dataset:
    """Return the gridded Dataset that :func:`write_sparse` wrote, its empty cells in their places.

    Raises
    ------
    InputError
        If there is no such file.
    UnsupportedFormatError
        If it is no sparse table of cells.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"there is no file {source}")
    try:
        table = pq.read_table(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnsupportedFormatError(f"{source.name} is not a Parquet file: {error}") from error
    told = (table.schema.metadata or {}).get(_KEY)
    if told is None:
        raise UnsupportedFormatError(f"{source.name} is no sparse table of cells; write_sparse makes them")
    head = json.loads(told)
    if head.get("format") != _FORMAT:
        raise UnsupportedFormatError(f"{source.name} has cell format {head.get('format')}, known is {_FORMAT}")
    bounds = np.array(head["periods"], np.int64).reshape(-1, 2).view("datetime64[ns]")
    dataset = make_frame(restore_grid(head["grid"]), bounds)
    dataset.attrs = head["attributes"]
    place = tuple(table[name].to_numpy() for name in ("period", "row", "col"))
    shape = tuple(dataset.sizes[name] for name in ("time", "y", "x"))
    for name, known in head["variables"].items():
        kind = np.dtype(known["dtype"])
        empty: Any = np.datetime64("NaT", "ns") if kind.kind == "M" else np.nan if kind.kind == "f" else 0
        dense = np.full(shape, empty, kind)
        dense[place] = table[name].to_numpy().astype(kind)
        dataset[name] = (("time", "y", "x"), dense, known["attributes"])
    return dataset.sortby("y") if head["upward"] else dataset


def is_sparse(path: str | Path) -> bool:
    """Return whether a file is a sparse table of cells; its data are not read."""
    try:
        return _KEY in (pq.read_schema(path).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return False


def _names(dataset: xr.Dataset, variables: Sequence[str] | None) -> list[str]:
    """Return the names of variables on (time, y, x)."""
    known = [str(name) for name, found in dataset.data_vars.items() if tuple(found.dims) == ("time", "y", "x")]
    absent = [name for name in variables or () if name not in known]
    if absent:
        raise InputError(f"{', '.join(absent)} is no variable on the grid; there are {', '.join(known)}")
    return known if variables is None else list(variables)


def _filled(dataset: xr.Dataset, names: Sequence[str]) -> tuple[npt.NDArray[np.int64], ...]:
    """Return period, row and column, from the top left, of the filled cells."""
    top_down = dataset.sortby("y", ascending=False)
    held = np.zeros([dataset.sizes[name] for name in ("time", "y", "x")], bool)
    for name in names:
        values = top_down[name].to_numpy()
        held |= ~_empty(values)
    return np.nonzero(held)


def _empty(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where an array has nothing: NaN, NaT, a count of 0."""
    if values.dtype.kind == "M":
        return np.asarray(np.isnat(values))
    return np.asarray(np.isnan(values) if values.dtype.kind == "f" else values == 0)


def _times(dataset: xr.Dataset, period: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Return start and end of the period of each cell."""
    bounds = dataset["time_bnds"].to_numpy().astype("datetime64[us]")
    zoned = {name: pd.DatetimeIndex(bounds[:, side]).tz_localize("UTC") for side, name in enumerate(_EDGES)}
    return {name: times[period] for name, times in zoned.items()}


_EDGES = ("time_start", "time_end")


def _plain(value: Any) -> Any:
    """Return a NumPy number as JSON has it."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"an attribute of type {type(value).__name__} cannot be kept in a sparse table of cells")
