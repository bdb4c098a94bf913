"""Tables as NetCDF-4: points of CF, a variable per column, that come back to the bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.readers.datasets.text import told_by_columns

__all__ = ["is_point_table", "read_points_netcdf", "write_points_netcdf"]

_ROW = "row"
_HEAD = "altiflow_table"
_PLACES = {"longitude": "degrees_east", "latitude": "degrees_north"}
_MEANINGS = 20_000
"""Longest list of words that is told as flag meanings [characters]; an attribute of HDF5 has 64 kB."""
_NO_NUMBER = np.iinfo(np.int64).min


def write_points_netcdf(table: gpd.GeoDataFrame, path: Path) -> None:
    """Write a table of points as NetCDF-4 with the conventions of CF 1.11 (feature type "point").

    Words of which there are few are flags with meanings; times are whole numbers of their own unit since 1970. Points
    that columns longitude and latitude do not tell have variables geometry_x and geometry_y.

    Raises
    ------
    InputError
        If it holds anything but points, or a column neither of numbers, times, truths nor text.
    """
    if not (table.geom_type.dropna() == "Point").all():
        raise InputError("NetCDF holds points, and the table has other shapes; write it as .parquet or .gpkg")
    plain = pd.DataFrame(table.drop(columns=table.geometry.name)).reset_index(drop=True)
    placed, told = told_by_columns(table), table.attrs.get("altiflow", {})
    variables = {str(name): _encoded(plain[name], told.get("units", {}).get(name)) for name in plain}
    places = list(_PLACES) if placed else ["geometry_x", "geometry_y"]
    if not placed:
        for name, axis, values in zip(places, "xy", (table.geometry.x, table.geometry.y), strict=True):
            variables[name] = xr.Variable(_ROW, values.to_numpy(float), _axis(table, axis))
    for name in places if placed else ():
        variables[name].attrs |= {"standard_name": name, "units": _PLACES[name]}
    times = [str(name) for name in plain if variables[str(name)].attrs.get("standard_name") == "time"]
    for name, variable in variables.items():
        if name not in (*places, *times):
            variable.attrs |= {"coordinates": " ".join([*times[:1], *places]), "grid_mapping": "crs"}
    head = {
        "columns": {str(name): str(plain[name].dtype) for name in plain},
        "geometry": {"name": table.geometry.name, "places": places},
        "crs": table.crs.to_string(),
    }
    dataset = xr.Dataset({**variables, "crs": ((), np.int32(0), table.crs.to_cf())})
    dataset.attrs = {"Conventions": "CF-1.11", "featureType": "point", _HEAD: json.dumps(head)}
    dataset.attrs["altiflow"] = json.dumps(told, sort_keys=True)
    packed = {"zlib": True, "complevel": 4, "shuffle": True}
    encoding = {name: packed for name, each in variables.items() if each.size and each.dtype.kind != "O"}
    dataset.to_netcdf(path, engine="h5netcdf", encoding=encoding)


def is_point_table(path: Path) -> bool:
    """Return whether a NetCDF file holds a table."""
    try:
        with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as opened:
            return _HEAD in opened.attrs
    except (OSError, ValueError):
        return False


def read_points_netcdf(path: Path, columns: list[str] | None = None) -> gpd.GeoDataFrame:
    """Return a table that :func:`write_points_netcdf` wrote, to the bit; text that is missing comes back as None.

    Raises
    ------
    InputError
        If it lacks a column.
    UnsupportedFormatError
        If it is no such file.
    """
    try:
        with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as opened:
            head: dict[str, Any] = json.loads(opened.attrs[_HEAD])
            there, name = head["columns"], head["geometry"]["name"]
            wanted = (
                list(there) if columns is None else [column for column in dict.fromkeys(columns) if column in there]
            )
            found = {column: _decoded(opened[column], there[column]) for column in wanted}
            x, y = (opened[place].to_numpy().astype(float) for place in head["geometry"]["places"])
            shapes: Any = np.where(np.isnan(x) | np.isnan(y), None, shapely.points(x, y))
            told = json.loads(opened.attrs["altiflow"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnsupportedFormatError(f"{path.name} is not a table that write_table wrote: {error}") from error
    absent = [column for column in columns or () if column not in (*there, name)]
    if absent:
        raise InputError(f"{path.name} has no column {', '.join(absent)}; it has {', '.join([*there, name])}")
    table = gpd.GeoDataFrame(pd.DataFrame(found).assign(**{name: shapes}), geometry=name).set_crs(head["crs"])
    table.attrs["altiflow"] = told
    return table


def _axis(table: gpd.GeoDataFrame, axis: str) -> dict[str, str]:
    """Return the attributes of coordinates of points."""
    if table.crs.is_geographic:
        name = {"x": "longitude", "y": "latitude"}[axis]
        return {"standard_name": name, "units": _PLACES[name]}
    return {"standard_name": f"projection_{axis}_coordinate", "units": "m"}


def _encoded(column: pd.Series, unit: str | None) -> xr.Variable:
    """Return a column as a variable of numbers, or of text of which there are many words."""
    dtype: Any = column.dtype
    attributes: dict[str, Any] = {} if unit is None else {"units": unit}
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu":
        fill = {"_FillValue": dtype.type(np.nan)} if dtype.kind == "f" else {}
        return xr.Variable(_ROW, column.to_numpy(), attributes | fill)
    if dtype in (bool, "boolean"):
        flags = column.astype("Int8").fillna(-1).to_numpy(np.int8)
        told = {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "false true", "_FillValue": np.int8(-1)}
        return xr.Variable(_ROW, flags, told)
    if dtype.kind == "M":
        plain: Any = column.dt.tz_convert(None) if getattr(dtype, "tz", None) is not None else column
        step = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[plain.dt.unit]
        told = {"standard_name": "time", "units": f"{step} since 1970-01-01", "calendar": "standard"}
        return xr.Variable(_ROW, plain.to_numpy().astype(np.int64), told | {"_FillValue": np.int64(_NO_NUMBER)})
    if pd.api.types.is_integer_dtype(dtype):
        numbers = column.astype("Int64").fillna(_NO_NUMBER).to_numpy(np.int64)
        return xr.Variable(_ROW, numbers, attributes | {"_FillValue": np.int64(_NO_NUMBER)})
    if pd.api.types.is_float_dtype(dtype):
        return xr.Variable(_ROW, column.to_numpy(float, na_value=np.nan), attributes | {"_FillValue": np.nan})
    return _encoded_text(column)


def _encoded_text(column: pd.Series) -> xr.Variable:
    """Return words as flags with meanings where these are few and have no blanks, else as they are."""
    codes, words = pd.factorize(column.astype(object))
    if not all(isinstance(word, str) for word in words):
        raise InputError(
            f"column {column.name} ({column.dtype}) is neither numbers nor text; convert it, or leave it out"
        )
    texts = list(words)
    meanings = " ".join(texts)
    if texts and len(meanings) <= _MEANINGS and meanings.split() == texts:
        values = np.arange(len(texts), dtype=np.int32)
        told = {"flag_values": values, "flag_meanings": meanings, "_FillValue": np.int32(-1)}
        return xr.Variable(_ROW, codes.astype(np.int32), told)
    # A missing word is told apart from an empty one by a character that no text begins with.
    known = column.notna().to_numpy()
    return xr.Variable(_ROW, np.where(known, column.astype(object).astype(str), "\x7f").astype(object))


def _decoded(variable: xr.DataArray, dtype: Any) -> Any:
    """Return a column in its own type."""
    values = variable.to_numpy()
    if dtype in ("object", "str", "string", "category"):
        if "flag_meanings" in variable.attrs:
            words = np.array([*variable.attrs["flag_meanings"].split(), None], object)
            return pd.Series(words[values]).astype(dtype)
        texts = [text.decode() if isinstance(text, bytes) else str(text) for text in values]
        return pd.Series([None if text == "\x7f" else text for text in texts], dtype=object).astype(dtype)
    if dtype.startswith("datetime64["):
        unit = dtype[len("datetime64[") :].rstrip("]").partition(",")[0]
        moments = pd.Series(values.view(f"M8[{unit}]"))
        return moments.dt.tz_localize("UTC").astype(dtype) if "," in dtype else moments
    if dtype == "bool" or dtype.startswith(("float", "int", "uint")):
        return values.astype(dtype)
    missing = values == variable.attrs["_FillValue"] if values.dtype.kind in "iu" else np.isnan(values)
    return pd.array(
        [None if gone else value for gone, value in zip(missing, values.tolist(), strict=True)], dtype=dtype
    )
