"""Image pairs of ITS_LIVE in NetCDF, versions 0, 1 and 2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import CorruptGranuleError, MissingDataError
from altiflow.readers.field import build_field
from altiflow.readers.velocity.formats.lazy import decode_lazily
from altiflow.readers.velocity.formats.netcdf import (
    choose_crs,
    drop_fill,
    mapping_crs,
    require_variables,
    state_metric,
    state_units,
)
from altiflow.readers.velocity.itslive.images import (
    YEAR_DAYS,
    granule_stems,
    image_times,
    pair_layers,
    sort_images,
)
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["COMPANIONS", "read_pair"]

COMPANIONS: Mapping[str, str] = {
    "chip_size_width": "width of the chip that was searched for",
    "chip_size_height": "height of the chip that was searched for",
    "interp_mask": "1 where the velocity was interpolated, 0 where it was measured or is not there",
}
"""Variables beside the velocity, by name: their meaning. Chips are in metres."""

_TRACKED: Mapping[str, str] = {
    "corr": "normalised correlation of the chip with its match",
    "del_corr": "lead of the correlation over the second peak",
    "snr": "correlation over the root mean square of those beside its peak",
}
"""What pairs tracked by altiflow have besides, float32."""

_INFO = "img_pair_info"
_DATES = ("acquisition_date_img{}", "aquisition_date_img{}")
"""Attribute with the date of an image: version 2, and as version 1 spells it."""

_SIGMAS = ("error", "stable_rmse")
"""Attribute with the standard error of a component: version 2, and version 1."""

_SHIFTS = ("stable_shift_applied", "stable_shift")
_VERSION = re.compile(r"_G\d{4}V(\d{2})_P\d+", re.IGNORECASE)
_CHIP_LIMIT = 65_534.0
"""Chip heights of version 1 are all 65535, which is none."""


def read_pair(dataset: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return one opened image pair as a cube of one layer, unread, whatever the version of the file.

    The layer is the interval between the two acquisitions, the earlier one first: image 1 of older files may be the
    later one, and their velocity has the sign of the flow all the same. Version 1 knows the day of an image only,
    so its bounds are midnights. The metric is what ``map_scale_corrected`` of vx says; where it is silent, "map"
    for version 2 and "ground" before. Sigmas are one number per component. ``x`` and ``y`` of the file are centres
    of cells; its GeoTransform is not looked at (half a cell off in version 2). A pair without one valid value is
    a field of NaN. Pairs that altiflow tracked have errors of each cell (``vx_error``, ``vy_error``) with their
    covariance, and state the length of their year.

    Raises
    ------
    WrongProductError
        If vx, vy, the coordinates or the description of the images are missing.
    MissingDataError
        If the dates of the images are missing.
    CorruptGranuleError
        If a date is none, or both images have the same one.
    InputError
        If the file states no CRS and none is given.
    EmptyDataError
        If the pair does not touch the period.
    """
    wanted = {"vx": ("y", "x"), "vy": ("y", "x"), "x": ("x",), "y": ("y",), _INFO: ()}
    require_variables(dataset, wanted, path, product.name)
    attrs, info = dataset["vx"].attrs, dataset[_INFO].attrs
    version = file_version(dataset, path.name)
    bounds, layers = _describe_pair(dataset, info, path)
    options.touching(bounds, path.name)
    metric, metric_source = state_metric(
        attrs.get("map_scale_corrected"), options.metric, product.metric if version == 2 else "ground"
    )
    decode = partial(drop_fill, limit=product.limit)
    year = attrs.get("year_days")
    sigmas = [_sigma(dataset, name, decode) for name in ("vx", "vy")]
    field = build_field(
        decode_lazily(dataset["vx"], decode, lifted=True),
        decode_lazily(dataset["vy"], decode, lifted=True),
        x=dataset["x"].values,
        y=dataset["y"].values,
        time_bnds=bounds,
        crs=choose_crs(mapping_crs(dataset, attrs.get("grid_mapping")), options.crs, path),
        units=state_units(attrs.get("units"), options.units, product.units, path),
        velocity_metric=metric,
        metric_source=metric_source,
        source=_source(dataset, f"{product.name} version {version}, {path.name}"),
        year_days=YEAR_DAYS if year is None else float(year),
        vx_sigma=sigmas[0],
        vy_sigma=sigmas[1],
        layers=layers,
    )
    for name, meaning in COMPANIONS.items():
        if name in dataset:
            field[name] = _companion(dataset[name], name, meaning)
    if "vxy_covariance" in dataset:
        field["vxy_covariance"] = decode_lazily(dataset["vxy_covariance"], drop_fill, lifted=True)
        told = {"long_name": "covariance of the errors of vx and vy", "units": f"({field.attrs['units']})2"}
        field["vxy_covariance"].attrs = told
    for name, meaning in _TRACKED.items():
        if name in dataset:
            field[name] = decode_lazily(dataset[name], drop_fill, lifted=True)
            field[name].attrs = {"long_name": meaning, "units": "1"}
    return field.assign_attrs(year_days_source="assumed" if year is None else "file", product_version=version)


