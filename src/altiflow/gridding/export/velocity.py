"""Velocity fields as files that a GIS opens and altiflow reads back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.export.geotiff import write_geotiffs
from altiflow.gridding.export.netcdf import write_netcdf
from altiflow.gridding.export.zarr import write_zarr
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.readers.field import check_field
from altiflow.readers.layers import LAYER_COORDS

__all__ = ["gridded_field", "write_velocity"]

_PLACES = (("time", "y", "x"), ("y", "x"), ("time",))


def write_velocity(field: xr.Dataset, path: str | Path) -> Path:
    """Write a velocity field and return the path; files appear whole or not at all.

    Parameters
    ----------
    field
        A velocity field, or what :func:`altiflow.mean_of_speeds` gives; it is read whole (a cube of many layers is
        written by :func:`altiflow.build_cube`).
    path
        ``.nc``, ``.zarr``, or a folder (no suffix) for a GeoTIFF of each variable, a band per layer.

    Raises
    ------
    FieldError
        If it is no velocity field.
    InputError
        If the name has another suffix.
    """
    target = Path(path)
    ready = gridded_field(field)
    if target.suffix == ".nc":
        return write_netcdf(ready, target)
    if target.suffix == ".zarr":
        return write_zarr(ready, target)
    if target.suffix:
        raise InputError(f"{target.name}: velocity is written as .nc, .zarr, or a folder of GeoTIFFs (no suffix)")
    write_geotiffs(ready, target)
    return target


def gridded_field(field: xr.Dataset) -> xr.Dataset:
    """Return a velocity field with grid mapping and bounds, y from the top down, in memory: what is written.

    Raises
    ------
    FieldError
        If it is no velocity field.
    """
    checked = _checked(field)
    down = checked["y"].values[0] > checked["y"].values[-1]
    turned = (checked if down else checked.isel(y=slice(None, None, -1))).load()
    grid = Grid.from_centres(checked.attrs["crs"], turned["x"].values, turned["y"].values)
    frame = make_frame(grid, turned["time_bnds"].values)
    frame = frame.assign_coords(time=("time", turned["time"].values, frame["time"].attrs | _CENTRE))
    for name, variable in turned.data_vars.items():
        if tuple(variable.dims) in _PLACES and variable.dtype.kind in "fiub":
            frame[name] = (variable.dims, variable.values, _attributes(variable))
    known = [name for name in LAYER_COORDS if name in turned.coords]
    frame = frame.assign_coords(
        {name: ("time", _plain_text(turned[name]), _plain(turned[name].attrs)) for name in known}
    )
    frame.attrs = {**_plain(checked.attrs), **frame.attrs, "crs": grid.crs_name}
    return frame


def _checked(field: xr.Dataset) -> xr.Dataset:
    """Return a velocity field, or what was made of one without its components (a mean of speeds)."""
    lacking = [name for name in ("x", "y", "time_bnds") if name not in field.coords]
    if "vx" in field or lacking or "crs" not in field.attrs:
        return check_field(field)
    return field


_CENTRE = {"long_name": "middle of the interval"}


def _attributes(variable: xr.DataArray) -> dict[str, Any]:
    """Return the attributes of a variable with its grid mapping."""
    mapped = {"grid_mapping": "crs"} if {"y", "x"} <= set(variable.dims) else {}
    return _plain(variable.attrs) | mapped


def _plain_text(variable: xr.DataArray) -> npt.NDArray[Any]:
    """Return the values of a variable, texts of any length as Zarr and NetCDF have them."""
    return variable.values.astype(object) if variable.dtype.kind == "U" else variable.values


def _plain(attrs: dict[Any, Any]) -> dict[str, Any]:
    """Return attributes as files take them: texts and numbers."""
    kinds = (str, int, float, np.integer, np.floating, np.ndarray)
    return {str(key): value if isinstance(value, kinds) else str(value) for key, value in attrs.items()}
