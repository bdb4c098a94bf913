"""Gridded results read back from NetCDF and Zarr."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import rasterio
import xarray as xr

from altiflow.errors import InputError, UnsupportedFormatError

__all__ = ["GridKind", "grid_kind", "holds_grid", "raster_head", "read_attributes", "read_gridded"]

GridKind = Literal["grid", "velocity", "fused"]


def read_gridded(path: str | Path, *, variables: Sequence[str] | None = None) -> xr.Dataset:
    """Return a gridded Dataset that altiflow wrote, to NetCDF or a Zarr store, in memory.

    Parameters
    ----------
    path
        File or store.
    variables
        Data variables to read, patterns such as ``segments_*`` too; what is not there is left out. All where not given.

    Raises
    ------
    InputError
        If there is no such file or store.
    UnsupportedFormatError
        If it is neither, or holds no grid (x, y and the grid mapping variable ``crs``).
    """
    source = Path(path)
    if not source.exists():
        raise InputError(f"there is no file {source}")
    try:
        with xr.open_dataset(source, engine=_engine(source)) as opened:
            dataset = _chosen(opened, variables).load()
    except (OSError, ValueError) as error:
        raise UnsupportedFormatError(f"{source.name} cannot be opened as NetCDF or Zarr: {error}") from error
    if "crs" not in dataset.variables or not {"x", "y"} <= set(dataset.coords):
        raise UnsupportedFormatError(f"{source.name} holds no grid: it lacks x, y or the grid mapping 'crs'")
    for name, variable in dataset.data_vars.items():
        if variable.attrs.get("flag_meanings") == "false true":
            dataset[name] = variable.astype(bool)
    return dataset.set_coords([name for name in ("time_bnds", "y_bnds", "x_bnds") if name in dataset.variables])


def _chosen(opened: xr.Dataset, variables: Sequence[str] | None) -> xr.Dataset:
    """Return the variables whose names match, with the grid mapping and the bounds."""
    if variables is None:
        return opened
    wanted = (*variables, "crs", "*_bnds")
    chosen = [name for name in opened.data_vars if any(fnmatchcase(str(name), one) for one in wanted)]
    # Coordinates stay also where nothing that was chosen lies along them.
    return opened.drop_vars([name for name in opened.data_vars if name not in chosen])


def holds_grid(path: str | Path) -> bool:
    """Return whether a file or Zarr store is a gridded Dataset that altiflow wrote; its data are not read."""
    return grid_kind(path) is not None


def grid_kind(path: str | Path) -> GridKind | None:
    """Return what a gridded Dataset that altiflow wrote holds, None where it is something else; no data are read.

    "velocity" is a velocity field and nothing else; "fused" has means of altimetry beside one.
    """
    # A store without consolidated metadata is read all the same.
    quiet = warnings.catch_warnings(action="ignore", category=RuntimeWarning)
    try:
        with quiet, xr.open_dataset(path, engine=_engine(Path(path)), decode_cf=False) as opened:
            if "grid_signature" not in opened.attrs:
                return None
            if not ({"vx", "vy"} <= set(opened.variables) and "velocity_metric" in opened.attrs):
                return "grid"
            return "fused" if any(str(name).endswith("_mean") for name in opened.variables) else "velocity"
    except (OSError, ValueError):
        return None


def read_attributes(path: str | Path) -> dict[str, Any]:
    """Return the attributes of a NetCDF file or Zarr store, none of one that cannot be opened; no data are read."""
    quiet = warnings.catch_warnings(action="ignore", category=RuntimeWarning)
    try:
        with quiet, xr.open_dataset(path, engine=_engine(Path(path)), decode_cf=False) as opened:
            return dict(opened.attrs)
    except (OSError, ValueError):
        return {}


def raster_head(path: str | Path) -> dict[str, Any]:
    """Return what the head of a GeoTIFF says, without its data.

    ``crs``, ``shape`` (rows, cols), ``resolution``, ``bounds``, ``bands`` (their descriptions), ``units``, ``tags``.

    Raises
    ------
    UnsupportedFormatError
        If GDAL cannot open it.
    """
    try:
        with rasterio.open(path) as opened:
            return {
                "crs": opened.crs.to_string() if opened.crs else "not stated",
                "shape": opened.shape,
                "resolution": opened.res,
                "bounds": tuple(opened.bounds),
                "bands": [text or f"band {n}" for n, text in enumerate(opened.descriptions, start=1)],
                "units": opened.units[0] or "",
                "tags": opened.tags(),
            }
    except rasterio.errors.RasterioIOError as error:
        raise UnsupportedFormatError(f"{Path(path).name} cannot be opened as a raster: {error}") from error


def _engine(path: Path) -> Literal["h5netcdf", "zarr"]:
    """Return what opens a path: Zarr stores are folders."""
    return "zarr" if path.is_dir() else "h5netcdf"
