"""Coverage: how much there is of each day, month or year, and when there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography.colours import name_groups
from altiflow.explore.cartography.sheet import checked_path, write_figure
from altiflow.explore.cartography.style import GROUPS, INK, text_style
from altiflow.explore.charts.sheet import chart_axes, date_axis, group_legend

__all__ = ["draw_coverage", "track_length"]

_WORDS = {"D": "day", "MS": "month", "YS": "year"}


def track_length(table: pd.DataFrame, freq: str = "D") -> pd.Series:
    """Return the length of track [km] of each day, month or year (UTC) from the first to the last, 0 where none is.

    Raises
    ------
    InputError
        If `freq` is not D, MS or YS, or the table has no time or length.
    EmptyDataError
        If no segment has a time.

    Examples
    --------
    >>> times = pd.to_datetime(["2019-01-01T05", "2019-01-03T07"])
    >>> track_length(pd.DataFrame({"time": times, "segment_length": [500.0, 1500.0]})).tolist()
    [0.5, 0.0, 1.5]
    """
    return _amounts(table, freq, "time", "segment_length", None)["all"]


def _amounts(table: pd.DataFrame, freq: str, time: str, length: str | None, by: str | None) -> pd.DataFrame:
    """Return the length [km], or the number of rows, of each period (rows) and group (columns)."""
    if freq not in _WORDS:
        raise InputError(f"freq must be one of {', '.join(_WORDS)}, got {freq!r}")
    for name in (time, length):
        if name is not None and name not in table:
            need = "coverage needs times and lengths of segments" if name in ("time", "segment_length") else ""
            there = f"it has {', '.join(map(str, table.columns))}"
            raise InputError(f"the table has no column {name!r}; {need or there}")
    known = table.dropna(subset=[time] if length is None else [time, length])
    if known.empty:
        raise EmptyDataError("no segment has a time and a length" if length else f"no row has a {time}")
    moments = pd.DatetimeIndex(pd.to_datetime(known[time], utc=True)).tz_localize(None)
    amount = np.ones(len(known)) if length is None else known[length].to_numpy(np.float64) / 1e3
    whole = pd.DataFrame({"amount": amount}, index=moments)
    if by is None:
        return whole.resample(freq).sum().rename(columns={"amount": "all"})
    groups = name_groups(known, by).to_numpy()
    parts = {str(name): rows["amount"].resample(freq).sum() for name, rows in whole.groupby(groups, sort=True)}
    return pd.DataFrame(parts).resample(freq).sum().fillna(0.0)


def draw_coverage(
    table: pd.DataFrame,
    *,
    freq: str = "D",
    time: str = "time",
    length: str | None = "segment_length",
    by: str | None = None,
    path: str | Path | None = None,
    title: str | None = None,
) -> Figure:
    """Return a chart of the length of track, or the number of rows, of each day, month or year.

    Parameters
    ----------
    table
        Segments, with ``time`` and ``segment_length`` [m]; or a catalogue or a table of image pairs, with
        ``time="start", length=None``.
    freq
        "D", "MS" or "YS".
    time, length
        Columns of the times (UTC) and of the lengths [m]; rows are counted where `length` is None.
    by
        Column whose values are stacked and told apart, such as "satellite" or "product"; of more than
        eight the rarest are "other".
    path, title
        As in :func:`altiflow.draw_map`.

    Raises
    ------
    InputError
        If `freq` is none of the three, or a column is not there.
    EmptyDataError
        If no row has a time, and a length.
    """
    target = checked_path(path)
    amounts = _amounts(table, freq, time, length, by)
    total = amounts.sum(axis=1)
    empty, word = int((total == 0).sum()), _WORDS[freq]
    what, unit = ("track", " [km]") if length is not None else ("rows", "")
    counted = f"{total.sum():,.0f} km of track of the beams in the table" if length else f"{total.sum():,.0f} rows"
    told = f"{counted}, {len(total)} {word}{'s' * (len(total) != 1)}, {empty} of them without data"
    figure, axes = chart_axes(title or f"{what.capitalize()} per {word}", told, beside=0.3 if by is None else 1.7)
    starts = pd.DatetimeIndex(amounts.index)
    edges = pd.date_range(starts[0], periods=len(starts) + 1, freq=freq)
    width = np.diff(edges.to_numpy()) / np.timedelta64(1, "D") * 0.88
    under = np.zeros(len(starts))
    for number, name in enumerate(amounts.columns):
        colour = INK if by is None else GROUPS[number]
        label = f"{name}: {amounts[name].sum():,.0f}"
        axes.bar(starts, amounts[name].to_numpy(), width=width, bottom=under, align="edge", color=colour, label=label)
        under += amounts[name].to_numpy()
    if by is not None:
        group_legend(axes)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7, integer=length is None))
    axes.yaxis.set_major_formatter(lambda amount, _: f"{amount:,.6g}")
    date_axis(axes)
    axes.set_ylabel(f"{what} per {word}{unit}", **text_style("label"))
    write_figure(figure, target)
    return figure
