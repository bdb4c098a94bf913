"""Drifts: the report of altimetry that was brought to where its ice is at a date."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import xarray as xr

from altiflow.explore.cartography.furniture import period_text, pretty_units
from altiflow.explore.maps import draw_map
from altiflow.explore.report.page import Page
from altiflow.explore.report.sections import tell_origin
from altiflow.version import __version__

__all__ = ["drift_report", "tell_fates", "tell_motion"]

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

_LISTED = 12
"""Most targets whose table is open."""


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
    tell_fates(page, grid)
    _tell_cells(page, grid, mean)
    tell_motion(page, grid, command)
    return page


def tell_motion(page: Page, grid: xr.Dataset, command: str) -> None:
    """Add how the ice was moved, what went in, and where all came from."""
    page.section("How the ice was moved")
    told = json.loads(grid.attrs.get("drift", "{}"))
    rows = [("velocity", str(grid.attrs.get("velocity_source", "none")))]
    rows += [(name.replace("_", " "), "none" if one is None else str(one)) for name, one in told.items()]
    page.table(("what", "value"), rows)
    page.section("What went in")
    granules = str(grid.attrs.get("granules", "")).split()
    screens = json.loads(grid.attrs.get("screens", "[]"))
    what = [("granules", f"{len(granules):,}"), ("beams", str(grid.attrs.get("beams", "")))]
    what.append(("screens", ", ".join(one.replace("_", " ") for one in screens) or "none"))
    page.table(("what", "value"), what)
    if granules:
        page.table(("granule",), [(one,) for one in granules], folded=f"The {len(granules):,} granules by name")
    record = {"altiflow": __version__, "product": grid.attrs.get("product", "")}
    tell_origin(page, record | {"releases": str(grid.attrs.get("releases", "")).split()}, command)


def tell_fates(page: Page, grid: xr.Dataset, missing: Sequence[str] = ()) -> None:
    """Add what became of the segments of each target, and why parcels were lost: the worst targets first.

    Parameters
    ----------
    page
        Where to.
    grid
        Counts by target (time,).
    missing
        Targets that have no grid, as text.
    """
    page.section("What was lost on the way")
    reasons = [name for name in _WHY if f"parcels_{name}" in grid]
    rows, bad = [], []
    for layer in range(grid.sizes["time"]):
        one = grid.isel(time=layer)
        counts = [int(one[f"segments_{name}"]) for name, _ in _FATES]
        rows.append((period_text(grid, layer), *counts, *(int(one[f"parcels_{name}"]) for name in reasons)))
        bad.append(int(one["segments_lost"]) > _MANY * int(one["segments_in_window"]))
    heads = ("target", *(f"segments {what}" for _, what in _FATES), *(f"parcels that {_WHY[name]}" for name in reasons))
    worst = [(f"{one}: no altimetry in the window", *[0] * (len(heads) - 1)) for one in missing]
    worst += [row for row, is_bad in zip(rows, bad, strict=True) if is_bad]
    rest = [row for row, is_bad in zip(rows, bad, strict=True) if not is_bad]
    if len(rest) <= _LISTED:
        page.table(heads, worst + rest, bad=[True] * len(worst))
    else:
        if worst:
            page.table(heads, worst, bad=[True] * len(worst))
        page.table(heads, rest, folded=f"{len(rest)} targets of which no more than {_MANY:.0%} was lost")
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
