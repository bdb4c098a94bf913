"""Putting things on a grid: altimetry into buckets, vectors between maps, results into files."""

from altiflow.gridding.grid import Grid
from altiflow.gridding.named import GRID_NAMES

__all__ = ["GRID_NAMES", "Grid"]
