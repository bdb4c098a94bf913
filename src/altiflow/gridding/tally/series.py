"""The time series of a region: one row per period, from the records of the cells whose centres lie in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.periods import Times
from altiflow.gridding.tally.cells import Cells, cells_of
from altiflow.gridding.tally.dataset import period_edges, tally_periods
from altiflow.gridding.tally.records import Records
from altiflow.gridding.tally.tally import Tally, merge_tallies
from altiflow.region import Region, as_region
from altiflow.version import __version__

__all__ = ["region_series"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def region_series(
    source: Tally | Iterable[Tally],
    region: Any,
    freq: str | None = "MS",
    *,
    value: str | None = None,
    periods: npt.ArrayLike | None = None,
    min_count: int = 1,
) -> pd.DataFrame:
    """Return the time series of a region, a row per period.

    A cell belongs to the region by its centre, with all its segments: cells on the border are in or out whole.

    Parameters
    ----------
    source
        A tally, or several that are merged first.
    region
        Anything :func:`altiflow.as_region` takes.
    freq
        "D", "7D", "MS" (month), "QS-DEC" (season) ...: see :func:`altiflow.gridding.make_periods`; None puts all into
        one row. The periods run from the first time of the tally to its last, wherever that is.
    value
        Which value of the tally; the first where not given.
    periods
        Instead of `freq`, [start, end) of each period (t, 2), in order of time and none in another; what lies in none
        of them is left out.
    min_count
        Cells with fewer segments in a period are left out of that period, of every column.

    Returns
    -------
    pandas.DataFrame
        Periods without data are there, with counts and coverage 0 and NaN elsewhere. Columns, with w the weights and h
        the values of the segments, m and a the means and true areas of the filled cells:

        ``time_start``, ``time_end``
            [start, end), UTC.
        ``n_segments``, ``n_passes``, ``n_cells``
            Segments, passes (granule and beam) and filled cells.
        ``length_sum``
            Sum of w; named after the weight where that is another column, absent without weights.
        ``pooled_mean``, ``pooled_std``
            Sum of wh / sum of w over all segments, and the weighted population standard deviation about it.
        ``area_mean``
            Sum of am / sum of a over the filled cells: every cell counts by its area, however often it was crossed.
        ``coverage``
            Area of the filled cells as a share of that of all valid cells of the region.
        ``sigma``, ``area_sigma``
            Formal 1-sigma of ``pooled_mean`` and ``area_mean``: the segments of a reference-surface section share its
            error, in whatever cells they lie. Of the measurement alone: what the empty cells hold is not in it.
        ``sigma_passes``
            1-sigma of ``pooled_mean`` from the scatter of the passes; NaN for one pass.

        ``attrs`` holds units, region, grid and provenance, ready for JSON.

    Raises
    ------
    InputError
        If the region misses the grid or holds the centre of no cell, the value is not in the tally, the tally has no
        time bins for the periods, or the periods are out of order or cut through the bins.
    EmptyDataError
        If the tally is empty and no periods are given.

    Examples
    --------
    Three segments in one cell and one in another: the mean of the segments is not that of the area.

    >>> table = pd.DataFrame({"longitude": [0.0, 0, 0, 45], "latitude": 80.0, "h": [1.0, 1, 1, 3]})
    >>> table["time"] = pd.Timestamp("2019-03-05")
    >>> from altiflow.gridding.tally import tally_segments
    >>> tally = tally_segments(table, Grid.named("EASE2_N25km"), value="h", weight=None)
    >>> found = region_series(tally, (-10, 75, 50, 85))
    >>> found[["n_segments", "n_cells", "pooled_mean", "area_mean"]].to_numpy().tolist()
    [[4.0, 2.0, 1.5, 2.0]]
    """
    tally = source if isinstance(source, Tally) else merge_tallies(source)
    number, area = _value_number(tally, value), as_region(region)
    members, areas = _region_cells(tally.grid, area)
    edges, step = _periods(tally, freq, periods)
    inside = tally.records.where(np.isin(tally.records.states["cell"], members))
    cells = cells_of(inside, number, edges, step)
    if min_count > 1:
        enough = cells.states["count"] >= min_count
        cells = _by_period(cells.records.where(np.repeat(enough, cells.passes)), number, len(edges))
    own = areas[np.searchsorted(members, cells.cell)]
    columns = _pooled_columns(tally, cells, number, edges) | _area_columns(
        cells, own, float(areas.sum()), number, edges
    )
    frame = pd.DataFrame(columns)[_ordered(columns)]
    frame.attrs.update(_attributes(tally, tally.values[number], area, _ordered(columns)))
    return frame


def _value_number(tally: Tally, value: str | None) -> int:
    """Return the number of the value."""
    if value is None:
        return 0
    if value not in tally.values:
        raise InputError(f"the tally has no value {value!r}; it has {', '.join(tally.values)}")
    return tally.values.index(value)


def _region_cells(grid: Grid, region: Region) -> tuple[Ints, Floats]:
    """Return numbers (k,), ascending, and true areas (k,) [m2] of the cells whose centres lie in the region."""
    window = grid.window(region)
    inside = region.contains(*window.lonlat())
    if not inside.any():
        raise InputError(
            f"region ({region}) holds the centre of no cell of {grid!r}; take a larger region or a finer grid"
        )
    row, col = np.nonzero(inside)
    first_row, first_col = grid.rowcol(*window.xy(0, 0))
    return (row + first_row) * grid.shape[1] + col + first_col, window.cell_area[inside]


def _periods(tally: Tally, freq: str | None, periods: npt.ArrayLike | None) -> tuple[Times, int | None]:
    """Return [start, end) of the periods (t, 2), and the length of the tally's bins; None puts all into one period."""
    if periods is None:
        return tally_periods(tally, freq), None if freq is None else tally.options.step
    if tally.options.step is None:
        raise InputError("periods= needs a tally with time bins; make it with step='D'")
    edges = period_edges(periods)
    if not (np.diff(edges.ravel()) >= np.timedelta64(0, "ns")).all():
        raise InputError(f"periods= must be [start, end) in order of time, none in another, got {periods!r}")
    return edges, tally.options.step


