"""Tracked granules as files: NetCDF in the layout of ITS_LIVE, and the velocity field that is in them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.export import write_netcdf
from altiflow.readers.velocity.itslive.pair import read_pair
from altiflow.readers.velocity.options import check_options
from altiflow.readers.velocity.products import PRODUCTS

__all__ = [
    "IMAGES",
    "Packing",
    "check_packing",
    "granule_name",
    "images_key",
    "tracked_field",
    "tracked_name",
    "write_tracked",
]

Packing = Literal["float", "its_live"]

IMAGES = "track_images"
"""Attribute of a granule of a batch: places, band and times of its images, as JSON."""

_WHOLE = ("m/yr", "meter/year")
"""Units of which whole numbers are fine enough."""

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
        fill -32767, as ITS_LIVE packs them, for m/yr only; errors are rounded up, to 1 at least. Those beyond 32766 are
        lost, and counted in ``packing_lost``.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        If the path is not .nc, a file is there, the packing cannot hold the unit, or the Dataset has no velocity.
    """
    target = Path(path)
    if target.suffix != ".nc":
        raise InputError(f"{target} would hold NetCDF; call it {target.stem}.nc")
    lacking = [name for name in (*_PACKED, "img_pair_info", "mapping") if name not in granule]
    if lacking:
        raise InputError(f"the Dataset has no {lacking[0]!r}, so it is no granule of tracked velocity")
    check_packing(packing, str(granule["vx"].attrs.get("units")))
    taken = f"{target} is there already; choose another name, or pass overwrite=True"
    if target.exists() and not overwrite:
        raise InputError(taken)
    ready = granule if packing == "float" else _packed(granule)
    try:
        return write_netcdf(ready, target, overwrite=overwrite)
    except FileExistsError as error:
        # Another process has written it in the meantime.
        raise InputError(taken) from error


def check_packing(packing: str, units: str) -> None:
    """Refuse a packing that is not known, or would round velocities of this unit to nothing.

    Raises
    ------
    InputError
        If it does.
    """
    if packing not in get_args(Packing):
        raise InputError(f"packing must be one of {', '.join(get_args(Packing))}, got {packing!r}")
    if packing == "its_live" and units not in _WHOLE:
        raise InputError(
            f"packing='its_live' keeps whole numbers, which velocities in {units} are not; use units='m/yr' or "
            "packing='float'"
        )


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
    """Return the file name of a tracked granule: images, and cell in metres; of a batch, the key of its images too.

    Raises
    ------
    InputError
        If the Dataset is no tracked granule.
    """
    if "img_pair_info" not in granule:
        raise InputError("the Dataset has no 'img_pair_info', so it is no granule of tracked velocity")
    info, x = granule["img_pair_info"].attrs, granule["x"].values
    told = json.loads(granule.attrs[IMAGES]) if IMAGES in granule.attrs else None
    key = "" if told is None else images_key(told["places"], told["band"])
    return granule_name(str(info["id_img1"]), str(info["id_img2"]), abs(float(x[1] - x[0])), key)


def granule_name(first: str, second: str, cell: float, key: str = "") -> str:
    """Return the file name of the granule of two images with cells of this width [m].

    Identifiers do not tell all pairs apart: those of two bands are one, and a file may be B08.tif in every folder. Then
    the key of :func:`images_key` does.

    Examples
    --------
    >>> granule_name("LC80630182016200LGN00", "LC80630182016216LGN00", 120.0)
    'LC80630182016200LGN00_X_LC80630182016216LGN00_G0120.nc'
    """
    return f"{first}_X_{second}_G{round(cell):04d}{key and '_'}{key}.nc"


def images_key(places: Sequence[str], band: int) -> str:
    """Return ten hex digits that tell two images by where they are, and the band of them.

    Examples
    --------
    >>> images_key(["0101/B08.tif", "0111/B08.tif"], 1) == images_key(["0111/B08.tif", "0121/B08.tif"], 1)
    False
    """
    return hashlib.blake2b(json.dumps([*places, band]).encode(), digest_size=5).hexdigest()


def _packed(granule: xr.Dataset) -> xr.Dataset:
    """Return a granule with velocities as whole numbers."""
    result = granule.copy()
    for name in _PACKED:
        values = np.asarray(granule[name].values, float)
        kept = np.abs(values) <= _LARGEST
        known = np.where(kept, values, 0)
        # An error is never made smaller, and never 0: that would be infinite weight.
        rounded = np.maximum(np.ceil(known), 1) if name.endswith("_error") else np.round(known)
        whole = np.where(kept, rounded, _FILL).astype(np.int16)
        lost = int((np.isfinite(values) & ~kept).sum())
        attrs: dict[str, Any] = {**granule[name].attrs, "_FillValue": np.int16(_FILL), "packing_lost": lost}
        result[name] = (("y", "x"), whole, attrs)
    return result
