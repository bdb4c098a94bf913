"""The catalogue: one row per granule, its columns, and the check that a table is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import InputError
from altiflow.readers.catalogue.column import CATALOGUE_COLUMNS

__all__ = ["CATALOGUE_COLUMNS", "Orientation", "build_catalogue", "check_catalogue", "type_columns"]

Orientation = Literal["unknown", "forward", "backward", "transition"]


_TIMES = ("start", "end")


def build_catalogue(rows: Iterable[Mapping[str, Any]], told: Mapping[str, Any] | None = None) -> gpd.GeoDataFrame:
    """Return rows as a catalogue sorted by start and granule; what a row does not tell is missing.

    Parameters
    ----------
    rows
        Columns of ``CATALOGUE_COLUMNS``, granule and product at least; times as ISO 8601 text (UTC) or datetimes.
    told
        What is kept in ``attrs["altiflow"]``.

    Examples
    --------
    >>> table = build_catalogue([{"granule": "b", "product": "ATL10"}, {"granule": "a", "product": "ATL10"}])
    >>> table["granule"].tolist(), table["orientation"].unique().tolist(), table["start"].notna().sum().item()
    (['a', 'b'], ['unknown'], 0)
    """
    given = [dict(row) for row in rows]
    geometry = np.array([row.pop("geometry", None) for row in given] + [None], dtype=object)[:-1]
    frame = pd.DataFrame(given, columns=[name for name in CATALOGUE_COLUMNS if name != "geometry"])
    return type_columns(frame, geometry, told)


def type_columns(
    frame: pd.DataFrame, geometry: npt.ArrayLike, told: Mapping[str, Any] | None = None
) -> gpd.GeoDataFrame:
    """Return columns without a type as a catalogue; see :func:`build_catalogue`."""
    columns: dict[str, pd.Series] = {}
    for name, column in CATALOGUE_COLUMNS.items():
        if column.dtype == "str":
            columns[name] = _as_text(frame[name])
        elif name in _TIMES:
            columns[name] = _as_times(frame[name])
        elif name != "geometry":
            dtype: Any = column.dtype
            columns[name] = frame[name].astype(dtype)
    columns["orientation"] = columns["orientation"].where(columns["orientation"].notna(), "unknown")
    table = gpd.GeoDataFrame(columns, geometry=geometry, crs="EPSG:4326")
    table = table.sort_values(["start", "granule"], kind="stable", ignore_index=True)
    table.attrs["altiflow"] = dict(told or {})
    return table


def _as_times(values: pd.Series) -> pd.Series:
    """Return moments, UTC and naive."""
    moments = pd.to_datetime(values, utc=True, format="ISO8601")
    return moments.dt.tz_localize(None).astype("datetime64[us]")


def _as_text(values: pd.Series) -> pd.Series:
    """Return text, None where it is missing."""
    absent = values.isna().to_numpy(bool)
    items = [None if none else str(value) for none, value in zip(absent, values, strict=True)]
    return pd.Series(items, index=values.index, dtype=_text_type())


def _text_type() -> Any:
    """Return the type in which pandas keeps text: older versions have none of its own that keeps None."""
    return "str" if int(pd.__version__.split(".")[0]) >= 3 else object


def check_catalogue(table: Any, argument: str = "catalogue") -> gpd.GeoDataFrame:
    """Return `table` itself if it is a catalogue.

    Raises
    ------
    InputError
        If it is no GeoDataFrame in EPSG:4326, or lacks a column.

    Examples
    --------
    >>> check_catalogue(build_catalogue([]).drop(columns="cycle"))
    Traceback (most recent call last):
    altiflow.errors.InputError: catalogue lacks the column cycle; search_granules and as_catalogue make one
    """
    if not isinstance(table, gpd.GeoDataFrame):
        raise InputError(f"{argument} is a GeoDataFrame, got a {type(table).__name__}; as_catalogue makes one")
    lacking = [name for name in CATALOGUE_COLUMNS if name not in table.columns]
    if lacking:
        raise InputError(f"{argument} lacks the column {', '.join(lacking)}; search_granules and as_catalogue make one")
    if table.crs is None or table.crs.to_epsg() != 4326:
        raise InputError(f"{argument} has footprints in {table.crs}, not EPSG:4326; use table.to_crs(4326)")
    return table
