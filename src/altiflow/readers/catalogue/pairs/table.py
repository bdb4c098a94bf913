"""The pair catalogue: one row per image pair, its columns, and the check that a table is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from altiflow.errors import InputError
from altiflow.readers.catalogue.column import CatalogueColumn
from altiflow.readers.catalogue.pairs.naming import PairName, parse_pair_name

__all__ = ["PAIR_COLUMNS", "build_pairs", "check_pairs", "pairs_from_names", "row_of_name", "screened", "sort_pairs"]

_DAY = 86_400.0

PRODUCT = "ITS_LIVE image pairs"


_COLUMNS = (
    CatalogueColumn("granule", "str", "", "file name without extension; each stands once"),
    CatalogueColumn("url", "str", "", "where the file is: https, s3 or a path"),
    CatalogueColumn("start", "datetime64[us]", "UTC", "the earlier acquisition"),
    CatalogueColumn("end", "datetime64[us]", "UTC", "the later acquisition"),
    CatalogueColumn("mid", "datetime64[us]", "UTC", "the middle of the two; not unique"),
    CatalogueColumn("separation_days", "float64", "d", "end - start, with its fraction"),
    CatalogueColumn(
        "time_resolution", "str", "", "instant, or day where only days are known: separation_days is then whole"
    ),
    CatalogueColumn("mission", "str", "", "landsat, sentinel1, sentinel2, nisar; two joined by +; unknown"),
    CatalogueColumn(
        "satellite", "str", "", "L4 ... L9, S1A, S2B, NISAR; two joined by + in alphabetical order; unknown"
    ),
    CatalogueColumn(
        "percent_valid", "float64", "percent", "share of the ice in the scene with a velocity; NaN unknown"
    ),
    CatalogueColumn("version", "str", "", "v00, v01 or v02"),
    CatalogueColumn("epsg", "Int32", "", "code of the map projection of the granule; missing where not told"),
    CatalogueColumn(
        "geometry", "geometry", "degree", "footprint, EPSG:4326, cut at the antimeridian; missing where not told"
    ),
)

PAIR_COLUMNS: Mapping[str, CatalogueColumn] = {column.name: column for column in _COLUMNS}
"""The columns of a pair catalogue by name."""


def build_pairs(rows: Iterable[Mapping[str, Any]], *, search: Mapping[str, Any] | None = None) -> gpd.GeoDataFrame:
    """Return rows as a pair catalogue sorted by middle and granule, each granule once.

    Parameters
    ----------
    rows
        granule, url, start, end, time_resolution, mission, satellite, percent_valid, version, epsg and geometry each.
    search
        What was asked, kept in ``attrs["altiflow"]["search"]``.

    Returns
    -------
    geopandas.GeoDataFrame
        The columns of ``PAIR_COLUMNS``. ``attrs["altiflow"]`` holds the product, the search, the number of rows
        left out because their granule stood there already (``duplicates``), and the screens (none yet).
    """
    found = [dict(row) for row in rows]
    once: dict[str, dict[str, Any]] = {}
    for row in found:
        once.setdefault(row["granule"], row)
    frame = pd.DataFrame(list(once.values()), columns=[name for name in PAIR_COLUMNS if name not in _DERIVED])
    start = pd.to_datetime(frame["start"]).astype("datetime64[us]")
    end = pd.to_datetime(frame["end"]).astype("datetime64[us]")
    turned = end < start
    frame["start"], frame["end"] = start.mask(turned, end), end.mask(turned, start)
    length = frame["end"] - frame["start"]
    frame["mid"] = (frame["start"] + length // 2).astype("datetime64[us]")
    frame["separation_days"] = _in_days(length)
    geometry = gpd.GeoSeries(list(frame.pop("geometry")), crs="EPSG:4326", index=frame.index)
    types = {name: column.dtype for name, column in PAIR_COLUMNS.items() if name != "geometry"}
    table = gpd.GeoDataFrame(frame.astype(types), geometry=geometry)[list(PAIR_COLUMNS)]
    table = sort_pairs(table)
    table.attrs["altiflow"] = {
        "product": PRODUCT,
        "search": dict(search or {}),
        "duplicates": len(found) - len(once),
        "screens": {},
    }
    return table


_DERIVED = ("mid", "separation_days")


def sort_pairs(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the rows sorted by middle, then granule."""
    return table.sort_values(["mid", "granule"], kind="stable", ignore_index=True)


def pairs_from_names(names: Iterable[str]) -> gpd.GeoDataFrame:
    """Return the pair catalogue of file names, paths or URLs alone.

    Parameters
    ----------
    names
        Names, paths or URLs of ITS_LIVE image-pair granules.

    Returns
    -------
    geopandas.GeoDataFrame
        Without footprints and projections, which names do not tell; Landsat dates are whole days
        (``time_resolution`` "day").

    Raises
    ------
    InputError
        If a name is not one of a pair.

    Examples
    --------
    >>> pairs_from_names([
    ...     "LE07_L1GT_001113_20121118_20161127_01_T2_X_LE07_L1GT_232113_20121104_20161127_01_T2_G0240V01_P059.nc"
    ... ])[["start", "separation_days", "satellite", "percent_valid"]].values.tolist()
    [[Timestamp('2012-11-04 00:00:00'), 14.0, 'L7', 59.0]]
    """
    return build_pairs(row_of_name(parse_pair_name(name), str(name)) for name in names)


