"""Velocity at every segment of a table."""

from __future__ import annotations

import copy
from typing import Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.fields.guards import measure_overlap, refuse_empty
from altiflow.fusion.fields.layers import (
    PointVelocity,
    SampleMethod,
    TimeMethod,
    is_undated,
    refuse_displacement,
    sample_points,
    table_points,
    within_days,
)
from altiflow.gridding.remap.resample import Lattice
from altiflow.readers.field import check_field

__all__ = ["sample_velocity"]

_CONTRACT = ("crs", "units", "velocity_metric", "time_rule", "year_days", "source", "metric_source")
"""Attributes of the field that the sampled columns cannot be read without."""

_REASONS = ("sampled", "nearest_valid", "outside_extent", "outside_period", "no_valid_cell")
_STATUS = pd.CategoricalDtype(list(_REASONS))


def sample_velocity(
    table: gpd.GeoDataFrame,
    field: xr.Dataset,
    *,
    method: SampleMethod = "linear",
    time_method: TimeMethod = "layer",
    max_dt_days: float | None = None,
    max_gap_m: float | None = None,
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
    time_method
        "layer": of an interval, the layer that holds the time (Notes). "linear": between the middles of layers that
        follow each other, as motions of sea ice do, also over a gap of a day; the layer itself in the outer halves of
        the first and the last and beside a longer gap.
    max_dt_days
        Give no velocity to segments that lie more days than this outside the layer nearest in time; None: no
        limit, and ``v_dt_days`` tells.
    max_gap_m
        Give segments without a velocity that of the nearest valid cell of the layer, if its centre is at most so far
        away [m, on the map]; None: do not. ``v_gap_m`` tells.
    on_empty
        "raise" if not one segment gets a velocity, or "keep" the table with NaN throughout.

    Returns
    -------
    geopandas.GeoDataFrame
        With ``vx, vy, vx_sigma, vy_sigma`` in the field's units along the axes of the field's CRS (sigmas NaN
        where the field has none), ``v_valid``, and ``v_dt_days``: 0 inside the interval of the layer, else
        signed days to its nearest bound (negative before it), NaN for an undated field. ``v_status`` says how the
        velocity came, or why not: "sampled", "nearest_valid" (by `max_gap_m`), "outside_extent" (of the field),
        "outside_period" (no layer within `max_dt_days`), "no_valid_cell" (water, coast, rock or a gap); with
        `max_gap_m` there is ``v_gap_m``, 0 where sampled. Counts, units, metric
        and source of the velocity are in ``attrs["altiflow"]["velocity"]``.

    Raises
    ------
    NoOverlapError
        If not one segment gets a velocity; the message says why.
    EmptyDataError
        If the table has no segments.
    FieldError
        If the field does not state what a velocity field must, is a displacement, or its layers overlap and
        `time_method` is "linear".
    InputError
        If the table has no CRS or no time, or an argument is not known.

    Notes
    -----
    An image pair holds its whole interval [start, end). Of the layers that hold a segment's time the shortest
    counts, of equally short ones the one whose middle is nearest; if none does, the one with the nearest
    bound.
    """
    _check_words(method, time_method, on_empty)
    if max_gap_m is not None and not 0 < max_gap_m < np.inf:
        raise InputError(f"max_gap_m is a distance on the map [m], above 0, got {max_gap_m!r}")
    checked = check_field(field)
    refuse_displacement(checked)
    x, y, times = table_points(table, checked.attrs["crs"])
    sampled = sample_points(checked, x, y, times, method=method, time_method=time_method, max_gap_m=max_gap_m or 0.0)
    found = within_days(sampled, max_dt_days)
    if on_empty == "raise" and not found.valid.any():
        refuse_empty(measure_overlap(table, checked, found))
    why = _explain(checked, x, y, found, max_dt_days)
    result = table.assign(
        vx=found.vx,
        vy=found.vy,
        vx_sigma=found.vx_sigma,
        vy_sigma=found.vy_sigma,
        v_valid=found.valid,
        v_dt_days=found.dt_days,
        v_status=pd.Categorical.from_codes(why, dtype=_STATUS),
    )
    if max_gap_m is not None:
        result = result.assign(v_gap_m=found.gap_m)
    result.attrs = copy.deepcopy(table.attrs)
    provenance = result.attrs.setdefault("altiflow", {})
    provenance["velocity"] = {name: checked.attrs[name] for name in _CONTRACT if name in checked.attrs}
    provenance["velocity"] |= {
        "method": method,
        "time_method": time_method,
        "max_dt_days": max_dt_days,
        "max_gap_m": max_gap_m,
        "counts": {word: int((why == place).sum()) for place, word in enumerate(_REASONS)},
    }
    units = dict.fromkeys(("vx", "vy", "vx_sigma", "vy_sigma"), str(checked.attrs["units"])) | {"v_dt_days": "days"}
    units |= {} if max_gap_m is None else {"v_gap_m": "m"}
    provenance.setdefault("units", {}).update(units)
    return result


def _check_words(method: str, time_method: str, on_empty: str) -> None:
    """Raise if a word is not known."""
    for name, value, known in (
        ("method", method, ("linear", "nearest")),
        ("time_method", time_method, ("layer", "linear")),
        ("on_empty", on_empty, ("raise", "keep")),
    ):
        if value not in known:
            raise InputError(f"{name} must be {known[0]!r} or {known[1]!r}, got {value!r}")


def _explain(
    field: xr.Dataset,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    found: PointVelocity,
    max_dt_days: float | None,
) -> npt.NDArray[np.int8]:
    """Return the place in ``_REASONS`` (n,) of how each velocity came, or why there is none."""
    inside = Lattice.from_axes(field["x"].values, field["y"].values).contains(x, y)
    late = np.zeros(x.size, bool)
    if not is_undated(field):
        late = np.isnan(found.dt_days)
        if max_dt_days is not None:
            late |= np.abs(found.dt_days) > max_dt_days
    words = np.select([found.valid & (found.gap_m == 0), found.valid, ~inside, late], [0, 1, 2, 3], 4)
    return np.asarray(words, np.int8)
