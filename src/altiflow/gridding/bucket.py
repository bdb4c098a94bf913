"""Drop in the bucket: statistics of the segments that fall into each cell of a grid."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grid import Grid
from altiflow.gridding.periods import bin_times, make_periods
from altiflow.version import __version__

__all__ = ["CellStatistics", "grid_segments", "reduce_cells"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Times = npt.NDArray[np.datetime64]

# Freeboard of a laser is that of the snow surface, so it is not the CF standard name sea_ice_freeboard.
_STANDARD_NAMES = {("ATL06", "height"): "height_above_reference_ellipsoid"}


@dataclass(frozen=True)
class CellStatistics:
    """Statistics of the cells that hold anything, each (m,).

    Attributes
    ----------
    cell
        Number of the cell, ascending.
    count
        Number of segments.
    weight_sum
        Sum of weights.
    mean, std
        Weighted mean, and population standard deviation about it.
    low, high
        Smallest and largest value.
    """

    cell: Ints
    count: Ints
    weight_sum: Floats
    mean: Floats
    std: Floats
    low: Floats
    high: Floats

    @property
    def weight_mean(self) -> Floats:
        """Mean weight of a segment."""
        return self.weight_sum / self.count


def reduce_cells(cell: npt.ArrayLike, value: npt.ArrayLike, weight: npt.ArrayLike) -> CellStatistics:
    """Return statistics of `value` (n,) with `weight` (n,) > 0 for each number in `cell` (n,).

    The mean is corrected by the mean difference from it, and the variance taken of differences from the mean, with
    the mean's own rounding taken out, so that heights of thousands of metres keep their centimetres whatever the
    order; the mean is never outside the smallest and largest value, so that the standard deviation of equal values
    is exactly 0.

    Examples
    --------
    >>> found = reduce_cells([7, 7], [3000.1, 3000.1], [1.0, 2.0])
    >>> found.mean.tolist(), found.std.tolist()
    ([3000.1], [0.0])
    """
    numbers = np.asarray(cell, np.int64)
    order = np.argsort(numbers, kind="stable")
    numbers, values, weights = numbers[order], np.asarray(value, float)[order], np.asarray(weight, float)[order]
    if numbers.size == 0:
        return CellStatistics(numbers, numbers, *(np.empty(0) for _ in range(5)))
    first = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
    count = np.diff(np.r_[first, numbers.size])
    low, high = np.minimum.reduceat(values, first), np.maximum.reduceat(values, first)
    total = np.add.reduceat(weights, first)
    mean = np.clip(np.add.reduceat(weights * values, first) / total, low, high)
    rest = np.add.reduceat(weights * (values - np.repeat(mean, count)), first) / total
    mean = np.clip(mean + rest, low, high)
    away = values - np.repeat(mean, count)
    rest = np.add.reduceat(weights * away, first) / total
    variance = np.add.reduceat(weights * away**2, first) / total - rest**2
    return CellStatistics(
        cell=numbers[first],
        count=count.astype(np.int64),
        weight_sum=total,
        mean=mean,
        std=np.sqrt(np.maximum(variance, 0.0)),
        low=low,
        high=high,
    )


def grid_segments(
    table: gpd.GeoDataFrame,
    grid: Grid,
    *,
    value: str,
    weight: str | None = "segment_length",
    freq: str | None = None,
) -> xr.Dataset:
    """Return length-weighted statistics of a segment table per cell and period.

    Parameters
    ----------
    table
        Points in any CRS, with columns `value`, `weight` and (for `freq`) ``time``.
    grid
        Where to; points outside it never appear in it.
    value
        Column to average.
    weight
        Column of weights; None weighs every segment alike.
    freq
        None puts everything into one layer, from the first time to the last, or undated if no segment has a time;
        else "D", "7D", "MS" (month) ...: see :func:`altiflow.gridding.make_periods`. Periods without data are
        there and empty.

    Returns
    -------
    xarray.Dataset
        On (time, y, x): ``n_segments``; with w the weights and h the values ``length_sum`` Σw, ``length_mean``
        Σw/n, ``<value>_mean`` Σwh/Σw, ``<value>_std`` (Σw(h-mean)²/Σw)^½, ``<value>_min``, ``<value>_max``. Empty
        cells are NaN with n_segments 0. Weights other than segment_length give ``<weight>_sum`` and
        ``<weight>_mean``; without weights there is neither. The attributes ``segments_gridded``,
        ``segments_outside_grid`` and ``segments_left_out`` (no finite value, no positive weight, or no time where
        `freq` asks for one) add up to the rows of the table.

    Raises
    ------
    InputError
        If a column is missing or of the wrong type, if value and weight would give variables of one name, or if
        the table has no points or no CRS.
    EmptyDataError
        If the table has no rows, or no usable one.

    Notes
    -----
    Equations of the ATL20 product: mean segment length L̄ = ΣL/N and mean freeboard h̄ = ΣLh/ΣL; the standard
    deviation is the square root of its σ².
    """
    _check_columns(table, value, weight, freq)
    values, times = _numbers(table, value), _times(table)
    weights = _numbers(table, weight) if weight else np.ones(len(table))
    usable = np.isfinite(values) & np.isfinite(weights) & (weights > 0)
    if freq:
        usable &= ~np.isnat(times)
    if not usable.any():
        needed = [f"a finite {value}", *([f"a positive {weight}"] if weight else []), *(["a time"] if freq else [])]
        raise EmptyDataError(f"not one of the {len(table)} rows has {' and '.join(needed)}")
    row, col = grid.locate(table)
    inside = usable & (row >= 0)
    periods = make_periods(*_span(times[usable]), freq)
    period = bin_times(times, periods) if freq else np.zeros(len(table), np.int64)
    cells = (period * grid.shape[0] + row) * grid.shape[1] + col
    frame = make_frame(grid, periods)
    frame.attrs |= _provenance(table, {"value": value, "weight": weight, "freq": freq}) | {
        "segments_gridded": int(inside.sum()),
        "segments_outside_grid": int((usable & (row < 0)).sum()),
        "segments_left_out": int((~usable).sum()),
    }
    found = reduce_cells(cells[inside], values[inside], weights[inside])
    described = _described(value, weight, table.attrs.get("altiflow", {}))
    return _filled(frame, found, described)


def _check_columns(table: gpd.GeoDataFrame, value: str, weight: str | None, freq: str | None) -> None:
    """Refuse a table that lacks rows or columns, and names that collide."""
    wanted = [value, *([weight] if weight else []), *(["time"] if freq else [])]
    absent = [name for name in wanted if name not in table.columns]
    if absent:
        raise InputError(f"the table has no column {', '.join(absent)}; it has {', '.join(map(str, table.columns))}")
    if weight and _stem(weight) == value:
        raise InputError(f"value {value!r} with weight {weight!r} gives two variables {value}_mean; rename the column")
    if len(table) == 0:
        raise EmptyDataError("the table has no rows, so there is nothing to grid; its ledger tells why")


def _numbers(table: gpd.GeoDataFrame, name: str) -> Floats:
    """Return a column (n,); NaN where it is missing."""
    if not pd.api.types.is_numeric_dtype(table[name]):
        raise InputError(f"column {name!r} must hold numbers, got {table[name].dtype}")
    return np.asarray(table[name].to_numpy(dtype=float, na_value=np.nan), float)


def _times(table: gpd.GeoDataFrame) -> Times:
    """Return the times (n,) in UTC, NaT where there are none."""
    if "time" not in table.columns:
        return np.full(len(table), np.datetime64("NaT", "ns"), "datetime64[ns]")
    times = table["time"]
    if not pd.api.types.is_datetime64_any_dtype(times):
        raise InputError(f"column 'time' must hold times (datetime64, UTC), got {times.dtype}; use pandas.to_datetime")
    zoned = times.dt.tz_convert("UTC").dt.tz_localize(None) if times.dt.tz is not None else times
    return np.asarray(zoned, dtype="datetime64[ns]")


def _span(times: Times) -> tuple[np.datetime64, np.datetime64]:
    """Return the earliest and latest time, NaT where there is none."""
    known = times[~np.isnat(times)]
    return (known.min(), known.max()) if known.size else (np.datetime64("NaT", "ns"),) * 2


def _stem(weight: str) -> str:
    """Return the beginning of the names of what is told of the weights."""
    return "length" if weight == "segment_length" else weight


def _described(value: str, weight: str | None, told: dict[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """Return, by name of variable, the statistic it holds and its attributes."""
    by = f"weighted by {weight}" if weight else "unweighted"
    counting = {"units": "1", "standard_name": "number_of_observations"}
    described = {"n_segments": ("count", _worded("number of segments", "sum") | counting)}
    if weight:
        of_weight = _known(weight, told)
        described[f"{_stem(weight)}_sum"] = ("weight_sum", _worded(f"sum of {weight}", "sum") | of_weight)
        described[f"{_stem(weight)}_mean"] = ("weight_mean", _worded(f"mean {weight}", "mean") | of_weight)
    of_value = _known(value, told) | {"ancillary_variables": "n_segments"}
    for name, statistic, meaning, method in (
        ("mean", "mean", f"mean {value}, {by}", f"mean ({by})"),
        ("std", "std", f"population standard deviation of {value}, {by}", f"standard_deviation ({by})"),
        ("min", "low", f"smallest {value}", "minimum"),
        ("max", "high", f"largest {value}", "maximum"),
    ):
        described[f"{value}_{name}"] = (statistic, _worded(meaning, method) | of_value)
    return described


def _worded(meaning: str, method: str) -> dict[str, str]:
    return {"long_name": meaning, "cell_methods": f"time: area: {method}", "grid_mapping": "crs"}


def _known(column: str, told: dict[str, Any]) -> dict[str, str]:
    """Return unit and CF standard name of a column, as far as the table's provenance tells them."""
    unit = told.get("units", {}).get(column)
    standard_name = _STANDARD_NAMES.get((str(told.get("product")), column))
    found = {"units": unit, "standard_name": standard_name}
    return {name: text for name, text in found.items() if text}


