"""Formats that velocity comes in, whatever the product: NetCDF, GeoTIFF and Zarr, read when they are looked at."""

from altiflow.readers.velocity.formats.lazy import decode_lazily, made_lazily
from altiflow.readers.velocity.formats.netcdf import open_netcdf, sniff_format
from altiflow.readers.velocity.formats.raster import pair_paths, read_pair
from altiflow.readers.velocity.formats.stores import is_store, open_store

__all__ = [
    "decode_lazily",
    "is_store",
    "made_lazily",
    "open_netcdf",
    "open_store",
    "pair_paths",
    "read_pair",
    "sniff_format",
]
