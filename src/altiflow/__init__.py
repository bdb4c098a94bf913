"""ICESat-2 altimetry and ice velocity on one grid: read, grid, fuse and map."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from altiflow.fusion import align_velocity, along_across, check_overlap, sample_velocity
from altiflow.gridding import GRID_NAMES, Grid, grid_segments, window_with_data, write_geotiffs, write_netcdf
from altiflow.readers import (
    Ledger,
    make_sample,
    read_gridded,
    read_segments,
    read_table,
    read_velocity,
    search_granules,
    write_table,
)
from altiflow.region import Region, as_region
from altiflow.version import __version__

if TYPE_CHECKING:
    from altiflow.explore import RunPlan, describe_file, draw_map, draw_panels, run_fusion

__all__ = [
    "GRID_NAMES",
    "Grid",
    "Ledger",
    "Region",
    "RunPlan",
    "__version__",
    "align_velocity",
    "along_across",
    "as_region",
    "check_overlap",
    "describe_file",
    "draw_map",
    "draw_panels",
    "grid_segments",
    "make_sample",
    "read_gridded",
    "read_segments",
    "read_table",
    "read_velocity",
    "run_fusion",
    "sample_velocity",
    "search_granules",
    "window_with_data",
    "write_geotiffs",
    "write_netcdf",
    "write_table",
]


def __getattr__(name: str) -> Any:
    """Return what draws and runs when it is first asked for: matplotlib makes folders when it is imported."""
    if name in __all__:
        return getattr(import_module("altiflow.explore"), name)
    raise AttributeError(f"module 'altiflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of the face."""
    return __all__
