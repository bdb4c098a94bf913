"""Drifts: the report of altimetry that was brought to where its ice is at a date."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from altiflow.explore.cartography.furniture import period_text, pretty_units
from altiflow.explore.maps import draw_map
from altiflow.explore.report.page import Page
from altiflow.explore.report.sections import tell_origin
from altiflow.version import __version__

__all__ = ["drift_report"]

_FATES = (
    ("in_window", "in the window of time"),
    ("gridded", "gridded"),
    ("lost", "lost on the way"),
    ("outside_grid", "outside the grid"),
)

_WHY = {
    "left_field": "left the area of the velocity",
    "left_period": "left its time",
    "no_velocity": "came to where it has no value",
    "ice_edge": "came to the edge of the ice",
}


_MANY = 0.2
"""Share of segments that is much to lose."""


def drift_report(grid: xr.Dataset, value: str, *, command: str) -> Page:
    """Return the report of a drift-aware grid: maps, what was lost and why, error of place, and origin.

    Parameters
    ----------
    grid
        What :func:`altiflow.grid_with_drift` returned.
    value
        The column that was gridded.
    command
        What repeats it.
    """
    mean = f"{value}_mean"
    targets = [str(moment)[:10] for moment in grid["time"].values]
    page = Page(
        f"{value.replace('_', ' ').capitalize()} where its ice is: report of a drift-aware grid",
        f"{grid.attrs.get('grid_name', '')}, brought to {', '.join(targets[:6])}{' ...' if len(targets) > 6 else ''}",
    )
    page.figures([(f"{int(grid[f'segments_{name}'].sum()):,}", f"segments {what}") for name, what in _FATES])
    page.section("Maps")
    for name in (mean, f"{value}_difference"):
        layer = next((n for n in range(grid.sizes["time"]) if name in grid and np.isfinite(grid[name][n]).any()), None)
        if layer is not None:
            page.picture(draw_map(grid, name, time=layer), f"Map of {name.replace('_', ' ')}, {targets[layer]}")
    _tell_fates(page, grid)
    _tell_cells(page, grid, mean)
    page.section("How the ice was moved")
    told = json.loads(grid.attrs.get("drift", "{}"))
    page.table(("parameter", "value"), [(name, str(one)) for name, one in told.items()])
    tell_origin(page, {"altiflow": __version__, "product": grid.attrs.get("product", "")}, command)
    return page


def _tell_fates(page: Page, grid: xr.Dataset) -> None:
    """Add what became of the segments of each target, and why parcels were lost."""
    page.section("What was lost on the way")
    reasons = [name for name in _WHY if f"parcels_{name}" in grid]
    rows, bad = [], []
    for layer in range(grid.sizes["time"]):
        one = grid.isel(time=layer)
        counts = [int(one[f"segments_{name}"]) for name, _ in _FATES]
        rows.append((period_text(grid, layer), *counts, *(int(one[f"parcels_{name}"]) for name in reasons)))
        bad.append(int(one["segments_lost"]) > _MANY * int(one["segments_in_window"]))
    heads = ("target", *(f"segments {what}" for _, what in _FATES), *(f"parcels that {_WHY[name]}" for name in reasons))
    page.table(heads, rows, bad=bad)
    page.text("A parcel is what one beam measured of one day in one cell; it moves as one.")


def _tell_cells(page: Page, grid: xr.Dataset, mean: str) -> None:
    """Add the medians of what there is of values, displacement and their errors."""
    page.section("Cells and their uncertainty")
    names = [mean, *(name for name in grid if str(name).endswith(("_sigma", "_sigma_passes", "_sigma_total")))]
    names += [name for name in ("displacement_mean", "age_abs_mean") if name in grid]
    rows = []
    for name in dict.fromkeys(names):
        values = grid[name].values
        if values.dtype.kind == "f" and np.isfinite(values).any():
            unit = pretty_units(str(grid[name].attrs.get("units", "")))
            low, middle, high = np.nanpercentile(values, [5, 50, 95])
            rows.append((str(grid[name].attrs.get("long_name", name)), unit, low, middle, high))
    page.table(("of cells with data", "unit", "5 %", "median", "95 %"), [tuple(row) for row in rows])