def _sigma(dataset: xr.Dataset, name: str, decode: Any) -> Any:
    """Return the standard error of a component: of each cell where the file has it, else one number."""
    if f"{name}_error" in dataset and dataset[f"{name}_error"].dims == ("y", "x"):
        return decode_lazily(dataset[f"{name}_error"], decode, lifted=True)
    return np.array([_first(dataset[name].attrs, _SIGMAS)])


def _source(dataset: xr.Dataset, text: str) -> str:
    """Return what a pair was read from, in words; those of altiflow say themselves."""
    return str(dataset.attrs["source"]) if "altiflow_version" in dataset.attrs else text


def file_version(dataset: xr.Dataset, name: str) -> int:
    """Return the version of a pair: by its name, else by what its grid mapping is called."""
    found = _VERSION.search(name)
    return int(found[1]) if found else 2 if "mapping" in dataset.variables else 1


def _describe_pair(
    dataset: xr.Dataset, info: Mapping[str, Any], path: Path
) -> tuple[npt.NDArray[np.datetime64], dict[str, Any]]:
    """Return the bounds (1, 2) of the pair and what is known of its layer."""
    images = [_image_time(info, number, path) for number in (1, 2)]
    bounds = sort_images(*images)
    if bounds[0, 0] == bounds[0, 1]:
        raise CorruptGranuleError(f"{path.name} says both images were taken at {bounds[0, 0]}; fetch it again")
    takers = [tuple([str(info.get(f"{key}_img{n}", ""))] for key in ("mission", "satellite")) for n in (1, 2)]
    layers = pair_layers((takers[0][0], takers[0][1]), (takers[1][0], takers[1][1]), bounds)
    layers["granule"] = granule_stems([path.name])
    layers["valid_percent"] = [float(info.get("roi_valid_percentage", np.nan))]
    for axis in ("x", "y"):
        layers[f"stable_shift_{axis}"] = [_first(dataset[f"v{axis}"].attrs, _SHIFTS)]
    layers["stable_shift_flag"] = [_first(dataset["vx"].attrs, ("stable_shift_flag",))]
    return bounds, layers


def _image_time(info: Mapping[str, Any], number: int, path: Path) -> npt.NDArray[np.datetime64]:
    """Return when an image was taken, (1,)."""
    names = [form.format(number) for form in _DATES]
    value = next((info[name] for name in names if name in info), None)
    if value is None:
        raise MissingDataError(f"{path.name}: {_INFO} has no {names[0]}, so the interval of the pair is not known")
    return image_times(np.atleast_1d(np.asarray(value, dtype=object)), path.name)


def _first(attrs: Mapping[str, Any], names: tuple[str, ...]) -> float:
    """Return the first of these attributes that is there as a number, NaN if none is."""
    found = next((np.asarray(attrs[name]).item() for name in names if name in attrs), np.nan)
    return float(found)


def _companion(variable: xr.DataArray, name: str, meaning: str) -> xr.Variable:
    """Return chip sizes as float32 [m], NaN where there is none; the mask as uint8, 1 where interpolated."""
    mask = name == "interp_mask"
    decode, dtype = (_read_mask, np.uint8) if mask else (_read_chips, np.float32)
    layer = decode_lazily(variable, decode, dtype=dtype, lifted=True)
    layer.attrs = {"long_name": meaning, "units": "1" if mask else "m"}
    return layer


def _read_mask(variable: xr.DataArray) -> npt.NDArray[np.bool_]:
    """Return where the mask says "interpolated"; its 0 is "measured" and declared to be fill."""
    return np.asarray(variable.values == 1)


def _read_chips(variable: xr.DataArray) -> npt.NDArray[np.floating[Any]]:
    """Return chip sizes [m], NaN where there is none."""
    values = drop_fill(variable, limit=_CHIP_LIMIT)
    values[values == 0] = np.nan
    return values