def _filled(frame: xr.Dataset, found: CellStatistics, described: dict[str, tuple[str, dict[str, str]]]) -> xr.Dataset:
    """Return the frame with the statistics in it."""
    shape = (frame.sizes["time"], frame.sizes["y"], frame.sizes["x"])
    for name, (statistic, attributes) in described.items():
        dense = np.zeros(shape, dtype=np.int64) if statistic == "count" else np.full(shape, np.nan)
        dense.reshape(-1)[found.cell] = getattr(found, statistic)
        frame[name] = (("time", "y", "x"), dense, attributes)
    return frame


def _provenance(table: gpd.GeoDataFrame, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what the result's attributes say of how it came about."""
    told = table.attrs.get("altiflow", {})
    given = ", ".join(f"{name}={argument!r}" for name, argument in arguments.items())
    attributes = {
        "title": f"Gridded {told['title']}" if "title" in told else f"Gridded {arguments['value']}",
        "history": f"altiflow {__version__}: grid_segments({given})",
        "altiflow_version": __version__,
    }
    for name in ("product", "doi", "releases", "granules", "beams"):
        if told.get(name):
            attributes[name] = told[name] if isinstance(told[name], str) else " ".join(told[name])
    if "screens" in told:
        attributes["screens"] = json.dumps(told["screens"], sort_keys=True)
    return attributes
