"""Velocity at every segment of a table."""

from __future__ import annotations

import copy
from typing import Literal

import geopandas as gpd
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.guards import measure_overlap, refuse_empty
from altiflow.fusion.layers import (
    SampleMethod,
    refuse_displacement,
    sample_points,
    table_points,
    within_days,
)
from altiflow.readers.field import check_field

__all__ = ["sample_velocity"]

_CONTRACT = ("crs", "units", "velocity_metric", "time_rule", "year_days", "source", "metric_source")
"""Attributes of the field that the sampled columns cannot be read without."""


def sample_velocity(
    table: gpd.GeoDataFrame,
    field: xr.Dataset,
    *,
    method: SampleMethod = "linear",
    max_dt_days: float | None = None,
    on_empty: Literal["raise", "keep"] = "raise",
) -> gpd.GeoDataFrame:
    """Return a copy of the table with the velocity of the ice at every segment.

    Parameters
    ----------
    table
        Segments: points with a CRS and a column ``time`` (UTC).
    field
        A velocity field, as :func:`~altiflow.readers.velocity.read_velocity` returns it.
    method
        "linear": bilinear between the cell centres, and linear in time between the layers of an "instant"
        field. Where neighbours are missing, at least half of the weight must be on valid ones and is scaled
        to one. "nearest": the nearest cell (and the nearest snapshot).
    max_dt_days
        Give no velocity to segments that lie more days than this outside the layer nearest in time; None: no
        limit, and ``v_dt_days`` tells.
    on_empty
        "raise" if not one segment gets a velocity, or "keep" the table with NaN throughout.

    Returns
    -------
    geopandas.GeoDataFrame
        With ``vx, vy, vx_sigma, vy_sigma`` in the field's units along the axes of the field's CRS (sigmas NaN
        where the field has none), ``v_valid``, and ``v_dt_days``: 0 inside the interval of the layer, else
        signed days to its nearest bound (negative before it), NaN for an undated field. CRS, units, metric
        and source of the velocity are in ``attrs["altiflow"]["velocity"]``.

    Raises
    ------
    NoOverlapError
        If not one segment gets a velocity; the message says why.
    EmptyDataError
        If the table has no segments.
    FieldError
        If the field does not state what a velocity field must, or is a displacement.
    InputError
        If the table has no CRS or no time, or an argument is not known.

    Notes
    -----
    An image pair holds its whole interval [start, end). Of the layers that hold a segment's time the shortest
    counts, of equally short ones the one whose middle is nearest; if none does, the one with the nearest
    bound.
    """
    if method not in ("linear", "nearest"):
        raise InputError(f"method must be 'linear' or 'nearest', got {method!r}")
    if on_empty not in ("raise", "keep"):
        raise InputError(f"on_empty must be 'raise' or 'keep', got {on_empty!r}")
    checked = check_field(field)
    refuse_displacement(checked)
    x, y, times = table_points(table, checked.attrs["crs"])
    found = within_days(sample_points(checked, x, y, times, method=method), max_dt_days)
    if on_empty == "raise" and not found.valid.any():
        refuse_empty(measure_overlap(table, checked, found))
    result = table.assign(
        vx=found.vx,
        vy=found.vy,
        vx_sigma=found.vx_sigma,
        vy_sigma=found.vy_sigma,
        v_valid=found.valid,
        v_dt_days=found.dt_days,
    )
    result.attrs = copy.deepcopy(table.attrs)
    provenance = result.attrs.setdefault("altiflow", {})
    provenance["velocity"] = {name: checked.attrs[name] for name in _CONTRACT if name in checked.attrs}
    provenance["velocity"] |= {"method": method, "max_dt_days": max_dt_days}
    speed_unit = str(checked.attrs["units"])
    provenance.setdefault("units", {}).update(
        dict.fromkeys(("vx", "vy", "vx_sigma", "vy_sigma"), speed_unit) | {"v_dt_days": "days"}
    )
    return result
