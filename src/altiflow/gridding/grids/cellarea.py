"""What a cell is on the ground: where its centre lies, whether the map is valid there, and its true area."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyproj

from altiflow.gridding.grids.crs import equal_area_pole, is_equal_area, is_polar_stereographic, transformer_between

if TYPE_CHECKING:
    from altiflow.gridding.grids.grid import Grid

__all__ = ["cell_areas", "centres_on_globe", "valid_cells"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_BLOCK = 1 << 20
"""Cells taken at a time, so that a grid of 1 km needs no more memory than its result."""
_POLE = 89.99
"""Latitude [degrees] beyond which scales are taken here: PROJ's derivatives lose digits as the parallels shrink, and
so near the pole the scale of a polar map is constant to 4e-9."""
_GAUSS = 0.5 / np.sqrt(3.0)
"""Distance of the two Gauss points from the centre, as a fraction of a cell."""
_RADIAL_TERMS = 24
"""Degree of the polynomial of the area ratio in the squared distance from the pole; good to 1e-11 on a hemisphere."""


def valid_cells(grid: Grid) -> Bools:
    """Return which cells (rows, cols) have their centre on the part of the map that shows the Earth once.

    See Also
    --------
    altiflow.Grid.valid : the same as a property, with examples.
    """
    pole = equal_area_pole(grid.crs)
    if pole:
        forward = transformer_between("EPSG:4326", grid.crs_name)
        centre, rim = forward.transform(0.0, 90.0 * pole), forward.transform(0.0, 0.0)
        reach = (rim[0] - centre[0]) ** 2 + (rim[1] - centre[1]) ** 2
        return np.asarray((grid.x - centre[0]) ** 2 + (grid.y[:, None] - centre[1]) ** 2 <= reach)
    if is_polar_stereographic(grid.crs):
        return np.ones(grid.shape, dtype=bool)
    valid = np.empty(grid.shape, dtype=bool)
    for rows in _row_blocks(grid.shape):
        x, y = np.meshgrid(grid.x, grid.y[rows])
        valid[rows] = _returns(grid, x, y, *_unproject(grid, x, y))
    return valid


def centres_on_globe(grid: Grid) -> tuple[Floats, Floats]:
    """Return WGS84 (longitude, latitude) [degrees], each (rows, cols), of the cell centres; NaN where not valid."""
    x, y = np.meshgrid(grid.x, grid.y)
    longitude, latitude = _unproject(grid, x, y)
    known = equal_area_pole(grid.crs) != 0 or is_polar_stereographic(grid.crs)
    valid = valid_cells(grid) if known else _returns(grid, x, y, longitude, latitude)
    longitude[~valid] = latitude[~valid] = np.nan
    return longitude, latitude


def cell_areas(grid: Grid) -> Floats:
    """Return the true ground area (rows, cols) [m2] of the cells; NaN where not valid.

    See Also
    --------
    altiflow.Grid.cell_area : the same as a property, with examples.
    """
    width, height = grid.resolution
    if is_equal_area(grid.crs):
        areas = np.full(grid.shape, width * height)
    elif is_polar_stereographic(grid.crs):
        areas = width * height * _stereographic_ratio(grid)
    else:
        areas = width * height * _general_ratio(grid)
    areas[~valid_cells(grid)] = np.nan
    return areas


def _unproject(grid: Grid, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return longitude and latitude [degrees] of map points; infinite where there is no Earth."""
    longitude, latitude = transformer_between(grid.crs_name, "EPSG:4326").transform(x, y)
    return np.asarray(longitude, float), np.asarray(latitude, float)


def _returns(grid: Grid, x: Floats, y: Floats, longitude: Floats, latitude: Floats) -> Bools:
    """Return which points come back to the same map point from the globe, to a thousandth of a cell."""
    back_x, back_y = transformer_between("EPSG:4326", grid.crs_name).transform(longitude, latitude)
    width, height = grid.resolution
    with np.errstate(invalid="ignore"):
        near = (np.abs(back_x - x) < 1e-3 * width) & (np.abs(back_y - y) < 1e-3 * height)
    return np.asarray(near & np.isfinite(longitude) & np.isfinite(latitude))


def _stereographic_ratio(grid: Grid) -> Floats:
    """Return ground area over map area (rows, cols): it depends on the distance from the pole only."""
    projection = pyproj.Proj(grid.crs)
    poles = np.array([projection(0.0, 90.0), projection(0.0, -90.0)])
    centre = poles[np.nanargmin(np.hypot(*poles.T))]
    across, down = ((points - origin) ** 2 for points, origin in zip(_gauss_points(grid), centre, strict=True))
    reach = float(across.max() + down.max())

    def ratio(square: Floats) -> Floats:
        return _area_ratio(projection, centre[0] + np.sqrt(square), np.full_like(square, centre[1]))

    smooth = np.polynomial.Chebyshev.interpolate(ratio, _RADIAL_TERMS, domain=[0.0, reach])
    result = np.zeros(grid.shape)
    for rows in _row_blocks(grid.shape):
        for first in across:
            for second in down:
                result[rows] += smooth(first + second[rows, None]) / 4
    return result


def _general_ratio(grid: Grid) -> Floats:
    """Return ground area over map area (rows, cols), from the areal scale at 2 x 2 Gauss points of every cell."""
    projection = pyproj.Proj(grid.crs)
    result = np.zeros(grid.shape)
    across, down = _gauss_points(grid)
    for rows in _row_blocks(grid.shape):
        for x in across:
            for y in down:
                result[rows] += _area_ratio(projection, *np.meshgrid(x, y[rows])) / 4
    return result


def _area_ratio(projection: pyproj.Proj, x: Floats, y: Floats) -> Floats:
    """Return ground area over map area at map points; NaN where there is no Earth."""
    longitude, latitude = projection(x, y, inverse=True)
    scale = np.asarray(projection.get_factors(longitude, np.clip(latitude, -_POLE, _POLE)).areal_scale, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.isfinite(scale) & (scale > 0), 1.0 / scale, np.nan)


def _gauss_points(grid: Grid) -> tuple[Floats, Floats]:
    """Return x (2, cols) and y (2, rows) [m] of the Gauss points."""
    width, height = grid.resolution
    offset = np.array([[-_GAUSS], [_GAUSS]])
    return grid.x + width * offset, grid.y + height * offset


def _row_blocks(shape: tuple[int, int]) -> list[slice]:
    """Return slices that together hold every row."""
    step = max(1, _BLOCK // shape[1])
    return [slice(start, start + step) for start in range(0, shape[0], step)]
