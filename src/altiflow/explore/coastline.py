"""Land of the polar regions in any map projection, without a network."""

from __future__ import annotations

from functools import lru_cache, partial
from importlib import resources
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from altiflow.errors import InputError

__all__ = ["COAST_SOURCE", "land_in"]

Bounds = tuple[float, float, float, float]

COAST_SOURCE = "Natural Earth 1:50m"
"""Where the outlines come from; public domain."""

_EDGE_STEPS = 400
"""Vertices that each side of a window is cut into before it is projected."""


def land_in(crs: Any, bounds: Bounds) -> gpd.GeoDataFrame:
    """Return the land polygons inside a window of a map, in the map's own CRS.

    Land poleward of 30 degrees; Antarctica is its grounded coast, without ice shelves.

    Parameters
    ----------
    crs
        Anything :class:`pyproj.CRS` takes; projected.
    bounds
        (x_min, y_min, x_max, y_max) of the window, in units of `crs` [m].

    Returns
    -------
    geopandas.GeoDataFrame
        Valid polygons clipped to the window; no rows where there is no land.

    Raises
    ------
    InputError
        If the CRS is not projected or the bounds are empty.

    Notes
    -----
    The outlines are kept in the plane of each pole (EASE-Grid 2.0), where neither the pole nor the antimeridian
    is a seam. The window goes into that plane, the land is cut there, and only what is left goes to the map.

    Examples
    --------
    The South Pole is land, the North Pole is not:

    >>> round(float(land_in("EPSG:3031", (-1e5, -1e5, 1e5, 1e5)).area.sum()) / 4e10, 3)
    1.0
    >>> len(land_in("EPSG:3413", (-1e5, -1e5, 1e5, 1e5)))
    0
    """
    target = pyproj.CRS(crs)
    if not target.is_projected:
        raise InputError(f"land is drawn on projected maps; {target.name!r} is not projected, choose e.g. 'EPSG:3413'")
    window = np.asarray(bounds, float)
    if window.shape != (4,) or not np.isfinite(window).all() or (window[2:] <= window[:2]).any():
        raise InputError(f"bounds are (x_min, y_min, x_max, y_max) with min below max, got {bounds!r}")
    parts = [part for name in ("north", "south") for part in _land_of(name, target, window)]
    return gpd.GeoDataFrame(geometry=parts, crs=target)


@lru_cache(maxsize=2)
def _stored_land(name: str) -> gpd.GeoDataFrame:
    """Return the shipped polygons of a hemisphere."""
    source = resources.files("altiflow") / "explore" / "data" / f"land_{name}.parquet"
    with resources.as_file(source) as path:
        return gpd.read_parquet(path)


@lru_cache(maxsize=16)
def _transformer(target: pyproj.CRS, plane: pyproj.CRS) -> pyproj.Transformer:
    """Return the way from a map to the plane of a pole; to find one takes longer than to cut the land."""
    return pyproj.Transformer.from_crs(target, plane, always_xy=True)


def _land_of(name: str, target: pyproj.CRS, window: Any) -> list[shapely.Polygon]:
    """Return the polygons of one hemisphere in the window (4,) of the target CRS."""
    stored = _stored_land(name)
    sheet = _project_window(window, target, stored.crs)
    if sheet is None:
        return []
    # Straight lines in one plane are curves in the other: edges are cut to a twentieth of the window, 50 km at most.
    step = min(float((window[2:] - window[:2]).max()) / 20, 5e4)
    cut = shapely.intersection(stored.geometry.to_numpy()[stored.sindex.query(sheet)], sheet)
    cut = shapely.segmentize(cut[~shapely.is_empty(cut)], step)
    back = partial(_transformer(target, stored.crs).transform, direction="INVERSE")
    moved = shapely.transform(cut, back, interleaved=False)
    clipped = shapely.intersection(shapely.make_valid(moved), shapely.box(*window))
    return [part for part in shapely.get_parts(_areas(clipped)) if part.area > 0]


def _project_window(window: Any, target: pyproj.CRS, plane: pyproj.CRS) -> shapely.Geometry | None:
    """Return the window as a polygon in the plane of a pole; None where the map lies on the other side.

    It is drawn in by a millionth on every side, so that a window of the whole earth does not touch itself
    along the antimeridian.
    """
    inset = (window[2:] - window[:2]).min() * 1e-6
    x_min, y_min, x_max, y_max = window + np.array([inset, inset, -inset, -inset])
    outline = shapely.segmentize(shapely.box(x_min, y_min, x_max, y_max), (window[2:] - window[:2]).max() / _EDGE_STEPS)
    transformer = _transformer(target, plane)
    x, y = transformer.transform(*shapely.get_coordinates(outline).T)
    centre = transformer.transform((x_min + x_max) / 2, (y_min + y_max) / 2)
    finite = np.isfinite(x) & np.isfinite(y)
    if finite.sum() < 4 or not np.isfinite(centre).all():
        return None
    sheet = shapely.make_valid(shapely.Polygon(np.column_stack([x[finite], y[finite]])))
    # Seen from the other pole a window is turned inside out: its centre falls outside its own outline.
    return sheet if shapely.contains_xy(sheet, *centre) else None


def _areas(geometries: Any) -> Any:
    """Return the polygons (m,) among geometries and collections (n,)."""
    parts = shapely.get_parts(shapely.get_parts(geometries))
    return parts[shapely.get_dimensions(parts) == 2]
