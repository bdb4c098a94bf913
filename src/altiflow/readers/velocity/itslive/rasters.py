"""ITS_LIVE velocity as a pair of GeoTIFFs: mosaics and crops of versions 1 and 2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from altiflow.readers.velocity.formats.netcdf import state_metric
from altiflow.readers.velocity.formats.raster import read_pair
from altiflow.readers.velocity.itslive.mosaic import name_version, year_bounds
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["read_rasters"]

_ERRORS = (("vx_error", "vy_error"), ("vx_err", "vy_err"), ("vx0_error", "vy0_error"))
"""Names of standard errors: version 2, version 1, and the fit of composites."""


def read_rasters(path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return a pair of GeoTIFFs, given by either path, as a velocity field of a single layer.

    Standard errors and the count of image pairs are read from ``<name>_vx_error.tif``, ``<name>_vy_error.tif`` (or
    ``_err``) and ``<name>_count.tif`` where they are there. An annual pair (by its name) gets the interval of its
    year, any other is undated. The metric is what ``map_scale_corrected`` in the tags says; where they are silent,
    "map" if the name tells version 2, else "ground".

    Raises
    ------
    InputError
        If the other component is not there, or no CRS is stated nor given.
    FieldError
        If the two files differ in CRS, transform or shape, or the raster is rotated.
    UnsupportedFormatError, CorruptGranuleError
        If a file is no GeoTIFF with one band, or is damaged.
    """
    bounds, rule = year_bounds(path.name)
    if rule != "undated":
        options.touching(bounds, path.name)
    pair = read_pair(path, product.limit, options)
    metric = state_metric(
        pair.tag("map_scale_corrected"), options.metric, "map" if name_version(path.name) == 2 else product.metric
    )
    count = pair.companion(["count", "count0"])
    with np.errstate(invalid="ignore"):
        seen = None if count is None else np.where((count > 0) & ~np.isnan(pair.vx), count, 0).astype(np.int32)
    field = pair.field(product, bounds, metric, rule=rule, errors=_ERRORS, count=seen)
    return field.assign_attrs(year_days_source="assumed")
