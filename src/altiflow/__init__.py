"""ICESat-2 altimetry and ice velocity on one grid: read, grid, fuse and map."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from altiflow.fusion import (
    FlowLines,
    align_velocity,
    along_across,
    check_overlap,
    flow_lines,
    line_components,
    path_lines,
    path_table,
    sample_velocity,
    strain_rates,
    velocity_from_displacement,
)
from altiflow.gridding import (
    GRID_NAMES,
    Grid,
    Tally,
    TallyStore,
    anomaly,
    climatology,
    compare_atl20,
    grid_dataset,
    grid_segments,
    mean_of_days,
    merge_tallies,
    open_tally,
    pooled_mean,
    read_sparse,
    read_tally,
    region_series,
    regrid,
    tally_files,
    tally_segments,
    trend,
    window_with_data,
    write_atl20,
    write_cells,
    write_geotiffs,
    write_netcdf,
    write_sparse,
    write_tally,
    write_zarr,
)
from altiflow.readers import (
    Ledger,
    make_sample,
    read_atl20,
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
    from altiflow.explore import (
        Panel,
        RunPlan,
        describe_file,
        draw_map,
        draw_panels,
        draw_side_by_side,
        draw_speed,
        run_fusion,
    )

__all__ = [
    "GRID_NAMES",
    "FlowLines",
    "Grid",
    "Ledger",
    "Panel",
    "Region",
    "RunPlan",
    "Tally",
    "TallyStore",
    "__version__",
    "align_velocity",
    "along_across",
    "anomaly",
    "as_region",
    "check_overlap",
    "climatology",
    "compare_atl20",
    "describe_file",
    "draw_map",
    "draw_panels",
    "draw_side_by_side",
    "draw_speed",
    "flow_lines",
    "grid_dataset",
    "grid_segments",
    "line_components",
    "make_sample",
    "mean_of_days",
    "merge_tallies",
    "open_tally",
    "path_lines",
    "path_table",
    "pooled_mean",
    "read_atl20",
    "read_gridded",
    "read_segments",
    "read_sparse",
    "read_table",
    "read_tally",
    "read_velocity",
    "region_series",
    "regrid",
    "run_fusion",
    "sample_velocity",
    "search_granules",
    "strain_rates",
    "tally_files",
    "tally_segments",
    "trend",
    "velocity_from_displacement",
    "window_with_data",
    "write_atl20",
    "write_cells",
    "write_geotiffs",
    "write_netcdf",
    "write_sparse",
    "write_table",
    "write_tally",
    "write_zarr",
]


def __getattr__(name: str) -> Any:
    """Return what draws and runs when it is first asked for: matplotlib makes folders when it is imported."""
    if name in __all__:
        return getattr(import_module("altiflow.explore"), name)
    raise AttributeError(f"module 'altiflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of the face."""
    return __all__
