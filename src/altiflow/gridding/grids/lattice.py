"""The lattice of a grid: which grids share one, how two differ, and which part of it holds the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr
from affine import Affine

from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.gridding.grids.crs import as_crs
from altiflow.gridding.grids.named import ITS_LIVE_CORNERS, GridDefinition, grid_definitions

if TYPE_CHECKING:
    from altiflow.gridding.grids.grid import Grid

__all__ = [
    "LATTICE_TOLERANCE",
    "check_same_grid",
    "coarse_cells",
    "covering_frame",
    "even_spacing",
    "explain_difference",
    "find_published",
    "its_live_frame",
    "share_lattice",
    "stored_mapping",
    "stored_transform",
    "window_with_data",
]

Floats = npt.NDArray[np.float64]

LATTICE_TOLERANCE = 1e-6
"""Largest departure from a lattice, over the whole width of a grid, as a fraction of a cell."""

_DIVISORS_SHOWN = 8
"""How many divisors of a shape an error message names."""

_HUGHES = (
    "{0} lies on the Hughes 1980 ellipsoid and {1} on WGS84: on the map the same longitude and latitude fall 11 m "
    "apart at 85 degrees, 23 m at 80, 46 m at 70 and 70 m at 60"
)
_PARALLEL = (
    "{0} has its true scale at 70 S and {1} at 71 S, so they are not interchangeable: the same longitude and latitude "
    "fall 1.6 km apart at 85 S, 3.3 km at 80 S, 6.6 km at 70 S and 10 km at 60 S"
)
_BOTH = (
    "{0} has its true scale at 70 S, on the Hughes 1980 ellipsoid, and {1} at 71 S, on WGS84, so they are not "
    "interchangeable: the same longitude and latitude fall 1.6 km apart at 85 S, 3.2 km at 80 S, 6.5 km at 70 S and "
    "9.9 km at 60 S"
)
_SPHERE = (
    "{0} is the first EASE-Grid, on a sphere of 6371228 m with the pole in the middle of a cell, and {1} is EASE-Grid "
    "2.0, on WGS84 with the pole on a cell corner: the same longitude and latitude fall 2.5 km apart at 85 degrees, "
    "9 km at 70 and 13 km at 50"
)
_TRAPS = {
    ("EPSG:3411", "EPSG:3413"): _HUGHES,
    ("EPSG:3412", "EPSG:3976"): _HUGHES,
    ("EPSG:3976", "EPSG:3031"): _PARALLEL,
    ("EPSG:3412", "EPSG:3031"): _BOTH,
    ("EPSG:3408", "EPSG:6931"): _SPHERE,
    ("EPSG:3409", "EPSG:6932"): _SPHERE,
}
"""Pairs of CRSs that are taken for one another, and how far apart they are (computed with PROJ)."""


def share_lattice(first: Grid, second: Grid) -> bool:
    """Return whether two grids lie on one lattice: see :meth:`altiflow.Grid.same_family`."""
    if not first.crs.equals(second.crs, ignore_axis_order=True):
        return False
    return _nests(first, second) or _nests(second, first)


def _nests(coarse: Grid, fine: Grid) -> bool:
    """Return whether every edge of `coarse` is, or would be, an edge of the lattice of `fine`."""
    a, b = coarse.transform, fine.transform
    for large, small, start, origin, cells in (
        (a.a, b.a, a.c, b.c, (coarse.shape[1], fine.shape[1])),
        (a.e, b.e, a.f, b.f, (coarse.shape[0], fine.shape[0])),
    ):
        ratio, offset = large / small, (start - origin) / small
        whole = round(ratio)
        if whole < 1:
            return False
        # Ends of both grids, in coarse cells from the start of the coarse one.
        ends = np.array([0.0, cells[0], -offset / ratio, (cells[1] - offset) / ratio])
        if np.abs(offset - round(offset) + (ratio - whole) * ends).max() > LATTICE_TOLERANCE:
            return False
    return True


def find_published(crs_name: str, transform: Affine, shape: tuple[int, int]) -> tuple[str, Affine] | None:
    """Return (name, exact transform) of the published grid that this is, or is a window of; None if of none."""
    for known in grid_definitions(crs_name):
        across, down = (transform.c - known.corner[0]) / known.cell, (known.corner[1] - transform.f) / known.cell
        col, row = round(across), round(down)
        drift = max(abs(size / known.cell - 1) for size in (transform.a, -transform.e)) * max(shape)
        inside = 0 <= row <= known.shape[0] - shape[0] and 0 <= col <= known.shape[1] - shape[1]
        if inside and max(abs(across - col), abs(down - row)) + drift <= LATTICE_TOLERANCE:
            whole = Affine(known.cell, 0.0, known.corner[0], 0.0, -known.cell, known.corner[1])
            left, top = whole @ (col, row)
            return known.name, Affine(known.cell, 0.0, left, 0.0, -known.cell, top)
    return None


def check_same_grid(first: Grid, second: Grid) -> None:
    """Refuse two grids that are not the same cells; names do not count, nor rounding below 1e-6 of a cell.

    Raises
    ------
    GridMismatchError
        If they differ, with what :func:`explain_difference` says.

    Examples
    --------
    >>> from altiflow import Grid
    >>> check_same_grid(Grid.named("EASE2_N12.5km"), Grid.named("EASE2_N6.25km").coarsen(2))
    """
    if not _same_cells(first, second):
        raise GridMismatchError(explain_difference(first, second))


def _same_cells(first: Grid, second: Grid) -> bool:
    """Return whether two grids are the same cells."""
    if first.signature == second.signature:
        return True
    tolerance = LATTICE_TOLERANCE * min(first.resolution)
    near = np.allclose(first.bounds, second.bounds, rtol=0.0, atol=tolerance)
    return first.shape == second.shape and near and first.crs.equals(second.crs, ignore_axis_order=True)


def explain_difference(first: Grid, second: Grid) -> str:
    """Return in a few sentences what the two grids are, how they differ, and what to do.

    Examples
    --------
    >>> from altiflow import Grid
    >>> print(explain_difference(Grid.named("EASE2_M9km"), Grid.named("EASE2_M12.5km")))
    The first grid is EASE2_M9km (EPSG:6933, cells of 9008.06 m, 1624 rows x 3856 cols, signature ...), the second is
    EASE2_M12.5km (EPSG:6933, cells of 12512.6 m, 1168 rows x 2776 cols, signature ...). The global EASE-Grids 2.0 of
    36, 24, 9, 8, 3 and 1 km and those of 25, 12.5, 6.25, 3.125 and 1.5625 km share no lattice: resample one to the
    other.
    """
    if _same_cells(first, second):
        return f"Both grids are {_describe(first)}: the same cells."
    reason = _crs_difference(first, second) or _shape_difference(first, second) or _cell_difference(first, second)
    return f"The first grid is {_describe(first)}, the second is {_describe(second)}. {reason}."


def _describe(grid: Grid) -> str:
    """Return name, CRS, cell size, shape and signature."""
    width, height = grid.resolution
    size = f"{width:g} m" if width == height else f"{width:g} x {height:g} m"
    crs = grid.crs_name if len(grid.crs_name) < 40 else grid.crs.name
    rows, cols = grid.shape
    return f"{grid.name} ({crs}, cells of {size}, {rows} rows x {cols} cols, signature {grid.signature})"


def _crs_difference(first: Grid, second: Grid) -> str | None:
    """Return how the CRSs differ, None if they do not."""
    if first.crs.equals(second.crs, ignore_axis_order=True):
        return None
    names = (first.crs_name, second.crs_name)
    for pair, trap in _TRAPS.items():
        if set(pair) == set(names):
            return trap.format(*pair) + "; reproject one of them"
    return "They are on different maps; reproject one of them, and resample or grid the data again"


def _shape_difference(first: Grid, second: Grid) -> str | None:
    """Return whether rows and columns look swapped, None if not."""
    if first.shape == second.shape or first.shape != second.shape[::-1]:
        return None
    return "One shape is the other turned round: rows (y) and columns (x) look swapped; transpose that array"


def _cell_difference(first: Grid, second: Grid) -> str:
    """Return how grids of one CRS differ in cells and place."""
    families = {_global_family(grid) for grid in (first, second)}
    if len(families - {None}) == 2:
        return (
            "The global EASE-Grids 2.0 of 36, 24, 9, 8, 3 and 1 km and those of 25, 12.5, 6.25, 3.125 and 1.5625 km "
            "share no lattice: resample one to the other"
        )
    if not share_lattice(first, second):
        return "They share no lattice, so cells of one straddle cells of the other: resample one to the other"
    times = round(max(max(a / b, b / a) for a, b in zip(first.resolution, second.resolution, strict=True)))
    if times > 1:
        return f"Their lattices nest, with cells {times} times as large: coarsen the finer one by {times}"
    x, y = second.bounds[0] - first.bounds[0], second.bounds[3] - first.bounds[3]
    return (
        f"They are different parts of one lattice, the second's upper-left corner {x:g} m in x and {y:g} m in y from "
        "the first's: cut both to one window"
    )


def _global_family(grid: Grid) -> float | None:
    """Return the top [m] of the published global grids with the cells of this grid, None if there are none."""

    def fits(known: GridDefinition) -> bool:
        return all(abs(size / known.cell - 1) * max(grid.shape) < LATTICE_TOLERANCE for size in grid.resolution)

    return next((known.corner[1] for known in grid_definitions("EPSG:6933") if fits(known)), None)


def its_live_frame(cell: int, bounds: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Return `bounds` (x_min, y_min, x_max, y_max) [m], moved outward to the edges of an ITS_LIVE lattice.

    Raises
    ------
    InputError
        If there is no lattice with such cells, or the bounds are not four finite numbers with min below max.

    Examples
    --------
    >>> its_live_frame(240, (0, 0, 100, 100))
    (-7.5, -232.5, 232.5, 247.5)
    """
    if cell not in ITS_LIVE_CORNERS:
        raise InputError(f"cell must be 120 (version 2) or 240 (version 1) [m], got {cell!r}; see Grid.from_bounds")
    low, high = _check_bounds(bounds)
    corner = np.array(ITS_LIVE_CORNERS[cell])
    left, bottom = corner + cell * np.floor((low - corner) / cell + LATTICE_TOLERANCE)
    right, top = corner + cell * np.ceil((high - corner) / cell - LATTICE_TOLERANCE)
    return float(left), float(bottom), float(right), float(top)


