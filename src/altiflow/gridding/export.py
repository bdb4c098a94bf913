"""Gridded results on disk: CF NetCDF and GeoTIFF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr

from altiflow.errors import InputError
from altiflow.files import whole_file
from altiflow.gridding.grid import Grid

__all__ = ["write_geotiffs", "write_netcdf"]

_DAY = np.timedelta64(1, "D")
_BLOCK = 256


def write_netcdf(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write a gridded Dataset as NetCDF-4 and return the path; the file appears whole or not at all.

    Floats are kept at their precision; booleans become bytes with flag meanings; coordinates carry no fill value
    (CF), data NaN.
    """
    target = Path(path)
    ready = dataset.copy()
    for name, variable in dataset.data_vars.items():
        if variable.dtype == bool:
            attributes = {**variable.attrs, "flag_values": np.array([0, 1], np.int8), "flag_meanings": "false true"}
            ready[name] = variable.astype(np.int8).assign_attrs(attributes)
    encoding: dict[Any, dict[str, Any]] = {name: {"_FillValue": None} for name in ready.coords}
    for name, variable in ready.data_vars.items():
        encoding[name] = {"_FillValue": None} if variable.dtype.kind in "iu" or variable.ndim == 0 else {}
        if variable.ndim >= 2:
            encoding[name] |= {"zlib": True, "complevel": 4, "shuffle": True}
    if "time" in ready.coords:
        encoding["time"] |= _time_encoding(ready)
        if "time_bnds" in ready.coords:
            encoding["time_bnds"] |= _time_encoding(ready)
    with whole_file(target) as part:
        ready.to_netcdf(part, engine="h5netcdf", encoding=encoding)
    return target


def _time_encoding(dataset: xr.Dataset) -> dict[str, Any]:
    """Return days where every time is a midnight, seconds otherwise; both as float64."""
    names = [name for name in ("time", "time_bnds") if name in dataset.coords]
    times = np.concatenate([dataset[name].to_numpy().ravel() for name in names])
    times = times[~np.isnat(times)].astype("datetime64[ns]")
    whole_days = np.all((times - times.astype("datetime64[D]")) == np.timedelta64(0, "ns"))
    unit = "days" if whole_days else "seconds"
    return {"units": f"{unit} since 1970-01-01 00:00:00", "calendar": "standard", "dtype": "float64"}


def write_geotiffs(
    dataset: xr.Dataset, folder: str | Path, *, variables: list[str] | None = None, stem: str = ""
) -> list[Path]:
    """Write one GeoTIFF per variable and return their paths; each appears whole or not at all.

    Parameters
    ----------
    dataset
        A gridded Dataset.
    folder
        Where to write.
    variables
        Names; all with y and x where None.
    stem
        Put before the variable's name in the file name.

    Notes
    -----
    One band per period, described by its start; the transform is the grid's; nodata is NaN, and counts are int32
    without nodata.

    Raises
    ------
    InputError
        If a variable is not in the Dataset or not on its grid.
    """
    grid = Grid.from_dataset(dataset)
    names = variables if variables is not None else [str(n) for n, v in dataset.data_vars.items() if _on_grid(v)]
    paths = []
    for name in names:
        if name not in dataset.data_vars or not _on_grid(dataset[name]):
            raise InputError(f"{name!r} is no variable on the grid; there are {', '.join(map(str, dataset.data_vars))}")
        path = Path(folder) / f"{stem}{name}.tif"
        with whole_file(path) as part:
            _write_geotiff(dataset[name], grid, part)
        paths.append(path)
    return paths


def _on_grid(variable: xr.DataArray) -> bool:
    return tuple(variable.dims) in (("time", "y", "x"), ("y", "x"))


def _write_geotiff(variable: xr.DataArray, grid: Grid, path: Path) -> None:
    """Write the bands of one variable."""
    values = _raster_values(variable.to_numpy())
    bands = values.reshape(-1, *grid.shape)
    floating = bands.dtype.kind == "f"
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "height": grid.shape[0],
        "width": grid.shape[1],
        "count": len(bands),
        "dtype": bands.dtype.name,
        "crs": rasterio.crs.CRS.from_user_input(grid.crs_name),
        "transform": grid.transform,
        "compress": "deflate",
        "predictor": 3 if floating else 2,
    }
    if floating:
        profile["nodata"] = np.nan
    if min(grid.shape) >= _BLOCK:
        profile |= {"tiled": True, "blockxsize": _BLOCK, "blockysize": _BLOCK}
    with rasterio.open(path, "w", **profile) as file:
        file.write(bands)
        file.units = (str(variable.attrs.get("units", "1")),) * len(bands)
        file.update_tags(name=str(variable.name), long_name=str(variable.attrs.get("long_name", "")))
        if variable.ndim == 3:
            for band, time in enumerate(variable["time"].to_numpy(), start=1):
                file.set_band_description(band, "undated" if np.isnat(time) else str(time.astype("datetime64[s]")))


def _raster_values(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the values in a type that every GIS reads."""
    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.dtype.kind in "iu" and values.dtype.itemsize > 4:
        return values.astype(np.int32)
    return values
