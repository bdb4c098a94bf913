"""The sheet a map is drawn on: figure, axes, the cells with sea, land and coast, texts, and the file."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

import matplotlib
import numpy as np
import pyproj
import xarray as xr
from cartopy.mpl.geoaxes import GeoAxes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline

from altiflow.errors import InputError
from altiflow.explore.cartography.colours import colour_map
from altiflow.explore.cartography.furniture import footer_text
from altiflow.explore.cartography.layers import Layers
from altiflow.explore.cartography.marks.graticule import Graticule
from altiflow.explore.cartography.style import COAST, DPI, EDGE, LAND, SCREEN_DPI, SEA, text_style
from altiflow.explore.coastline import land_in
from altiflow.files import whole_file
from altiflow.gridding import Grid

__all__ = [
    "Scale",
    "add_axes",
    "checked_path",
    "draw_base",
    "draw_layer",
    "heading_of",
    "map_size",
    "new_figure",
    "write_figure",
    "write_headings",
    "write_texts",
]

Bounds = tuple[float, float, float, float]

Scale = Literal["linear", "log"]
"""How colours go with values."""

_SUFFIXES = (".png", ".pdf", ".svg")


class MapFigure(Figure):
    """A figure that notebooks show without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png", dpi=SCREEN_DPI)
        return buffer.getvalue()


def map_size(bounds: Bounds, longest: float) -> tuple[float, float]:
    """Return width and height of a map [inch]."""
    width, height = bounds[2] - bounds[0], bounds[3] - bounds[1]
    return longest * width / max(width, height), longest * height / max(width, height)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure with a canvas of its own: no window, no global state."""
    figure = MapFigure(figsize=(width, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def add_axes(figure: Figure, box: tuple[float, ...], **kind: Any) -> Any:
    """Return axes at (left, bottom, width, height) [inch]."""
    wide, high = figure.get_size_inches()
    return figure.add_axes((box[0] / wide, box[1] / high, box[2] / wide, box[3] / high), **kind)


def draw_base(axes: GeoAxes, crs: pyproj.CRS, bounds: Bounds) -> None:
    """Draw the frame, the sea, and the land with its coast in the bounds of a map."""
    x_min, y_min, x_max, y_max = bounds
    axes.set_xlim(x_min, x_max)
    axes.set_ylim(y_min, y_max)
    corners = [(x_min, y_min), (x_max, y_min), (x_max, y_max), (x_min, y_max), (x_min, y_min)]
    axes.set_boundary(Outline(corners), transform=axes.transData)
    axes.set_facecolor(SEA)
    axes.spines["geo"].set(edgecolor=EDGE, linewidth=0.7, zorder=8)
    land = land_in(crs, bounds)
    if len(land):
        own = axes.projection
        axes.add_geometries(land.geometry, crs=own, facecolor=LAND, edgecolor="none", zorder=1, gid="land")
        axes.add_geometries(land.geometry, crs=own, facecolor="none", edgecolor=COAST, linewidth=0.45, zorder=5)


def draw_layer(axes: GeoAxes, layers: Layers, number: int, cmap: str | Colormap, *, scale: Scale = "linear") -> Any:
    """Draw sea, land, cells and coast, in this order from below, and return the mesh of cells.

    On a "log" scale, what is below the limits has the colour of the lowest, zero too.
    """
    x_min, y_min, x_max, y_max = layers.bounds
    draw_base(axes, layers.crs, layers.bounds)
    values = layers.values[number] if scale == "linear" else np.maximum(layers.values[number], layers.limits[0])
    x, y = layers.corners()
    known = np.isfinite(x)
    if not known.all():
        # A cell with a corner beyond the map is not drawn; its corner has to be somewhere.
        whole = known[1:, 1:] & known[1:, :-1] & known[:-1, 1:] & known[:-1, :-1]
        values, x, y = np.where(whole, values, np.nan), np.where(known, x, 0.0), np.where(known, y, 0.0)
    mesh = axes.pcolormesh(
        x,
        y,
        np.ma.masked_invalid(values),
        cmap=colour_map(cmap),
        norm=Normalize(*layers.limits) if scale == "linear" else LogNorm(*layers.limits),
        zorder=2,
        rasterized=True,
    )
    axes.set_xlim(x_min, x_max)
    axes.set_ylim(y_min, y_max)
    return mesh


def heading_of(dataset: xr.Dataset, variable: str) -> str:
    """Return the long name of a variable as a heading."""
    name = str(dataset[variable].attrs.get("long_name", variable))
    # What comes after a comma is said at the colour bar.
    short = name.split(",")[0].replace("_", " ")
    return short[:1].upper() + short[1:]


def write_texts(
    figure: Figure,
    dataset: xr.Dataset,
    layers: Layers,
    title: str,
    period: str,
    extra: tuple[str, ...],
    grids: Sequence[Grid] = (),
) -> None:
    """Write heading and period above, small print of the projection, the grid and the sources below."""
    latitude = Graticule(layers.crs, layers.bounds).ranges[1]
    note = footer_text(dataset, grids or (layers.grid,), layers.crs, south=bool(latitude.min() < -60.0), extra=extra)
    write_headings(figure, title, period, note)


def write_headings(figure: Figure, title: str, period: str, note: str) -> None:
    """Write heading and a line under it above, small print below."""
    wide, high = figure.get_size_inches()
    left = 0.6 / wide
    figure.text(left, 1 - 0.26 / high, title, ha="left", va="center", **text_style("heading"))
    figure.text(left, 1 - 0.49 / high, period, ha="left", va="center", **text_style("period"))
    lines = "\n".join(line.strip(" ·") for line in fill(note, width=int((wide - 0.9) * 22)).split("\n"))
    figure.text(left, 0.36 / high, lines, ha="left", va="top", linespacing=1.35, **text_style("note"))


def checked_path(path: str | Path | None) -> Path | None:
    """Return where to write, refusing what is no kind of picture."""
    if path is None:
        return None
    target = Path(path)
    if target.suffix.lower() not in _SUFFIXES:
        raise InputError(f"a map is written as {', '.join(_SUFFIXES)}; got {target.name!r}")
    return target


def write_figure(figure: Figure, target: Path | None) -> None:
    """Write the figure, without a date: same input, same file. A PDF has letters that can be searched and edited."""
    if target is None:
        return
    dateless = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}}.get(target.suffix.lower(), {})
    with whole_file(target) as part, matplotlib.rc_context({"svg.hashsalt": "altiflow", "pdf.fonttype": 42}):
        figure.savefig(part, dpi=DPI, metadata=dateless, format=target.suffix.lower()[1:])
