"""Deformation of parcels on their way: strain rates along paths, and their integrals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.fields.intervals import bracket_times, choose_layers
from altiflow.fusion.kinematics.invariants import STRAIN_NAMES, StrainName
from altiflow.fusion.trajectories.motion import TimeRule
from altiflow.gridding.remap.resample import Lattice
from altiflow.units import YEAR_DAYS
from altiflow.version import __version__

__all__ = ["deformation_along"]

Floats = npt.NDArray[np.float64]

_SECONDS = {"s-1": 1.0, "d-1": 86400.0, "yr-1": YEAR_DAYS * 86400.0}


def deformation_along(
    paths: xr.Dataset,
    rates: xr.Dataset,
    *,
    names: Sequence[StrainName] = ("divergence", "shear"),
    time_rule: TimeRule = "linear",
) -> xr.Dataset:
    """Return paths with the strain rates that parcels meet on them, and how much they add up to.

    Parameters
    ----------
    paths
        What :func:`~altiflow.fusion.trajectories.paths.path_lines` returned.
    rates
        What :func:`~altiflow.fusion.kinematics.strain.strain_rates` returned, of the same field.
    names
        Which of its quantities.
    time_rule
        "linear": rates change evenly between the middles of layers, as the velocity of the paths does. "constant": each
        layer holds over its interval.

    Returns
    -------
    xarray.Dataset
        The paths, and on (trajectory, obs) each quantity, bilinear between cells, and ``<name>_integral`` of it from
        the start of the path by trapezoids, without dimension; NaN from the first place without a rate on. Back in time
        the steps are negative. ``deformation_cover`` is the share of a path's places with a rate. With ``divergence``
        there is ``area_ratio``, ``exp(∫ div dt)``: the area of a small parcel by that at the start.

    Raises
    ------
    InputError
        If the paths or the rates are not what they should be, a name is not among the rates, or a word is not known.

    Notes
    -----
    ``d(ln area)/dt = div`` of a parcel that goes with the flow. Thickness that only spreads changes by ``1 /
    area_ratio``, so that ``-h ∫ div dt`` is to be compared with a change of freeboard.

    Examples
    --------
    A parcel that stretches by 0.01 per day for ten days:

    >>> from altiflow.fusion import path_lines, strain_rates
    >>> from altiflow.readers.field import build_field
    >>> x, y = np.meshgrid(np.arange(-5.0, 6) * 1e4, np.arange(-5.0, 6) * 1e4)
    >>> bounds = np.array([["2020-01-01", "2020-02-01"]], "M8[ns]")
    >>> field = build_field(1e-5 * x[None], 0 * y[None], x=x[0], y=y[:, 0], time_bnds=bounds, crs="EPSG:6931",
    ...                     units="km/d", velocity_metric="map", metric_source="user", source="example")
    >>> paths = path_lines(field, [[1e3, 0.0]], start="2020-01-05", end="2020-01-15")
    >>> found = deformation_along(paths, strain_rates(field, units="d-1"))
    >>> found.divergence_integral[0, -1].item().__round__(4), found.area_ratio[0, -1].item().__round__(4)
    (0.1, 1.1052)
    """
    missing = [name for name in names if name not in STRAIN_NAMES or name not in rates]
    if missing or not names:
        raise InputError(f"names must be among the strain rates, {', '.join(map(str, rates.data_vars))}; got {names!r}")
    if not {"trajectory", "obs"} <= set(paths.dims) or "crs" not in paths.attrs:
        raise InputError("paths must be what path_lines returned, with x, y and time on (trajectory, obs)")
    if time_rule not in get_args(TimeRule):
        raise InputError(f"time_rule must be 'linear' or 'constant', got {time_rule!r}")
    found = _rates_at(paths, rates, list(names), time_rule)
    seconds = _seconds_since_start(paths)
    result = paths.copy()
    dims = ("trajectory", "obs")
    for name, values in found.items():
        units = str(rates[name].attrs["units"])
        result[name] = (dims, values, dict(rates[name].attrs))
        result[name].attrs.pop("grid_mapping", None)
        if units not in _SECONDS:
            continue
        summed = _integral(values, seconds / _SECONDS[units])
        text = {"units": "1", "long_name": f"integral of {name} over time from the start of the path"}
        result[f"{name}_integral"] = (dims, summed, text)
        if name == "divergence":
            meaning = {"units": "1", "long_name": "area of a small parcel by that at the start of the path"}
            result["area_ratio"] = (dims, np.exp(summed), meaning)
    there = np.isfinite(paths["x"].values)
    known = np.logical_and.reduce([np.isfinite(values) for values in found.values()]) & there
    share = known.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    told = {"units": "1", "long_name": "share of the places of the path with a rate"}
    result["deformation_cover"] = ("trajectory", share, told)
    return result.assign_attrs(
        history=f"{paths.attrs.get('history', '')}; altiflow {__version__}: deformation_along".removeprefix("; "),
        deformation_time_rule=time_rule,
    )


def _rates_at(paths: xr.Dataset, rates: xr.Dataset, names: list[StrainName], time_rule: str) -> dict[str, Floats]:
    """Return the rates (trajectory, obs) at the places and moments of paths."""
    x, y, times = (paths[name].values.ravel() for name in ("x", "y", "time"))
    crs = str(rates.attrs["crs"])
    if crs != paths.attrs["crs"]:
        x, y = pyproj.Transformer.from_crs(paths.attrs["crs"], crs, always_xy=True).transform(x, y)
    on_way = np.isfinite(x) & np.isfinite(y)
    lower, upper, share = _layers_of(rates, times, time_rule)
    lattice = Lattice.from_axes(rates["x"].values, rates["y"].values)
    found = {name: np.full(x.size, np.nan) for name in names}
    for early, late in set(zip(lower[on_way].tolist(), upper[on_way].tolist(), strict=True)):
        if early < 0:
            continue
        chosen = np.flatnonzero(on_way & (lower == early) & (upper == late))
        stencil = lattice.stencil(x[chosen], y[chosen])
        for name in names:
            values = stencil.apply(rates[name].isel(time=early).values)
            if late != early:
                part = share[chosen]
                values = (1 - part) * values + part * stencil.apply(rates[name].isel(time=late).values)
            found[name][chosen] = values
    return {name: values.reshape(paths["x"].shape) for name, values in found.items()}


def _layers_of(
    rates: xr.Dataset, times: npt.NDArray[np.datetime64], time_rule: str
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """Return the layers before and after moments (n,), and the share of the later one."""
    if rates.attrs.get("time_rule") == "undated":
        if rates.sizes["time"] != 1:
            raise InputError(f"the rates are undated and have {rates.sizes['time']} layers; pick one: isel(time=[0])")
        none = np.zeros(times.size, np.intp)
        return none, none, np.zeros(times.size)
    if time_rule == "linear" or rates.attrs.get("time_rule") == "instant":
        found = bracket_times(times, rates["time"].values)
        upper = np.where(found.share > 0, found.upper, found.lower)
        return found.lower, upper, found.share
    index, days = choose_layers(times, rates["time_bnds"].values)
    # The end of the last layer is no part of it, and the path ends there.
    held = np.where(np.abs(days) > 0, -1, index)
    index = np.where((days == 0) | (times == rates["time_bnds"].values[index, 1]), index, held)
    return index, index, np.zeros(times.size)


def _seconds_since_start(paths: xr.Dataset) -> Floats:
    """Return the time since the start of each path (trajectory, obs) [s], negative back in time, NaN after its end."""
    times = paths["time"].values
    return np.asarray((times - times[:, :1]) / np.timedelta64(1, "s"), float)


def _integral(values: Floats, time: Floats) -> Floats:
    """Return the integral (n, obs) of values over time from the first of each row, by trapezoids."""
    steps = (values[:, 1:] + values[:, :-1]) / 2 * np.diff(time, axis=1)
    first = np.where(np.isfinite(values[:, :1]), 0.0, np.nan)
    return np.cumsum(np.concatenate([first, steps], axis=1), axis=1)
