"""Cubes of image pairs of ITS_LIVE in Zarr, opened without reading them."""

from __future__ import annotations

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
from altiflow.readers.velocity.itslive.images import YEAR_DAYS, granule_stems, pair_layers, sort_images
from altiflow.readers.velocity.itslive.pair import COMPANIONS
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["read_cube"]

_LAYER = ("mid_date", "y", "x")
_CHIP_LIMIT = 65_534.0
"""Chips are smaller than this [m]: 65535 is none."""

_BLOCK = 20_000
"""Addresses of granules read at a time: they are stored with 4 KiB each."""


def read_cube(dataset: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return an opened cube as a velocity field, one layer per image pair, in the order of the store, unread.

    Every pair is a layer of its own, keyed by ``granule``: ``mid_date`` of the store is neither a middle nor unique
    and is left aside; the bounds are the two acquisitions. What is known of the layers is read at once (about 1 kB
    a pair), velocities where they are asked for. ``valid_percent`` is of the region of the pair, not of the cube.

    Raises
    ------
    WrongProductError
        If the velocities or the acquisition dates are missing, or on other dimensions.
    MissingDataError
        If it has no layer, or a pair lacks a date.
    CorruptGranuleError
        If dates cannot be decoded, or a pair has both images at one time.
    InputError
        If the store states no CRS and none is given.
    EmptyDataError
        If no layer touches the period.
    """
    dates = {f"acquisition_date_img{number}": _LAYER[:1] for number in (1, 2)}
    wanted = {"vx": _LAYER, "vy": _LAYER, "x": ("x",), "y": ("y",), "granule_url": _LAYER[:1], **dates}
    require_variables(dataset, wanted, path, product.name)
    if dataset.sizes["mid_date"] == 0:
        raise MissingDataError(f"{path.name} has no layer; a cube has at least one image pair")
    first, second = (_acquisitions(dataset[name], path) for name in dates)
    bounds = sort_images(first, second)
    _check_dates(bounds, path)
    layers = options.touching(bounds, path.name)
    part = dataset if layers.size == len(bounds) else dataset.isel(mid_date=layers)
    attrs = dataset["vx"].attrs
    metric, metric_source = state_metric(attrs.get("map_scale_corrected"), options.metric, product.metric)
    field = build_field(
        _values(part["vx"], product.limit),
        _values(part["vy"], product.limit),
        x=dataset["x"].values,
        y=dataset["y"].values,
        time_bnds=bounds[layers],
        crs=choose_crs(mapping_crs(dataset, attrs.get("grid_mapping", "mapping")), options.crs, path),
        units=state_units(attrs.get("units"), options.units, product.units, path),
        velocity_metric=metric,
        metric_source=metric_source,
        source=f"{product.name} {path.name}",
        year_days=YEAR_DAYS,
        vx_sigma=_per_layer(part, "vx_error"),
        vy_sigma=_per_layer(part, "vy_error"),
        layers=_describe_layers(part, bounds[layers]),
    )
    return _add_companions(field, part).assign_attrs(year_days_source="assumed")


def _values(variable: xr.DataArray, limit: float) -> xr.Variable:
    """Return a variable on (time, y, x), NaN for fill and beyond the limit, unread."""
    decoded = decode_lazily(variable, partial(drop_fill, limit=limit))
    chunks = {"chunks": variable.encoding["chunks"]} if "chunks" in variable.encoding else {}
    return xr.Variable(("time", "y", "x"), decoded._data, encoding=chunks)


def _acquisitions(variable: xr.DataArray, path: Path) -> npt.NDArray[np.datetime64]:
    """Return when images were taken (layers,), datetime64[ns]."""
    try:
        decoded = xr.decode_cf(xr.Dataset({"date": (("layer",), variable.values, variable.attrs)}))["date"].values
    except (ValueError, TypeError, OverflowError) as error:
        raise CorruptGranuleError(f"{path.name}: {variable.name} cannot be read as dates: {error}") from error
    if decoded.dtype.kind != "M":
        told = {key: variable.attrs.get(key) for key in ("units", "calendar")}
        raise CorruptGranuleError(f"{path.name}: {variable.name} is in no units of time and real calendar: {told}")
    # Days in float64 are good to 0.3 microseconds: nearer than that, the digits are noise.
    nanoseconds = np.asarray(decoded).astype("datetime64[ns]")
    return (nanoseconds + np.timedelta64(500, "ns")).astype("datetime64[us]").astype("datetime64[ns]")


def _check_dates(bounds: npt.NDArray[np.datetime64], path: Path) -> None:
    """Raise unless every pair has two dates that differ."""
    absent = np.isnat(bounds).any(axis=1)
    if absent.any():
        raise MissingDataError(f"{path.name}: {int(absent.sum())} of {len(bounds)} pairs lack the date of an image")
    still = bounds[:, 0] == bounds[:, 1]
    if still.any():
        raise CorruptGranuleError(
            f"{path.name}: {int(still.sum())} of {len(bounds)} pairs have both images at one time"
        )


def _per_layer(part: xr.Dataset, name: str) -> npt.NDArray[np.floating[Any]]:
    """Return a number per layer (layers,), NaN for fill and where the store does not have it."""
    if name not in part:
        return np.full(part.sizes["mid_date"], np.nan)
    return drop_fill(part[name])


def _describe_layers(part: xr.Dataset, bounds: npt.NDArray[np.datetime64]) -> dict[str, npt.ArrayLike]:
    """Return what is known of the layers, by name, each (layers,)."""
    count = part.sizes["mid_date"]
    takers = [
        tuple(part[f"{key}_img{n}"].values.astype(str) if f"{key}_img{n}" in part else np.full(count, "")
              for key in ("mission", "satellite"))
        for n in (1, 2)
    ]  # fmt: skip
    layers: dict[str, npt.ArrayLike] = pair_layers((takers[0][0], takers[0][1]), (takers[1][0], takers[1][1]), bounds)
    addresses = part["granule_url"]
    layers["granule"] = np.concatenate(
        [granule_stems(addresses[first : first + _BLOCK].values) for first in range(0, count, _BLOCK)]
    )
    layers["valid_percent"] = _per_layer(part, "roi_valid_percentage")
    for axis in ("x", "y"):
        layers[f"stable_shift_{axis}"] = _per_layer(part, f"v{axis}_stable_shift")
    layers["stable_shift_flag"] = _per_layer(part, "stable_shift_flag")
    return layers


def _add_companions(field: xr.Dataset, part: xr.Dataset) -> xr.Dataset:
    """Return the field with chip sizes and interpolation mask (time, y, x), and the ice masks (y, x) of the store."""
    for name, meaning in COMPANIONS.items():
        if name in part and part[name].dims == _LAYER:
            mask = name == "interp_mask"
            # The mask declares its 0, which says "measured", as fill: it is left as it is stored.
            variable = (
                xr.Variable(("time", "y", "x"), part[name].variable._data) if mask else _values(part[name], _CHIP_LIMIT)
            )
            variable.attrs = {"long_name": meaning, "units": "1" if mask else "m"}
            field[name] = variable
    for name in ("landice", "floatingice"):
        if name in part and part[name].dims == _LAYER[1:]:
            attrs = {"long_name": str(part[name].attrs.get("description", name)), "units": "1"}
            field[name] = (("y", "x"), drop_fill(part[name]), attrs)
    return field
