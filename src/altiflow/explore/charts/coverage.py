"""Coverage: how much track there is of each day, month or year, and when there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography.sheet import checked_path, write_figure
from altiflow.explore.charts.sheet import INK, chart_axes, date_axis

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
    if freq not in _WORDS:
        raise InputError(f"freq must be one of {', '.join(_WORDS)}, got {freq!r}")
    for name in ("time", "segment_length"):
        if name not in table:
            raise InputError(f"the table has no column {name!r}; coverage needs times and lengths of segments")
    known = table[["time", "segment_length"]].dropna()
    if known.empty:
        raise EmptyDataError("no segment has a time and a length")
    return known.set_index("time")["segment_length"].astype(np.float64).resample(freq).sum() / 1e3


def draw_coverage(
    table: pd.DataFrame, *, freq: str = "D", path: str | Path | None = None, title: str | None = None
) -> Figure:
    """Return a chart of the length of track of each day, month or year.

    Parameters
    ----------
    table
        Segments, with ``time`` and ``segment_length`` [m].
    freq
        "D", "MS" or "YS".
    path, title
        As in :func:`altiflow.draw_map`.

    Raises
    ------
    InputError, EmptyDataError
        As :func:`track_length`.
    """
    target = checked_path(path)
    length = track_length(table, freq)
    empty, word = int((length == 0).sum()), _WORDS[freq]
    told = f"{length.sum():,.0f} km of track of the beams in the table, {len(length)} {word}{'s' * (len(length) != 1)}"
    figure, axes = chart_axes(title or f"Track per {word}", f"{told}, {empty} of them without data")
    starts = pd.DatetimeIndex(length.index)
    edges = pd.date_range(starts[0], periods=len(starts) + 1, freq=freq)
    days = np.diff(edges.to_numpy()) / np.timedelta64(1, "D")
    axes.bar(starts, length.to_numpy(), width=days * 0.88, align="edge", color=INK)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    date_axis(axes)
    axes.set_ylabel(f"track per {word} [km]", fontsize=8.5)
    write_figure(figure, target)
    return figure
