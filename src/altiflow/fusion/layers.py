"""Layers: velocity components and their variances out of a field, whole or at points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
import xarray as xr

from altiflow.errors import FieldError, InputError
from altiflow.fusion.intervals import bracket_times, choose_layers, layer_bounds
from altiflow.gridding.remap.layers import has_errors, read_layer, refuse_displacement
from altiflow.gridding.remap.resample import Lattice, PointMethod

__all__ = [
    "PointVelocity",
    "SampleMethod",
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

_POINT_METHODS: dict[str, PointMethod] = {"linear": "bilinear", "nearest": "nearest"}

_BLOCK = 1_000_000
"""Points sampled at a time: their stencils take 64 bytes each."""


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
    """

    vx: Floats
    vy: Floats
    vx_sigma: Floats
    vy_sigma: Floats
    dt_days: Floats

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
    field: xr.Dataset, x: Floats, y: Floats, times: npt.ArrayLike, *, method: SampleMethod
) -> PointVelocity:
    """Return the velocity of a checked field at points x, y (n,) [m, field CRS] and times (n,) [UTC].

    The layer is chosen by time alone (:func:`~altiflow.fusion.intervals.choose_layers`), also where it has a
    gap and another one has not. Between cell centres at least half of the bilinear weight must be valid and
    is scaled to one. Variances are interpolated like the components: errors of neighbouring cells are taken
    to be common.

    Raises
    ------
    FieldError
        If the field is undated and has more than one layer.
    """
    place: PointMethod = _POINT_METHODS[method]
    moments = np.asarray(times).astype("datetime64[ns]")
    if is_undated(field):
        if field.sizes["time"] != 1:
            raise FieldError(
                f"the field is undated and has {field.sizes['time']} layers, so none can be chosen by time; "
                "pick one: field.isel(time=[0])"
            )
        values = _sample_by_layer(field, x, y, np.zeros(x.size, dtype=np.intp), place)
        days = np.full(x.size, np.nan)
    elif field.attrs["time_rule"] == "instant":
        found = bracket_times(moments, field["time"].values)
        days, share = found.days, found.share
        if method == "nearest":
            values = _sample_by_layer(field, x, y, np.where(share < 0.5, found.lower, found.upper), place)
        else:
            early = _sample_by_layer(field, x, y, np.where(share < 1, found.lower, found.upper), place)
            late = _sample_by_layer(field, x, y, np.where(share > 0, found.upper, found.lower), place)
            values = (1 - share) * early + share * late
    else:
        index, days = choose_layers(moments, layer_bounds(field))
        values = _sample_by_layer(field, x, y, index, place)
    return PointVelocity(values[0], values[1], np.sqrt(values[2]), np.sqrt(values[3]), days)


def _sample_by_layer(field: xr.Dataset, x: Floats, y: Floats, index: Ints, method: PointMethod) -> Floats:
    """Return vx, vy and variances (4, n) at points, each from the layer `index` says; NaN for layer -1."""
    result = np.full((4, x.size), np.nan)
    lattice = Lattice.from_axes(field["x"].values, field["y"].values)
    order = np.argsort(index, kind="stable")
    for layer, start, size in zip(*np.unique(index[order], return_index=True, return_counts=True), strict=True):
        chosen = order[start : start + size]
        window = lattice.window(x[chosen], y[chosen])
        if layer < 0 or window is None:
            continue
        values = read_layer(field, int(layer), *window)
        part = Lattice.from_axes(field["x"].values[window[1]], field["y"].values[window[0]])
        for first in range(0, chosen.size, _BLOCK):
            points = chosen[first : first + _BLOCK]
            stencil = part.stencil(x[points], y[points], method)
            for place in range(4 if has_errors(field) else 2):
                result[place, points] = stencil.apply(values[place])
    return result


def within_days(velocity: PointVelocity, max_dt_days: float | None) -> PointVelocity:
    """Return the velocity without the points further in time than the limit."""
    if max_dt_days is None:
        return velocity
    if not max_dt_days >= 0:
        raise InputError(f"max_dt_days must be zero or more, got {max_dt_days!r}")
    far = np.abs(velocity.dt_days) > max_dt_days
    kept = {name: np.where(far, np.nan, getattr(velocity, name)) for name in ("vx", "vy", "vx_sigma", "vy_sigma")}
    return PointVelocity(**kept, dt_days=velocity.dt_days)
