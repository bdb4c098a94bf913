"""Sections: altimetry along a flow line, by distance and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.fusion.trajectories.streams import FlowLines
from altiflow.gridding.grids.crs import (
    as_crs,
    degrees_of,
    ellipsoid_of,
    find_points,
    ground_steps,
    name_crs,
    transformer_between,
)
from altiflow.gridding.periods import Times, bin_times, make_periods
from altiflow.gridding.vectors import metric_matrix
from altiflow.version import __version__

__all__ = ["along_flow"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


def along_flow(
    table: gpd.GeoDataFrame,
    line: Any,
    *,
    value: str,
    width_m: float,
    step_m: float,
    freq: str | None = None,
    weight: str | None = "segment_length",
    crs: Any = None,
) -> xr.Dataset:
    """Return the altimetry beside a line as statistics by distance along it and time.

    Parameters
    ----------
    table
        Segments: points with a CRS, and a column ``time`` where `freq` is given.
    line
        What :func:`~altiflow.fusion.trajectories.streams.flow_lines` returned for one seed, a table of one line with a
        CRS, or a LineString with `crs`. It is straight between its vertices on its map.
    value
        Column to take statistics of.
    width_m
        Segments no further than this from the line count, on either side and on the ground [m].
    step_m
        Length of the bins along the line on the ground [m]; the last one is what is left.
    freq
        Length of the time bins, such as "D", "MS" or "YS"; None: one.
    weight
        Column of weights; None: all alike.
    crs
        CRS of a bare LineString.

    Returns
    -------
    xarray.Dataset
        On (time, distance), distance the middle of each bin along the line on the ground from its start [m]:
        ``<value>_mean``, ``<value>_std`` (Σw(h-mean)²/Σw)^½, ``n_segments``, and ``<weight>_sum`` (``length_sum`` for
        segment_length); NaN with n_segments 0 where there is nothing. ``x, y, longitude, latitude`` are those of the
        line. The attributes ``segments_used``, ``segments_far`` (from the line), ``segments_beyond_ends`` (beside
        neither end) and ``segments_left_out`` (no finite value, no positive weight, no time) add up to all rows.

    Raises
    ------
    InputError
        If a column is missing, there is no line or several, its CRS is no map, or a length is not one.
    EmptyDataError
        If no segment lies beside the line; the message says where they are.

    Notes
    -----
    A segment belongs to the nearest place on the line, at right angles to it on the map, and is as far from it as the
    geodesic to that place is long. Of a line from upstream to downstream, as flow_lines gives it, distance grows
    with the flow.

    Examples
    --------
    >>> points = gpd.points_from_xy([500.0, 1500.0, 1600.0, 2030.0], [10.0, -20.0, 0.0, 0.0])
    >>> table = gpd.GeoDataFrame({"height": [3.0, 2.0, 1.0, 9.0]}, geometry=points, crs="EPSG:3413")
    >>> found = along_flow(table, shapely.LineString([(0, 0), (2000, 0)]), value="height", width_m=50, step_m=1040,
    ...                    weight=None, crs="EPSG:3413")
    >>> found.height_mean.values.tolist(), found.attrs["segments_beyond_ends"]
    ([[3.0, 1.5]], 1)
    """
    _check_columns(table, value, weight, freq)
    for name, length in (("width_m", width_m), ("step_m", step_m)):
        if not (np.isfinite(length) and length > 0):
            raise InputError(f"{name} is a length on the ground [m], above 0, got {length!r}")
    trace = _Trace.of(line, crs)
    points = find_points(table)
    x, y = transformer_between(name_crs(points.crs), trace.crs).transform(points.x.to_numpy(), points.y.to_numpy())
    beside = trace.project(np.asarray(x, float), np.asarray(y, float), width_m)
    usable = _usable(table, value, weight, freq)
    used = beside.within & usable
    counts = {
        "segments_used": int(used.sum()),
        "segments_far": int(beside.far.sum()),
        "segments_beyond_ends": int(beside.beyond.sum()),
        "segments_left_out": int((beside.within & ~usable).sum()),
    }
    if not used.any():
        told = ", ".join(f"{number} {name.removeprefix('segments_')}" for name, number in counts.items())
        raise EmptyDataError(
            f"none of {len(table)} segments lies within {width_m:g} m of the line with a value ({told}); the nearest "
            f"is {beside.nearest:.0f} m of the map away"
        )
    times = table["time"].to_numpy().astype("datetime64[ns]")[used] if "time" in table else np.array(["NaT"], "M8[ns]")
    known = times[~np.isnat(times)]
    first, last = (known.min(), known.max()) if known.size else (np.datetime64("NaT", "ns"),) * 2
    periods = make_periods(first, last, freq)
    row = bin_times(times, periods) if freq else np.zeros(counts["segments_used"], np.intp)
    weights = table[weight].to_numpy(float)[used] if weight else np.ones(row.size)
    count = max(1, int(np.ceil(trace.ground[-1] / step_m - 1e-9)))
    col = np.minimum((beside.distance[used] / step_m).astype(np.intp), count - 1)
    sums = _statistics(table[value].to_numpy(float)[used], weights, row * count + col, (len(periods), count))
    unit = table.attrs.get("altiflow", {}).get("units", {}).get(value)
    result = _build_section(trace, step_m, periods, sums, value, weight, unit)
    return result.assign_attrs(
        counts, width_m=width_m, step_m=step_m, history=f"altiflow {__version__}: along_flow(value={value!r})"
    )


@dataclass(frozen=True)
class _Beside:
    """Where n points are from a line: distance along it (n,) [m], and which lie within, far from, or beyond it."""

    distance: Floats
    within: npt.NDArray[np.bool_]
    far: npt.NDArray[np.bool_]
    beyond: npt.NDArray[np.bool_]
    nearest: float


@dataclass(frozen=True)
class _Trace:
    """A line on a map: its places (n, 2) [m] and the distance of each along it on the ground (n,) [m]."""

    crs: str
    places: Floats
    ground: Floats

    @classmethod
    def of(cls, line: Any, crs: Any) -> _Trace:
        """Return the trace of a line."""
        if isinstance(line, FlowLines):
            line = line.lines
        if isinstance(line, gpd.GeoDataFrame | gpd.GeoSeries):
            known = line.geometry[~(line.geometry.isna() | line.geometry.is_empty)]
            if line.crs is None or len(known) != 1:
                raise InputError(
                    f"the table must hold one line and a CRS, it has {len(known)} and CRS {line.crs}; pick one with "
                    ".iloc[[0]]"
                )
            line, crs = known.iloc[0], line.crs
        if not isinstance(line, shapely.LineString) or line.is_empty:
            raise InputError(f"line must be a LineString, a table of one, or flow lines, got {type(line).__name__}")
        if crs is None or not as_crs(crs).is_projected:
            raise InputError(f"the line must lie on a map in metres, got crs={crs!r}; project it, or pass crs=")
        name = name_crs(as_crs(crs))
        places = shapely.get_coordinates(line)
        places = places[np.append(True, (np.diff(places, axis=0) != 0).any(axis=1))]
        if len(places) < 2 or not np.isfinite(places).all():
            raise InputError("the line has no length, or places that are not finite")
        ground = np.append(0.0, np.cumsum(ground_steps(places[:, 0], places[:, 1], name)))
        return cls(name, places, ground)

    def project(self, x: Floats, y: Floats, width: float) -> _Beside:
        """Return where points (n,) [m] are from the line."""
        legs = shapely.linestrings(np.stack([self.places[:-1], self.places[1:]], axis=1))
        points = shapely.points(x, y)
        stretch = np.linalg.norm(metric_matrix(self.crs, *self.places.T), 2, axis=(-2, -1)).max()
        inside = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        tree = shapely.STRtree(legs)
        reach = 1.05 * float(stretch) * width
        near, leg = tree.query_nearest(points[inside], max_distance=reach, all_matches=False)
        near = inside[near]
        start, step = self.places[leg], np.diff(self.places, axis=0)[leg]
        away = np.stack([x[near], y[near]], axis=-1) - start
        share = (away * step).sum(axis=1) / (step**2).sum(axis=1)
        past = ((leg == 0) & (share < 0)) | ((leg == len(legs) - 1) & (share > 1))
        share = np.clip(share, 0, 1)
        close = self._ground_between(x[near], y[near], start + share[:, None] * step) <= width
        distance = np.full(x.size, np.nan)
        distance[near] = self.ground[leg] + share * np.diff(self.ground)[leg]
        within, beyond = np.zeros(x.size, bool), np.zeros(x.size, bool)
        within[near], beyond[near] = close & ~past, close & past
        nearest = np.inf
        if not within.any() and inside.size:
            nearest = float(tree.query_nearest(points[inside], all_matches=False, return_distance=True)[1].min())
        return _Beside(distance, within, ~within & ~beyond, beyond, nearest)

    def at(self, distance: Floats) -> Floats:
        """Return places (2, n) at distances (n,) along the line on the ground."""
        return np.stack([np.interp(distance, self.ground, part) for part in self.places.T])

    def _ground_between(self, x: Floats, y: Floats, feet: Floats) -> Floats:
        """Return the distance on the ground (n,) from points to their feet (n, 2)."""
        known = as_crs(self.crs)
        there = degrees_of(self.crs)
        ends = *there.transform(x, y), *there.transform(feet[:, 0], feet[:, 1])
        return np.asarray(ellipsoid_of(known).inv(*ends)[2], float)


def _check_columns(table: gpd.GeoDataFrame, value: str, weight: str | None, freq: str | None) -> None:
    """Raise unless the columns are there."""
    wanted = [value, *([weight] if weight else []), *(["time"] if freq else [])]
    missing = [name for name in wanted if name not in table]
    if missing:
        raise InputError(
            f"the table has no {', '.join(missing)} (value, weight, or time where freq is given), only "
            f"{', '.join(map(str, table))}; weight=None takes all segments alike"
        )


def _usable(table: gpd.GeoDataFrame, value: str, weight: str | None, freq: str | None) -> npt.NDArray[np.bool_]:
    """Return which segments have a value, a weight, and a time where it counts."""
    usable = np.isfinite(table[value].to_numpy(float))
    if weight:
        weights = table[weight].to_numpy(float)
        usable &= np.isfinite(weights) & (weights > 0)
    if freq:
        usable &= ~np.isnat(table["time"].to_numpy().astype("datetime64[ns]"))
    return np.asarray(usable)


def _statistics(values: Floats, weights: Floats, cell: Ints, shape: tuple[int, int]) -> dict[str, Floats]:
    """Return mean, std, count and sum of weights of each cell, (rows, cols)."""
    size = shape[0] * shape[1]
    count, total = np.bincount(cell, minlength=size), np.bincount(cell, weights, size)
    known = np.where(count > 0, total, np.nan)
    base = values.mean()
    mean = np.bincount(cell, weights * (values - base), size) / known + base
    spread = np.bincount(cell, weights * (values - mean[cell]) ** 2, size) / known
    found = {"mean": mean, "std": np.sqrt(spread), "count": count, "sum": total}
    return {name: data.reshape(shape) for name, data in found.items()}


def _build_section(
    trace: _Trace,
    step: float,
    periods: Times,
    sums: dict[str, Floats],
    value: str,
    weight: str | None,
    unit: str | None,
) -> xr.Dataset:
    """Return the Dataset of the section."""
    count = sums["mean"].shape[1]
    edges = np.append(np.arange(count) * step, trace.ground[-1])
    middle = (edges[1:] + edges[:-1]) / 2
    x, y = trace.at(middle)
    longitude, latitude = transformer_between(trace.crs, "EPSG:4326").transform(x, y)
    result = xr.Dataset(
        coords={
            "time": ("time", periods[:, 0], {"standard_name": "time", "bounds": "time_bnds"}),
            "time_bnds": (("time", "nv"), periods),
            "distance": ("distance", middle, {"units": "m", "long_name": "distance along the line on the ground"}),
            "distance_bnds": (("distance", "nv"), np.stack([edges[:-1], edges[1:]], axis=-1)),
            "x": ("distance", x, {"units": "m", "standard_name": "projection_x_coordinate"}),
            "y": ("distance", y, {"units": "m", "standard_name": "projection_y_coordinate"}),
            "longitude": ("distance", longitude, {"units": "degrees_east", "standard_name": "longitude"}),
            "latitude": ("distance", latitude, {"units": "degrees_north", "standard_name": "latitude"}),
        },
        attrs={"crs": trace.crs, "length_m": float(trace.ground[-1])},
    )
    of_value = {} if unit is None else {"units": unit}
    dims = ("time", "distance")
    how = f"weighted by {weight}" if weight else "unweighted"
    result[f"{value}_mean"] = (dims, sums["mean"], of_value | {"long_name": f"mean of {value}, {how}"})
    result[f"{value}_std"] = (dims, sums["std"], of_value | {"long_name": f"standard deviation of {value}, {how}"})
    result["n_segments"] = (dims, sums["count"].astype(np.int32), {"units": "1", "long_name": "number of segments"})
    if weight:
        called = "length_sum" if weight == "segment_length" else f"{weight}_sum"
        result[called] = (dims, sums["sum"], {"long_name": f"sum of {weight}"})
    return result
