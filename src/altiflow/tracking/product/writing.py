"""Tracked granules as files: NetCDF in the layout of ITS_LIVE, and the velocity field that is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.export import write_netcdf
from altiflow.readers.velocity.itslive.pair import read_pair
from altiflow.readers.velocity.options import check_options
from altiflow.readers.velocity.products import PRODUCTS

__all__ = ["Packing", "granule_name", "tracked_field", "tracked_name", "write_tracked"]

Packing = Literal["float", "its_live"]

_FILL = -32767
_LARGEST = 32766
_PACKED = ("vx", "vy", "v", "vx_error", "vy_error", "v_error")


def write_tracked(
    granule: xr.Dataset, path: str | Path, *, packing: Packing = "float", overwrite: bool = False
) -> Path:
    """Write a tracked granule as NetCDF and return the path; it appears whole or not at all.

    Parameters
    ----------
    granule
        What :func:`altiflow.track_pair` gives.
    path
        ``.nc``.
    packing
        "float": as computed, NaN where there is nothing. "its_live": velocities and errors as whole numbers, int16 with
        fill -32767, as ITS_LIVE packs them; those beyond 32766 are lost, and counted in ``packing_lost``.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        If the path is not .nc, a file is there, or the Dataset has no velocity.
    """
    target = Path(path)
    if packing not in get_args(Packing):
        raise InputError(f"packing must be one of {', '.join(get_args(Packing))}, got {packing!r}")
    if target.suffix != ".nc":
        raise InputError(f"{target} would hold NetCDF; call it {target.stem}.nc")
    lacking = [name for name in (*_PACKED, "img_pair_info", "mapping") if name not in granule]
    if lacking:
        raise InputError(f"the Dataset has no {lacking[0]!r}, so it is no granule of tracked velocity")
    if target.exists() and not overwrite:
        raise InputError(f"{target} is there already; choose another name, or pass overwrite=True")
    ready = granule if packing == "float" else _packed(granule)
    return write_netcdf(ready, target)


def tracked_field(granule: xr.Dataset, name: str = "tracked.nc") -> xr.Dataset:
    """Return the velocity field of a tracked granule, just as :func:`altiflow.read_velocity` reads it from its file.

    Parameters
    ----------
    granule
        What :func:`altiflow.track_pair` gives, or its file opened with xarray.
    name
        File name, which becomes the name of the layer.

    Raises
    ------
    WrongProductError, MissingDataError
        If the Dataset is no tracked granule.
    """
    product = PRODUCTS["ITS_LIVE-pair"]
    return read_pair(granule, Path(name), product, check_options(None, None, None, None, None)).load()


def tracked_name(granule: xr.Dataset) -> str:
    """Return the file name of a tracked granule: images, and cell in metres.

    Raises
    ------
    InputError
        If the Dataset is no tracked granule.
    """
    if "img_pair_info" not in granule:
        raise InputError("the Dataset has no 'img_pair_info', so it is no granule of tracked velocity")
    info, x = granule["img_pair_info"].attrs, granule["x"].values
    return granule_name(str(info["id_img1"]), str(info["id_img2"]), abs(float(x[1] - x[0])))


def granule_name(first: str, second: str, cell: float) -> str:
    """Return the file name of the granule of two images with cells of this width [m].

    Examples
    --------
    >>> granule_name("LC80630182016200LGN00", "LC80630182016216LGN00", 120.0)
    'LC80630182016200LGN00_X_LC80630182016216LGN00_G0120.nc'
    """
    return f"{first}_X_{second}_G{round(cell):04d}.nc"


def _packed(granule: xr.Dataset) -> xr.Dataset:
    """Return a granule with velocities as whole numbers."""
    result = granule.copy()
    for name in _PACKED:
        values = np.asarray(granule[name].values, float)
        kept = np.abs(values) <= _LARGEST
        whole = np.where(kept, np.round(np.where(kept, values, 0)), _FILL).astype(np.int16)
        lost = int((np.isfinite(values) & ~kept).sum())
        attrs: dict[str, Any] = {**granule[name].attrs, "_FillValue": np.int16(_FILL), "packing_lost": lost}
        result[name] = (("y", "x"), whole, attrs)
    return result
