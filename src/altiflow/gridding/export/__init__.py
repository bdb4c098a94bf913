"""Gridded results on disk: CF NetCDF and Zarr, cloud-optimised GeoTIFFs, cells for GIS."""

from altiflow.gridding.export.cells import cell_table, is_sparse, read_sparse, write_cells, write_sparse
from altiflow.gridding.export.geotiff import write_geotiffs
from altiflow.gridding.export.netcdf import write_netcdf
from altiflow.gridding.export.places import write_places
from altiflow.gridding.export.series import SERIES_SUFFIXES, write_series
from altiflow.gridding.export.velocity import gridded_field, write_velocity
from altiflow.gridding.export.zarr import write_zarr

__all__ = [
    "SERIES_SUFFIXES",
    "cell_table",
    "gridded_field",
    "is_sparse",
    "read_sparse",
    "write_cells",
    "write_geotiffs",
    "write_netcdf",
    "write_places",
    "write_series",
    "write_sparse",
    "write_velocity",
    "write_zarr",
]
