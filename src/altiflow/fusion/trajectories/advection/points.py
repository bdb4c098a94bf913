"""Points: the rows of a table carried to another moment."""

from __future__ import annotations

import copy
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import xarray as xr

from altiflow.errors import EmptyDataError, InputError, NoOverlapError
from altiflow.fusion.fields.intervals import layer_bounds
from altiflow.fusion.fields.layers import is_undated, table_points
from altiflow.fusion.trajectories.advection.arrays import Advected, advect_arrays
from altiflow.fusion.trajectories.advection.edge import edge_of
from altiflow.fusion.trajectories.motion import Motion, TimeRule, motion_of
from altiflow.fusion.trajectories.seeds import as_moments, as_seconds, moments_of
from altiflow.fusion.trajectories.steps import ICE_EDGE, LEFT_PERIOD, NO_VELOCITY, STATUS_WORDS, Scheme
from altiflow.units import convert_factor

__all__ = ["advect_points", "sigma_of_day"]

Floats = npt.NDArray[np.float64]

_DAY = 86400.0

_STATUS = pd.CategoricalDtype(list(STATUS_WORDS))


def advect_points(
    table: gpd.GeoDataFrame,
    field: xr.Dataset,
    to: Any,
    *,
    dt: Any = "1D",
    scheme: Scheme = "rk4",
    time_rule: TimeRule = "linear",
    steady: bool = False,
    sigma: str | None = None,
    rho: float = 0.0,
    ice: xr.DataArray | xr.Dataset | None = None,
    min_ice: float = 0.15,
) -> gpd.GeoDataFrame:
    """Return a copy of the table with every row moved with the ice, from its own time to another.

    Parameters
    ----------
    table
        Points with a CRS and a column ``time`` (UTC).
    field
        A velocity field of layers that follow each other, or of displacements of such layers.
    to
        The date to move to (UTC), one for all or one for each row, before or after the row's own.
    dt
        Longest step of time, such as "1D" or "6h". Displacements are not cut by it.
    scheme
        "rk4", "midpoint" or "euler": Runge-Kutta of fourth, second or first order. Displacements have their own.
    time_rule
        "linear": velocity changes evenly between the middles of layers, also over a gap of a day between them.
        "constant": each layer over its interval.
    steady
        Whether the field's only layer holds at all times; an undated mosaic needs it said.
    sigma
        Error of the drift along an axis, such as "2.1 km d-1"; None takes the standard errors of the field along the
        way, and is NaN where it has none.
    rho
        Correlation of the errors of the drift of one day and the next, from 0 (after N days ``√N`` of a day's error)
        to 1 (``N``); what studies find lies between.
    ice
        Concentration of the ice (time, y, x) or (y, x) with units and a CRS, the layer nearest in time taken; None: the
        field alone says where ice is. Where the concentration is not known nothing stops.
    min_ice
        Concentration below which a parcel stops [share].

    Returns
    -------
    geopandas.GeoDataFrame
        All rows, in their order, with the geometry at the new place in the table's CRS (longitude and latitude of the
        start stay, or are added), ``x_adv, y_adv`` [m, the field's CRS], ``time_adv``, ``age_days`` (signed, from the
        row's time to ``time_adv``), ``path_m`` along the way and ``distance_m`` from start to end, both on the ground,
        ``sigma_position`` [m] along an axis, that came on the way, and ``status``: "arrived", "left_field",
        "left_period", "no_velocity" or "ice_edge". What did not arrive is where it was last seen. Counts by status, of
        rows that met unknown concentration, the CRS and the way are in ``attrs["altiflow"]["advection"]``.

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must, is undated without `steady`, or its layers overlap.
    NoOverlapError
        If not one row could be moved for want of a velocity, or the concentration is nowhere known.
    EmptyDataError
        If the table has no rows.
    InputError
        If the table has no CRS or no time, or an argument is not possible.

    Notes
    -----
    ``dX/dt = v(X, t)`` as :func:`path_lines` solves it. With s the error of each of the parcel's own days,
    ``S² = sum_i sum_j s_i s_j rho^|i-j|``; an incomplete day counts by its share. The error of a field,
    ``((s_x² + s_y²) / 2)^½``, is common to all days of a layer, so that T days of it count as one with ``T s``, and the
    next layer is correlated with it by ``rho^T``. The error of the place at the start is not in it.

    Examples
    --------
    >>> from altiflow.readers.field import build_field
    >>> axis, bounds = np.arange(-5e5, 6e5, 1e5), np.array([["2020-01-01", "2020-02-01"]], "M8[ns]")
    >>> vx, vy = np.full((1, 11, 11), 10.0), np.zeros((1, 11, 11))
    >>> drift = build_field(vx, vy, x=axis, y=axis, time_bnds=bounds, crs="EPSG:6931", units="km/d",
    ...                     velocity_metric="map", metric_source="user", source="example")
    >>> points = gpd.GeoDataFrame({"time": np.array(["2020-01-05T12", "2020-01-25"], "M8[ns]")},
    ...                           geometry=gpd.points_from_xy([0.0, 0.0], [0.0, 1e5]), crs="EPSG:6931")
    >>> moved = advect_points(points, drift, "2020-01-15T12", sigma="2.1 km d-1")
    >>> moved[["x_adv", "age_days", "sigma_position"]].round(1).to_numpy().tolist()
    [[100000.0, 10.0, 6640.8], [-95000.0, -9.5, 6386.9]]
    """
    if len(table) == 0:
        raise EmptyDataError("the table has no rows, so there is nothing to move")
    motion = motion_of(field, time_rule=time_rule, steady=steady)
    crs = str(motion.field.attrs["crs"])
    x, y, times = table_points(table, crs)
    _refuse_no_time(times)
    start, until = as_moments(times, len(table), "time"), as_moments(to, len(table), "to")
    edge = None if ice is None else edge_of(ice, crs, min_ice)
    step = as_seconds(dt, "dt")
    found = advect_arrays(
        motion, x, y, start, until, dt=step, scheme=scheme, sigma=sigma_of_day(sigma), rho=rho, edge=edge
    )
    _refuse_unmoved(motion, edge is not None, start, until, found)
    result = _build_table(table, crs, start, found)
    told = {
        "crs": crs,
        "source": str(motion.field.attrs["source"]),
        "scheme": "flow map" if motion.moved else scheme,
        "dt_days": step / _DAY,
        "time_rule": "steady" if steady else time_rule,
        "sigma": "of the field" if sigma is None else sigma,
        "rho": float(rho),
        "min_ice": None if ice is None else float(min_ice),
        "ice_unknown": None if ice is None else int(found.ice_unknown.sum()),
        "counts": {word: int((found.status == place).sum()) for place, word in enumerate(STATUS_WORDS)},
    }
    provenance = result.attrs.setdefault("altiflow", {})
    provenance["advection"] = told
    provenance.setdefault("units", {}).update(
        dict.fromkeys(("x_adv", "y_adv", "path_m", "distance_m", "sigma_position"), "m") | {"age_days": "days"}
    )
    return result


