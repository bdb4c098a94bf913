"""Passes: a table of heights as tracks that are flown once, each a line of points with a height, on a map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from altiflow.errors import EmptyDataError, InputError
from altiflow.fusion.fields.layers import table_points
from altiflow.fusion.lines.tracks import ground_tangent, track_tangent
from altiflow.fusion.trajectories.motion import EPOCH
from altiflow.gridding.vectors import apply_matrix, from_east_north, metric_matrix

__all__ = ["Epoch", "Heights", "Pass", "heights_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_NEEDED = ("granule", "beam", "time", "height")
_ALONG, _ACROSS = "dh_fit_dx", "dh_fit_dy"
_EAST, _NORTH = "slope_east", "slope_north"


@dataclass(frozen=True)
class Pass:
    """One track, flown once.

    Attributes
    ----------
    points
        Positions in the heights (n,), in order of flight.
    tree
        Of their places on the map.
    """

    points: Ints
    tree: Any


@dataclass(frozen=True)
class Epoch:
    """Passes of one granule and cycle: taken at once.

    Attributes
    ----------
    seconds
        Its middle [s since 2000].
    points
        Positions in the heights (n,).
    passes
        The tracks.
    """

    seconds: float
    points: Ints
    passes: tuple[Pass, ...]


@dataclass(frozen=True)
class Heights:
    """Heights on a map.

    Attributes
    ----------
    crs
        Projected CRS of the places.
    row
        Positions in the table (n,).
    place
        x and y (2, n) [m].
    seconds
        Moments (n,) [s since 2000].
    height, sigma
        With their standard error (n,) [m]; NaN where the table has none.
    gradient
        Slope of the surface (2, n) along the axes of the map, per metre of ground; NaN where the table has none.
    to_ground
        Matrices (n, 2, 2) that turn steps on the map into steps on the ground.
    epochs
        In order of time.
    unusable
        Rows of the table without a place, a time or a height.
    """

    crs: str
    row: Ints
    place: Floats
    seconds: Floats
    height: Floats
    sigma: Floats
    gradient: Floats
    to_ground: Floats
    epochs: tuple[Epoch, ...]
    unusable: int

    @cached_property
    def stretch(self) -> float:
        """Most metres of map that a metre of ground takes."""
        return float(1.0 / np.linalg.svd(self.to_ground, compute_uv=False).min())

    def ground(self, steps: Floats, at: Ints) -> Floats:
        """Return steps on the map (2, n) [m] at points (n,) as steps on the ground [m]."""
        return np.stack(apply_matrix(self.to_ground[at], steps[0], steps[1]))


def heights_of(table: gpd.GeoDataFrame, crs: Any = None) -> Heights:
    """Return the heights of a table on a map.

    Parameters
    ----------
    table
        Columns ``granule, beam, time, height``, and where there are any ``cycle``, ``height_sigma``, ``x_atc`` and the
        slope: ``dh_fit_dx, dh_fit_dy`` along the track and to its left, or ``slope_east, slope_north``.
    crs
        Projected CRS in metres; None: polar stereographic of the hemisphere, EPSG:3413 or 3031.

    Raises
    ------
    InputError
        If the table lacks a column or a CRS, or lies in both hemispheres and `crs` is None.
    EmptyDataError
        If not one row has a place, a time and a height.
    """
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise InputError(
            f"the table has no column {', '.join(missing)}; height change takes tables of ATL06 or ATL11 as "
            "read_segments returns them"
        )
    chosen = _hemisphere(table) if crs is None else str(crs)
    x, y, times = table_points(table, chosen)
    height = table["height"].to_numpy(float)
    known = np.isfinite(x) & np.isfinite(y) & ~np.isnat(times) & np.isfinite(height)
    row = np.flatnonzero(known)
    if row.size == 0:
        raise EmptyDataError(f"not one of {len(table)} rows has a place, a time and a height")
    rows = table.iloc[row]
    place = np.stack([x[row], y[row]])
    seconds = np.asarray((times[row] - EPOCH) / np.timedelta64(1, "s"), float)
    return Heights(
        crs=chosen,
        row=row,
        place=place,
        seconds=seconds,
        height=height[row],
        sigma=rows["height_sigma"].to_numpy(float) if "height_sigma" in rows else np.full(row.size, np.nan),
        gradient=_gradient(rows, place, chosen),
        to_ground=np.asarray(np.linalg.inv(metric_matrix(chosen, place[0], place[1])), float),
        epochs=_epochs(rows, place, seconds),
        unusable=int((~known).sum()),
    )


def _hemisphere(table: gpd.GeoDataFrame) -> str:
    """Return the polar stereographic map of the hemisphere of a table."""
    if table.crs is None:
        raise InputError("the table must be a GeoDataFrame with a CRS; try table.set_crs('EPSG:4326')")
    latitude = table.geometry.to_crs("EPSG:4326").y.to_numpy()
    north, south = bool((latitude > 0).any()), bool((latitude < 0).any())
    if north and south:
        raise InputError("the table lies in both hemispheres; take them one by one: table[table.latitude > 0]")
    return "EPSG:3031" if south else "EPSG:3413"


def _flight_order(rows: pd.DataFrame) -> npt.NDArray[np.generic]:
    """Return what puts the points of a pass in order (n,)."""
    return rows["x_atc" if "x_atc" in rows else "time"].to_numpy()


def _tracks(rows: pd.DataFrame) -> tuple[Ints, Ints]:
    """Return the numbers of epoch and pass of rows, each (n,)."""
    together = ["granule", *(["cycle"] if "cycle" in rows else [])]
    return tuple(  # type: ignore[return-value]
        rows.groupby(keys, observed=True, sort=True).ngroup().to_numpy().astype(np.intp)
        for keys in (together, [*together, "beam"])
    )


def _epochs(rows: pd.DataFrame, place: Floats, seconds: Floats) -> tuple[Epoch, ...]:
    """Return the epochs in order of time."""
    epoch, track = _tracks(rows)
    order = np.lexsort((_flight_order(rows), track))
    found = []
    for number in range(int(epoch.max()) + 1):
        points = np.flatnonzero(epoch == number)
        mine = order[epoch[order] == number]
        parts = np.split(mine, np.flatnonzero(np.diff(track[mine])) + 1)
        passes = tuple(Pass(part, scipy.spatial.cKDTree(place[:, part].T)) for part in parts)
        found.append(Epoch(float(np.median(seconds[points])), points, passes))
    return tuple(sorted(found, key=lambda item: item.seconds))


def _gradient(rows: pd.DataFrame, place: Floats, crs: str) -> Floats:
    """Return the slope of the surface (2, n) along the axes of the map, per metre of ground."""
    x, y = place
    if {_EAST, _NORTH} <= set(rows):
        east, north = (rows[name].to_numpy(float) for name in (_EAST, _NORTH))
        return np.stack(from_east_north(east, north, x, y, crs=crs, metric="ground"))
    if not {_ALONG, _ACROSS} <= set(rows):
        return np.full(place.shape, np.nan)
    tangent = track_tangent(x, y, _tracks(rows)[1], order=_flight_order(rows))
    t_x, t_y = ground_tangent(tangent, x, y, crs).T
    along, left = (rows[name].to_numpy(float) for name in (_ALONG, _ACROSS))
    return np.stack([along * t_x - left * t_y, along * t_y + left * t_x])
