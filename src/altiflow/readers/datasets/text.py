"""Tables as text: CSV with every digit, whose first line tells types, units, map and provenance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from altiflow.errors import InputError, UnsupportedFormatError

__all__ = ["read_text", "told_by_columns", "write_text"]

_HEAD = "# altiflow "
_PLACES = ("longitude", "latitude")


def write_text(table: gpd.GeoDataFrame, path: Path) -> None:
    """Write a table as CSV, rows and columns in their order, numbers with every digit and times in ISO 8601 (UTC).

    The first line begins with ``#`` and tells types, units, CRS and provenance as JSON; programs that skip such lines
    read the rest as it is. Points that columns longitude and latitude tell already have no column of their own;
    other geometry is WKT. What is missing is empty.
    """
    plain = pd.DataFrame(table.drop(columns=table.geometry.name)).reset_index(drop=True)
    placed = told_by_columns(table)
    told = table.attrs.get("altiflow", {})
    head = {
        "columns": {name: str(plain[name].dtype) for name in plain},
        "units": {name: unit for name, unit in told.get("units", {}).items() if name in plain},
        "crs": table.crs.to_string(),
        "geometry": None if placed else table.geometry.name,
        "altiflow": told,
    }
    columns = {str(name): _as_text(plain[name]) for name in plain}
    if not placed:
        columns[str(table.geometry.name)] = shapely.to_wkt(table.geometry.to_numpy(), rounding_precision=-1)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{_HEAD}{json.dumps(head, sort_keys=True)}\n")
        pd.DataFrame(columns).to_csv(file, index=False, lineterminator="\n")


def read_text(path: Path, columns: list[str] | None = None) -> gpd.GeoDataFrame:
    """Return a table that :func:`write_text` wrote, to the bit; text that is missing comes back as None.

    Raises
    ------
    InputError
        If it lacks a column.
    UnsupportedFormatError
        If its first line does not tell what is in it.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            line = file.readline()
            if not line.startswith(_HEAD):
                raise ValueError("its first line does not begin with '# altiflow'; read_points takes other CSV files")
            head: dict[str, Any] = json.loads(line[len(_HEAD) :])
            plain = pd.read_csv(file, dtype=str, keep_default_na=False)
        found = {name: _from_text(plain[name], head["columns"][name]) for name in plain if name in head["columns"]}
        if len(found) < len(head["columns"]):
            raise ValueError("it lacks columns that its first line tells of")
        if head["geometry"] is None:
            shapes = shapely.points(*(found[name].astype(float) for name in _PLACES))
        else:
            shapes = shapely.from_wkt([text or None for text in plain[head["geometry"]]])
        name = head["geometry"] or "geometry"
        table = gpd.GeoDataFrame(pd.DataFrame(found, index=plain.index).assign(**{name: shapes}), geometry=name)
        table = table.set_crs(head["crs"])
    except (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError) as error:
        raise UnsupportedFormatError(f"{path.name} is not a table that write_table wrote: {error}") from error
    table.attrs["altiflow"] = head["altiflow"]
    absent = [column for column in columns or () if column not in table]
    if absent:
        raise InputError(f"{path.name} has no column {', '.join(absent)}; it has {', '.join(map(str, table))}")
    return table if columns is None else table[list(dict.fromkeys([*columns, name]))]


def told_by_columns(table: gpd.GeoDataFrame) -> bool:
    """Return whether columns longitude and latitude tell the points exactly."""
    if not set(_PLACES) <= set(table) or not table.crs.is_geographic or not (table.geom_type == "Point").all():
        return False
    pairs = zip(_PLACES, (table.geometry.x, table.geometry.y), strict=True)
    return all(np.array_equal(table[name].to_numpy(float), axis.to_numpy(), equal_nan=True) for name, axis in pairs)


def _as_text(column: pd.Series) -> Any:
    """Return a column as text with every digit; pandas itself writes what is no time."""
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "Mf":
        return column
    if column.dtype.kind == "M":
        return np.where(column.isna(), "", np.datetime_as_string(column.to_numpy()))
    # The shortest digits that give the same number again.
    return np.where(column.isna(), "", column.to_numpy().astype(str))


def _from_text(column: pd.Series, dtype: Any) -> Any:
    """Return a column of text in its own type."""
    if dtype in ("object", "str", "string", "category"):
        texts = column.astype(object).where(column != "", None)
        return texts.astype(dtype)
    if dtype == "bool":
        return (column == "True").to_numpy()
    if dtype.startswith("datetime64[") and "," in dtype:
        return pd.to_datetime(column.where(column != "", None), format="ISO8601", utc=True).astype(dtype)
    if dtype.startswith(("float", "datetime64[")):
        empty = "nan" if dtype.startswith("float") else "NaT"
        values: npt.NDArray[np.str_] = column.where(column != "", empty).to_numpy(str)
        return values.astype(dtype)
    words = {"True": True, "False": False}
    numbers = [None if text == "" else words[text] if dtype == "boolean" else int(text) for text in column]
    return pd.Series(numbers, index=column.index, dtype=dtype)
