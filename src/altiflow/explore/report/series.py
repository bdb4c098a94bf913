"""Series: the report of drift-aware grids of many days."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from altiflow.errors import InputError
from altiflow.explore.cartography.furniture import pretty_units
from altiflow.explore.cartography.style import BAND, INK, MARK, text_style
from altiflow.explore.charts import draw_series
from altiflow.explore.charts.sheet import chart_axes, date_axis, group_legend
from altiflow.explore.maps import draw_map, draw_panels
from altiflow.explore.report.drifts import tell_fates, tell_motion
from altiflow.explore.report.page import Page
from altiflow.readers import read_gridded

__all__ = ["draw_fates", "series_report"]

_PANELS = 6
"""Most days that are drawn."""

_FATES = (("gridded", INK), ("outside_grid", BAND), ("lost", MARK))


def series_report(
    paths: Sequence[str | Path], value: str, *, command: str, targets: Sequence[Any] | None = None
) -> Page:
    """Return the report of a series: maps of some days, all days in time, what was lost and why, errors and origin.

    Parameters
    ----------
    paths
        Files of the series, such as those of :func:`altiflow.drift_series`, in order of time.
    value
        The column that was gridded.
    command
        What repeats it.
    targets
        All dates that were asked for, so that those without altimetry are told; those of the files where not given.

    Raises
    ------
    InputError
        If there is no file, or one is no drift-aware grid of the value.
    """
    if not paths:
        raise InputError("a report of a series needs its files; the series has none")
    days, counts = zip(*(_summary(Path(path), value) for path in paths), strict=True)
    table = pd.DataFrame(days)
    whole: xr.Dataset = xr.concat(list(counts), dim="time", data_vars="all", combine_attrs="override")
    granules = sorted({name for one in counts for name in str(one.attrs.get("granules", "")).split()})
    whole.attrs["granules"] = " ".join(granules)
    missing = _missing(targets, table)
    moved = json.loads(whole.attrs.get("drift", "{}")).get("mode") != "eulerian"
    where = "where its ice is" if moved else "where it was measured"
    page = Page(
        f"{value.replace('_', ' ').capitalize()} {where}: report of a series",
        f"{whole.attrs.get('grid_name', '')}, {len(table):,} dates from {table['time'].min():%Y-%m-%d} to "
        f"{table['time'].max():%Y-%m-%d}",
    )
    total = {name: int(whole[f"segments_{name}"].sum()) for name in ("in_window", "lost")}
    share = 100 * total["lost"] / max(total["in_window"], 1)
    page.figures(
        [
            (f"{len(table):,}", "dates with a grid"),
            (f"{len(missing):,}", "dates without altimetry"),
            (f"{len(granules):,}", "granules"),
            (f"{share:.1f} %", "of segments lost on the way"),
        ]
    )
    _tell_maps(page, paths, value, where)
    _tell_time(page, table, whole, value)
    tell_fates(page, whole, missing)
    _tell_errors(page, table, whole, value)
    tell_motion(page, whole, command)
    return page


def _summary(path: Path, value: str) -> tuple[dict[str, Any], xr.Dataset]:
    """Return numbers of a day's grid, and its counts (time,)."""
    mean, weight = f"{value}_mean", "length_sum"
    errors = [f"{value}_{name}" for name in ("sigma", "sigma_passes", "sigma_total")]
    wanted = [mean, weight, "displacement_mean", *errors, "segments_*", "parcels_*"]
    with read_gridded(path, variables=wanted) as grid:
        if mean not in grid or "segments_in_window" not in grid or grid.sizes.get("time") != 1:
            raise InputError(f"{path} is no drift-aware grid of {mean!r} of one date")
        told = grid[[name for name, one in grid.data_vars.items() if one.dims == ("time",)]].load()
        values = grid[mean].values[0]
        known = np.isfinite(values)
        length = np.where(known, grid[weight].values[0], 0.0) if weight in grid else known.astype(float)
        row: dict[str, Any] = {"time": pd.Timestamp(grid["time"].values[0]), "cells": int(known.sum())}
        row["mean"] = float((values[known] * length[known]).sum() / length[known].sum()) if known.any() else np.nan
        for name in (one for one in (*errors, "displacement_mean") if one in grid):
            held = grid[name].values
            row[name] = float(np.nanmedian(held)) if np.isfinite(held).any() else np.nan
        told.attrs |= {"units": {n: dict(grid[n].attrs) for n in row if n in grid} | {"mean": dict(grid[mean].attrs)}}
    return row, told


