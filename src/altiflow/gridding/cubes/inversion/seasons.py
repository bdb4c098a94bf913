"""Seasons: what a fitted model says at a moment or through a year, and waves carried from pixels to points."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import FieldError, InputError
from altiflow.gridding.cubes.inversion.models import SEASON_DAYS
from altiflow.gridding.cubes.layers import carry_attrs, days_since, space_coords
from altiflow.readers.field import check_field, check_series, space_dims

__all__ = ["evaluate_model", "interpolate_season", "seasonal_series"]

Floats = npt.NDArray[np.float64]


def evaluate_model(result: xr.Dataset, times: npt.ArrayLike) -> xr.Dataset:
    """Return the velocity that a model of :func:`altiflow.invert_displacements` has at moments.

    Parameters
    ----------
    result
        What the inversion gave.
    times
        Moments (n,), UTC.

    Returns
    -------
    xarray.Dataset
        Checked field or series of snapshots ("instant"): ``vx``, ``vy``, NaN where the model is not determined, and
        outside of its periods.

    Raises
    ------
    InputError
        If `result` is not of an inversion, or there are no moments.

    Examples
    --------
    >>> from altiflow import invert_displacements
    >>> from altiflow.readers.field import build_field
    >>> start = np.datetime64("2018-01-01", "ns") + np.arange(60) * np.timedelta64(12, "D")
    >>> pairs = np.stack([start, start + np.timedelta64(24, "D")], axis=1)
    >>> day = (start - np.datetime64("2000-01-01")) / np.timedelta64(1, "D") + 12
    >>> kept = np.sinc(24 / 365.25)
    >>> vx = (1000 + 300 * kept * np.cos(2 * np.pi * (day - 180) / 365.25))[:, None, None] * np.ones((60, 2, 2))
    >>> cube = build_field(vx, 0 * vx, x=[0, 120], y=[0, 120], time_bnds=pairs, crs=3413, units="m/yr",
    ...                    year_days=365.25, velocity_metric="map", metric_source="user", source="example")
    >>> fit = invert_displacements(cube, model="seasonal", level="constant")
    >>> fit.vx_phase[0, 0].item().__round__(3), evaluate_model(fit, ["2019-06-30"]).vx[0, 0, 0].item().__round__(1)
    (180.0, 1300.0)
    """
    moments = _moments(times)
    name = result.attrs.get("model")
    if name not in ("piecewise", "annual", "seasonal", "cyclic"):
        raise InputError(f"result must come from invert_displacements, its attribute 'model' is {name!r}")
    dims, days = space_dims(result), days_since(moments)
    slot = _slots(result, moments, str(name))
    inside = xr.DataArray(slot >= 0, dims="time")
    parts = {}
    for component in ("vx", "vy"):
        level = result[component].isel(time=np.maximum(slot, 0)).where(inside)
        found = level.drop_vars([str(c) for c in level.coords if c not in dims])
        if f"{component}_trend" in result:
            years = xr.DataArray((days - float(result.attrs["trend_origin_days"])) / SEASON_DAYS, dims="time")
            found = found + years * result[f"{component}_trend"]
        if f"{component}_amp" in result:
            found = found + _wave(result, component, days)
        parts[component] = found.transpose("time", *dims).assign_attrs(
            long_name=f"velocity along {component[1]}, of the model", units=str(result.attrs["units"])
        )
    coords: dict[str, Any] = {"time": moments, "time_bnds": (("time", "nv"), np.stack([moments, moments], axis=1))}
    made = xr.Dataset(parts).assign_coords(coords).assign_coords(space_coords(result))
    made.attrs = carry_attrs(result, f"evaluate_model at {moments.size} moments", {"time_rule": "instant"})
    return check_series(made) if dims == ("point",) else check_field(made)


def seasonal_series(result: xr.Dataset, *, step_days: float = 1.0) -> xr.Dataset:
    """Return the annual wave of a seasonal model through one year.

    Parameters
    ----------
    result
        Dataset with ``vx_amp``, ``vx_phase``, ``vy_amp``, ``vy_phase``, of :func:`altiflow.invert_displacements` with
        model="seasonal" or of ITS_LIVE's composites.
    step_days
        Distance of the days.

    Returns
    -------
    xarray.Dataset
        ``vx`` and ``vy`` less their annual means on ``day`` (days since 1 January) and the dimensions of the result.

    Raises
    ------
    FieldError
        If the result has no wave.
    InputError
        If `step_days` means nothing.
    """
    if not 0 < step_days <= SEASON_DAYS:
        raise InputError(f"step_days must be above 0 and at most {SEASON_DAYS}, got {step_days!r}")
    days = np.arange(0.0, SEASON_DAYS, step_days)
    parts = {}
    for component in ("vx", "vy"):
        _require(result, f"{component}_amp", f"{component}_phase")
        wave = _wave(result, component, days, dim="day")
        parts[component] = wave.transpose("day", ...).assign_attrs(
            long_name=f"{component} less its annual mean", units=str(result[f"{component}_amp"].attrs.get("units", ""))
        )
    told = {"long_name": "days since 1 January", "units": "days"}
    made = xr.Dataset(parts).assign_coords(day=("day", days, told))
    made.attrs = carry_attrs(result, f"seasonal_series(step_days={step_days})", {})
    return made


def interpolate_season(
    season: xr.Dataset,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    amplitude: str = "v_amp",
    phase: str = "v_phase",
    method: Literal["linear", "nearest"] = "linear",
) -> xr.Dataset:
    """Return amplitude and phase of an annual wave at points, the phase taken for the direction that it is.

    Day 364 and day 2 are three days apart, and half-way between them lies day 0.6: what is interpolated are
    ``a cos p`` and ``a sin p``, not the days.

    Parameters
    ----------
    season
        Dataset on (y, x) with evenly spaced ``x`` and ``y``: of :func:`altiflow.invert_displacements` with
        model="seasonal" (names "vx_amp", "vx_phase" ...) or an ITS_LIVE composite ("v_amp", "v_phase").
    x, y
        Points (n,) [m, crs of the Dataset].
    amplitude, phase
        Names of the variables; the phase is the day of the year on which the wave is largest.
    method
        "linear" between four pixels (NaN if one of them is) or "nearest".

    Returns
    -------
    xarray.Dataset
        The two variables on (point,), with ``x`` and ``y``; NaN outside of the pixels' centres.

    Raises
    ------
    FieldError
        If the variables or axes are not there.
    InputError
        If the method is not known or x and y are not alike.

    Examples
    --------
    >>> season = xr.Dataset({"v_amp": (("y", "x"), np.full((2, 2), 50.0)),
    ...                      "v_phase": (("y", "x"), np.array([[360.0, 10.0], [360.0, 10.0]]))},
    ...                     coords={"x": [0.0, 100.0], "y": [0.0, 100.0]})
    >>> interpolate_season(season, [50.0], [50.0]).v_phase.values.round(3).tolist()
    [2.375]
    """
    _require(season, amplitude, phase)
    if method not in ("linear", "nearest"):
        raise InputError(f"method must be 'linear' or 'nearest', got {method!r}")
    east, north = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
    if east.shape != north.shape or east.ndim != 1:
        raise InputError(f"x and y must be alike and 1-D, got shapes {east.shape} and {north.shape}")
    angle = season[phase] * (2 * np.pi / SEASON_DAYS)
    points = {"x": xr.DataArray(east, dims="point"), "y": xr.DataArray(north, dims="point")}
    vector = xr.Dataset({"c": season[amplitude] * np.cos(angle), "s": season[amplitude] * np.sin(angle)})
    found = vector.astype(np.float64).interp(points, method=method)
    days = (np.arctan2(found["s"], found["c"]) / (2 * np.pi) * SEASON_DAYS) % SEASON_DAYS
    result = xr.Dataset({amplitude: np.hypot(found["c"], found["s"]), phase: days})
    for name in (amplitude, phase):
        result[name].attrs = dict(season[name].attrs)
    step = f"interpolate_season(method={method!r})"
    result.attrs = carry_attrs(season, step, {})
    return result.assign_coords(x=("point", east), y=("point", north))


def _require(dataset: xr.Dataset, *names: str) -> None:
    """Raise unless the variables are there."""
    for name in names:
        if name not in dataset:
            raise FieldError(f"the Dataset has no variable {name!r}; invert with model='seasonal', or give its name")


def _wave(result: xr.Dataset, component: str, days: Floats, dim: str = "time") -> xr.DataArray:
    """Return the wave of a component on days since 2000-01-01 (or 1 January); 0 where its amplitude is."""
    size = result[f"{component}_amp"]
    angle = (xr.DataArray(days, dims=dim) - result[f"{component}_phase"]) * (2 * np.pi / SEASON_DAYS)
    return (size * np.cos(angle)).where(size != 0, 0.0)


def _moments(times: npt.ArrayLike) -> npt.NDArray[np.datetime64]:
    """Return moments (n,)."""
    try:
        moments = np.atleast_1d(np.asarray(times)).astype("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise InputError(f"times must hold moments (UTC, without a time zone): {error}") from error
    if moments.size == 0 or np.isnat(moments).any():
        raise InputError("times must hold at least one moment, and no NaT")
    return moments


def _slots(result: xr.Dataset, moments: npt.NDArray[np.datetime64], name: str) -> npt.NDArray[np.intp]:
    """Return which velocity of a model holds at each moment; -1 for none."""
    if name == "cyclic":
        return pd.DatetimeIndex(moments).month.to_numpy().astype(np.intp) - 1
    bounds = result["time_bnds"].values.astype("datetime64[ns]")
    place = np.searchsorted(bounds[:, 0], moments, side="right") - 1
    inside = (place >= 0) & (moments < bounds[np.maximum(place, 0), 1])
    return np.where(inside, place, -1).astype(np.intp)
