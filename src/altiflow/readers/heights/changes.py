"""Height change of ITS_LIVE: a cube of surface elevation against that of one date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from altiflow.readers.heights.grids import HeightLayout, read_height_grid
from altiflow.readers.velocity.options import Bounds, Period, check_options

__all__ = ["read_height_change"]

_NAMES = {
    "dh": "height_change",
    "rmse": "height_change_rmse",
    "rms": "height_change_rmse",
    "h": "height",
    "basin": "glacier_basin",
}
"""Names of the files in the cloud, and those that the archive (NSIDC-0782) gave the same variables."""
_LAYOUT = HeightLayout(
    "ITS_LIVE height change",
    needed="height_change",
    names=_NAMES,
    measured=("height_change", "height_change_rmse", "height_change_err", "height"),
)


def read_height_change(
    path: str | Path, *, bounds: Bounds | None = None, period: Period | None = None, crs: Any = None
) -> xr.Dataset:
    """Return a height-change cube of ITS_LIVE on (time, y, x): ``height_change``, ``height_change_rmse`` [m] and more.

    Both forms are read: that of the archive (NSIDC-0782, Antarctica; NSIDC-0792, ice shelves) and that of the cloud
    (Antarctica and Greenland), whose dh, rmse or rms, h and basin get the archive's names.

    Parameters
    ----------
    path
        The file.
    bounds
        x_min, y_min, x_max, y_max [m] in its CRS: only cells with their centres in it are read. All of Antarctica is 15
        GB in memory.
    period
        Two times: only layers from the first to before the second are read.
    crs
        Of a file that states none.

    Returns
    -------
    xarray.Dataset
        y from the top down, NaN for fill, ``time`` (UTC), grid mapping ``crs``, packed numbers unpacked. Flags are as
        in the file: quality_flag 0 no data, 1 high, 2 low quality, 3 pole hole. Changes are against one date, in
        Antarctica 2013-12-16 and in Greenland 2014-01-01: the difference of two layers is the change between them.
        They are of the surface: firn is in them, and near the pole they are held constant.

    Raises
    ------
    InputError
        If there is no such file, or bounds, period or CRS mean nothing.
    UnsupportedFormatError
        If it is not HDF5.
    WrongProductError
        If it is an ICESat-2 product.
    MissingDataError
        If the change, its coordinates or the CRS are missing.
    EmptyDataError
        If fewer than two cells along an axis lie in the bounds, or no layer is of the period.
    CorruptGranuleError
        If it is damaged, or shapes contradict each other.

    Notes
    -----
    Nilsson, Gardner and Paolo (2022), https://doi.org/10.5194/essd-14-3573-2022: errors of neighbouring cells are not
    independent.
    """
    return read_height_grid(Path(path), _LAYOUT, check_options(crs, None, period, bounds=bounds))
