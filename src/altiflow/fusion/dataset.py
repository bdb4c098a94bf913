"""One dataset: altimetry, velocity, deformation and coverage on the same cells and periods, and at every segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import xarray as xr

from altiflow.fusion.colocate import sample_velocity
from altiflow.fusion.fields.align import align_velocity
from altiflow.fusion.fields.guards import Overlap, measure_overlap
from altiflow.fusion.fields.layers import PointVelocity, SampleMethod
from altiflow.fusion.kinematics import strain_rates
from altiflow.fusion.kinematics.invariants import StrainName
from altiflow.fusion.lines.tracks import along_across
from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.patches import AlignMethod
from altiflow.readers.field import check_field

__all__ = ["KINEMATICS", "Fused", "fuse"]

KINEMATICS: tuple[StrainName, ...] = ("divergence", "shear", "vorticity", "total_deformation")
"""What is told of the deformation of the ice unless asked otherwise."""


@dataclass(frozen=True)
class Fused:
    """Altimetry with velocity.

    Attributes
    ----------
    table
        The segments, each with its velocity, along and across the track too.
    grid
        Statistics of the segments, velocity, deformation and coverage on (time, y, x).
    velocity
        What of the grid is of the velocity field alone.
    overlap
        How much of the altimetry meets the velocity.
    """

    table: gpd.GeoDataFrame
    grid: xr.Dataset
    velocity: xr.Dataset
    overlap: Overlap


def fuse(
    table: gpd.GeoDataFrame,
    field: xr.Dataset,
    grid: Grid,
    *,
    value: str,
    weight: str | None = "segment_length",
    freq: str | None = None,
    method: SampleMethod = "linear",
    align_method: AlignMethod = "auto",
    max_dt_days: float | None = None,
    kinematics: Sequence[StrainName] = KINEMATICS,
) -> Fused:
    """Return altimetry with velocity: a Dataset of both on the same cells and periods, and the table of segments.

    Parameters
    ----------
    table
        Segments: points with a CRS and columns ``time``, `value` and `weight`.
    field
        A velocity field, as :func:`~altiflow.read_velocity` returns it.
    grid
        Where to.
    value, weight, freq
        As for :func:`~altiflow.grid_segments`.
    method, max_dt_days
        As for :func:`~altiflow.sample_velocity`.
    align_method
        As `method` for :func:`~altiflow.align_velocity`.
    kinematics
        Which strain rates, as for :func:`~altiflow.strain_rates`; () for none.

    Returns
    -------
    Fused
        Its ``grid`` has all of :func:`~altiflow.grid_segments`; ``vx, vy`` and their sigmas along the axes of the
        grid's map, ``valid``, ``count`` and ``overlap_days`` of :func:`~altiflow.align_velocity`; the strain rates of
        that velocity on the ground with their sigmas; and ``velocity_share``, the share of the weight in a cell whose
        segments have a velocity themselves.

    Raises
    ------
    NoOverlapError
        If not one segment gets a velocity.
    FieldError
        If the field does not state what a velocity field must, or is a displacement.
    EmptyDataError
        If the table has no usable segment.
    InputError
        If a column is missing, or a word is not known.

    Warns
    -----
    ScienceWarning
        If the strain rates are noise for the most part.

    Examples
    --------
    >>> import pandas as pd
    >>> from altiflow.readers.field import build_field
    >>> axis, bounds = np.arange(-2e5, 3e5, 25e3), np.array([["2020-01-01", "2020-02-01"]], "M8[ns]")
    >>> rest = np.zeros((1, axis.size, axis.size))
    >>> drift = build_field(rest + axis / 1e6, rest, x=axis, y=axis, time_bnds=bounds, crs="EPSG:6931", units="m s-1",
    ...                     velocity_metric="map", metric_source="user", source="example")
    >>> times = pd.to_datetime(["2020-01-05", "2020-01-06"])
    >>> seen = gpd.GeoDataFrame({"granule": "a", "beam": "gt1l", "time": times, "h": [0.2, 0.4]},
    ...                         geometry=gpd.points_from_xy([10e3, 12e3], [5e3, 5e3]), crs="EPSG:6931")
    >>> found = fuse(seen, drift, Grid.from_bounds("EPSG:6931", (-1e5, -1e5, 1e5, 1e5), 25e3), value="h", weight=None)
    >>> cell = found.grid.sel(x=12500, y=12500).isel(time=0)
    >>> [round(float(cell[name]), 9) for name in ("h_mean", "vx", "divergence", "velocity_share")]
    [0.3, 0.0125, 1e-06, 1.0]
    """
    points = along_across(sample_velocity(table, field, method=method, max_dt_days=max_dt_days))
    gridded = grid_segments(table, grid, value=value, weight=weight, freq=freq)
    velocity = align_velocity(field, grid, time=gridded, method=align_method)
    parts = [gridded, velocity.drop_vars("crs")]
    if kinematics:
        parts.append(_kinematics(velocity, kinematics))
    rows = points.assign(velocity_share=points["v_valid"].astype(float).where(np.isfinite(points[value].astype(float))))
    share = grid_segments(rows, grid, value="velocity_share", weight=weight, freq=freq)
    parts.append(_share(share, gridded))
    both = xr.merge(parts, combine_attrs="drop_conflicts", compat="no_conflicts", join="exact")
    both.attrs["title"] = f"{gridded.attrs['title']}, with ice velocity"
    both.attrs["history"] = "\n".join(part.attrs["history"] for part in parts if "history" in part.attrs)
    return Fused(points, both, velocity, _overlap(table, field, points))


def _kinematics(velocity: xr.Dataset, names: Sequence[StrainName]) -> xr.Dataset:
    """Return strain rates of velocity on the grid, on its very coordinates."""
    rates = strain_rates(velocity, names=names).drop_vars("crs")
    rates = rates.rename(n_valid="kinematics_count")
    for variable in rates.data_vars.values():
        variable.attrs["grid_mapping"] = "crs"
    return rates.assign_coords({name: velocity[name] for name in ("time", "y", "x")})


def _share(share: xr.Dataset, gridded: xr.Dataset) -> xr.Dataset:
    """Return the mean of whether segments have a velocity, on the coordinates of the grid."""
    told = {"long_name": "share of the weight whose segments have a velocity", "units": "1", "grid_mapping": "crs"}
    return xr.Dataset({"velocity_share": share["velocity_share_mean"].assign_attrs(told)}, coords=gridded.coords)


def _overlap(table: gpd.GeoDataFrame, field: xr.Dataset, points: gpd.GeoDataFrame) -> Overlap:
    """Return how much of a table meets a field, of velocity that is sampled already."""
    vx, vy, vx_sigma, vy_sigma, days = (
        points[name].to_numpy(dtype=float) for name in ("vx", "vy", "vx_sigma", "vy_sigma", "v_dt_days")
    )
    gap = np.where(points["v_valid"].to_numpy(), 0.0, np.nan)
    return measure_overlap(table, check_field(field), PointVelocity(vx, vy, vx_sigma, vy_sigma, days, gap))
