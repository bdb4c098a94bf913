"""Grids: published and custom, their families, windows, areas and differences."""

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.grids.lattice import check_same_grid, explain_difference, window_with_data
from altiflow.gridding.grids.named import GRID_NAMES

__all__ = ["GRID_NAMES", "Grid", "check_same_grid", "explain_difference", "window_with_data"]
