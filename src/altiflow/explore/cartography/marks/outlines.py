"""Outlines on a map: lines such as those of the flow, and footprints of a catalogue."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from altiflow.errors import InputError
from altiflow.explore.cartography.style import GROUPS, text_style
from altiflow.explore.cartography.window import project

__all__ = ["draw_footprints_on", "draw_lines", "place_footprints", "shorten_name"]

_DEGREES = 0.25
"""Edges of a footprint are cut to this length before they are projected: straight ones are so in degrees."""
_LONG = 22
"""Most letters of a name in a legend."""
_TINY = 0.012
"""A footprint smaller than this part of the map is marked by a dot."""
_SEAM = 20.0
"""Halves of a footprint that was cut at the antimeridian are joined where they are nearer than this [m]."""


def draw_lines(axes: Any, lines: gpd.GeoDataFrame | gpd.GeoSeries, crs: pyproj.CRS) -> None:
    """Draw lines with a light edge, so that they show on any colour.

    Raises
    ------
    InputError
        If the lines have no CRS.
    """
    if lines.crs is None:
        raise InputError(
            "lines have no CRS, so they cannot be put on the map; lines.set_crs(field.attrs['crs']) may help"
        )
    known = lines.geometry.dropna()
    parts = known[~known.is_empty].to_crs(crs).explode()
    places = [np.asarray(part.coords)[:, :2] for part in parts]
    # All edges lie under all lines: where lines run together they would hide each other.
    for colour, width, alpha, order in (("white", 1.7, 0.55, 6.8), ("#111111", 0.7, 1.0, 7.0)):
        axes.add_collection(
            LineCollection(places, colors=colour, linewidths=width, alpha=alpha, zorder=order, capstyle="round"),
            autolim=False,
        )


def place_footprints(table: gpd.GeoDataFrame, crs: pyproj.CRS) -> npt.NDArray[Any]:
    """Return the footprints (n,) in the plane of a map, None where a row has none or it lies beyond the map.

    Raises
    ------
    InputError
        If the table has no CRS.
    """
    if table.crs is None:
        raise InputError("the catalogue has no CRS; its footprints are in degrees: table.set_crs(4326)")
    wgs84 = pyproj.CRS("EPSG:4326")
    return np.array([_place(shape, wgs84, crs) for shape in table.geometry.to_crs(4326).array], dtype=object)


def _place(shape: Any, source: pyproj.CRS, crs: pyproj.CRS) -> Any:
    """Return a footprint in the plane of a map, its halves on both sides of the antimeridian joined."""
    if shape is None or shape.is_empty:
        return None

    def moved(x: Any, y: Any) -> Any:
        return project(x, y, source, crs)

    placed = shapely.transform(shapely.segmentize(shape, _DEGREES), moved, interleaved=False)
    if not np.isfinite(shapely.get_coordinates(placed)).all():
        return None
    if shapely.get_dimensions(placed) < 2:
        return placed
    # A seam that runs to a pole has no width there; grown a little and drawn in again, the halves are one.
    return shapely.make_valid(placed).buffer(_SEAM, join_style="mitre").buffer(-_SEAM, join_style="mitre")


def draw_footprints_on(
    axes: Any, placed: npt.NDArray[Any], groups: npt.NDArray[Any], *, fill: bool, legend_at: tuple[float, float] | None
) -> list[str]:
    """Draw footprints, a colour for each group, and return the groups, the largest first.

    Parameters
    ----------
    axes
        Axes in the plane of the footprints.
    placed
        What :func:`place_footprints` returns, (n,).
    groups
        Name of the group of each, (n,).
    fill
        Whether areas are tinted.
    legend_at
        Upper left of the legend, in parts of the axes; None for none.
    """
    names, counts = np.unique(groups.astype(str), return_counts=True)
    order = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    handles = []
    for number, name in enumerate(order):
        colour = GROUPS[number % len(GROUPS)]
        shapes = [shape for shape, group in zip(placed, groups, strict=True) if shape is not None and group == name]
        _draw_shapes(axes, shapes, colour, fill=fill, label=name)
        handles.append(Line2D([], [], color=colour, linewidth=2, label=f"{shorten_name(name)}: {len(shapes):,}"))
    if legend_at is not None:
        legend = axes.legend(
            handles=handles, loc="upper left", bbox_to_anchor=legend_at, borderaxespad=0, frameon=False, fontsize=8
        )
        for text in legend.get_texts():
            text.set(**text_style("panel"))
    return order


def shorten_name(name: str) -> str:
    """Return a name that fits into a legend: the middle of a long one is left out.

    Examples
    --------
    >>> shorten_name("ATL10"), shorten_name("ATL10-01_20190101001111_00010201_006_01")
    ('ATL10', 'ATL10-01_2…0201_006_01')
    """
    return name if len(name) <= _LONG else f"{name[:10]}…{name[-11:]}"


def _draw_shapes(axes: Any, shapes: list[Any], colour: str, *, fill: bool, label: str) -> None:
    """Draw areas and lines of one group; many on top of each other are tinted less."""
    parts = shapely.get_parts(np.array(shapes, dtype=object)) if shapes else np.array([], dtype=object)
    areas = [part for part in parts if shapely.get_dimensions(part) == 2]
    tint = float(np.clip(3.0 / max(len(areas), 1), 0.04, 0.3)) if fill else 0.0
    for area in areas:
        rings = [area.exterior, *area.interiors]
        outline = Outline.make_compound_path(*(Outline(np.asarray(ring.coords)[:, :2]) for ring in rings))
        if fill:
            axes.add_patch(PathPatch(outline, facecolor=colour, edgecolor="none", alpha=tint, zorder=6, gid=label))
        axes.add_patch(PathPatch(outline, facecolor="none", edgecolor=colour, linewidth=0.8, zorder=6.5, gid=label))
    lines = [np.asarray(part.coords)[:, :2] for part in parts if shapely.get_dimensions(part) == 1]
    if lines:
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.9, zorder=6.5, gid=label), autolim=False)
    # What is too small to be seen gets a dot.
    width = abs(axes.get_xlim()[1] - axes.get_xlim()[0])
    small = [shape for shape in shapes if _size(shape) < _TINY * width]
    if small:
        points = shapely.get_coordinates(shapely.centroid(small))
        axes.plot(points[:, 0], points[:, 1], "o", color=colour, markersize=3.2, zorder=6.6, gid=label)


def _size(shape: Any) -> float:
    """Return the longer side of the box round a shape [m]."""
    x_min, y_min, x_max, y_max = shape.bounds
    return float(max(x_max - x_min, y_max - y_min))
