"""What stands around a map: scale bar, colour bar, footer, and how numbers and periods are written."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import xarray as xr

from altiflow.explore.coastline import COAST_SOURCE
from altiflow.gridding.grids.grid import Grid
from altiflow.version import __version__

__all__ = [
    "draw_colour_bar",
    "draw_scale_bar",
    "footer_text",
    "map_scale",
    "period_text",
    "pretty_units",
    "round_down",
]

Bounds = tuple[float, float, float, float]

_SMALL = {"fontsize": 7.5, "color": "#333333"}
_BAR_LENGTH = 1.75
"""Longest scale bar [inch]."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def map_scale(crs: pyproj.CRS, bounds: Bounds) -> tuple[float, float]:
    """Return (map metres per true metre left to right, latitude) at the centre of a window.

    The true distance is that of the geodesic between two points about a twentieth of the window apart.

    Examples
    --------
    Polar stereographic with true scale at 70 degrees shrinks the pole:

    >>> scale, latitude = map_scale(pyproj.CRS("EPSG:3413"), (-1e5, -1e5, 1e5, 1e5))
    >>> round(scale, 3), round(latitude)
    (0.97, 90)
    """
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    half = (bounds[2] - bounds[0]) / 40
    transformer = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = transformer.transform([x - half, x, x + half], [y, y, y])
    geod = crs.get_geod() or pyproj.Geod(ellps="WGS84")
    _, _, distance = geod.inv(lon[0], lat[0], lon[2], lat[2])
    return 2 * half / distance, float(lat[1])


def draw_scale_bar(axes: Any, crs: pyproj.CRS, bounds: Bounds, *, inches: float) -> float:
    """Draw a scale bar of true length and return that length [m].

    Parameters
    ----------
    axes
        Empty axes as wide as the map, below it.
    crs, bounds
        Of the map's window.
    inches
        Width of the map and of the axes [inch].
    """
    scale, latitude = map_scale(crs, bounds)
    width = bounds[2] - bounds[0]
    length = round_down(min(_BAR_LENGTH / inches, 0.38) * width / scale)
    axes.set_xlim(0.0, width)
    axes.set_ylim(0.0, 1.0)
    axes.axis("off")
    half = length * scale / 2
    style = {"height": 0.16, "align": "edge", "edgecolor": "#222222", "linewidth": 0.6}
    axes.barh(0.55, half, left=0.002 * width, color="#222222", **style)
    axes.barh(0.55, half, left=0.002 * width + half, color="white", **style)
    unit, divisor = ("km", 1e3) if length >= 2000 else ("m", 1.0)
    for part in (0, 1, 2) if half / width * inches > 0.3 else (0, 2):
        number = f"{length * part / 2 / divisor:g}"
        place = (0.002 * width + part * half, 0.55)
        axes.annotate(number, place, xytext=(0, -2.5), textcoords="offset points", ha="center", va="top", **_SMALL)
    beside = (2.6 * len(number) + 2.0, -2.5)
    axes.annotate(unit, place, xytext=beside, textcoords="offset points", ha="left", va="top", **_SMALL)
    hemisphere = "N" if latitude >= 0 else "S"
    digits = 0 if width > 3e5 else 1
    where = "the pole" if abs(latitude) > 89.5 else f"{abs(latitude):.{digits}f}°{hemisphere}"
    axes.text(0.002 * width + 2 * half, 0.63, f"  true at {where}", ha="left", va="center", **_SMALL)
    return length


def draw_colour_bar(figure: Any, mesh: Any, axes: Any, *, label: str, extend: str) -> Any:
    """Draw an upright colour bar with its label in axes of its own."""
    bar = figure.colorbar(mesh, cax=axes, extend=extend, extendfrac=0.035)
    bar.set_label(label, fontsize=8.5, color="#222222", labelpad=6)
    bar.ax.tick_params(labelsize=7.5, width=0.5, length=3, color="#333333", labelcolor="#333333")
    bar.outline.set_linewidth(0.5)
    return bar


def footer_text(dataset: xr.Dataset, grids: Sequence[Grid], *, south: bool, extra: tuple[str, ...] = ()) -> str:
    """Return the small print: projection, grid or grids of one map, product, sources, version."""
    grid = grids[0]
    authority = grid.crs.to_authority()
    projection = f"{':'.join(authority)} {grid.crs.name}" if authority else grid.crs.name
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
    first, last = _date_text(start), _date_text(end)
    period = first if first == last else f"{first} to {last}"
    if json.loads(dataset.attrs.get("drift", "{}")).get("mode", "eulerian") != "eulerian":
        return f"brought to {_date_text(dataset['time'].values[layer])}, measured {period}"
    return period


def pretty_units(units: str) -> str:
    """Return units with raised exponents; nothing for a pure number.

    Examples
    --------
    >>> pretty_units("cm s-1"), pretty_units("m2"), pretty_units("1")
    ('cm s⁻¹', 'm²', '')
    """
    return "" if units in ("1", "") else re.sub(r"(?<=[A-Za-z])-?\d+", lambda m: m[0].translate(_SUPERSCRIPTS), units)


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
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{int(day)} {months[int(month) - 1]} {year}"
