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


def reduce_cells(cell: Ints, value: Floats, weight: Floats) -> CellStatistics:
    """Return statistics of `value` (n,) with `weight` (n,) > 0 for each number in `cell` (n,).

    The mean is taken of differences from the cell's first value and the variance of differences from the mean,
    with the mean's own rounding taken out, so that heights of thousands of metres keep their centimetres; the
    standard deviation of equal values is exactly 0.

    Examples
    --------
    >>> found = reduce_cells(np.array([7, 7]), np.array([3000.1, 3000.1]), np.array([1.0, 2.0]))
    >>> found.mean.tolist(), found.std.tolist()
    ([3000.1], [0.0])
    """
    order = np.argsort(cell, kind="stable")
    cell, value, weight = cell[order], value[order].astype(float), weight[order].astype(float)
    first = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]])
    count = np.diff(np.r_[first, cell.size])
    total = np.add.reduceat(weight, first)
    shift = value[first]
    away = value - np.repeat(shift, count)
    offset = np.add.reduceat(weight * away, first) / total
    away -= np.repeat(offset, count)
    rest = np.add.reduceat(weight * away, first) / total
    variance = np.add.reduceat(weight * away**2, first) / total - rest**2
    return CellStatistics(
        cell=cell[first],
        count=count.astype(np.int64),
        weight_sum=total,
        mean=shift + offset + rest,
        std=np.sqrt(np.maximum(variance, 0.0)),
        low=np.minimum.reduceat(value, first),
        high=np.maximum.reduceat(value, first),
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
        None puts everything into one layer; else "D", "7D", "MS" (month) ...: see
        :func:`altiflow.gridding.make_periods`. Periods without data are there and empty.

    Returns
    -------
    xarray.Dataset
        On (time, y, x): ``n_segments``; with w the weights and h the values ``length_sum`` Σw, ``length_mean``
        Σw/n, ``<value>_mean`` Σwh/Σw, ``<value>_std`` (Σw(h-mean)²/Σw)^½, ``<value>_min``, ``<value>_max``. Empty
        cells are NaN with n_segments 0. Weights other than segment_length give ``<weight>_sum`` and
        ``<weight>_mean``; without weights there is neither. Attributes count the segments gridded, outside, and
        left out because value or weight was not finite or the weight not positive.

    Raises
    ------
    InputError
        If a column is missing.
    EmptyDataError
        If the table has no rows, or no usable one.

    Notes
    -----
    Equations of the ATL20 product: mean segment length L̄ = ΣL/N and mean freeboard h̄ = ΣLh/ΣL; the standard
    deviation is the square root of its σ².
    """
    _check_columns(table, value, weight, freq)
    values = table[value].to_numpy(dtype=float)
    weights = np.ones(len(table)) if weight is None else table[weight].to_numpy(dtype=float)
    usable = np.isfinite(values) & np.isfinite(weights) & (weights > 0)
    if not usable.any():
        raise EmptyDataError(
            f"not one of the {len(table)} rows has a finite {value} and a positive {weight or 'weight'}"
        )
    row, col = grid.locate(table)
    times = _times(table, freq)
    periods = make_periods(times[usable].min(), times[usable].max(), freq)
    period = bin_times(times, periods)
    inside = usable & (row >= 0) & (period >= 0)
    cells = (period * grid.shape[0] + row) * grid.shape[1] + col
    frame = make_frame(grid, periods)
    frame.attrs |= _provenance(table, {"value": value, "weight": weight, "freq": freq})
    frame.attrs |= {
        "segments_gridded": int(inside.sum()),
        "segments_outside_grid": int((usable & (row < 0)).sum()),
        "segments_left_out": int((~usable).sum()),
    }
    found = reduce_cells(cells[inside], values[inside], weights[inside]) if inside.any() else None
    return _filled(frame, found, value, weight, _units(table))


def _check_columns(table: gpd.GeoDataFrame, value: str, weight: str | None, freq: str | None) -> None:
    """Refuse a table that lacks rows or columns."""
    wanted = [value, *([weight] if weight else []), *(["time"] if freq else [])]
    absent = [name for name in wanted if name not in table.columns]
    if absent:
        raise InputError(f"the table has no column {', '.join(absent)}; it has {', '.join(map(str, table.columns))}")
    if len(table) == 0:
        raise EmptyDataError("the table has no rows, so there is nothing to grid; its ledger tells why")


def _times(table: gpd.GeoDataFrame, freq: str | None) -> npt.NDArray[np.datetime64]:
    """Return the times (n,); of no account, where there are none and none are needed."""
    if "time" in table.columns:
        times = pd.to_datetime(table["time"])
        zoned = times.dt.tz_convert("UTC").dt.tz_localize(None) if times.dt.tz is not None else times
        return np.asarray(zoned, dtype="datetime64[ns]")
    return np.full(len(table), np.datetime64("1970-01-01", "ns"))


def _filled(
    frame: xr.Dataset, found: CellStatistics | None, value: str, weight: str | None, units: dict[str, str]
) -> xr.Dataset:
    """Return the frame with the statistics in it."""
    stem = "length" if weight == "segment_length" else weight
    unit, weight_unit = units.get(value, "1"), units.get(weight or "", "1")
    by = f"weighted by {weight}" if weight else "unweighted"
    columns: dict[str, tuple[Any, str, str]] = {"n_segments": (found and found.count, "1", "number of segments")}
    if stem:
        columns[f"{stem}_sum"] = (found and found.weight_sum, weight_unit, f"sum of {weight}")
        columns[f"{stem}_mean"] = (found and found.weight_sum / found.count, weight_unit, f"mean {weight}")
    columns |= {
        f"{value}_mean": (found and found.mean, unit, f"mean {value}, {by}"),
        f"{value}_std": (found and found.std, unit, f"population standard deviation of {value}, {by}"),
        f"{value}_min": (found and found.low, unit, f"smallest {value}"),
        f"{value}_max": (found and found.high, unit, f"largest {value}"),
    }
    shape = (frame.sizes["time"], frame.sizes["y"], frame.sizes["x"])
    for name, (numbers, unit_of, meaning) in columns.items():
        counting = name == "n_segments"
        dense = np.zeros(shape, dtype=np.int64) if counting else np.full(shape, np.nan)
        if found is not None:
            dense.reshape(-1)[found.cell] = numbers
        attributes = {"long_name": meaning, "units": unit_of, "grid_mapping": "crs"}
        frame[name] = (("time", "y", "x"), dense, attributes)
    return frame


def _units(table: gpd.GeoDataFrame) -> dict[str, str]:
    units: dict[str, str] = table.attrs.get("altiflow", {}).get("units", {})
    return units


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
