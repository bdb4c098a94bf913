"""Putting things on a grid: altimetry into buckets and tallies, vectors between maps, results into files."""

from altiflow.gridding.atl20 import (
    ATL20_GRIDS,
    atl20_name,
    compare_atl20,
    mean_of_days,
    pooled_mean,
    write_atl20,
    write_atl20_months,
)
from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.cubes import (
    build_cube,
    convert_field,
    evaluate_model,
    filter_layers,
    interpolate_season,
    invert_displacements,
    lowess,
    mean_of_speeds,
    mid_date_mean,
    reject_locked,
    reject_outliers,
    running_mean,
    seasonal_series,
    series_along,
    series_at,
    series_in,
    series_table,
    weighted_mean,
)
from altiflow.gridding.export import (
    cell_table,
    read_sparse,
    write_cells,
    write_geotiffs,
    write_netcdf,
    write_sparse,
    write_velocity,
    write_zarr,
)
from altiflow.gridding.grids.covering import grid_covering
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.grids.lattice import check_same_grid, window_with_data
from altiflow.gridding.grids.named import GRID_NAMES
from altiflow.gridding.periods import make_periods
from altiflow.gridding.remap.regridding import regrid
from altiflow.gridding.statistics import anomaly, climatology, trend
from altiflow.gridding.stores import TallyStore, grid_dataset, is_tally, open_tally, tally_files
from altiflow.gridding.tally import Tally, merge_tallies, read_tally, region_series, tally_segments, write_tally

__all__ = [
    "ATL20_GRIDS",
    "GRID_NAMES",
    "Grid",
    "Tally",
    "TallyStore",
    "anomaly",
    "atl20_name",
    "build_cube",
    "cell_table",
    "check_same_grid",
    "climatology",
    "compare_atl20",
    "convert_field",
    "evaluate_model",
    "filter_layers",
    "grid_covering",
    "grid_dataset",
    "grid_segments",
    "interpolate_season",
    "invert_displacements",
    "is_tally",
    "lowess",
    "make_periods",
    "mean_of_days",
    "mean_of_speeds",
    "merge_tallies",
    "mid_date_mean",
    "open_tally",
    "pooled_mean",
    "read_sparse",
    "read_tally",
    "region_series",
    "regrid",
    "reject_locked",
    "reject_outliers",
    "running_mean",
    "seasonal_series",
    "series_along",
    "series_at",
    "series_in",
    "series_table",
    "tally_files",
    "tally_segments",
    "trend",
    "weighted_mean",
    "window_with_data",
    "write_atl20",
    "write_atl20_months",
    "write_cells",
    "write_geotiffs",
    "write_netcdf",
    "write_sparse",
    "write_tally",
    "write_velocity",
    "write_zarr",
]
