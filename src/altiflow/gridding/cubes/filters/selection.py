"""Selection: which layers of a cube to work with, by what is known of each."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, InputError
from altiflow.gridding.cubes.layers import Spans, carry_attrs, days_since, layer_spans

__all__ = ["filter_layers"]

Bools = npt.NDArray[np.bool_]


def filter_layers(
    cube: xr.Dataset,
    *,
    min_separation: float | None = None,
    max_separation: float | None = None,
    months: Collection[int] | None = None,
    missions: Collection[str] | None = None,
    min_valid_percent: float | None = None,
    period: tuple[Any, Any] | None = None,
) -> xr.Dataset:
    """Return the cube or series with those layers that pass; values are not looked at, and lazy stays lazy.

    Parameters
    ----------
    cube
        Cube (time, y, x) or series (time, point) of velocities.
    min_separation, max_separation
        Shortest and longest time between the two images [d], both included.
    months
        Calendar months (1 to 12) that the middle of the pair may lie in.
    missions
        Missions, by the coordinate ``mission``.
    min_valid_percent
        Least share of the region that the pair measures [%], by the coordinate ``valid_percent``.
    period
        (first, last) moment that the whole pair must lie in.

    Returns
    -------
    xarray.Dataset
        ``attrs["screens"]`` is a JSON object: how many layers each screen took, each counted by the first that it
        failed, on top of those of filters before.

    Raises
    ------
    FieldError
        If the cube is no field of dated velocities, or lacks the coordinate that a screen needs.
    InputError
        If an argument means nothing.
    EmptyDataError
        If no layer is left; the message has the counts.

    Examples
    --------
    >>> from altiflow.readers.field import build_field
    >>> pairs = np.array([["2020-01-01", "2020-01-17"], ["2020-01-01", "2021-01-01"]], "M8[ns]")
    >>> still = np.zeros((2, 2, 2))
    >>> cube = build_field(still, still, x=[0, 120], y=[0, 120], time_bnds=pairs, crs=3413, units="m/yr",
    ...                    year_days=365.25, velocity_metric="map", metric_source="user", source="example")
    >>> filter_layers(cube, max_separation=64).attrs["screens"]
    '{"max_separation": 1}'
    """
    spans = layer_spans(cube)
    separation = cube["separation_days"].values if "separation_days" in cube.coords else spans.days
    tests: dict[str, Bools] = {}
    if min_separation is not None:
        tests["min_separation"] = separation >= min_separation
    if max_separation is not None:
        tests["max_separation"] = separation <= max_separation
    if months is not None:
        tests["months"] = _in_months(cube, months)
    if missions is not None:
        tests["missions"] = np.isin(_coordinate(cube, "mission"), list(missions))
    if min_valid_percent is not None:
        tests["min_valid_percent"] = _coordinate(cube, "valid_percent") >= min_valid_percent
    if period is not None:
        tests["period"] = _in_period(spans, period)
    kept, screens = np.ones(separation.size, dtype=bool), {}
    for name, passed in tests.items():
        screens[name] = int((kept & ~passed).sum())
        kept &= passed
    if not kept.any():
        raise EmptyDataError(f"none of {kept.size} layers passes: {json.dumps(screens)}; loosen the screens")
    result = cube.isel(time=np.flatnonzero(kept))
    before = json.loads(cube.attrs.get("screens", "{}"))
    screens = {name: before.get(name, 0) + screens.get(name, 0) for name in {**before, **screens}}
    step = f"filter_layers({', '.join(tests)}): {int(kept.sum())} of {kept.size} layers kept"
    result.attrs = carry_attrs(cube, step, {"screens": json.dumps(screens)})
    return result


def _coordinate(cube: xr.Dataset, name: str) -> npt.NDArray[Any]:
    """Return what is known of each layer under that name."""
    if name not in cube.coords:
        raise FieldError(f"the cube does not know {name!r} of its layers, so they cannot be chosen by it")
    return np.asarray(cube[name].values)


def _in_months(cube: xr.Dataset, months: Collection[int]) -> Bools:
    """Return whether the middle of each layer lies in one of the months."""
    if not months or any(month not in range(1, 13) for month in months):
        raise InputError(f"months are numbers from 1 to 12, got {sorted(months)!r}")
    bounds = cube["time_bnds"].values.astype("datetime64[ns]")
    middle = pd.DatetimeIndex(bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2)
    return np.isin(middle.month.to_numpy(), list(months))


def _in_period(spans: Spans, period: tuple[Any, Any]) -> Bools:
    """Return whether each layer lies in the period as a whole."""
    try:
        first, last = days_since(np.array([np.datetime64(moment, "ns") for moment in period]))
    except (TypeError, ValueError) as error:
        raise InputError(f"period must be (first, last) moments, got {period!r}: {error}") from error
    if not first < last:
        raise InputError(f"period must end after it starts, got {period!r}")
    return np.asarray((spans.start >= first) & (spans.end <= last))