def _missing(targets: Sequence[Any] | None, table: pd.DataFrame) -> list[str]:
    """Return the dates that were asked for and have no grid."""
    asked = pd.DatetimeIndex([] if targets is None else list(targets))
    return [f"{moment:%Y-%m-%d}" for moment in asked.difference(pd.DatetimeIndex(table["time"]))]


def _tell_maps(page: Page, paths: Sequence[str | Path], value: str, where: str) -> None:
    """Add small maps of some days, and what drift changes on the one in the middle."""
    page.section("Maps")
    mean = f"{value}_mean"
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(_PANELS, len(paths))).round().astype(int))
    layers = [_layer(Path(paths[number]), mean) for number in chosen]
    shown = xr.concat(layers, dim="time", data_vars="minimal", combine_attrs="override")
    what = value.replace("_", " ")
    if np.isfinite(shown[mean].values).any():
        page.picture(
            draw_panels(shown, mean, columns=3),
            f"Small maps of {what} {where}, {len(chosen)} dates from first to last",
            f"{len(chosen)} of {len(paths)} dates, evenly chosen." if len(chosen) < len(paths) else "",
        )
    middle = _layer(Path(paths[len(paths) // 2]), f"{value}_difference")
    if f"{value}_difference" in middle and np.isfinite(middle[f"{value}_difference"].values).any():
        page.picture(
            draw_map(middle, f"{value}_difference"),
            f"Map of the difference between {what} where its ice is and where it was measured, date in the middle",
        )


def _layer(path: Path, name: str) -> xr.Dataset:
    """Return one variable of a file with its map and time; nothing of it where it is not there."""
    return read_gridded(path, variables=[name])


def _tell_time(page: Page, table: pd.DataFrame, whole: xr.Dataset, value: str) -> None:
    """Add the mean of the cells, and the segments, of each date."""
    page.section("All dates")
    what = value.replace("_", " ")
    if table["mean"].notna().any():
        units = str(whole.attrs["units"].get("mean", {}).get("units", ""))
        drawn = table.rename(columns={"mean": f"mean_{value}"})
        title = f"Mean {what} of all cells, weighted by length of track"
        page.picture(draw_series(drawn, f"mean_{value}", units=units, title=title), f"Series: mean {what} of each date")
    page.picture(draw_fates(whole), "Bars: segments gridded, outside the grid and lost, of the window of each date")


def draw_fates(counts: xr.Dataset) -> Figure:
    """Return a chart of what became of the segments in the window of each date.

    Parameters
    ----------
    counts
        ``segments_gridded``, ``segments_outside_grid`` and ``segments_lost`` (time,).
    """
    times = pd.DatetimeIndex(counts["time"].values)
    steps = np.diff(times.to_numpy()) / np.timedelta64(1, "D")
    width = 0.88 * float(steps.min()) if steps.size else 0.88
    figure, axes = chart_axes("Segments of each date", "windows of neighbouring dates share segments", beside=1.7)
    under = np.zeros(len(times))
    for name, colour in _FATES:
        number = counts[f"segments_{name}"].values.astype(float)
        axes.bar(times, number, width=width, bottom=under, color=colour, label=name.replace("_", " the "))
        under += number
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda amount, _: f"{amount:,.6g}")
    axes.set_ylabel("segments in the window", **text_style("label"))
    date_axis(axes)
    group_legend(axes)
    return figure


def _tell_errors(page: Page, table: pd.DataFrame, whole: xr.Dataset, value: str) -> None:
    """Add how the medians of the errors of the cells vary over the dates."""
    page.section("Cells and their uncertainty")
    rows = []
    for name in (one for one in table if one not in ("time", "mean")):
        known = table[name].dropna()
        if len(known):
            attributes = whole.attrs["units"].get(name, {})
            long = str(attributes.get("long_name", name)) if name != "cells" else "cells with data"
            unit = pretty_units(str(attributes.get("units", "")))
            rows.append((long, unit, float(known.min()), float(known.median()), float(known.max())))
    page.table(("median over the cells of a date", "unit", "least", "median of dates", "most"), rows)
    page.text(f"Cells without {value.replace('_', ' ')} are empty, never zero.")
