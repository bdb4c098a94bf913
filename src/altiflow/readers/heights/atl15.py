"""ATL14 and ATL15: land-ice height on a grid, and its change with time."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import xarray as xr

from altiflow.errors import InputError
from altiflow.readers.heights.grids import HeightLayout, read_height_grid
from altiflow.readers.velocity.options import Bounds, Period, check_options

__all__ = ["HeightLayer", "read_atl14", "read_atl15"]

HeightLayer = Literal[
    "delta_h", "dhdt_lag1", "dhdt_lag4", "dhdt_lag8", "dhdt_lag12", "dhdt_lag16", "dhdt_lag20", "dhdt_lag24"
]
"""Groups of ATL15: height against the ATL14 surface, and its rate over so many quarters of a year."""


def read_atl14(path: str | Path, *, bounds: Bounds | None = None) -> xr.Dataset:
    """Return the height of an ATL14 file: ``h``, ``h_sigma`` [m] and what else it has on (y, x).

    Heights are above the WGS84 ellipsoid on 2020-01-01.

    Parameters
    ----------
    path
        The file.
    bounds
        x_min, y_min, x_max, y_max [m] in its CRS: only cells with their centres in it are read.

    Returns
    -------
    xarray.Dataset
        y from the top down, NaN for fill, with the grid mapping ``crs``. Add up ``ice_area`` [m2], not the squares of
        the spacing: cells on the map are larger or smaller than on the ground, and some hold little ice.

    Raises
    ------
    InputError, UnsupportedFormatError
        If there is no such file, it is not HDF5, or the bounds are none.
    WrongProductError
        If it is another product.
    MissingDataError
        If heights, their coordinates or the CRS are missing.
    EmptyDataError
        If fewer than two cells lie in the bounds along an axis.
    CorruptGranuleError
        If it is damaged, or shapes contradict each other.
    """
    layout = HeightLayout("ATL14", needed="h", dims=("y", "x"))
    return read_height_grid(Path(path), layout, check_options(None, None, None, bounds=bounds))


def read_atl15(
    path: str | Path, *, layer: HeightLayer = "delta_h", bounds: Bounds | None = None, period: Period | None = None
) -> xr.Dataset:
    """Return one layer of an ATL15 file on (time, y, x).

    ``delta_h``, ``delta_h_sigma`` [m]: height less that of ATL14; ``dhdt``, ``dhdt_sigma`` [m yr-1]: its rate over
    ``lag`` quarters, at the middle of them.

    Parameters
    ----------
    path
        The file.
    layer
        Group to read.
    bounds
        As for :func:`read_atl14`.
    period
        Two times: only layers from the first to before the second are read.

    Returns
    -------
    xarray.Dataset
        As for :func:`read_atl14`, with ``time`` (UTC). Regions A1 to A4 of Antarctica overlap by a pixel at 40 km.

    Raises
    ------
    InputError
        If there is no such file or layer, or bounds or period are none.
    UnsupportedFormatError, WrongProductError, MissingDataError, EmptyDataError, CorruptGranuleError
        As for :func:`read_atl14`; EmptyDataError also if no layer is of the period.
    """
    if layer not in get_args(HeightLayer):
        raise InputError(f"layer={layer!r} means nothing; use one of {', '.join(get_args(HeightLayer))}")
    layout = HeightLayout("ATL15", needed="delta_h" if layer == "delta_h" else "dhdt", group=layer)
    return read_height_grid(Path(path), layout, check_options(None, None, period, bounds=bounds))
