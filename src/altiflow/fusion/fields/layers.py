"""Layers: velocity components and their variances out of a field, whole or at points."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import scipy
import shapely
import xarray as xr

from altiflow.errors import FieldError, InputError
from altiflow.fusion.fields.intervals import Bracket, bracket_layers, bracket_times, choose_layers, layer_bounds
from altiflow.gridding.remap.layers import has_errors, read_layer, refuse_displacement
from altiflow.gridding.remap.resample import Lattice, PointMethod

__all__ = [
    "PointVelocity",
    "SampleMethod",
    "TimeMethod",
    "has_errors",
    "is_undated",
    "read_layer",
    "refuse_displacement",
    "sample_points",
    "table_points",
    "within_days",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

SampleMethod = Literal["linear", "nearest"]
"""Between the cell centres (and between snapshots), or the nearest of them."""

TimeMethod = Literal["layer", "linear"]
"""The layer that holds the moment, or linear between the middles of layers that follow each other."""

_POINT_METHODS: dict[str, PointMethod] = {"linear": "bilinear", "nearest": "nearest"}

_BLOCK = 1_000_000
"""Points sampled at a time: their stencils take 64 bytes each."""

_PART = 2_000_000
"""Points worked on at a time, all layers taken together: some 200 bytes each."""


@dataclass(frozen=True)
class PointVelocity:
    """Velocity at n points, in the units and along the axes of the field it came from.

    Attributes
    ----------
    vx, vy
        Components (n,); NaN where the field has none.
    vx_sigma, vy_sigma
        Standard errors (n,); NaN where the field gives none.
    dt_days
        0 inside the interval of the layer used, else signed days to its nearest bound (n,); NaN if undated.
    gap_m
        0 where the cells around the point gave the value, else the distance to the cell that did (n,) [m, map]; NaN
        without a value.
    """

    vx: Floats
    vy: Floats
    vx_sigma: Floats
    vy_sigma: Floats
    dt_days: Floats
    gap_m: Floats

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Whether both components are there (n,)."""
        return np.isfinite(self.vx) & np.isfinite(self.vy)


def table_points(table: gpd.GeoDataFrame, crs: Any) -> tuple[Floats, Floats, npt.NDArray[np.datetime64]]:
    """Return x, y [m] in `crs` and the times of a table's segments, each (n,).

    Raises
    ------
    InputError
        If the table has no CRS or no column ``time``.
    """
    if not isinstance(table, gpd.GeoDataFrame) or table.crs is None:
        raise InputError("the table must be a GeoDataFrame with a CRS; try table.set_crs('EPSG:4326')")
    if "time" not in table:
        raise InputError("the table has no column 'time' (UTC), so no layer of a field can be chosen")
    points = table.geometry.to_numpy()
    transformer = pyproj.Transformer.from_crs(table.crs, crs, always_xy=True)
    x, y = transformer.transform(shapely.get_x(points), shapely.get_y(points))
    return np.asarray(x, float), np.asarray(y, float), table["time"].to_numpy().astype("datetime64[ns]")


def is_undated(field: xr.Dataset) -> bool:
    """Return whether the field has no dates, as a multi-year composite has not."""
    return str(field.attrs["time_rule"]) == "undated"


def sample_points(
    field: xr.Dataset,
    x: Floats,
    y: Floats,
    times: npt.ArrayLike,
    *,
    method: SampleMethod,
    time_method: TimeMethod = "layer",
    max_gap_m: float = 0.0,
) -> PointVelocity:
    """Return the velocity of a checked field at points x, y (n,) [m, field CRS] and times (n,) [UTC].

    The layer is chosen by time alone (:func:`~altiflow.fusion.fields.intervals.choose_layers`), also where it has a
    gap and another one has not. Between cell centres at least half of the bilinear weight must be valid and
    is scaled to one. Variances are interpolated like the components: errors of neighbouring cells are taken
    to be common. With `max_gap_m` points without a value get that of the nearest valid cell of the layer,
    if its centre is not further off than that on the map.

    Raises
    ------
    FieldError
        If the field is undated and has more than one layer, or its layers overlap and `time_method` is "linear".
    """
    moments = np.asarray(times).astype("datetime64[ns]")
    sampler = _Sampler(field, x, y, _POINT_METHODS[method], max_gap_m)
    if x.size <= _PART:
        return _sample_part(sampler, moments, method, time_method)
    whole = np.empty((len(dataclasses.fields(PointVelocity)), x.size))
    # In order of time few parts need the same layer.
    order = np.argsort(moments, kind="stable")
    for first in range(0, x.size, _PART):
        some = order[first : first + _PART]
        part = dataclasses.replace(sampler, x=x[some], y=y[some])
        for row, values in zip(
            whole, vars(_sample_part(part, moments[some], method, time_method)).values(), strict=True
        ):
            row[some] = values
    return PointVelocity(*whole)


