"""The grid of a map and a cell size that covers a region."""

from __future__ import annotations

from typing import Any

from altiflow.errors import InputError
from altiflow.gridding.grids.crs import as_crs
from altiflow.gridding.grids.grid import Grid
from altiflow.region import as_region

__all__ = ["grid_covering"]

_REACH = 12_000_000.0
"""Half the side of the map [m] that is searched for the region: it holds a hemisphere of any polar map, and every
UTM zone."""

_ITS_LIVE = (120.0, 240.0)


def grid_covering(region: Any, crs: Any, cell: float) -> Grid:
    """Return the smallest grid of cells of one size that covers a region, on a lattice that others fit into.

    Parameters
    ----------
    region
        Anything :func:`altiflow.as_region` takes.
    crs
        Anything :class:`pyproj.CRS` takes; a map in metres.
    cell
        Cell size [m]. Cells of 120 and 240 m lie on the lattices of ITS_LIVE, so that its pairs and cubes come over
        unchanged; others have their edges at multiples of the cell.

    Raises
    ------
    InputError
        If the CRS is not a map in metres, the cell is not positive, or the region is not on the map.

    Examples
    --------
    >>> grid_covering((-49.7, 69.1, -49.5, 69.2), 3413, 120)
    Grid('ITS_LIVE_120m', EPSG:3413, ...)
    """
    if not cell > 0:
        raise InputError(f"cell must be a positive number of metres, got {cell!r}")
    found = as_crs(crs)
    edge = -(-_REACH // cell) * cell
    bounds = (-edge, -edge, edge, edge)
    if cell in _ITS_LIVE:
        whole = Grid.its_live(found, bounds=bounds, cell=120 if cell == _ITS_LIVE[0] else 240)
    else:
        whole = Grid.from_bounds(found, bounds, cell)
    return whole.window(as_region(region))