def sigma_of_day(sigma: str | None) -> float | None:
    """Return the error of a day's way [m] of an error of the drift such as "2.1 km d-1"; None stays.

    Raises
    ------
    InputError
        If it is no number with a unit of velocity.
    """
    if sigma is None:
        return None
    number, _, unit = str(sigma).strip().partition(" ")
    try:
        metres = float(number) * convert_factor(unit, "m d-1")
    except (ValueError, InputError) as error:
        raise InputError(f"sigma is an error with its unit, such as '2.1 km d-1', got {sigma!r}") from error
    if not (np.isfinite(metres) and metres >= 0):
        raise InputError(f"sigma is an error, zero or more, got {sigma!r}")
    return metres


def _build_table(table: gpd.GeoDataFrame, crs: str, start: Floats, found: Advected) -> gpd.GeoDataFrame:
    """Return the table at its new places."""
    columns: dict[str, Any] = {}
    if not {"longitude", "latitude"} <= set(table.columns):
        there = pyproj.Transformer.from_crs(table.crs, "EPSG:4326", always_xy=True)
        lonlat = there.transform(table.geometry.x.to_numpy(), table.geometry.y.to_numpy())
        columns = dict(zip(("longitude", "latitude"), lonlat, strict=True))
    back = pyproj.Transformer.from_crs(crs, table.crs, always_xy=True)
    # Rows that did not move keep their geometry to the bit.
    old = np.stack([table.geometry.x.to_numpy(), table.geometry.y.to_numpy()])
    place = np.where(found.seconds == start, old, np.stack(back.transform(found.x, found.y)))
    result = table.assign(
        **columns,
        x_adv=found.x,
        y_adv=found.y,
        time_adv=moments_of(found.seconds),
        age_days=(found.seconds - start) / _DAY,
        path_m=found.path_m,
        distance_m=found.distance_m,
        sigma_position=found.sigma_m,
        status=pd.Categorical.from_codes(found.status, dtype=_STATUS),
    )
    result = result.set_geometry(gpd.points_from_xy(*place, crs=table.crs))
    result.attrs = copy.deepcopy(table.attrs)
    return result


def _refuse_no_time(times: npt.NDArray[np.datetime64]) -> None:
    """Raise if a row has no time."""
    missing = int(np.isnat(times).sum())
    if missing:
        raise InputError(
            f"{missing} rows of the table have no time, so it is not known how far they go; drop them: "
            "table[table['time'].notna()]"
        )


def _refuse_unmoved(motion: Motion, has_edge: bool, start: Floats, until: Floats, found: Advected) -> None:
    """Raise if rows were to move and not one did, for want of a velocity; or if nothing is known of the ice."""
    if has_edge and not found.ice_known.any():
        raise NoOverlapError("the concentration of the ice is not known at any place and time of a parcel")
    to_move = np.abs(until - start) > 0
    stuck = np.isin(found.status, (NO_VELOCITY, LEFT_PERIOD)) & (found.seconds == start)
    if not to_move.any() or not stuck[to_move].all() or (found.status == ICE_EDGE).any():
        return
    outside = int((found.status[to_move] == LEFT_PERIOD).sum())
    period = (
        "undated"
        if is_undated(motion.field)
        else " to ".join(
            str(moment.astype("M8[m]"))
            for moment in (layer_bounds(motion.field).min(), layer_bounds(motion.field).max())
        )
    )
    first, last = moments_of(np.array([start.min(), start.max()])).astype("M8[m]")
    raise NoOverlapError(
        f"not one of {int(to_move.sum())} rows could be moved: {outside} have times outside of the field's layers, the "
        f"others no velocity where they are.\n  table  {first} to {last}\n  field  {motion.field.attrs['source']}: "
        f"{period}\nPass motion of the region and of the days of the table, from its times to the date to move to."
    )
