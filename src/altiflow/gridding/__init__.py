"""Putting things on a grid: altimetry into buckets, vectors between maps, results into files."""

from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.export import write_geotiffs, write_netcdf
from altiflow.gridding.grid import Grid
from altiflow.gridding.named import GRID_NAMES
from altiflow.gridding.periods import make_periods
from altiflow.gridding.window import window_with_data

__all__ = [
    "GRID_NAMES",
    "Grid",
    "grid_segments",
    "make_periods",
    "window_with_data",
    "write_geotiffs",
    "write_netcdf",
]
