"""What stands around a map: colour bar, footer, and how numbers, units and periods are written."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import xarray as xr

from altiflow.explore.cartography.style import EDGE, TEXT, text_style
from altiflow.explore.coastline import COAST_SOURCE
from altiflow.gridding.grids.grid import Grid
from altiflow.version import __version__

__all__ = [
    "MONTHS",
    "crs_text",
    "days_text",
    "draw_colour_bar",
    "footer_text",
    "period_text",
    "pretty_units",
    "round_down",
    "value_label",
]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def draw_colour_bar(figure: Any, mesh: Any, axes: Any, *, label: str, extend: str) -> Any:
    """Draw an upright colour bar with its label in axes of its own."""
    bar = figure.colorbar(mesh, cax=axes, extend=extend, extendfrac=0.035)
    # A label longer than its bar would leave the figure.
    inches = axes.get_position().height * figure.get_size_inches()[1]
    bar.set_label(fill(label, max(18, int(inches * 15))), labelpad=6, **text_style("label"))
    bar.ax.tick_params(**TEXT["tick"])
    bar.outline.set(linewidth=0.5, edgecolor=EDGE)
    return bar


def footer_text(
    dataset: xr.Dataset, grids: Sequence[Grid], crs: pyproj.CRS, *, south: bool, extra: tuple[str, ...] = ()
) -> str:
    """Return the small print: projection of the map, grid or grids of what it shows, product, sources, version."""
    grid = grids[0]
    projection = crs_text(crs) if crs == grid.crs else f"map: {crs_text(crs)}; cells: {crs_text(grid.crs)}"
    cell = ", ".join(dict.fromkeys(_cell_text(each) for each in grids))
    several = len({each.resolution for each in grids}) > 1
    named = "own grid" if grid.name == "custom" else f"grid {grid.name}"
    lattice = f"cells of {cell}" if several else f"{named}, cells of {cell}"
    product = " ".join(str(dataset.attrs[name]) for name in ("product", "releases") if dataset.attrs.get(name))
    product = f"simulated {product}" if "(simulated)" in str(dataset.attrs.get("title", "")) else product
    source = product or str(dataset.attrs.get("source", ""))
    coast = f"Coast: {COAST_SOURCE}" + ("; ice shelves not shown" if south else "")
    parts = [projection, lattice, source, *extra, coast, f"altiflow {__version__}"]
    # A part is never broken over two lines.
    return "  ·  ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts if part)


def crs_text(crs: pyproj.CRS) -> str:
    """Return a CRS by its code and name.

    Examples
    --------
    >>> crs_text(pyproj.CRS(3413))
    'EPSG:3413 WGS 84 / NSIDC Sea Ice Polar Stereographic North'
    """
    authority = crs.to_authority()
    return f"{':'.join(authority)} {crs.name}" if authority else str(crs.name)


def metric_text(*datasets: xr.Dataset | None) -> tuple[str, ...]:
    """Return which metres the velocity is in that the first of several Datasets with one has; () where none has.

    Examples
    --------
    >>> metric_text(None, xr.Dataset(attrs={"velocity_metric": "ground"}))
    ('velocity in ground metres',)
    """
    metrics = [
        str(one.attrs["velocity_metric"]) for one in datasets if one is not None and "velocity_metric" in one.attrs
    ]
    return tuple(f"velocity in {metric} metres" for metric in metrics[:1])


def _cell_text(grid: Grid) -> str:
    """Return the size of a cell."""
    width, height = (f"{side / 1000:.6g}" for side in grid.resolution)
    return f"{width} km" if width == height else f"{width} x {height} km"


def period_text(dataset: xr.Dataset, layer: int) -> str:
    """Return the period of a layer as text, its last day included; empty where it is undated.

    Ice that was brought to one moment has that moment first, and the days it was measured on after it.

    Examples
    --------
    >>> bounds = np.array([["2019-01-01", "2019-02-01"]], "datetime64[ns]")
    >>> period_text(xr.Dataset(coords={"time_bnds": (("time", "nv"), bounds)}), 0)
    '1 Jan 2019 to 31 Jan 2019'
    """
    if "time_bnds" in dataset.variables:
        start, end = np.asarray(dataset["time_bnds"].values[layer], "datetime64[ns]")
        end = max(start, end - np.timedelta64(1, "ns"))
    elif "time" in dataset.variables and np.issubdtype(dataset["time"].dtype, np.datetime64):
        start = end = dataset["time"].values[layer]
    else:
        return ""
    if np.isnat(start) or np.isnat(end):
        return ""
    period = days_text(start, end)
    if json.loads(dataset.attrs.get("drift", "{}")).get("mode", "eulerian") != "eulerian":
        return f"brought to {_date_text(dataset['time'].values[layer])}, measured {period}"
    return period


def days_text(start: Any, end: Any) -> str:
    """Return the days of two moments as text; one where they are the same."""
    first, last = (_date_text(np.datetime64(pd.Timestamp(moment).to_datetime64())) for moment in (start, end))
    return first if first == last else f"{first} to {last}"


def pretty_units(units: str) -> str:
    """Return units with raised exponents; nothing for a pure number.

    Examples
    --------
    >>> pretty_units("cm s-1"), pretty_units("m2"), pretty_units("1")
    ('cm s⁻¹', 'm²', '')
    """
    return "" if units in ("1", "") else re.sub(r"(?<=[A-Za-z])-?\d+", lambda m: m[0].translate(_SUPERSCRIPTS), units)


def value_label(name: str, units: str) -> str:
    """Return what an axis or a colour bar says: the name of what is shown and its units.

    Examples
    --------
    >>> value_label("ice_speed", "m yr-1"), value_label("share of days", "1")
    ('ice speed [m yr⁻¹]', 'share of days')
    """
    pretty = pretty_units(units)
    return name.replace("_", " ") + (f" [{pretty}]" if pretty else "")


def round_down(number: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above a positive number.

    Examples
    --------
    >>> round_down(499.0), round_down(0.7)
    (200.0, 0.5)
    """
    power = 10.0 ** np.floor(np.log10(number))
    return float(max(step * power for step in (1.0, 2.0, 5.0) if step * power <= number * (1 + 1e-9)))


def _date_text(stamp: Any) -> str:
    """Return a date as day, month and year, in English whatever the locale."""
    year, month, day = str(np.datetime64(stamp, "D")).split("-")
    return f"{int(day)} {MONTHS[int(month) - 1]} {year}"
