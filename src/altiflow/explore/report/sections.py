"""Sections that reports have in common: granules, screens, uncertainty, and where all came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from altiflow.explore.cartography.furniture import period_text, pretty_units, value_label
from altiflow.explore.report.page import Page
from altiflow.readers import Ledger

__all__ = ["tell_granules", "tell_grid", "tell_origin", "tell_screens"]

_NOT_ASKED = ("command", "quiet")
"""Parameters that change nothing in the results."""

_SHOWN = 200
"""Granules that are listed; the ledger has all."""


def tell_granules(page: Page, ledger: Ledger) -> None:
    """Add what became of the granules, failures first."""
    table = ledger.table
    page.section("Granules")
    failed = table["status"] == "failed"
    page.text(ledger.summary(), "warn" if failed.any() else "good")
    order = table.assign(_rank=(~failed).astype(int)).sort_values("_rank", kind="stable").index
    rows = [
        (
            one["granule"],
            one["status"],
            one["reason"] or "",
            _day(one["time_first"]),
            int(one["segments_found"]),
            int(one["segments_kept"]),
        )
        for _, one in table.loc[order[:_SHOWN]].iterrows()
    ]
    heads = ("granule", "status", "reason", "first segment", "found", "kept")
    many = int(failed.sum())
    if many:
        page.table(heads, rows[:many], bad=[True] * many)
    page.table(heads, rows[many:], folded=f"{len(rows) - many} granules that did not fail")
    if len(table) > _SHOWN:
        page.text(f"{len(table) - _SHOWN} more granules are in the ledger.")


def tell_screens(page: Page, ledger: Ledger) -> None:
    """Add how many segments each screen dropped."""
    table = ledger.table
    page.section("Screens")
    found, kept = int(table["segments_found"].sum()), int(table["segments_kept"].sum())
    columns = [str(name) for name in table]
    dropped = {name: int(table[name].sum()) for name in columns if name.startswith("dropped_")}
    rows = [(name.removeprefix("dropped_").replace("_", " "), count) for name, count in dropped.items() if count]
    page.table(
        ("segments", "number", "share [%]"),
        [
            ("found in the granules", found, 100.0),
            *((f"dropped: {name}", count, 100 * count / max(found, 1)) for name, count in rows),
            ("kept", kept, 100 * kept / max(found, 1)),
        ],
    )
    page.text("A segment is counted at the first screen that drops it.")


def tell_grid(page: Page, grid: xr.Dataset, value: str) -> None:
    """Add what the grid holds, period by period, with its uncertainties."""
    page.section("Cells and their uncertainty")
    mean, unit = f"{value}_mean", pretty_units(str(grid[f"{value}_mean"].attrs.get("units", "")))
    sigmas = [name for name in (f"{value}_sigma", f"{value}_sigma_passes", f"{value}_sigma_total") if name in grid]
    rows = []
    for layer in range(grid.sizes["time"]):
        one = grid.isel(time=layer)
        known = np.isfinite(one[mean].values)
        if not known.any():
            rows.append((period_text(grid, layer) or "undated", 0, "", *("" for _ in sigmas)))
            continue
        spread = [float(np.nanmedian(one[name].values)) if np.isfinite(one[name]).any() else "" for name in sigmas]
        rows.append(
            (period_text(grid, layer) or "undated", int(known.sum()), float(np.nanmedian(one[mean].values)), *spread)
        )
    told = [
        value_label(str(grid[name].attrs.get("long_name", name)), str(grid[name].attrs.get("units", "")))
        for name in sigmas
    ]
    suffix = f" [{unit}]" if unit else ""
    heads = ("period", "cells", f"median of {mean.replace('_', ' ')}{suffix}", *(f"median of: {one}" for one in told))
    page.table(heads, rows)
    page.text(f"Cells without data are empty, never zero. Grid {grid.attrs.get('grid_name', '')}.")


def tell_origin(page: Page, record: Mapping[str, Any], command: str) -> None:
    """Add versions, products and what repeats the run."""
    page.section("Where this comes from")
    versions = record.get("versions", {})
    rows = [("altiflow", record.get("altiflow", "")), *versions.items()]
    rows += [("product", record.get("product", "")), ("releases", ", ".join(record.get("releases", [])))]
    page.table(("what", "version"), [row for row in rows if row[1]])
    asked = {name: value for name, value in record.get("parameters", {}).items() if name not in _NOT_ASKED}
    if asked:
        page.table(
            ("parameter", "value"),
            [(name.replace("_", " "), "none" if value is None else str(value)) for name, value in asked.items()],
            folded="All parameters",
        )
    page.text("To repeat it:")
    page.code(command)


def _day(moment: Any) -> str:
    """Return a time as text; empty where there is none."""
    return "" if pd.isna(moment) else f"{pd.Timestamp(moment):%Y-%m-%d %H:%M}"
