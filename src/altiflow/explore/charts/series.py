"""Series: values in time with their errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography.furniture import pretty_units
from altiflow.explore.cartography.sheet import checked_path, write_figure
from altiflow.explore.charts.sheet import INK, chart_axes, date_axis

__all__ = ["draw_series"]


def draw_series(
    series: pd.DataFrame,
    value: str,
    *,
    sigma: str | None = None,
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
    A line joins neighbours in time; where a value is missing it is broken.
    """
    target = checked_path(path)
    table = series.reset_index() if time in series.index.names and time not in series else series
    error = sigma or next((one for one in (f"{value}_sigma",) if one in table), None)
    for name in (time, value, error):
        if name is not None and name not in table:
            raise InputError(f"the series has no column {name!r}; it has {', '.join(map(str, table.columns))}")
    table = table[table[time].notna()].sort_values(time, kind="stable")
    values = table[value].to_numpy(np.float64, na_value=np.nan)
    if not np.isfinite(values).any():
        raise EmptyDataError(f"no row has a time and a value of {value}")
    spread = None if error is None else table[error].to_numpy(np.float64, na_value=np.nan)
    missing = int((~np.isfinite(values)).sum())
    told = f"{values.size - missing} values" + (f", {missing} missing" if missing else "")
    told += "; bars: one standard error" if spread is not None else ""
    heading = value.replace("_", " ")
    figure, axes = chart_axes(title or heading[:1].upper() + heading[1:], told)
    look = {"color": INK, "marker": "o", "markersize": 3.2, "linewidth": 1.0}
    times = pd.DatetimeIndex(table[time]).to_numpy()
    axes.errorbar(times, values, yerr=spread, elinewidth=0.8, capsize=2, **look)
    date_axis(axes)
    unit = pretty_units(units)
    axes.set_ylabel(f"{heading}{f' [{unit}]' if unit else ''}", fontsize=8.5)
    write_figure(figure, target)
    return figure
