"""Layers: the intervals of a cube or series as numbers, and results in time bins as checked fields again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, InputError
from altiflow.gridding.periods import Times, layer_bounds, make_periods, time_bins
from altiflow.readers.field import check_field, check_series, space_dims
from altiflow.version import __version__

__all__ = [
    "EPOCH",
    "Spans",
    "bin_dataset",
    "bin_field",
    "carry_attrs",
    "count_without_sigma",
    "days_since",
    "find_bins",
    "has_sigmas",
    "layer_spans",
    "space_coords",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

EPOCH = np.datetime64("2000-01-01", "ns")
"""Where days are counted from: close to the data, so that a day as float64 resolves a microsecond."""

_DAY = np.timedelta64(86_400_000_000_000, "ns")


@dataclass(frozen=True)
class Spans:
    """Intervals of n layers.

    Attributes
    ----------
    start, end
        Days since ``EPOCH`` (n,).
    usable
        Whether the layer lasts at all (n,).
    """

    start: Floats
    end: Floats
    usable: Bools

    @property
    def days(self) -> Floats:
        """Length (n,) [d]."""
        return self.end - self.start

    @property
    def centre(self) -> Floats:
        """Middle (n,), days since ``EPOCH``."""
        return self.start + self.days / 2


def days_since(times: npt.ArrayLike) -> Floats:
    """Return moments as days since ``EPOCH``, of the same shape; NaN for NaT.

    Examples
    --------
    >>> days_since(np.array(["2000-01-02T12:00", "NaT"], "M8[ns]")).tolist()
    [1.5, nan]
    """
    return np.asarray((np.asarray(times).astype("datetime64[ns]") - EPOCH) / _DAY)


def layer_spans(cube: xr.Dataset) -> Spans:
    """Return the intervals of the layers of a cube or series, which is checked first.

    Raises
    ------
    FieldError
        If it is no velocity field or series, holds displacements, or is undated.
    EmptyDataError
        If no layer lasts any time.
    """
    space_dims(cube)
    if cube.attrs["velocity_kind"] != "velocity":
        raise FieldError("the field holds displacements; divide them by the time they took, and say so in its attrs")
    if cube.attrs["time_rule"] == "undated":
        raise FieldError("the field is undated: statistics in time need start and end of every layer (time_bnds)")
    edges = days_since(layer_bounds(cube))
    start, end = edges[:, 0], edges[:, 1]
    usable = end > start
    if not usable.any():
        raise EmptyDataError(f"none of the {usable.size} layers lasts any time; statistics in time need intervals")
    return Spans(start, end, usable)


def find_bins(cube: xr.Dataset, periods: Any) -> Times:
    """Return time bins [start, end) as (bins, 2) datetime64[ns].

    Parameters
    ----------
    cube
        Whose span of time a length of time is laid over.
    periods
        A length of time such as "MS", "YS", "month" or "year" (see :func:`altiflow.gridding.make_periods`), or what
        :func:`altiflow.gridding.periods.time_bins` takes: edges, bins (n, 2), an IntervalIndex, a gridded Dataset.

    Raises
    ------
    InputError
        If that gives no bins.
    """
    if not isinstance(periods, str):
        return time_bins(periods)
    edges = layer_bounds(cube)
    return make_periods(edges.min(), edges.max() - np.timedelta64(1, "ns"), periods)


def space_coords(cube: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the coordinates of a cube that do not go along time."""
    found = {str(name): coord for name, coord in cube.coords.items() if not {"time", "nv"} & set(coord.dims)}
    return {name: coord.reset_coords(drop=True) for name, coord in found.items()}


def carry_attrs(cube: xr.Dataset, step: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a result: those of the cube, what was done on top of its history, and its figures."""
    before = str(cube.attrs.get("history", ""))
    said = f"altiflow {__version__}: {step}"
    return {**cube.attrs, **told, "history": f"{said}\n{before}".strip(), "altiflow_version": __version__}


def has_sigmas(cube: xr.Dataset) -> bool:
    """Return whether a cube or series gives standard errors of both components; those not in memory are believed to."""
    found = [cube[name].variable for name in ("vx_sigma", "vy_sigma") if name in cube]
    held = [one for one in found if one.ndim == 1 or one._in_memory]
    return len(found) == 2 and all(bool((np.asarray(one.values) > 0).any()) for one in held)


def count_without_sigma(cube: xr.Dataset) -> dict[str, int]:
    """Return how many layers have no sigma of their own, by the name of the attribute that says so."""
    found = {}
    for name in ("vx_sigma", "vy_sigma"):
        if name in cube and cube[name].dims == ("time",):
            found[f"layers_without_{name}"] = int((~(cube[name].values > 0)).sum())
    return found


def bin_field(
    cube: xr.Dataset,
    bins: Times,
    variables: Mapping[str, tuple[tuple[str, ...], Any, Mapping[str, Any]]],
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Return a checked field (or series) of means over bins; see :func:`bin_dataset`."""
    result = bin_dataset(cube, bins, variables, attrs)
    return check_series(result) if "point" in result.dims else check_field(result)


def bin_dataset(
    cube: xr.Dataset,
    bins: Times,
    variables: Mapping[str, tuple[tuple[str, ...], Any, Mapping[str, Any]]],
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Return a Dataset of variables in bins, on the places of the cube.

    Parameters
    ----------
    cube
        Whose places and coordinates are taken over.
    bins
        [start, end) (bins, 2).
    variables
        Dimensions, data and attributes by name.
    attrs
        All attributes of the result, see :func:`carry_attrs`.
    """
    known = np.asarray(bins)
    order = np.argsort(known[:, 0], kind="stable")
    if not np.array_equal(order, np.arange(len(known))):
        raise InputError("time bins must be in ascending order of their starts; sort them")
    coords: dict[str, Any] = {
        "time": ("time", known[:, 0] + (known[:, 1] - known[:, 0]) // 2),
        "time_bnds": (("time", "nv"), known),
    }
    result = xr.Dataset({name: xr.Variable(*told) for name, told in variables.items()}, coords=coords)
    result = result.assign_coords(space_coords(cube))
    result.attrs = {**attrs, "time_rule": "interval_mean"}
    return result