def _by_period(records: Records, number: int, size: int) -> Cells:
    """Return the statistics of records whose bins are the numbers of periods."""
    # Number k stands for second k, the one bin of period k.
    numbers = np.arange(size + 1).astype("datetime64[s]").astype("datetime64[ns]")
    return cells_of(records, number, np.stack([numbers[:-1], numbers[1:]], axis=1), 1)


def _in_one_cell(cells: Cells, factor: Floats) -> Records:
    """Return the records as if all cells were one, the weights in their errors times `factor` (m,) of the cell."""
    scale = np.repeat(factor, cells.passes)
    states = cells.records.states.copy()
    states["cell"] = 0
    states["noise"] *= scale**2
    details = {name: detail.copy() for name, detail in cells.records.details.items() if name == "sections"}
    for detail in details.values():
        detail["amount"] *= scale[detail["record"]]
    return Records(states, details)


def _spread(period: Ints, numbers: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Return a column (size,) of the numbers of some periods; the others are 0 in counts and else NaN."""
    column = np.full(size, 0 if numbers.dtype.kind == "i" else np.nan, numbers.dtype)
    column[period] = numbers
    return column


def _pooled_columns(tally: Tally, cells: Cells, number: int, edges: Times) -> dict[str, Any]:
    """Return the columns of all segments together."""
    pooled = _by_period(_in_one_cell(cells, np.ones(cells.cell.size)), number, len(edges))
    states = pooled.states
    found = {
        "n_segments": states["count"],
        "n_passes": pooled.passes,
        "pooled_mean": states["mean"],
        "pooled_std": pooled.std,
        "sigma": pooled.sigma,
        "sigma_passes": pooled.sigma_passes,
    }
    if tally.weight:
        found[_weight_column(tally.weight)] = states["weight"]
    columns = {name: _spread(pooled.period, numbers, len(edges)) for name, numbers in found.items()}
    return {"time_start": edges[:, 0], "time_end": edges[:, 1]} | columns


def _area_columns(cells: Cells, own: Floats, whole: float, number: int, edges: Times) -> dict[str, Any]:
    """Return the columns of cells that count by their true areas `own` (m,) [m2], of the region's `whole` [m2]."""
    size, period = len(edges), cells.period
    filled = np.bincount(period, own, size)
    total = np.bincount(period, own * cells.states["mean"], size)
    # A segment's weight in the mean of areas: its share of its cell, times the cell's share of the filled area.
    share = own / filled[period] / cells.states["weight"]
    scaled = _by_period(_in_one_cell(cells, share), number, size)
    sigma = np.sqrt(scaled.correlated + scaled.states["noise"])
    return {
        "n_cells": np.bincount(period, minlength=size).astype(np.int64),
        "area_mean": np.divide(total, filled, out=np.full(size, np.nan), where=filled > 0),
        "area_sigma": _spread(scaled.period, sigma, size),
        "coverage": filled / whole,
    }


def _weight_column(weight: str) -> str:
    """Return the name of the column of summed weights."""
    return "length_sum" if weight == "segment_length" else f"{weight}_sum"


def _ordered(columns: Iterable[str]) -> list[str]:
    """Return the columns as they are read: when, how much, how high, how sure."""
    first = ["time_start", "time_end", "n_segments"]
    last = ["n_passes", "n_cells", "coverage", "pooled_mean", "pooled_std", "area_mean"]
    sure = ["sigma", "sigma_passes", "area_sigma"]
    return [*first, *(name for name in columns if name not in {*first, *last, *sure}), *last, *sure]


def _attributes(tally: Tally, value: str, region: Region, columns: list[str]) -> dict[str, Any]:
    """Return units, region, grid and provenance, ready for JSON."""
    units = dict.fromkeys(("n_segments", "n_passes", "n_cells", "coverage"), "1")
    told = tally.told.get("units", {})
    of_value = ("pooled_mean", "pooled_std", "area_mean", "sigma", "sigma_passes", "area_sigma")
    units |= dict.fromkeys(of_value, told[value]) if value in told else {}
    if tally.weight in told:
        units[_weight_column(str(tally.weight))] = told[tally.weight]
    grid = tally.grid
    return {
        "units": {name: units[name] for name in columns if name in units},
        "region": region.to_dict(),
        "grid": {
            "name": grid.name,
            "crs": grid.crs_name,
            "transform": [float(number) for number in tuple(grid.transform)[:6]],
            "shape": list(grid.shape),
            "signature": grid.signature,
        },
        "provenance": {
            "value": value,
            "weight": tally.weight,
            "granules": list(tally.granules),
            "altiflow_version": __version__,
            **{name: tally.told[name] for name in ("product", "title", "screens", "regions") if name in tally.told},
        },
    }
