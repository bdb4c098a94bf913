"""Gridded results on disk: CF NetCDF and GeoTIFF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr

from altiflow.errors import InputError
from altiflow.files import whole_file
from altiflow.gridding.frame import restate_grid
from altiflow.gridding.grid import Grid

__all__ = ["write_geotiffs", "write_netcdf"]

_BLOCK = 256
_NO_FILL: dict[str, Any] = {"_FillValue": None}
_TIME_UNITS = (
    ("days", np.timedelta64(1, "D")),
    ("seconds", np.timedelta64(1, "s")),
    ("microseconds", np.timedelta64(1, "us")),
    ("nanoseconds", np.timedelta64(1, "ns")),
)


def write_netcdf(dataset: xr.Dataset, path: str | Path) -> Path:
    """Write a gridded Dataset as NetCDF-4 and return the path; the file appears whole or not at all.

    Floats are kept at their precision; booleans become bytes with flag meanings; coordinates carry no fill value
    (CF), data NaN. The grid mapping is that of the x and y in the Dataset, so that a part of one may be written.

    Raises
    ------
    InputError
        If x and y are not evenly spaced.
    """
    target = Path(path)
    ready = _number_times(restate_grid(dataset))
    for name, variable in ready.data_vars.items():
        if variable.dtype == bool:
            attributes = {**variable.attrs, "flag_values": np.array([0, 1], np.int8), "flag_meanings": "false true"}
            ready = ready.assign({name: variable.astype(np.int8).assign_attrs(attributes)})
    encoding: dict[Any, dict[str, Any]] = {name: dict(_NO_FILL) for name in ready.coords}
    for name, variable in ready.data_vars.items():
        encoding[name] = {} if variable.dtype.kind == "f" else dict(_NO_FILL)
        if variable.ndim >= 2:
            encoding[name] |= {"zlib": True, "complevel": 4, "shuffle": True}
    with whole_file(target) as part:
        ready.to_netcdf(part, engine="h5netcdf", encoding=encoding)
    return target


def _number_times(dataset: xr.Dataset) -> xr.Dataset:
    """Return the Dataset with times as whole numbers: days since 1970 if all are midnights, else of the first day.

    The unit is the longest that all times are multiples of, so that they come back as they were; fractions of a
    second in double precision would not. Undated is NaN, which xarray does not encode without a warning if nothing
    is dated; the numbers are floats then.
    """
    names = [name for name in ("time", "time_bnds") if name in dataset.coords]
    if not names:
        return dataset
    times = {name: dataset[name].to_numpy().astype("datetime64[ns]") for name in names}
    values = np.concatenate([found.ravel() for found in times.values()])
    known = values[~np.isnat(values)]
    whole_days = bool((known == known.astype("datetime64[D]")).all())
    since = np.datetime64("1970-01-01", "ns") if whole_days else known.min().astype("datetime64[D]")
    unit, length = next((u, step) for u, step in _TIME_UNITS if not ((known - since) % step).astype(np.int64).any())
    said = {"units": f"{unit} since {since.astype('datetime64[D]')} 00:00:00", "calendar": "standard"}
    numbered = {}
    for name, found in times.items():
        undated = known.size < values.size
        numbers = np.where(np.isnat(found), np.nan, (found - since) / length) if undated else (found - since) // length
        # CF: bounds take units and calendar from their coordinate, and repeat neither.
        attributes = dataset[name].attrs | (said if name == names[0] else {})
        numbered[name] = (dataset[name].dims, numbers, attributes)
    return dataset.assign_coords(numbered)


def write_geotiffs(
    dataset: xr.Dataset, folder: str | Path, *, variables: Sequence[str] | None = None, stem: str = ""
) -> list[Path]:
    """Write one GeoTIFF per variable and return their paths; each appears whole or not at all.

    Parameters
    ----------
    dataset
        A gridded Dataset, y in either order.
    folder
        Where to write.
    variables
        Names; all with y and x where None.
    stem
        Put before the variable's name in the file name.

    Notes
    -----
    One band per period, described by its start, from the top of the map down; the transform is the grid's. Floats
    have nodata NaN; counts are int32 and booleans bytes, both without nodata. Attributes become tags.

    Raises
    ------
    InputError
        If a variable is not in the Dataset or not on its grid.
    """
    grid = Grid.from_dataset(dataset)
    names = variables if variables is not None else [str(n) for n, v in dataset.data_vars.items() if _on_grid(v)]
    for name in names:
        if name not in dataset.data_vars or not _on_grid(dataset[name]):
            known = ", ".join(str(n) for n, v in dataset.data_vars.items() if _on_grid(v))
            raise InputError(f"{name!r} is no variable on the grid; there are {known}")
    top_down = dataset.sortby("y", ascending=False)
    tags = {str(key): str(text) for key, text in dataset.attrs.items() if isinstance(text, (str, int, float))}
    tags |= {"grid_name": grid.name, "grid_signature": grid.signature}
    paths = []
    for name in names:
        path = Path(folder) / f"{stem}{name}.tif"
        with whole_file(path) as part:
            _write_geotiff(top_down[name], grid, part, tags)
        paths.append(path)
    return paths


def _on_grid(variable: xr.DataArray) -> bool:
    return tuple(variable.dims) in (("time", "y", "x"), ("y", "x"))


def _write_geotiff(variable: xr.DataArray, grid: Grid, path: Path, tags: dict[str, str]) -> None:
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
        "interleave": "band",
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        # GDAL cannot foresee whether compression keeps a file below the 4 GiB of a classic TIFF.
        "bigtiff": "if_safer",
    }
    if floating:
        profile["nodata"] = np.nan
    with rasterio.open(path, "w", **profile) as file:
        file.write(bands)
        file.units = (str(variable.attrs.get("units", "")),) * len(bands)
        file.update_tags(**tags, name=str(variable.name), long_name=str(variable.attrs.get("long_name", "")))
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