def _sample_part(
    sampler: _Sampler, moments: npt.NDArray[np.datetime64], method: SampleMethod, time_method: TimeMethod
) -> PointVelocity:
    """Return the velocity of a checked field at the sampler's points and moments (n,), all at once."""
    field, size = sampler.field, sampler.x.size
    if is_undated(field):
        if field.sizes["time"] != 1:
            raise FieldError(
                f"the field is undated and has {field.sizes['time']} layers, so none can be chosen by time; "
                "pick one: field.isel(time=[0])"
            )
        values = sampler.at_layers(np.zeros(size, dtype=np.intp))
        days = np.full(size, np.nan)
    elif field.attrs["time_rule"] == "instant":
        found = bracket_times(moments, field["time"].values)
        days = found.days
        if method == "nearest":
            values = sampler.at_layers(np.where(found.share < 0.5, found.lower, found.upper))
        else:
            values = sampler.between_layers(found)
    elif time_method == "linear":
        between = bracket_layers(moments, layer_bounds(field))
        values, days = sampler.between_layers(between), between.days
    else:
        index, days = choose_layers(moments, layer_bounds(field))
        values = sampler.at_layers(index)
    return PointVelocity(values[0], values[1], np.sqrt(values[2]), np.sqrt(values[3]), days, values[4])


@dataclass(frozen=True)
class _Sampler:
    """Points of which the layers are yet to be told: x, y (n,) [m, field CRS]."""

    field: xr.Dataset
    x: Floats
    y: Floats
    method: PointMethod
    max_gap_m: float

    def between_layers(self, bracket: Bracket) -> Floats:
        """Return what `at_layers` does, between two layers; the wider gap of both."""
        share = bracket.share
        values = self.at_layers(np.where(share < 1, bracket.lower, bracket.upper))
        late = self.at_layers(np.where(share > 0, bracket.upper, bracket.lower))
        values[4] = np.maximum(values[4], late[4])
        values[:4] *= 1 - share
        late[:4] *= share
        values[:4] += late[:4]
        return values

    def at_layers(self, index: Ints) -> Floats:
        """Return vx, vy, variances and gap (5, n), each point from the layer `index` says; NaN for layer -1."""
        result = np.full((5, index.size), np.nan)
        order = np.argsort(index, kind="stable")
        for layer, start, size in zip(*np.unique(index[order], return_index=True, return_counts=True), strict=True):
            if layer >= 0:
                self._sample_layer(int(layer), order[start : start + size], result)
        return result

    def _sample_layer(self, layer: int, chosen: Ints, result: Floats) -> None:
        """Fill in the points that one layer speaks for; only the window of it that they need is read."""
        x, y = self.field["x"].values, self.field["y"].values
        lattice = Lattice.from_axes(x, y)
        low_x, low_y, high_x, high_y = lattice.bounds
        near_x, near_y = np.clip(self.x[chosen], low_x, high_x), np.clip(self.y[chosen], low_y, high_y)
        near = np.hypot(near_x - self.x[chosen], near_y - self.y[chosen]) <= self.max_gap_m
        margin = 2 + int(np.ceil(self.max_gap_m / min(lattice.step)))
        window = lattice.window(near_x[near], near_y[near], margin=margin)
        if window is None:
            return
        values = read_layer(self.field, layer, *window)
        part = Lattice.from_axes(x[window[1]], y[window[0]])
        for first in range(0, chosen.size, _BLOCK):
            points = chosen[first : first + _BLOCK]
            stencil = part.stencil(self.x[points], self.y[points], self.method)
            for place in range(4 if has_errors(self.field) else 2):
                result[place, points] = stencil.apply(values[place])
        known = np.isfinite(result[:2, chosen]).all(axis=0)
        result[4, chosen[known]] = 0.0
        missing = chosen[near & ~known]
        if self.max_gap_m > 0 and missing.size:
            self._fill(missing, values, x[window[1]], y[window[0]], result)

    def _fill(self, points: Ints, values: Floats, x: Floats, y: Floats, result: Floats) -> None:
        """Fill in points from the nearest valid cell of a window, where it is near enough."""
        row, col = np.nonzero(np.isfinite(values[:2]).all(axis=0))
        if row.size == 0:
            return
        tree = scipy.spatial.cKDTree(np.stack([x[col], y[row]], axis=-1))
        at = np.stack([self.x[points], self.y[points]], axis=-1)
        away, cell = tree.query(at, distance_upper_bound=self.max_gap_m * (1 + 1e-12))
        found = np.isfinite(away)
        points, cell = points[found], cell[found]
        result[:4, points] = values[:, row[cell], col[cell]]
        result[4, points] = away[found]


def within_days(velocity: PointVelocity, max_dt_days: float | None) -> PointVelocity:
    """Return the velocity without the points further in time than the limit."""
    if max_dt_days is None:
        return velocity
    if not max_dt_days >= 0:
        raise InputError(f"max_dt_days must be zero or more, got {max_dt_days!r}")
    far = np.abs(velocity.dt_days) > max_dt_days
    kept = {
        name: np.where(far, np.nan, getattr(velocity, name)) for name in ("vx", "vy", "vx_sigma", "vy_sigma", "gap_m")
    }
    return PointVelocity(**kept, dt_days=velocity.dt_days)
