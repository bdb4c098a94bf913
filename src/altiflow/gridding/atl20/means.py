"""The two monthly means of daily grids: the mean of days, as ATL20 has it, and the pooled mean of all segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.periods import bin_times, make_periods
from altiflow.version import __version__

__all__ = ["MonthlyMean", "check_daily", "mean_of_days", "pooled_mean"]

Floats = npt.NDArray[np.float64]

MonthlyMean = Literal["mean_of_days", "pooled"]
"""The two monthly means by name."""

_DAY = np.timedelta64(1, "D")
_RECIPES: dict[MonthlyMean, tuple[str, str]] = {
    "mean_of_days": (
        "mean of the daily means, weighted by the mean segment length of the day",
        "mean_of_days: sum(Lbar_d h_d) / sum(Lbar_d) over the days d of the month, with Lbar_d the mean segment length "
        "and h_d the mean of the day, as the file attribute of the monthly mean_fb of ATL20 says",
    ),
    "pooled": (
        "mean of all segments, weighted by segment length",
        "pooled: sum(L h) / sum(L) over all segments of the month, each of length L; not the monthly mean of ATL20",
    ),
}
_SCATTER = (
    "population standard deviation of all segments of the month about this mean, weighted by segment length: "
    "(sum L_d (s_d^2 + (h_d - mean)^2) / sum L_d)^1/2 with s_d, h_d and L_d the standard deviation, mean and length "
    "sum of a day"
)
_UNVERIFIED = "; whether the monthly sigma of ATL20 is this one is not verified"
_KEPT = ("product", "granules", "beams", "screens", "segments_gridded", "segments_outside_grid", "segments_left_out")


@dataclass(frozen=True)
class _Days:
    """The days of one month, each (d, rows, cols); a day that is empty in a cell has weight 0 there."""

    count: npt.NDArray[np.int64]
    length: Floats
    mean: Floats
    std: Floats

    @property
    def filled(self) -> npt.NDArray[np.bool_]:
        return self.count > 0

    def weights(self, mean: MonthlyMean) -> Floats:
        """Return what each day counts in the mean: its mean segment length, or its length sum."""
        if mean == "pooled":
            return self.length
        return np.divide(self.length, self.count, out=np.zeros_like(self.length), where=self.filled)


def mean_of_days(daily: xr.Dataset, *, value: str = "freeboard") -> xr.Dataset:
    """Return calendar-month means of daily means, each day weighted by its mean segment length: the monthly ATL20.

    Parameters
    ----------
    daily
        A gridded Dataset of single days, as ``tally.to_dataset("D")`` makes it, on any grid; days may be missing.
        Days without a mean in a cell (empty, or with fewer segments than its ``min_count``) are left out there.
    value
        Which value.

    Returns
    -------
    xarray.Dataset
        On (time, y, x), a layer for each month from the first to the last, empty cells NaN with counts 0: ``n_days``
        (days with a mean), ``n_segments`` and ``length_sum`` [m] (sums over those days), ``length_mean``
        [m] (ratio of these two), ``<value>_mean``, ``<value>_std``, ``time_first``, ``time_last`` where `daily` has
        them. The attribute ``monthly_mean`` is "mean_of_days".

    Raises
    ------
    InputError
        If `daily` is not one of single days, or lacks a variable that is needed.
    EmptyDataError
        If it has no day.

    Notes
    -----
    With Lbar_d the mean segment length and h_d the mean of day d the mean is Σ Lbar_d h_d / Σ Lbar_d (file attribute
    of the monthly ``mean_fb`` of ATL20 release 004). The text of its theoretical basis document was not available:
    which days and segments the product takes, and with which thresholds, is not verified. ``<value>_std`` is the
    length-weighted population standard deviation of all segments of the month about this mean, from the daily
    standard deviations and means with the length sums as weights; whether the monthly sigma of ATL20 is that is not
    verified either.

    Examples
    --------
    100 segments of 20 m with a mean of 0.20 m on one day, 10 of 40 m with 0.50 m on the next: a day of few but long
    segments counts more than one of many short ones.

    >>> grid = Grid.named("NSIDC_PS_N25km").window(slice(0, 1), slice(0, 1))
    >>> days = make_frame(grid, [["2019-01-01", "2019-01-02"], ["2019-01-02", "2019-01-03"]])
    >>> for name, numbers in {"n_segments": [100, 10], "length_sum": [2000.0, 400.0],
    ...                       "freeboard_mean": [0.2, 0.5], "freeboard_std": [0.0, 0.0]}.items():
    ...     days[name] = (("time", "y", "x"), np.reshape(numbers, (2, 1, 1)))
    >>> round(mean_of_days(days).freeboard_mean.item(), 12), round(pooled_mean(days).freeboard_mean.item(), 12)
    (0.4, 0.25)
    """
    return _monthly(daily, value, "mean_of_days")


def pooled_mean(daily: xr.Dataset, *, value: str = "freeboard") -> xr.Dataset:
    """Return the calendar-month means of all segments alike, from daily statistics.

    They are what ``tally.to_dataset("MS")`` gives, to rounding: mean and scatter are put together by the parallel
    formula of Chan, Golub and LeVeque (1979). Parameters, variables and errors are those of :func:`mean_of_days`;
    the attribute ``monthly_mean`` is "pooled".
    """
    return _monthly(daily, value, "pooled")


def check_daily(daily: xr.Dataset) -> npt.NDArray[np.datetime64]:
    """Return [start, end) of the days (t, 2), once it is known that each layer is one calendar day (UTC).

    Raises
    ------
    InputError
        If there are no ``time_bnds``, a period is not one day from midnight, or the days do not follow one another.
    EmptyDataError
        If there is no day.
    """
    if "time_bnds" not in daily.variables or "time" not in daily.dims:
        raise InputError("daily has no periods: the dimension time and time_bnds are needed; see tally.to_dataset('D')")
    bounds = daily["time_bnds"].to_numpy().astype("datetime64[ns]").reshape(-1, 2)
    if len(bounds) == 0:
        raise EmptyDataError("daily has no day; give a Dataset with at least one")
    start, end = bounds.T
    if np.isnat(bounds).any() or (end - start != _DAY).any() or (start != start.astype("datetime64[D]")).any():
        odd = bounds[np.isnat(bounds).any(axis=1) | (end - start != _DAY) | (start != start.astype("datetime64[D]"))][0]
        raise InputError(
            f"daily must hold single days from midnight to midnight, got {odd[0]} to {odd[1]}; make it with "
            "tally.to_dataset('D')"
        )
    if (np.diff(start) <= np.timedelta64(0, "ns")).any():
        raise InputError("the days of daily must follow one another, each once; use daily.sortby('time')")
    return bounds


def _monthly(daily: xr.Dataset, value: str, kind: MonthlyMean) -> xr.Dataset:
    """Return the monthly statistics of one kind."""
    days = check_daily(daily)
    prefix = f"{value}_" if f"{value}_n_segments" in daily else ""
    _require(daily, value, prefix)
    if daily.sizes["y"] > 1 and float(daily["y"][0]) < float(daily["y"][-1]):
        daily = daily.isel(y=slice(None, None, -1))
    months = make_periods(days[0, 0], days[-1, 0], "MS")
    place = bin_times(days[:, 0], months)
    frame = make_frame(Grid.from_dataset(daily), months)
    layers: dict[str, list[npt.NDArray[Any]]] = {}
    for number in range(len(months)):
        members = daily.isel(time=np.flatnonzero(place == number))
        found = _statistics(_read_days(members, value, prefix), kind, value)
        found |= _times(members, found["n_segments"] > 0, value, prefix)
        for name, layer in found.items():
            layers.setdefault(name, []).append(layer)
    for name, stack in layers.items():
        frame[name] = (("time", "y", "x"), np.stack(stack), _attributes(daily, name, value, kind, prefix))
    frame.attrs |= {name: daily.attrs[name] for name in _KEPT if name in daily.attrs}
    frame.attrs |= {
        "title": f"Monthly {value}, {_RECIPES[kind][0]}",
        "monthly_mean": kind,
        "comment": _RECIPES[kind][1],
        "history": f"{daily.attrs.get('history', '')}\naltiflow {__version__}: {kind} of {len(days)} days".strip(),
        "altiflow_version": __version__,
    }
    return frame


def _require(daily: xr.Dataset, value: str, prefix: str) -> None:
    """Refuse a Dataset without the variables that the means are made of."""
    needed = [f"{prefix}n_segments", f"{prefix}length_sum", f"{value}_mean", f"{value}_std"]
    missing = [name for name in needed if name not in daily]
    if missing:
        raise InputError(
            f"daily lacks {', '.join(missing)} for value={value!r}; it has {', '.join(map(str, daily.data_vars))}; "
            "make it with tally_segments(table, grid, value=...).to_dataset('D'), weighted by segment length"
        )
    wrong = [name for name in needed if daily[name].dims != ("time", "y", "x")]
    if wrong:
        raise InputError(f"{', '.join(wrong)} must lie on (time, y, x); use daily.transpose('time', 'y', 'x', ...)")


def _read_days(daily: xr.Dataset, value: str, prefix: str) -> _Days:
    """Return the days as arrays in which what is empty weighs nothing."""
    count = daily[f"{prefix}n_segments"].to_numpy()
    length, mean, std = (
        daily[name].to_numpy().astype(float) for name in (f"{prefix}length_sum", f"{value}_mean", f"{value}_std")
    )
    held = (count > 0) & np.isfinite(mean) & np.isfinite(length) & (length > 0)
    return _Days(
        np.where(held, count, 0).astype(np.int64),
        np.where(held, length, 0.0),
        np.where(held, mean, 0.0),
        np.where(held & np.isfinite(std), std, 0.0),
    )


def _statistics(days: _Days, kind: MonthlyMean, value: str) -> dict[str, npt.NDArray[Any]]:
    """Return the layers of one month, each (rows, cols)."""
    count, length = days.count.sum(axis=0), days.length.sum(axis=0)
    weights = days.weights(kind)
    mean = _ratio((weights * days.mean).sum(axis=0), weights.sum(axis=0))
    # Two sums, not one of squares minus a square: freeboards are much alike, and the difference would lose digits.
    about = np.where(days.filled, days.length * (days.std**2 + (days.mean - mean) ** 2), 0.0).sum(axis=0)
    return {
        "n_days": days.filled.sum(axis=0).astype(np.int64),
        "n_segments": count,
        "length_sum": np.where(count > 0, length, np.nan),
        "length_mean": _ratio(length, count.astype(float)),
        f"{value}_mean": mean,
        f"{value}_std": np.sqrt(_ratio(about, length)),
    }


def _ratio(above: Floats, below: Floats) -> Floats:
    """Return the quotient, NaN where there is nothing to divide by."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def _times(
    daily: xr.Dataset, held: npt.NDArray[np.bool_], value: str, prefix: str
) -> dict[str, npt.NDArray[np.datetime64]]:
    """Return the first and the last time of each cell, NaT where it is empty."""
    found = {}
    nothing = np.datetime64("NaT", "ns")
    pick: Callable[..., npt.NDArray[np.datetime64]]
    for name, pick in (("time_first", np.fmin.reduce), ("time_last", np.fmax.reduce)):
        if f"{prefix}{name}" not in daily:
            continue
        times = daily[f"{prefix}{name}"].to_numpy().astype("datetime64[ns]")
        shown = np.isfinite(daily[f"{value}_mean"].to_numpy())
        picked = pick(np.where(shown, times, nothing), axis=0) if len(times) else np.full(held.shape, nothing)
        found[name] = np.where(held, picked, nothing)
    return found


