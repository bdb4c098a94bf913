"""Which cell each point falls into, fast: single precision where it cannot matter, double where it can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel.projection import REACH, PolarProjection, polar_projection
from altiflow.gridding.kernel.single import BLOCK, TURNS, SinglePolynomials, single_polynomials

__all__ = ["CellFinder", "cell_finder"]

Ints = npt.NDArray[np.int32] | npt.NDArray[np.int64]
CellFinder = Callable[[npt.NDArray[Any], npt.NDArray[Any]], Ints]
"""From longitude and latitude (n,) [degrees] to row * cols + col (n,), -1 outside."""


def cell_finder(grid: Grid, engine: Literal["numpy", "numba"] = "numpy") -> CellFinder:
    """Return the function that finds the cells of a grid; every way gives the cells of :meth:`Grid.rowcol`.

    Polar equal-area and stereographic grids that stay on their hemisphere go through polynomials, every other CRS
    through PROJ. The function keeps its work space: give each thread its own.

    Examples
    --------
    >>> find = cell_finder(Grid.named("EASE2_S25km"))
    >>> find(np.array([0.0, 0.0]), np.array([-89.9, 89.9])).tolist()
    [258840, -1]
    """
    projection = polar_projection(grid.crs_name)
    if projection is None or not _on_hemisphere(grid, projection):
        return _ProjFinder(grid)
    single = single_polynomials(grid, projection)
    if engine == "numba":
        from altiflow.gridding.kernel.compiled_finder import compiled_finder

        return compiled_finder(grid, projection, single)
    return _ScreenedFinder(grid, projection, single) if single else _DoubleFinder(grid, projection)


def _on_hemisphere(grid: Grid, projection: PolarProjection) -> bool:
    """Return whether the grid holds no point beyond the equator, or an equal-area map, which is cut there."""
    if projection.equal_area:
        return True
    equator = REACH * float(np.polynomial.polynomial.polyval(REACH**2, projection.radius))
    x_min, y_min, x_max, y_max = grid.bounds
    return bool(np.hypot(max(-x_min, x_max), max(-y_min, y_max)) < equator)


class _ProjFinder:
    """PROJ, for any CRS."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid

    def __call__(self, longitude: npt.NDArray[Any], latitude: npt.NDArray[Any]) -> Ints:
        row, col = self._grid.rowcol(*self._grid.project(longitude, latitude))
        return np.where(row >= 0, row * self._grid.shape[1] + col, -1)


class _DoubleFinder:
    """Polynomials in double precision."""

    def __init__(self, grid: Grid, projection: PolarProjection) -> None:
        self._grid, self._projection = grid, projection
        self.origin = projection.origin

    def __call__(self, longitude: npt.NDArray[Any], latitude: npt.NDArray[Any]) -> Ints:
        row, col = self._grid.rowcol(*self._projection.project(longitude, latitude))
        return np.where(row >= 0, row * self._grid.shape[1] + col, -1)


class _ScreenedFinder:
    """Single precision for points well inside a cell, double for those near an edge."""

    def __init__(self, grid: Grid, projection: PolarProjection, single: SinglePolynomials) -> None:
        self._exact = _DoubleFinder(grid, projection)
        self._single, self._shape = single, grid.shape
        self._number = np.int32 if grid.shape[0] * grid.shape[1] < 2**31 else np.int64

    def __call__(self, longitude: npt.NDArray[Any], latitude: npt.NDArray[Any]) -> Ints:
        cell: Any = np.empty(longitude.size, self._number)
        doubtful = [np.empty(0, np.int64)]
        with np.errstate(invalid="ignore", over="ignore"):
            for begin in range(0, longitude.size, BLOCK):
                part = slice(begin, begin + BLOCK)
                doubtful.append(begin + self._block(longitude[part], latitude[part], cell[part]))
        rows = np.concatenate(doubtful)
        if rows.size:
            cell[rows] = self._exact(longitude[rows], latitude[rows])
        found: Ints = cell
        return found

    def _block(self, longitude: npt.NDArray[Any], latitude: npt.NDArray[Any], cell: npt.NDArray[Any]) -> Any:
        """Fill the cells of one block and return the rows that are too near an edge to tell."""
        single, size = self._single, longitude.size
        col, row, span = single.indices(longitude, latitude)
        whole_col, whole_row = single.room("two", size), single.room("three", size)
        np.floor(col, out=whole_col)
        np.floor(row, out=whole_row)
        for part, whole in ((col, whole_col), (row, whole_row)):
            np.abs(np.subtract(np.subtract(part, whole, out=part), np.float32(0.5), out=part), out=part)
        clear = np.less_equal(
            np.maximum(col, row, out=col), np.float32(0.5) - single.margin, out=single.room("b", size, np.bool_)
        )
        if not (span[0] > 0.01 and span[1] < REACH - 0.01):
            # Near the pole and the equator, and beyond, and where there is no latitude.
            colatitude = 90.0 - single.pole * np.asarray(latitude, np.float64)
            clear &= (colatitude > 0.02) & (colatitude < REACH - 0.02)
        if not span[2] <= TURNS:
            clear &= np.abs(np.asarray(longitude, np.float64) - self._exact.origin) <= 180.0 * TURNS
        rows, cols = self._shape
        across = single.room("i", size, self._number)
        np.copyto(cell, whole_row, casting="unsafe")
        np.copyto(across, whole_col, casting="unsafe")
        np.add(np.multiply(cell, cols, out=cell), across, out=cell)
        if not (whole_col.min() >= 0 and whole_col.max() < cols and whole_row.min() >= 0 and whole_row.max() < rows):
            inside = (whole_col >= 0) & (whole_col < cols) & (whole_row >= 0) & (whole_row < rows)
            cell[~inside] = -1
        return np.flatnonzero(np.logical_not(clear, out=clear))
