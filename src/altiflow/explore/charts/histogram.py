"""Histograms: how the values of segments are distributed, by length of track."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography.furniture import pretty_units, value_label
from altiflow.explore.cartography.sheet import checked_path, write_figure
from altiflow.explore.cartography.style import BAND, INK, MARK, text_style
from altiflow.explore.charts.sheet import chart_axes

__all__ = ["draw_histogram"]

_MOST = 80
"""Most bars."""


def draw_histogram(
    table: pd.DataFrame,
    column: str,
    *,
    weight: str | None = "segment_length",
    units: str | None = None,
    bins: int | None = None,
    path: str | Path | None = None,
    title: str | None = None,
) -> Figure:
    """Return a histogram of a column, bars of length of track, with its weighted mean and median.

    Parameters
    ----------
    table
        Segments.
    column
        What is shown.
    weight
        Column of weights, so that a long segment counts for as much ice as it covers; None counts rows.
    units
        Unit to write at the axis; that of the data dictionary where not given and known.
    bins
        Number of bars between the 0.1st and the 99.9th percentile; by the rule of Freedman and Diaconis (1981), on
        the number of segments, where not given.
    path
        File to write, .png, .pdf or .svg.
    title
        Heading.

    Raises
    ------
    InputError
        If a column is not there, or bins is not above 0.
    EmptyDataError
        If no segment has a value and a weight above 0.

    Notes
    -----
    What lies beyond the percentiles is in the mean, and counted below the chart.
    """
    target = checked_path(path)
    values, weights = _known(table, column, weight)
    low, high = np.percentile(values, [0.1, 99.9])
    edges = np.linspace(low, high, _bars(values, low, high, bins) + 1) if high > low else low + np.array([-0.5, 0.5])
    inside = np.histogram(values, edges, weights=weights)[0]
    mean, middle = float(np.average(values, weights=weights)), _median(values, weights)
    beyond = int(((values < edges[0]) | (values > edges[-1])).sum())
    kind = "segments" if weight or "segment_length" in table else "values"
    told = f"{values.size:,} {kind}, {beyond:,} beyond the axis" + (f"; weight: {weight}" if weight else "")
    figure, axes = chart_axes(title or f"Distribution of {column.replace('_', ' ')}", told)
    share = 100 * inside / weights.sum()
    axes.stairs(share, edges, fill=True, color=BAND)
    axes.stairs(share, edges, color=INK, linewidth=0.9)
    known_units = str(table.attrs.get("altiflow", {}).get("units", {}).get(column, ""))
    unit = pretty_units(units or known_units)
    for value, word, style in ((mean, "mean", "-"), (middle, "median", "--")):
        axes.axvline(value, color=MARK, linewidth=1.1, linestyle=style, label=f"{word} {value:.4g} {unit}".rstrip())
    axes.legend(frameon=False, fontsize=8)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(value_label(column, units or known_units), **text_style("label"))
    axes.set_ylabel("share of track length [%]" if weight else f"share of {kind} [%]", **text_style("label"))
    write_figure(figure, target)
    return figure


def _known(table: pd.DataFrame, name: str, weight: str | None) -> tuple[npt.NDArray[np.float64], ...]:
    """Return values and weights of the segments that have both."""
    for one in (name, weight):
        if one is not None and one not in table:
            raise InputError(f"the table has no column {one!r}; it has {', '.join(map(str, table.columns))}")
    values = table[name].to_numpy(np.float64, na_value=np.nan)
    weights = np.ones(values.size) if weight is None else table[weight].to_numpy(np.float64, na_value=np.nan)
    known = np.isfinite(values) & (weights > 0)
    if not known.any():
        raise EmptyDataError(f"no segment has a value of {name} and a weight above 0")
    return values[known], weights[known]


def _bars(values: npt.NDArray[np.float64], low: float, high: float, bins: int | None) -> int:
    """Return the number of bars."""
    if bins is not None:
        if bins < 1:
            raise InputError(f"bins must be 1 or more, got {bins!r}")
        return bins
    lower, upper = np.percentile(values, [25, 75])
    width = 2 * (upper - lower) / values.size ** (1 / 3)
    return int(np.clip(np.ceil((high - low) / width) if width > 0 else _MOST, 5, _MOST))


def _median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """Return the value with half of the weight up to it."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(total, total[-1] / 2)]])
