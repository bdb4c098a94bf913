"""ICESat-2 altimetry and ice velocity on one grid: read, grid, fuse and map."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from altiflow.fusion import align_velocity, along_across, check_overlap, sample_velocity
from altiflow.gridding import (
    GRID_NAMES,
    Grid,
    Tally,
    TallyStore,
    anomaly,
    climatology,
    compare_atl20,
    evaluate_model,
    filter_layers,
    grid_dataset,
    grid_segments,
    interpolate_season,
    invert_displacements,
    lowess,
    mean_of_days,
    mean_of_speeds,
    merge_tallies,
    mid_date_mean,
    open_tally,
    pooled_mean,
    read_sparse,
    read_tally,
    region_series,
    regrid,
    reject_locked,
    reject_outliers,
    running_mean,
    seasonal_series,
    tally_files,
    tally_segments,
    trend,
    weighted_mean,
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
        run_fusion,
    )

__all__ = [
    "GRID_NAMES",
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
    "evaluate_model",
    "filter_layers",
    "grid_dataset",
    "grid_segments",
    "interpolate_season",
    "invert_displacements",
    "lowess",
    "make_sample",
    "mean_of_days",
    "mean_of_speeds",
    "merge_tallies",
    "mid_date_mean",
    "open_tally",
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
    "reject_locked",
    "reject_outliers",
    "run_fusion",
    "running_mean",
    "sample_velocity",
    "search_granules",
    "seasonal_series",
    "tally_files",
    "tally_segments",
    "trend",
    "weighted_mean",
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