def _attributes(daily: xr.Dataset, name: str, value: str, kind: MonthlyMean, prefix: str) -> dict[str, Any]:
    """Return the attributes of a variable."""
    counted = {"units": "1", "standard_name": "number_of_observations", "cell_methods": "time: area: sum"}
    metres = {"units": str(daily[f"{prefix}length_sum"].attrs.get("units", "m"))}
    told = {key: text for key, text in daily[f"{value}_mean"].attrs.items() if key in ("units", "standard_name")}
    clock = {"standard_name": "time", "units_metadata": "leap_seconds: none"}
    found: dict[str, dict[str, Any]] = {
        "n_days": {"long_name": "number of days with a mean", "units": "1", "cell_methods": "time: area: sum"},
        "n_segments": {"long_name": "number of segments", **counted},
        "length_sum": {"long_name": "sum of segment lengths", **metres, "cell_methods": "time: area: sum"},
        "length_mean": {"long_name": "mean segment length", **metres, "cell_methods": "time: area: mean"},
        f"{value}_mean": {"long_name": f"{value}, {_RECIPES[kind][0]}", **told, "comment": _RECIPES[kind][1]},
        f"{value}_std": {
            "long_name": f"population standard deviation of {value} about the {kind} mean",
            **told,
            "comment": _SCATTER + (_UNVERIFIED if kind == "mean_of_days" else ""),
        },
        "time_first": {"long_name": "time of the first segment", **clock},
        "time_last": {"long_name": "time of the last segment", **clock},
    }
    return {**found[name], "grid_mapping": "crs"}
