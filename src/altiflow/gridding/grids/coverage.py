"""The part of a grid that a region on the globe covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from altiflow.errors import InputError
from altiflow.gridding.grids.crs import drop_far_side, equal_area_pole, transformer_between
from altiflow.gridding.grids.lattice import LATTICE_TOLERANCE
from altiflow.region.outline import keep_dimension

if TYPE_CHECKING:
    from altiflow.gridding.grids.grid import Grid
    from altiflow.region import Region

__all__ = ["covering_slices"]

Floats = npt.NDArray[np.float64]

_OUTLINE_STEP = 0.05
"""Longest piece [degrees] of a region's outline that is taken as a parabola on the map; shorter on small regions."""


def covering_slices(grid: Grid, region: Region) -> tuple[slice, slice]:
    """Return the (rows, cols) of the smallest window of `grid` that covers what of `region` lies in it.

    The window ends where the region's outline does on the map, or where the region leaves the grid.

    Raises
    ------
    InputError
        If no part of the region lies in the grid.
    """
    outline, rim = _outline_in_grid(grid, region), _rim_in_region(grid, region)
    x, y = (np.concatenate(parts) for parts in zip(outline, rim, strict=True))
    rows = _covered((grid.transform.f - y) / -grid.transform.e, grid.shape[0])
    cols = _covered((x - grid.transform.c) / grid.transform.a, grid.shape[1])
    if rows is None or cols is None:
        raise InputError(f"the region ({region}) does not meet the grid {grid!r}; choose another grid or region")
    return rows, cols


def _covered(places: Floats, cells: int) -> slice | None:
    """Return the cells of an axis that places (n,), counted in cells from its start, span; None if they miss it."""
    if places.size == 0 or places.max() < LATTICE_TOLERANCE or places.min() > cells - LATTICE_TOLERANCE:
        return None
    start = int(np.clip(np.floor(places.min() + LATTICE_TOLERANCE), 0, cells - 1))
    return slice(start, int(np.clip(np.ceil(places.max() - LATTICE_TOLERANCE), start + 1, cells)))


def _outline_in_grid(grid: Grid, region: Region) -> tuple[Floats, Floats]:
    """Return map points (x, y) that bound the part of the region's outline that lies in the grid."""
    start, end = _outline_pieces(region.geometry, equal_area_pole(grid.crs))
    first, middle, last = (np.column_stack(grid.project(*lonlat.T)) for lonlat in (start, (start + end) / 2, end))
    known = np.isfinite(first + middle + last).all(axis=1)
    start, end, first, middle, last = (points[known] for points in (start, end, first, middle, last))
    # Between its ends a short piece is a parabola on the map; its turning points may lie beyond all three.
    span, bend = last - first, 4 * middle - 2 * (first + last)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = 0.5 + span / (2 * bend)
    turns = [
        start[within] + place[within, axis, None] * (end - start)[within]
        for axis in (0, 1)
        for within in [np.abs(span[:, axis]) < np.abs(bend[:, axis])]
    ]
    lines = shapely.linestrings(np.concatenate([np.stack([first, middle], 1), np.stack([middle, last], 1)]))
    x_min, y_min, x_max, y_max = grid.bounds
    kept = shapely.get_coordinates(shapely.clip_by_rect(lines, x_min, y_min, x_max, y_max))
    extremes = np.column_stack(grid.project(*np.concatenate(turns).T))
    inside = ((extremes >= [x_min, y_min]) & (extremes <= [x_max, y_max])).all(axis=1)
    x, y = np.concatenate([kept, extremes[inside]]).T
    return x, y


def _outline_pieces(geometry: BaseGeometry, pole: int) -> tuple[Floats, Floats]:
    """Return start and end (n, 2) of the pieces of an outline, lon and lat [degrees], on one hemisphere if `pole`."""
    if pole:
        half = shapely.box(-180.0, min(0.0, 90.0 * pole), 180.0, max(0.0, 90.0 * pole))
        geometry = keep_dimension(shapely.intersection(geometry, half), 2)
    if geometry.is_empty:
        return np.empty((0, 2)), np.empty((0, 2))
    west, south, east, north = geometry.bounds
    step = min(_OUTLINE_STEP, max(east - west, north - south) / 400)
    lines = shapely.get_parts(shapely.segmentize(shapely.boundary(geometry), step))
    points, line = shapely.get_coordinates(lines, return_index=True)
    joined = line[1:] == line[:-1]
    return points[:-1][joined], points[1:][joined]


def _rim_in_region(grid: Grid, region: Region) -> tuple[Floats, Floats]:
    """Return the cell corners (x, y) on the outer edges of the grid that lie in the region."""
    x_min, y_min, x_max, y_max = grid.bounds
    across = grid.transform.c + grid.transform.a * np.arange(grid.shape[1] + 1)
    down = grid.transform.f + grid.transform.e * np.arange(grid.shape[0] + 1)
    x = np.concatenate([across, across, np.full_like(down, x_min), np.full_like(down, x_max)])
    y = np.concatenate([np.full_like(across, y_min), np.full_like(across, y_max), down, down])
    longitude, latitude = transformer_between(grid.crs_name, "EPSG:4326").transform(x, y)
    near = np.isfinite(drop_far_side(grid.crs, x, y, latitude)[0])
    held = near & region.contains(np.where(near, longitude, np.nan), np.where(near, latitude, np.nan))
    return x[held], y[held]
