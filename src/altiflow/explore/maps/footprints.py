"""Maps of where the granules, image pairs or cubes of a catalogue lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely
from matplotlib.figure import Figure

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography.colours import name_groups
from altiflow.explore.cartography.furniture import crs_text, days_text
from altiflow.explore.cartography.marks.graticule import Graticule, draw_graticule
from altiflow.explore.cartography.marks.outlines import draw_footprints_on, place_footprints, shorten_name
from altiflow.explore.cartography.marks.rulers import draw_north, draw_scale_bar
from altiflow.explore.cartography.plate import LEFT, LOW
from altiflow.explore.cartography.projections import projection_of
from altiflow.explore.cartography.sheet import (
    add_axes,
    checked_path,
    draw_base,
    map_size,
    new_figure,
    write_figure,
    write_headings,
)
from altiflow.explore.cartography.style import LONGEST
from altiflow.explore.cartography.window import crs_of_map, region_bounds, roomy_bounds
from altiflow.explore.coastline import COAST_SOURCE
from altiflow.version import __version__

__all__ = ["draw_footprints", "overlay_footprints"]

_SMALLEST = 2000.0
"""A twenty-fourth of the shortest map of footprints [m]."""


def draw_footprints(
    catalogue: gpd.GeoDataFrame,
    *,
    by: str | None = "product",
    crs: Any = None,
    region: Any = None,
    path: str | Path | None = None,
    title: str | None = None,
) -> Figure:
    """Return a map of the footprints of a catalogue, a colour for each product.

    Parameters
    ----------
    catalogue
        Rows with footprints in any CRS, such as :func:`altiflow.search_granules` gives.
    by
        Column whose values are told apart by colours, eight at most: what there is more of is "other". None for one
        colour.
    crs
        CRS of the map; polar stereographic of the hemisphere of the footprints where not given.
    region
        What the map shows, anything :func:`altiflow.region.as_region` takes; the footprints where not given.
    path, title
        As in :func:`altiflow.draw_map`.

    Raises
    ------
    InputError
        If there is no such column, the footprints have no CRS, or they lie in both hemispheres and no crs is given.
    EmptyDataError
        If no row has a footprint.

    Notes
    -----
    Rows without a footprint are counted in the small print.
    """
    target = checked_path(path)
    known = catalogue.geometry.notna() & ~catalogue.geometry.is_empty
    if not known.any():
        raise EmptyDataError(f"none of the {len(catalogue)} rows has a footprint, so there is nothing to map")
    if catalogue.crs is None:
        raise InputError("the catalogue has no CRS; its footprints are in degrees: catalogue.set_crs(4326)")
    groups = _groups(catalogue, by)
    plane = crs_of_map(crs, pyproj.CRS(_usual_crs(catalogue[known]) if crs is None else 4326))
    placed = place_footprints(catalogue, plane)
    drawn = np.array([shape is not None for shape in placed])
    if not drawn.any():
        raise EmptyDataError(f"no footprint lies on the map of {plane.name!r}; choose another crs")
    extent = shapely.total_bounds(placed[drawn])
    bounds = roomy_bounds(tuple(extent), _SMALLEST) if region is None else region_bounds(region, plane)
    width, height = map_size(bounds, LONGEST)
    # Room for the longest name of the legend.
    beside = 1.6 + 0.075 * max(len(shorten_name(name)) for name in groups)
    figure = new_figure(max(width, 4.2) + beside, height + 2.0)
    axes = add_axes(figure, (LEFT, LOW, width, height), projection=projection_of(plane))
    draw_base(axes, plane, bounds)
    draw_graticule(axes, Graticule(plane, bounds), inches=(width, height))
    draw_scale_bar(add_axes(figure, (LEFT, 0.5, width, 0.36)), plane, bounds, inches=width)
    below = 0.4 if draw_north(axes, plane, bounds, inches=(width, height)) else 0.0
    draw_footprints_on(axes, placed, groups, fill=True, legend_at=(1 + 0.62 / width, 1 - below / height))
    lost, beyond = int((~known).sum()), int((known.to_numpy() & ~drawn).sum())
    extra = (
        f"{int(drawn.sum()):,} of {len(catalogue):,} rows",
        f"{lost:,} without a footprint" if lost else "",
        f"{beyond:,} beyond the map" if beyond else "",
    )
    parts = (crs_text(plane), *extra, f"Coast: {COAST_SOURCE}", f"altiflow {__version__}")
    note = "  ·  ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts if part)
    write_headings(figure, title or "Footprints", _period(catalogue), note)
    write_figure(figure, target)
    return figure


def overlay_footprints(axes: Any, catalogue: gpd.GeoDataFrame, crs: pyproj.CRS) -> str:
    """Draw footprints as outlines over a map, and return what the small print says of them."""
    placed = place_footprints(catalogue, crs)
    drawn = int(sum(shape is not None for shape in placed))
    groups = np.full(len(catalogue), "footprint")
    draw_footprints_on(axes, placed, groups, fill=False, legend_at=None)
    products = sorted(set(catalogue["product"].dropna().astype(str))) if "product" in catalogue else []
    return f"outlines: {drawn:,} footprint{'s' * (drawn != 1)}" + (f" of {', '.join(products)}" if products else "")


def _groups(catalogue: gpd.GeoDataFrame, by: str | None) -> npt.NDArray[Any]:
    """Return the group of each row as text."""
    return np.full(len(catalogue), "footprints") if by is None else np.asarray(name_groups(catalogue, by))


def _usual_crs(catalogue: gpd.GeoDataFrame) -> str:
    """Return polar stereographic of the hemisphere where footprints are."""
    _, south, _, north = catalogue.to_crs(4326).total_bounds
    if south < 0 < north and min(-south, north) > 1.0:
        raise InputError("the footprints lie in both hemispheres; give crs='EPSG:3413' or 'EPSG:3031' and a region")
    return "EPSG:3413" if north > 0 else "EPSG:3031"


def _period(catalogue: gpd.GeoDataFrame) -> str:
    """Return the days from the first to the last row."""
    if "start" not in catalogue:
        return ""
    first = pd.to_datetime(catalogue["start"], utc=True)
    last = pd.to_datetime(catalogue["end"], utc=True).fillna(first) if "end" in catalogue else first
    return "" if first.isna().all() else days_text(first.min(), last.max())
