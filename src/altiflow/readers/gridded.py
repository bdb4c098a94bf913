"""Gridded results read back from NetCDF."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from altiflow.errors import InputError, UnsupportedFormatError

__all__ = ["holds_grid", "read_gridded"]


def read_gridded(path: str | Path) -> xr.Dataset:
    """Return a gridded Dataset that altiflow wrote, in memory.

    Raises
    ------
    InputError
        If there is no such file.
    UnsupportedFormatError
        If it is not NetCDF, or holds no grid (x, y and the grid mapping variable ``crs``).
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"there is no file {source}")
    try:
        with xr.open_dataset(source, engine="h5netcdf") as opened:
            dataset = opened.load()
    except (OSError, ValueError) as error:
        raise UnsupportedFormatError(f"{source.name} cannot be opened as NetCDF: {error}") from error
    if "crs" not in dataset.variables or not {"x", "y"} <= set(dataset.coords):
        raise UnsupportedFormatError(f"{source.name} holds no grid: it lacks x, y or the grid mapping 'crs'")
    for name, variable in dataset.data_vars.items():
        if variable.attrs.get("flag_meanings") == "false true":
            dataset[name] = variable.astype(bool)
    return dataset.set_coords([name for name in ("time_bnds", "y_bnds", "x_bnds") if name in dataset.variables])


def holds_grid(path: str | Path) -> bool:
    """Return whether a file is a gridded Dataset that altiflow wrote; its data are not read."""
    try:
        with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as opened:
            return "grid_signature" in opened.attrs
    except (OSError, ValueError):
        return False
