"""Runs: the report of granules that were read, gridded and given velocities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import xarray as xr

from altiflow.explore.charts import draw_coverage, draw_histogram
from altiflow.explore.maps import draw_map, draw_panels
from altiflow.explore.report.page import Page
from altiflow.explore.report.sections import tell_granules, tell_grid, tell_origin, tell_screens
from altiflow.readers import Ledger

__all__ = ["run_report"]

_PANELS = 12
"""Most periods that are drawn."""


def run_report(
    *,
    table: gpd.GeoDataFrame,
    grid: xr.Dataset,
    velocity: xr.Dataset | None,
    ledger: Ledger,
    record: Mapping[str, Any],
    command: str,
) -> Page:
    """Return the report of a run: maps, distributions, coverage, granules, screens, uncertainty and origin.

    Parameters
    ----------
    table
        Segments that went into the grid.
    grid, velocity
        What was gridded, and the velocity on it.
    ledger
        The account of the granules.
    record
        What run.json holds.
    command
        What repeats the run.
    """
    counts, value = record["counts"], str(record["counts"]["value"])
    simulated = " (simulated)" if "(simulated)" in str(grid.attrs.get("title", "")) else ""
    first, last = table["time"].min(), table["time"].max()
    lead = (
        f"{record['product']} {', '.join(record['releases'])}{simulated}, {first:%Y-%m-%d} to {last:%Y-%m-%d}, "
        f"on {counts['grid']}"
    )
    page = Page(f"{value.replace('_', ' ').capitalize()}: report of a run", lead)
    _tell_numbers(page, table, grid, velocity, ledger, counts)
    _tell_maps(page, grid, velocity, value)
    _tell_charts(page, table, value)
    tell_granules(page, ledger)
    tell_screens(page, ledger)
    tell_grid(page, grid, value)
    _tell_sigma(page, grid, value)
    if velocity is not None:
        _tell_velocity(page, counts)
    if record.get("truth"):
        _tell_truth(page, record["truth"])
    tell_origin(page, record, command)
    return page


def _tell_numbers(
    page: Page,
    table: gpd.GeoDataFrame,
    grid: xr.Dataset,
    velocity: xr.Dataset | None,
    ledger: Ledger,
    counts: Mapping[str, Any],
) -> None:
    """Add the numbers that are asked for first."""
    cells = int((grid["n_segments"] > 0).sum())
    numbers = [
        (f"{len(ledger):,}", "granules" + (f", {len(ledger.failures)} failed" if ledger.failures else "")),
        (f"{len(table):,}", "segments"),
        (f"{table['segment_length'].sum() / 1e3:,.0f} km", "of track"),
        (f"{cells:,}", f"cells with data, in {grid.sizes['time']} period" + "s" * (grid.sizes["time"] != 1)),
    ]
    if velocity is not None:
        share = 100 * counts["velocity_valid"] / max(len(table), 1)
        numbers.append((f"{share:.1f} %", "of segments have a velocity"))
    page.figures(numbers)


def _tell_maps(page: Page, grid: xr.Dataset, velocity: xr.Dataset | None, value: str) -> None:
    """Add the map of the first period, and small maps of all where there are several."""
    page.section("Map")
    mean = f"{value}_mean"
    full = [layer for layer in range(grid.sizes["time"]) if bool(grid[mean].isel(time=layer).notnull().any())]
    what = f"{value.replace('_', ' ')}, mean weighted by length"
    page.picture(
        draw_map(grid, mean, time=full[0], velocity=velocity),
        f"Map of {what}, first period with data" + (", with arrows of ice velocity" if velocity is not None else ""),
    )
    if len(full) > 1:
        shown = full[:_PANELS]
        page.picture(
            draw_panels(grid, mean, times=shown, columns=3),
            f"Small maps of {what}, {len(shown)} periods",
            f"The first {_PANELS} of {len(full)} periods." if len(full) > _PANELS else "",
        )


def _tell_sigma(page: Page, grid: xr.Dataset, value: str) -> None:
    """Add the map of the uncertainty of the first period that has one."""
    for name in (f"{value}_sigma_total", f"{value}_sigma"):
        full = [n for n in range(grid.sizes["time"]) if name in grid and bool(grid[name].isel(time=n).notnull().any())]
        if full:
            page.picture(
                draw_map(grid, name, time=full[0]), f"Map of the 1-sigma uncertainty of the mean {value}, first period"
            )
            return


def _tell_charts(page: Page, table: gpd.GeoDataFrame, value: str) -> None:
    """Add the distribution of the values and the coverage in time."""
    page.section("Distribution and coverage")
    page.picture(draw_histogram(table, value), f"Histogram of {value.replace('_', ' ')} by length of track")
    days = (table["time"].max() - table["time"].min()).days
    freq = "D" if days <= 400 else "MS"
    page.picture(draw_coverage(table, freq=freq), f"Bars: length of track of each {'day' if freq == 'D' else 'month'}")


def _tell_velocity(page: Page, counts: Mapping[str, Any]) -> None:
    """Add how altimetry and velocity meet."""
    page.section("Where altimetry and velocity meet")
    met = counts["overlap"]
    page.table(
        ("segments", "share [%]"),
        [
            ("inside the area of the velocity", 100 * float(met["in_extent"])),
            ("inside its time", 100 * float(met["in_period"])),
            ("with a velocity", 100 * float(met["with_velocity"])),
        ],
    )
    page.text(f"Altimetry: {met['table_text']}")
    page.text(f"Velocity: {met['field_text']}")


def _tell_truth(page: Page, truth: Mapping[str, Any]) -> None:
    """Add how far the result is from what the sample was made from."""
    page.section("Against the known truth of the sample")
    page.table(("what", "value"), [(name.replace("_", " "), number) for name, number in truth.items()])
