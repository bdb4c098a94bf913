"""The part of a grid that holds data."""

from __future__ import annotations

import geopandas as gpd

from altiflow.errors import EmptyDataError
from altiflow.gridding.grid import Grid

__all__ = ["window_with_data"]


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
