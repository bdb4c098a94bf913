"""Seeds: where and when lines begin, and how long a step of time is."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from altiflow.errors import InputError
from altiflow.fusion.trajectories.motion import EPOCH

__all__ = ["Seeds", "as_moments", "as_seconds", "as_seeds", "moments_of", "seconds_of"]

Floats = npt.NDArray[np.float64]

Seeds = gpd.GeoDataFrame | gpd.GeoSeries | npt.ArrayLike
"""Points with a CRS, or map coordinates (n, 2) [m] in the CRS of the field."""


def as_seeds(seeds: Any, crs: str) -> tuple[Floats, Floats]:
    """Return x, y (n,) [m] in `crs` of seeds.

    Raises
    ------
    InputError
        If they are not points, have no CRS, or are none.
    """
    if isinstance(seeds, gpd.GeoDataFrame | gpd.GeoSeries):
        points = seeds.geometry.to_numpy()
        if seeds.crs is None or not (shapely.get_type_id(points) == 0).all():
            raise InputError("seeds must be points with a CRS; try seeds.set_crs('EPSG:4326'), or seeds.centroid")
        there = pyproj.Transformer.from_crs(seeds.crs, crs, always_xy=True)
        x, y = there.transform(shapely.get_x(points), shapely.get_y(points))
    else:
        places = np.asarray(seeds, float)
        if places.ndim != 2 or places.shape[1] != 2:
            raise InputError(f"seeds are points with a CRS, or (n, 2) map coordinates [m], got shape {places.shape}")
        x, y = places.T
    if np.size(x) == 0:
        raise InputError("seeds are none, so there is nothing to follow; give at least one point")
    return np.array(x, float), np.array(y, float)


def as_moments(times: Any, size: int, name: str) -> Floats:
    """Return moments (size,) [s since 2000] of a date or as many as there are seeds.

    Raises
    ------
    InputError
        If they are not dates, not known, or another number.
    """
    try:
        dates = np.asarray(times).astype("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold dates (UTC, without a time zone), got {times!r}") from error
    if dates.ndim > 1 or dates.size not in (1, size) or np.isnat(dates).any():
        raise InputError(f"{name} must be one date or one for each of {size} seeds, none missing; got {dates.shape}")
    seconds = (dates - EPOCH) / np.timedelta64(1, "s")
    return np.array(np.broadcast_to(seconds, (size,)), float)


def seconds_of(times: npt.NDArray[np.datetime64]) -> Floats:
    """Return moments [s since 2000] of dates; NaN where not known."""
    seconds = (times.astype("datetime64[ns]") - EPOCH) / np.timedelta64(1, "s")
    return np.asarray(seconds, float)


def moments_of(seconds: Floats) -> npt.NDArray[np.datetime64]:
    """Return dates of moments [s since 2000], to the microsecond; NaT where not known."""
    known = np.isfinite(seconds)
    micro = np.rint(np.where(known, seconds, 0.0) * 1e6).astype("timedelta64[us]")
    return np.where(known, EPOCH + micro, np.datetime64("NaT")).astype("datetime64[ns]")


def as_seconds(duration: Any, name: str) -> float:
    """Return a length of time [s], such as "1D", "6h" or a timedelta.

    Raises
    ------
    InputError
        If it is none, or not positive.
    """
    try:
        seconds = float(pd.Timedelta(duration).total_seconds())
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is a length of time such as '1D' or '6h', got {duration!r}") from error
    if isinstance(duration, int | float) or not seconds > 0:
        raise InputError(f"{name} is a positive length of time with its unit, such as '1D' or '6h', got {duration!r}")
    return seconds