def _check_bounds(bounds: Sequence[float]) -> tuple[Floats, Floats]:
    """Return the lower and the upper corner (2,) of (x_min, y_min, x_max, y_max), once they are known to be that."""
    found = np.asarray(bounds, float)
    if found.shape != (4,) or not (np.isfinite(found).all() and (found[:2] < found[2:]).all()):
        raise InputError(f"bounds are (x_min, y_min, x_max, y_max) with min below max, got {bounds!r}")
    return found[:2], found[2:]


def covering_frame(bounds: Sequence[float], resolution: float | Sequence[float]) -> tuple[Affine, tuple[int, int]]:
    """Return transform and shape of whole cells from the upper-left corner of `bounds` on.

    Raises
    ------
    InputError
        If the bounds are empty, or the resolution is not positive.
    """
    width, height = np.broadcast_to(np.asarray(resolution, float), 2).tolist()
    if not (0 < width < np.inf and 0 < height < np.inf):
        raise InputError(f"resolution must be positive and finite, got {resolution!r}")
    low, high = _check_bounds(bounds)
    cols, rows = np.ceil((high - low) / (width, height) - LATTICE_TOLERANCE).astype(int).tolist()
    return Affine(width, 0.0, float(low[0]), 0.0, -height, float(high[1])), (max(rows, 1), max(cols, 1))


