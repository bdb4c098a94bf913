"""Velocity fields that altiflow wrote, read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import xarray as xr

from altiflow.errors import CorruptGranuleError, InputError
from altiflow.readers.field import LAYER_COORDS, check_field, crs_text
from altiflow.readers.velocity.netcdf import choose_crs, mapping_crs, state_units
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["read_written"]

_LAYER = ("time", "y", "x")
_MAPPING = "crs"


def read_written(dataset: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return the field in an opened file or store of altiflow, unread, the layers that touch the period.

    Raises
    ------
    FieldError
        If the file does not state what a field must.
    InputError
        If a CRS, metric or unit is given that differs from what the file states.
    EmptyDataError
        If no layer touches the period.
    """
    mapped = mapping_crs(dataset, _MAPPING)
    try:
        field = _tidy(xr.decode_cf(dataset))
    except (ValueError, TypeError) as error:
        raise CorruptGranuleError(f"{product.title}: {path.name} cannot be decoded: {error}") from error
    if "crs" not in field.attrs and mapped is not None:
        field.attrs["crs"] = crs_text(mapped)
    check_field(field)
    if options.crs is not None:
        choose_crs(pyproj.CRS.from_user_input(field.attrs["crs"]), options.crs, path)
    if options.metric not in (None, field.attrs["velocity_metric"]):
        raise InputError(
            f"metric={options.metric!r}, but {path.name} states {field.attrs['velocity_metric']!r}; leave `metric` out"
        )
    state_units(field.attrs["units"], options.units, product.units, path)
    if field.attrs["time_rule"] == "undated":
        return field
    return field.isel(time=options.touching(field["time_bnds"].values, path.name))


def _tidy(field: xr.Dataset) -> xr.Dataset:
    """Return a decoded file with what only files need taken off: grid mapping, bounds of cells, flags as numbers."""
    field = field.set_coords([name for name in ("time_bnds",) if name in field])
    kept = field.drop_vars([name for name in field.data_vars if field[name].dims not in (_LAYER, _LAYER[:1])])
    known = {"time", "time_bnds", "y", "x", *LAYER_COORDS}
    kept = kept.drop_vars([name for name in kept.coords if name not in known])
    for name in ("time", "time_bnds"):
        if name in kept.coords and kept[name].dtype.kind == "M":
            kept[name] = kept[name].astype("datetime64[ns]")
    for variable in kept.variables.values():
        variable.attrs.pop("grid_mapping", None)
        variable.attrs.pop("bounds", None)
        variable.encoding = {}
    if "valid" in kept:
        kept["valid"] = kept["valid"].astype(bool)
    if field.attrs.get("time_rule") == "undated" and {"time", "time_bnds"} <= set(kept.coords):
        # Put on periods an undated field is the same in each of them; read back it is one field without a date.
        kept = kept.isel(time=[0])
        for name in ("time", "time_bnds"):
            kept[name] = xr.full_like(kept[name], np.datetime64("NaT", "ns"))
    kept.attrs = {key: value.item() if isinstance(value, np.generic) else value for key, value in field.attrs.items()}
    return kept
