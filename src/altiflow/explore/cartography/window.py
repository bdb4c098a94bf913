"""The window of a map: its CRS, and what of the plane it shows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from altiflow.errors import InputError
from altiflow.region import as_region

__all__ = ["crs_of_map", "project", "region_bounds", "roomy_bounds"]

Bounds = tuple[float, float, float, float]
Floats = npt.NDArray[np.float64]

_MARGIN = 0.06
"""Sea and land shown around the data, as a part of the longer side of their window."""
_FEWEST_CELLS = 24
"""A map is at least this many cells wide, so that a lone cell has surroundings."""
_SLIMMEST = 0.62
"""Least ratio of the sides of a map."""
_DEGREES = 0.25
"""Edges of a region are cut to this length before they are projected."""


def crs_of_map(crs: Any, own: pyproj.CRS) -> pyproj.CRS:
    """Return the CRS that a map is drawn in: the one asked for, or that of the data.

    Raises
    ------
    InputError
        If it is no CRS, or not projected.
    """
    if crs is None:
        return own
    try:
        found = pyproj.CRS(crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"crs={crs!r} is no CRS; take e.g. 'EPSG:3413' ({error})") from error
    if not found.is_projected:
        raise InputError(f"a map needs a projected CRS, got crs={crs!r} ({found.name}); take e.g. 'EPSG:3413'")
    return found


@lru_cache(maxsize=16)
def _transformer(source: pyproj.CRS, target: pyproj.CRS) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def project(x: Floats, y: Floats, source: pyproj.CRS, target: pyproj.CRS) -> tuple[Floats, Floats]:
    """Return places in another CRS, shapes as given; NaN where it does not reach."""
    if source.equals(target, ignore_axis_order=True):
        return np.asarray(x, float), np.asarray(y, float)
    moved = [np.asarray(part, float) for part in _transformer(source, target).transform(x, y)]
    known = np.isfinite(moved[0]) & np.isfinite(moved[1])
    return np.where(known, moved[0], np.nan), np.where(known, moved[1], np.nan)


def region_bounds(region: Any, crs: pyproj.CRS) -> Bounds:
    """Return the bounds of a region in the plane of a map [m].

    Parameters
    ----------
    region
        Anything :func:`altiflow.region.as_region` takes.
    crs
        CRS of the map.

    Raises
    ------
    InputError
        If it is no region, or lies beyond the map.

    Examples
    --------
    A cap is a circle around the pole:

    >>> [round(edge / 1e5) for edge in region_bounds("north of 60", pyproj.CRS("EPSG:6931"))]
    [-33, -33, 33, 33]
    """
    outline = shapely.segmentize(as_region(region).geometry, _DEGREES)
    degrees = shapely.get_coordinates(outline)
    x, y = project(degrees[:, 0], degrees[:, 1], pyproj.CRS("EPSG:4326"), crs)
    if not np.isfinite(x).any():
        raise InputError(f"region={region!r} lies beyond the map of {crs.name!r}; choose another crs")
    bounds = float(np.nanmin(x)), float(np.nanmin(y)), float(np.nanmax(x)), float(np.nanmax(y))
    if max(bounds[2] - bounds[0], bounds[3] - bounds[1]) > 4.1e7:
        raise InputError(f"region={region!r} reaches too far round the globe for the map of {crs.name!r}")
    return _not_slim(bounds)


def roomy_bounds(bounds: Bounds, cell: float) -> Bounds:
    """Return the bounds of a map of data within bounds: with a margin, neither tiny nor slim.

    Parameters
    ----------
    bounds
        Of the data [m].
    cell
        Size of a cell [m].
    """
    x_min, y_min, x_max, y_max = bounds
    margin = _MARGIN * max(x_max - x_min, y_max - y_min)
    return _not_slim((x_min - margin, y_min - margin, x_max + margin, y_max + margin), _FEWEST_CELLS * cell)


def _not_slim(bounds: Bounds, least: float = 0.0) -> Bounds:
    """Return bounds made wider or higher, so that the map is at least so long [m] and not slim."""
    x_min, y_min, x_max, y_max = bounds
    sides = [max(x_max - x_min, least), max(y_max - y_min, least)]
    width, height = (max(side, _SLIMMEST * max(sides)) for side in sides)
    x, y = (x_min + x_max) / 2, (y_min + y_max) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
