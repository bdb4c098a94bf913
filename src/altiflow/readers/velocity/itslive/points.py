"""Time series of ITS_LIVE image pairs at a point, as its widget and clients hand them out in CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import xarray as xr

from altiflow.errors import CorruptGranuleError, EmptyDataError, InputError, MissingDataError
from altiflow.readers.field import check_series, crs_text
from altiflow.readers.layers import LAYER_COORDS
from altiflow.readers.velocity.formats.netcdf import choose_crs

__all__ = ["read_point_series"]

_UNIT = "[m/yr]"
_INVALID = 32_766.0
"""Speeds from here on are fill: the integers end at 32767."""

_YEAR_DAYS = 365.0
"""Length of the year behind the image pairs: autoRIFT divides by days and multiplies by 365."""

_MISSIONS = {"L": "landsat", "S1": "sentinel1", "S2": "sentinel2"}


def read_point_series(path: str | Path, crs: object = None) -> xr.Dataset:
    """Return the image pairs of a CSV of one point as a series of velocities, in the order of the file.

    Parameters
    ----------
    path
        CSV with ``mid_date, lat, lon, v, vx, vy [m/yr], date_dt [days]`` and more.
    crs
        CRS of the components where the file has no column ``epsg``; anything pyproj takes. None is ever guessed.

    Returns
    -------
    xarray.Dataset
        vx, vy, vx_sigma, vy_sigma [m yr-1, 365 days] on (time, point), one point, at x, y [m, `crs`] with lon and
        lat, and what is known of each pair: days between the images, satellite, mission. The interval is the
        middle date, to the second, with half of ``date_dt`` on either side. The file carries the microseconds that
        ITS_LIVE adds to tell pairs apart, less than a second, and whole days of separation, so bounds are good to
        half a day. A row with a speed of 32766 or more, or a component that is none, is NaN;
        ``attrs["invalid_rows"]`` counts these. The metric, map, is assumed.

    Raises
    ------
    InputError
        If there is no such file, it holds several points, or a CRS is needed or contradicts the file.
    MissingDataError
        If it has no components (a speed alone has no direction), dates or place.
    CorruptGranuleError
        If a column cannot be read.
    EmptyDataError
        If it has no row.
    """
    place = Path(path)
    table = _read_table(place)
    x, y, lon, lat, text = _find_place(table, crs, place)
    middle, days = _read_dates(table, place)
    half = (days * 43_200).round().astype("timedelta64[s]").astype("timedelta64[ns]")
    vx, vy, invalid = _read_components(table, place)
    variables = {"vx": vx, "vy": vy}
    for name in ("vx", "vy"):
        column = f"{name}_error {_UNIT}"
        if column in table:
            sigma = _numbers(table, column, place)
            variables[f"{name}_sigma"] = np.where(invalid | ~(sigma >= 0), np.nan, sigma)
    series = xr.Dataset(
        {name: (("time", "point"), values[:, None], {"units": "m yr-1"}) for name, values in variables.items()},
        coords={
            "time": ("time", middle),
            "time_bnds": (("time", "nv"), np.stack([middle - half, middle + half], axis=1)),
            "x": ("point", [x], {"units": "m", "standard_name": "projection_x_coordinate"}),
            "y": ("point", [y], {"units": "m", "standard_name": "projection_y_coordinate"}),
            "lon": ("point", [lon], {"units": "degrees_east"}),
            "lat": ("point", [lat], {"units": "degrees_north"}),
            **_layer_coords(table, days),
        },
        attrs={
            "crs": text,
            "units": "m yr-1",
            "year_days": _YEAR_DAYS,
            "velocity_metric": "map",
            "metric_source": "assumed",
            "velocity_kind": "velocity",
            "time_rule": "interval_mean",
            "source": f"ITS_LIVE points {place.name}",
            "invalid_rows": int(invalid.sum()),
        },
    )
    return check_series(series)


def _read_table(path: Path) -> pd.DataFrame:
    """Return the rows, columns without the blanks around their names, if they hold what a series needs."""
    if not path.is_file():
        raise InputError(f"there is no file {path}; give the CSV of a point")
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CorruptGranuleError(f"{path.name} cannot be read as CSV: {error}") from error
    table = table.rename(columns=lambda name: str(name).strip())
    wanted = ("mid_date", f"vx {_UNIT}", f"vy {_UNIT}", "lat", "lon", "date_dt [days]")
    lacking = [name for name in wanted if name not in table]
    if {f"vx {_UNIT}", f"vy {_UNIT}"} & set(lacking):
        raise MissingDataError(
            f"{path.name} has no components vx and vy (it holds {', '.join(table.columns)}); a speed has no direction "
            "and its mean is biased: export the point with its components"
        )
    if lacking:
        raise MissingDataError(f"{path.name} lacks the columns {', '.join(lacking)}; export the point with them")
    if table.empty:
        raise EmptyDataError(f"{path.name} has no row")
    return table


def _numbers(table: pd.DataFrame, column: str, path: Path) -> npt.NDArray[np.float64]:
    """Return a column as floats."""
    try:
        return np.asarray(pd.to_numeric(table[column]), dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise CorruptGranuleError(f"column {column!r} of {path.name} is no number: {error}") from error


def _find_place(table: pd.DataFrame, crs: object, path: Path) -> tuple[float, float, float, float, str]:
    """Return x, y [m], lon, lat of the one point, and its CRS."""
    columns = [name for name in ("lat", "lon", "epsg") if name in table]
    places = table[columns].drop_duplicates()
    if len(places) != 1:
        raise InputError(
            f"{path.name} holds {len(places)} points (by {', '.join(columns)}); write each to its own file"
        )
    stated = pyproj.CRS.from_epsg(int(places["epsg"].iloc[0])) if "epsg" in places else None
    found = choose_crs(stated, crs, path)
    lon, lat = (float(_numbers(places, name, path)[0]) for name in ("lon", "lat"))
    x, y = pyproj.Transformer.from_crs(4326, found, always_xy=True).transform(lon, lat)
    return float(x), float(y), lon, lat, crs_text(found)


def _read_dates(table: pd.DataFrame, path: Path) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.float64]]:
    """Return the middle of each pair to the second, and the days between its images."""
    try:
        moments = pd.to_datetime(table["mid_date"], utc=True, format="ISO8601").dt.tz_localize(None)
    except (ValueError, TypeError) as error:
        raise CorruptGranuleError(f"column 'mid_date' of {path.name} cannot be read: {error}") from error
    days = _numbers(table, "date_dt [days]", path)
    middle = np.asarray(moments.dt.floor("s").to_numpy(), dtype="datetime64[ns]")
    if np.isnat(middle).any() or not (np.isfinite(days) & (days > 0)).all():
        raise CorruptGranuleError(f"{path.name} has rows without mid_date or with a separation that is none")
    return middle, days


def _read_components(
    table: pd.DataFrame, path: Path
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return vx and vy [m/yr], NaN in invalid rows, and which those are."""
    vx, vy = (_numbers(table, f"{name} {_UNIT}", path) for name in ("vx", "vy"))
    speed = _numbers(table, f"v {_UNIT}", path) if f"v {_UNIT}" in table else np.zeros(vx.size)
    with np.errstate(invalid="ignore"):
        invalid = (np.abs(speed) >= _INVALID) | ~(np.maximum(np.abs(vx), np.abs(vy)) < _INVALID)
    return np.where(invalid, np.nan, vx), np.where(invalid, np.nan, vy), invalid


def _layer_coords(table: pd.DataFrame, days: npt.NDArray[np.float64]) -> dict[str, xr.Variable]:
    """Return what is known of each pair as coordinates (time,)."""
    known: dict[str, Any] = {"separation_days": days}
    if {"mission", "satellite"} <= set(table.columns):
        letters, numbers = (table[name].astype(str).str.strip() for name in ("mission", "satellite"))
        satellites = letters + numbers
        known["satellite"] = satellites.to_numpy(dtype=str)
        known["mission"] = np.array([_mission(name) for name in satellites], dtype=str)
    return {
        name: xr.Variable(("time",), values, {"long_name": LAYER_COORDS[name][2], "units": LAYER_COORDS[name][1]})
        for name, values in known.items()
    }


def _mission(satellite: str) -> str:
    """Return the mission of a satellite such as L8 or S1A."""
    return next((name for start, name in _MISSIONS.items() if satellite.startswith(start)), satellite)