def row_of_name(pair: PairName, url: str) -> dict[str, Any]:
    """Return the row of a pair of which only the name is known."""
    return {
        "granule": pair.stem,
        "url": url,
        "start": pair.start,
        "end": pair.end,
        "time_resolution": pair.time_resolution,
        "mission": pair.mission,
        "satellite": pair.satellite,
        "percent_valid": pair.percent_valid,
        "version": pair.version,
        "epsg": None,
        "geometry": None,
    }


def check_pairs(table: Any) -> gpd.GeoDataFrame:
    """Return `table` itself if it is a pair catalogue.

    Raises
    ------
    InputError
        If it is no GeoDataFrame in EPSG:4326, lacks a column, has one of another type, holds a granule twice, a pair
        without times, or times that do not fit together.

    Examples
    --------
    >>> check_pairs(pairs_from_names([]).drop(columns="mid"))
    Traceback (most recent call last):
    altiflow.errors.InputError: the pair catalogue lacks the column mid; search_pairs and pairs_from_names make one
    """
    if not isinstance(table, gpd.GeoDataFrame):
        raise InputError(f"a pair catalogue is a GeoDataFrame, got a {type(table).__name__}; search_pairs makes one")
    lacking = [name for name in PAIR_COLUMNS if name not in table.columns]
    if lacking:
        raise InputError(
            f"the pair catalogue lacks the column {', '.join(lacking)}; search_pairs and pairs_from_names make one"
        )
    if table.crs is None or table.crs.to_epsg() != 4326:
        raise InputError(f"footprints of a pair catalogue are in EPSG:4326, got {table.crs}; use table.to_crs(4326)")
    for name, column in PAIR_COLUMNS.items():
        if not _fits(table[name], column.dtype):
            raise InputError(f"column {name} of the pair catalogue is {table[name].dtype}, not {column.dtype}")
    twice = table["granule"][table["granule"].duplicated()]
    if len(twice):
        raise InputError(f"the pair catalogue holds {twice.iloc[0]} twice; table.drop_duplicates('granule') keeps one")
    _check_times(table)
    return table


def _fits(values: pd.Series, dtype: str) -> bool:
    """Return whether a column has the type of the table, times of any unit."""
    if dtype == "geometry":
        return str(values.dtype) == "geometry"
    if dtype.startswith("datetime64"):
        return np.issubdtype(values.dtype, np.datetime64) if isinstance(values.dtype, np.dtype) else False
    if dtype == "str":
        return pd.api.types.is_string_dtype(values.dtype) or pd.api.types.is_object_dtype(values.dtype)
    return pd.api.types.is_integer_dtype(values.dtype) if dtype == "Int32" else values.dtype == np.dtype(dtype)


def _check_times(table: gpd.GeoDataFrame) -> None:
    """Raise unless every pair has two times in order, and middle and separation that fit them."""
    absent = table[["start", "end"]].isna().any(axis=1)
    turned = table["end"] < table["start"]
    length = table["end"] - table["start"]
    off = (table["mid"] - (table["start"] + length / 2)).abs() > pd.Timedelta(microseconds=1)
    days = _in_days(length)
    wrong = ~np.isclose(table["separation_days"], days, rtol=0.0, atol=1e-9)
    for bad, reason in (
        (absent, "has no start or no end"),
        (turned, "starts after its end"),
        (off, "has a mid that is not the middle of start and end"),
        (wrong, "has a separation_days that is not end - start"),
    ):
        if bad.any():
            raise InputError(f"pair {table['granule'][np.asarray(bad)].iloc[0]} {reason}; make the table anew")


def _in_days(length: Any) -> Any:
    """Return times as days, with their fraction."""
    return length.dt.total_seconds() / _DAY


def screened(table: gpd.GeoDataFrame, keep: Sequence[bool] | np.ndarray | pd.Series, name: str) -> gpd.GeoDataFrame:
    """Return the rows to keep, with the number of the others under `name` in ``attrs["altiflow"]["screens"]``.

    Counts of a screen that is applied again are added.
    """
    chosen = np.asarray(keep, dtype=bool)
    kept = table[chosen].reset_index(drop=True)
    told = dict(table.attrs.get("altiflow", {}))
    screens = dict(told.get("screens", {}))
    screens[name] = screens.get(name, 0) + int((~chosen).sum())
    kept.attrs = {**table.attrs, "altiflow": {**told, "screens": screens}}
    return kept
