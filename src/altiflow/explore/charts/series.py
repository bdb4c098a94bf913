"""Series: values in time with their errors, of one place or satellite or several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography.colours import name_groups
from altiflow.explore.cartography.furniture import value_label
from altiflow.explore.cartography.sheet import checked_path, write_figure
from altiflow.explore.cartography.style import GROUPS, INK, MARKERS, text_style
from altiflow.explore.charts.sheet import chart_axes, date_axis, group_legend

__all__ = ["draw_series"]


def draw_series(
    series: pd.DataFrame,
    value: str,
    *,
    sigma: str | None = None,
    by: str | None = None,
    time: str = "time",
    units: str = "",
    path: str | Path | None = None,
    title: str | None = None,
) -> Figure:
    """Return a chart of values in time, with bars of one standard error.

    Parameters
    ----------
    series
        One row per time, such as :func:`altiflow.region_series` or :func:`altiflow.series_table` gives.
    value, sigma
        Columns of the value and its standard error; ``<value>_sigma``, if there, where not given.
    by
        Column whose values are told apart by colour and mark, such as "satellite" or "point"; of more than
        eight the rarest are "other".
    time
        Column, or level of the index, of the times.
    units
        Unit to write at the axis.
    path, title
        As in :func:`altiflow.draw_map`.

    Raises
    ------
    InputError
        If a column is not there.
    EmptyDataError
        If no row has a time and a value.

    Notes
    -----
    A line joins neighbours in time; where a value is missing it is broken. Of several groups there are marks alone:
    what different satellites saw is no one series.
    """
    target = checked_path(path)
    table = series.reset_index() if time in series.index.names and time not in series else series
    error = sigma or next((one for one in (f"{value}_sigma",) if one in table), None)
    for name in (time, value, error):
        if name is not None and name not in table:
            raise InputError(f"the series has no column {name!r}; it has {', '.join(map(str, table.columns))}")
    table = table[table[time].notna()].sort_values(time, kind="stable")
    values = _numbers(table, value)
    if not np.isfinite(values).any():
        raise EmptyDataError(f"no row has a time and a value of {value}")
    missing = int((~np.isfinite(values)).sum())
    told = f"{values.size - missing} values" + (f", {missing} missing" if missing else "")
    told += "; bars: one standard error" if error is not None else ""
    heading = value.replace("_", " ")
    figure, axes = chart_axes(title or heading[:1].upper() + heading[1:], told, beside=0.3 if by is None else 1.7)
    if by is None:
        _draw(axes, table, value, error, time, {"color": INK, "marker": "o", "linewidth": 1.0})
    else:
        for number, (name, rows) in enumerate(table.groupby(name_groups(table, by), sort=True)):
            look = {"color": GROUPS[number], "marker": MARKERS[number], "linestyle": "none"}
            count = int(np.isfinite(_numbers(rows, value)).sum())
            _draw(axes, rows, value, error, time, look | {"label": f"{name}: {count:,}"})
        group_legend(axes)
    date_axis(axes)
    axes.set_ylabel(value_label(value, units), **text_style("label"))
    write_figure(figure, target)
    return figure


def _numbers(table: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    return table[name].to_numpy(np.float64, na_value=np.nan)


def _draw(axes: Any, table: pd.DataFrame, value: str, error: str | None, time: str, look: dict[str, Any]) -> None:
    """Draw the values of one group."""
    spread = None if error is None else _numbers(table, error)
    times = pd.DatetimeIndex(table[time]).to_numpy()
    axes.errorbar(times, _numbers(table, value), yerr=spread, elinewidth=0.8, capsize=2, markersize=3.2, **look)