def coarse_cells(grid: Grid, n: int) -> tuple[Affine, tuple[int, int], str]:
    """Return transform, shape and name of a grid with cells n x n times as large: see :meth:`altiflow.Grid.coarsen`.

    Raises
    ------
    InputError
        If `n` is not a whole number above zero, or does not divide the number of rows and columns.
    """
    rows, cols = grid.shape
    if not isinstance(n, int | np.integer) or n < 1 or rows % n or cols % n:
        both = [m for m in range(2, min(grid.shape) + 1) if rows % m == cols % m == 0]
        fits = f"{', '.join(map(str, both[:_DIVISORS_SHOWN]))} would do" if both else "no number above 1 does"
        raise InputError(
            f"n must be a whole number that divides the {rows} rows and {cols} cols, got {n!r}; {fits}, "
            "or use a named grid or another window"
        )
    width, height = (int(n) * size for size in grid.resolution)
    transform = Affine(width, 0.0, grid.transform.c, 0.0, -height, grid.transform.f)
    shape = (rows // int(n), cols // int(n))
    name, transform = find_published(grid.crs_name, transform, shape) or ("custom", transform)
    return transform, shape, name


def window_with_data(table: gpd.GeoDataFrame, grid: Grid, *, margin: int = 2) -> Grid:
    """Return the window of `grid` that holds the table's points, on the same lattice.

    Parameters
    ----------
    table
        Points in any CRS.
    grid
        The grid to cut the window from.
    margin
        Cells to add on every side, as far as the grid reaches.

    Raises
    ------
    EmptyDataError
        If not one point falls into the grid.
    """
    row, col = grid.locate(table)
    row, col = row[row >= 0], col[col >= 0]
    if row.size == 0:
        raise EmptyDataError(f"none of the {len(table)} segments lies in the grid {grid.name}; choose another grid")
    return grid.window(
        slice(max(int(row.min()) - margin, 0), int(row.max()) + margin + 1),
        slice(max(int(col.min()) - margin, 0), int(col.max()) + margin + 1),
    )


def stored_mapping(dataset: xr.Dataset) -> tuple[pyproj.CRS, str, str]:
    """Return CRS, GDAL GeoTransform ("" if there is none) and grid name that a Dataset states.

    Raises
    ------
    InputError
        If the Dataset has no x, y or CRS.
    """
    if "crs" not in dataset.variables or "x" not in dataset or "y" not in dataset:
        raise InputError("the Dataset has no grid: x, y and the grid mapping variable 'crs' are needed")
    mapping = dataset["crs"].attrs
    wkt = mapping.get("crs_wkt") or mapping.get("spatial_ref")
    if not wkt:
        raise InputError("the grid mapping variable 'crs' has neither crs_wkt nor spatial_ref")
    return as_crs(wkt), str(mapping.get("GeoTransform", "")), str(mapping.get("grid_name", "custom"))


def stored_transform(geotransform: str, x: Floats, y: Floats) -> Affine | None:
    """Return the transform of cell centres x, y on the lattice of a GDAL GeoTransform; None if not on it.

    The lattice keeps the cell size to the last digit, which differences of centres do not, and tells that of a
    single row or column.
    """
    numbers = [float(word) for word in geotransform.split()]
    if len(numbers) != 6 or x.size == 0 or y.size == 0:
        return None
    lattice = Affine.from_gdal(*numbers)
    cols, rows = ~lattice @ (x, np.full_like(x, lattice.f)), ~lattice @ (np.full_like(y, lattice.c), y)
    col, row = np.floor(cols[0].min()), np.floor(rows[1].min())
    off_x = np.abs(cols[0] - (col + 0.5 + np.arange(x.size)))
    off_y = np.abs(rows[1][:: 1 if y[0] >= y[-1] else -1] - (row + 0.5 + np.arange(y.size)))
    if max(off_x.max(), off_y.max()) > LATTICE_TOLERANCE * 10:
        return None
    left, top = lattice @ (col, row)
    return Affine(lattice.a, 0.0, left, 0.0, lattice.e, top)


def even_spacing(values: Floats, axis: str) -> float:
    """Return the even step of `values` (n,), n >= 2.

    Raises
    ------
    InputError
        If there are fewer than two values, or they are not evenly spaced.
    """
    if values.size < 2:
        raise InputError(f"{axis} needs at least two cell centres to tell the cell size")
    step = (values[-1] - values[0]) / (values.size - 1)
    even = values[0] + step * np.arange(values.size)
    if step == 0 or np.abs(values - even).max() > LATTICE_TOLERANCE * 10 * abs(step):
        raise InputError(f"{axis} is not evenly spaced; a grid has one cell size per axis")
    return float(step)
