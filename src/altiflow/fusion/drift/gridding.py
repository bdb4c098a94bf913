"""Gridding along with the drift: altimetry of many days brought to one moment, on one grid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import EmptyDataError, InputError, NoOverlapError
from altiflow.fusion.drift.carrying import Arrival, Cargo, Carrier, stay
from altiflow.fusion.drift.growth import GrowthChoice, check_growth, find_growth
from altiflow.fusion.drift.layout import Target, lay_out
from altiflow.fusion.drift.records import load_tally
from altiflow.fusion.drift.rows import load_table
from altiflow.fusion.trajectories.advection import edge_of, sigma_of_day
from altiflow.fusion.trajectories.motion import EPOCH, Motion, TimeRule, motion_of
from altiflow.fusion.trajectories.seeds import as_seconds, moments_of
from altiflow.fusion.trajectories.steps import LEFT_PERIOD, NO_VELOCITY, Scheme
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally import SegmentSource, Tally
from altiflow.version import __version__

__all__ = ["DriftMode", "DriftPlan", "grid_with_drift"]

Floats = npt.NDArray[np.float64]

DriftMode = Literal["drift", "eulerian", "both"]
"""Parcels where they are at the target, where they were measured, or both side by side."""

_DAY = 86_400.0
_BLOCK = 32
"""Targets whose parcels are kept in memory at a time."""

_TWINS = ("n_segments", "n_passes", "n_parcels", "length_sum", "age_mean")
"""What is told twice, beside mean and standard deviation."""


@dataclass(frozen=True)
class DriftPlan:
    """How parcels are brought to their targets; see :func:`grid_with_drift`."""

    window: Any = "15D"
    mode: DriftMode = "drift"
    dt: Any = "1D"
    scheme: Scheme = "rk4"
    time_rule: TimeRule = "linear"
    steady: bool = False
    sigma: str | None = None
    rho: float = 0.0
    growth: GrowthChoice = None
    ice: Any = None
    min_ice: float = 0.15

    def __post_init__(self) -> None:
        """Refuse words and numbers that mean nothing."""
        if self.mode not in get_args(DriftMode):
            raise InputError(f"mode must be one of {get_args(DriftMode)}, got {self.mode!r}")
        if self.scheme not in get_args(Scheme):
            raise InputError(f"scheme must be one of {get_args(Scheme)}, got {self.scheme!r}")
        check_growth(self.growth)
        as_seconds(self.window, "window")
        sigma_of_day(self.sigma)
        if as_seconds(self.dt, "dt") > _DAY:
            raise InputError(f"dt is at most a day, since parcels stop at every midnight; got {self.dt!r}")

    def grids(self, cargo: Cargo, field: xr.Dataset | None, targets: Floats) -> Iterator[xr.Dataset]:
        """Yield the Dataset of each target [s since 2000, ascending], of one time.

        Raises
        ------
        InputError
            If no field is given, and the mode is not "eulerian".
        NoOverlapError
            If a target lies outside the time of the field, or not one parcel could be moved.
        """
        window = as_seconds(self.window, "window")
        motion = self._motion(field, targets)
        for first in range(0, targets.size, _BLOCK):
            block = targets[first : first + _BLOCK].tolist()
            arrivals = iter(()) if motion is None else self._carrier(cargo, motion).arrivals(block, window)
            for moment in block:
                target = Target(moment, window)
                still = self._lay(cargo, stay(cargo, moment, window), target) if self.mode != "drift" else None
                if motion is None:
                    yield _told(still, self, field)  # type: ignore[arg-type]
                    continue
                arrival = next(arrivals)
                _refuse_stuck(arrival, motion, target)
                moved = self._lay(cargo, arrival, target)
                yield _told(moved if still is None else _side_by_side(moved, still), self, field)

    def _lay(self, cargo: Cargo, arrival: Arrival, target: Target) -> xr.Dataset:
        growth = None if self.growth is None else find_growth(self.growth, cargo, arrival)
        return lay_out(cargo, arrival, target, growth)

    def _motion(self, field: xr.Dataset | None, targets: Floats) -> Motion | None:
        """Return the motion, None where nothing moves."""
        if self.mode == "eulerian":
            return None
        if field is None:
            raise InputError("field is None; give a velocity field, or mode='eulerian' for ice where it was measured")
        motion = motion_of(field, time_rule=self.time_rule, steady=self.steady)
        outside = targets[(targets < motion.edges[0]) | (targets > motion.edges[-1])]
        if outside.size:
            edges = moments_of(motion.edges[[0, -1]]).astype("M8[m]")
            raise NoOverlapError(
                f"target {moments_of(outside[:1])[0].astype('M8[m]')} lies outside the time of the field, {edges[0]} "
                f"to {edges[1]} ({field.attrs['source']}); choose another target, or motion of its days"
            )
        return motion

    def _carrier(self, cargo: Cargo, motion: Motion) -> Carrier:
        edge = None if self.ice is None else edge_of(self.ice, str(motion.field.attrs["crs"]), self.min_ice)
        return Carrier(
            motion=motion,
            cargo=cargo,
            dt=as_seconds(self.dt, "dt"),
            scheme=self.scheme,
            sigma=sigma_of_day(self.sigma),
            rho=self.rho,
            edge=edge,
        )


def grid_with_drift(
    source: SegmentSource | Tally,
    field: xr.Dataset | None,
    grid: Grid,
    *,
    target: Any,
    window: Any = "15D",
    mode: DriftMode = "drift",
    value: str | None = None,
    weight: str | None = "segment_length",
    parcel: float = 6250.0,
    dt: Any = "1D",
    scheme: Scheme = "rk4",
    time_rule: TimeRule = "linear",
    steady: bool = False,
    sigma: str | None = None,
    rho: float = 0.0,
    growth: GrowthChoice = None,
    ice: xr.DataArray | xr.Dataset | None = None,
    min_ice: float = 0.15,
) -> xr.Dataset:
    """Return altimetry of many days on a grid, each segment where its ice is at the target.

    Parameters
    ----------
    source
        Segments with columns ``time``, `value` and `weight`: a table, or a tally with time bins. The segments that a
        pass has in a square of `parcel` metres move together, each keeping its place among them; the records of a
        tally move whole, from the mean of their segments if it has the values "parcel_x" and "parcel_y" [m, its CRS],
        else from the middle of their cell.
    field
        A velocity field, or displacements, as :func:`~altiflow.read_velocity` returns them; None with
        ``mode="eulerian"``.
    grid
        Where to.
    target
        The moment that the ice is brought to (UTC), or several.
    window
        Segments measured up to this long before and after the target count.
    mode
        "drift"; "eulerian": where they were measured, the same statistics; "both" adds the second as
        ``<name>_eulerian``, and ``<value>_difference``, drift less eulerian. The eulerian grid holds all segments of
        the window, also those that are lost on the way: it is what one would have without the drift.
    value, weight
        Columns to average and to weigh by; of a table both are needed, ``weight=None`` weighs all alike.
    parcel
        Size of the squares [m].
    dt, scheme, time_rule, steady
        As for :func:`~altiflow.path_lines`; steps end at every midnight, or where layers of displacements do.
    sigma, rho
        1-sigma of the drift of a day along an axis, such as "2.1 km d-1" (None: the field's own), and the correlation
        of the errors of one day and the next; as for :func:`~altiflow.advect_points`.
    growth
        "fit": a line in time through the parcels of each cell, with three days or more; a number: that many units of
        the value per day; each value becomes what it is at the target. None: as it was measured.
    ice, min_ice
        Concentration below which a parcel stops, as for :func:`~altiflow.advect_points`.

    Returns
    -------
    xarray.Dataset
        On (time, y, x), time being the targets: all of :func:`~altiflow.grid_segments`, and ``n_parcels``, ``age_mean``
        (target less measurement) and ``age_abs_mean`` [days], ``distance_mean`` along the way and ``displacement_mean``
        [m], ``lost_fraction`` of the weight last seen in the cell, ``position_sigma`` [m], and the 1-sigma of the mean
        in parts: ``<value>_sigma_measurement``, ``_surface`` (reference surfaces), ``_drift``, ``_growth`` and
        ``_total``; NaN where a part is not known, as of the place in mode "eulerian". On (time,): what became of the
        segments, weights and parcels of the window: ``segments_in_window`` = ``segments_gridded`` + ``segments_lost`` +
        ``segments_outside_grid``, ``segments_left_out`` beside these for want of a value, weight or time, and
        ``parcels_<status>``; with `ice`, ``parcels_ice_unknown``.

    Raises
    ------
    NoOverlapError
        If a target lies outside the time of the field, or not one parcel of a window has a velocity, or a known
        concentration where `ice` is given.
    EmptyDataError
        If there are no segments, or none in any window.
    FieldError
        If the field does not state what a velocity field must, is undated without `steady`, or its layers overlap.
    InputError
        If a column is missing, or an argument means nothing.

    Notes
    -----
    The scheme of Ricker et al. (2025), The Cryosphere 19, 3785: parcels of the days around the target are carried to
    it, forward from the past and back from the future, and gridded there; here with weights by segment length, square
    cells, and sums that add up. Where nothing moves the answer is that of :func:`~altiflow.grid_segments`, to the bit.
    The part of the uncertainty from the drift is the slope of the mean from cell to cell times ``position_sigma``,
    whose squares grow with the days as ``sum_i sum_j s_i s_j rho^|i-j|``.

    Examples
    --------
    Ice that was seen ten days before the target, and has since gone 100 km along x:

    >>> import pandas as pd
    >>> from altiflow.readers.field import build_field
    >>> axis, bounds = np.arange(-5e5, 6e5, 1e5), np.array([["2020-01-01", "2020-02-01"]], "M8[ns]")
    >>> drift = build_field(np.full((1, 11, 11), 10.0), np.zeros((1, 11, 11)), x=axis, y=axis, time_bnds=bounds,
    ...                     crs="EPSG:6931", units="km/d", velocity_metric="map", metric_source="user", source="none")
    >>> seen = pd.DataFrame({"time": pd.to_datetime(["2020-01-05"]), "h": [0.3], "longitude": 0.0, "latitude": 89.0})
    >>> found = grid_with_drift(seen, drift, Grid.named("EASE2_N25km"), target="2020-01-15", value="h", weight=None,
    ...                         mode="both", sigma="2.1 km d-1")
    >>> for name in ("h_mean", "h_mean_eulerian"):
    ...     row, col = np.argwhere(np.isfinite(found[name].values[0]))[0]
    ...     print(name, float(found.x[col]), round(float(found.age_mean[0, row, col]), 3))
    h_mean 112500.0 10.0
    h_mean_eulerian 12500.0 nan
    """
    plan = DriftPlan(
        window=window,
        mode=mode,
        dt=dt,
        scheme=scheme,
        time_rule=time_rule,
        steady=steady,
        sigma=sigma,
        rho=rho,
        growth=growth,
        ice=ice,
        min_ice=min_ice,
    )
    targets = as_targets(target)
    cargo = load_cargo(source, grid, value=value, weight=weight, parcel=parcel)
    parts = list(plan.grids(cargo, field, targets))
    if not any(int(part["parcels_in_window"].values[0]) for part in parts):
        seen = moments_of(cargo.seconds[[0, -1]]).astype("M8[m]")
        raise EmptyDataError(f"no segment lies within {window} of a target; they are of {seen[0]} to {seen[1]}")
    if len(parts) == 1:
        return parts[0]
    both = xr.concat(parts, "time", data_vars="minimal", coords="minimal", compat="override", combine_attrs="override")
    return both.assign_attrs(_lists(cargo, parts))


def load_cargo(
    source: SegmentSource | Tally, grid: Grid, *, value: str | None, weight: str | None, parcel: float
) -> Cargo:
    """Return the parcels of a table or a tally.

    Raises
    ------
    InputError
        If a table is given without a value, or one of its columns is missing.
    EmptyDataError
        If there are none.
    """
    if isinstance(source, Tally):
        return load_tally(source, grid, value=value)
    if value is None:
        raise InputError("value must name the column to average, such as 'freeboard'")
    return load_table(source, grid, value=value, weight=weight, size=parcel)


def as_targets(target: Any) -> Floats:
    """Return moments (n,) [s since 2000], ascending.

    Raises
    ------
    InputError
        If they are not dates, not known, or come twice.
    """
    try:
        dates = pd.Series(target if pd.api.types.is_list_like(target) else [target])
        if pd.api.types.is_numeric_dtype(dates):
            raise TypeError("a number is no date")
        moments = pd.to_datetime(dates, utc=True, format="ISO8601").to_numpy("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise InputError(f"target is a date (UTC) or several, got {target!r}") from error
    if moments.size == 0 or np.isnat(moments).any() or np.unique(moments).size < moments.size:
        raise InputError(f"target is a date (UTC) or several, none twice and none missing; got {target!r}")
    return np.sort(np.asarray((moments - EPOCH) / np.timedelta64(1, "s"), np.float64))


def _lists(cargo: Cargo, parts: list[xr.Dataset]) -> dict[str, str]:
    """Return the attributes that list what is in a Dataset, of all targets together."""
    known = {
        "granules": {granule for granule, _ in cargo.passes},
        "beams": {beam for _, beam in cargo.passes},
        **{name: {word for part in parts for word in part.attrs.get(name, "").split()} for name in ("releases", "doi")},
    }
    lists = {}
    for name, words in known.items():
        said = [f" {part.attrs.get(name, '')} " for part in parts]
        lists[name] = " ".join(sorted(word for word in words if word and any(f" {word} " in each for each in said)))
    return {name: text for name, text in lists.items() if text}


def _side_by_side(moved: xr.Dataset, still: xr.Dataset) -> xr.Dataset:
    """Return the statistics of drifting ice with those of the same parcels where they were measured."""
    names = [str(name) for name in moved.data_vars]
    value = next(name for name in names if name.endswith("_std")).removesuffix("_std")
    names = [name for name in (*_TWINS, f"{value}_mean", f"{value}_std", f"{value}_sigma") if name in still]
    both = moved.assign({f"{name}_eulerian": still[name] for name in names})
    for name in names:
        both[f"{name}_eulerian"].attrs["long_name"] = f"{still[name].attrs['long_name']}, Eulerian"
    both[f"{value}_difference"] = both[f"{value}_mean"] - both[f"{value}_mean_eulerian"]
    both[f"{value}_difference"].attrs = {
        **both[f"{value}_mean"].attrs,
        "long_name": f"drift-aware less Eulerian mean {value}",
    }
    return both


def _refuse_stuck(arrival: Arrival, motion: Motion, target: Target) -> None:
    """Raise if there are parcels, and not one of them has a velocity, or a concentration of ice where one is given."""
    if arrival.ice_known is not None and arrival.chosen.size and not arrival.ice_known.any():
        raise NoOverlapError(
            f"the concentration of the ice is not known at any place and time of {arrival.chosen.size} parcels around "
            f"{moments_of(np.array([target.seconds]))[0].astype('M8[m]')}; pass ice of the region and of these days"
        )
    stuck = np.isin(arrival.status, (NO_VELOCITY, LEFT_PERIOD)) & (arrival.path == 0)
    if arrival.chosen.size == 0 or not stuck[arrival.age != 0].all() or (arrival.age == 0).all():
        return
    out = int((arrival.status == LEFT_PERIOD).sum())
    raise NoOverlapError(
        f"altimetry and velocity do not meet: of {arrival.chosen.size} parcels around "
        f"{moments_of(np.array([target.seconds]))[0].astype('M8[m]')} not one has a velocity; {out} are of times "
        f"outside the field's layers, the others of places without one ({motion.field.attrs['source']}). Pass "
        "motion of the region and the days of the altimetry"
    )


def _told(gridded: xr.Dataset, plan: DriftPlan, field: xr.Dataset | None) -> xr.Dataset:
    """Return the Dataset with how it came about."""
    told = {
        "window_days": as_seconds(plan.window, "window") / _DAY,
        "mode": plan.mode,
        "scheme": plan.scheme,
        "dt_days": as_seconds(plan.dt, "dt") / _DAY,
        "time_rule": "steady" if plan.steady else plan.time_rule,
        "sigma": plan.sigma or "of the field",
        "rho": plan.rho,
        "growth": plan.growth,
        "min_ice": None if plan.ice is None else plan.min_ice,
    }
    way = "where it was measured" if plan.mode == "eulerian" else "along with the ice drift"
    source = None if field is None or plan.mode == "eulerian" else str(field.attrs["source"])
    return gridded.assign_attrs(
        title=f"{gridded.attrs['title']}, {way}",
        drift=json.dumps(told),
        history=f"altiflow {__version__}: grid_with_drift",
        **({} if source is None else {"velocity_source": source}),
    )
