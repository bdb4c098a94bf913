"""Gridded results as cloud-optimised GeoTIFFs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr

from altiflow.errors import InputError
from altiflow.files import whole_file
from altiflow.gridding.grids.grid import Grid

__all__ = ["write_geotiffs"]

_BLOCK = 512


def write_geotiffs(
    dataset: xr.Dataset, folder: str | Path, *, variables: Sequence[str] | None = None, stem: str = ""
) -> list[Path]:
    """Write one cloud-optimised GeoTIFF per variable and return their paths; each appears whole or not at all.

    Parameters
    ----------
    dataset
        A gridded Dataset, y in either order.
    folder
        Where to write.
    variables
        Names; all numbers on (time, y, x) or (y, x) where None.
    stem
        Put before the variable's name in the file name.

    Notes
    -----
    One band per period, described by its ``time``, from the top of the map down; the transform is the grid's. Floats
    have nodata NaN; counts are int32 (float64 where they do not fit) and booleans bytes, without nodata. Attributes
    become tags, once as they are and once all in JSON (``altiflow_attributes``); ``altiflow_variables`` names the
    files written together. Tags of a band are its interval (``time_start``, ``time_end``) and what else is on time
    alone. :func:`altiflow.read_velocity` makes a field of components written so. Blocks of 512 cells; overviews
    average floats and pick from counts.

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
            reason = "holds times, which no raster does" if _is_time(dataset, name) else "is no variable on the grid"
            raise InputError(f"{name!r} {reason}; there are {known}")
    top_down = dataset.sortby("y", ascending=False)
    told = {str(key): text for key, text in dataset.attrs.items() if isinstance(text, (str, int, float))}
    told |= {"grid_name": grid.name, "grid_signature": grid.signature}
    tags = {key: str(text) for key, text in told.items()} | {
        "altiflow_attributes": json.dumps(told),
        "altiflow_variables": json.dumps([*names]),
    }
    bands = _band_tags(dataset)
    paths = []
    for name in names:
        path = Path(folder) / f"{stem}{name}.tif"
        with whole_file(path) as part:
            _write_geotiff(top_down[name], grid, part, tags, bands)
        paths.append(path)
    return paths


def _band_tags(dataset: xr.Dataset) -> list[dict[str, str]]:
    """Return the tags of each period: its time and interval to the nanosecond, and variables on time alone."""
    if "time" not in dataset.coords or dataset["time"].dims != ("time",):
        return []
    columns = {"time": dataset["time"].to_numpy()}
    if "time_bnds" in dataset.variables:
        columns |= dict(zip(("time_start", "time_end"), dataset["time_bnds"].to_numpy().T, strict=True))
    for name, variable in dataset.variables.items():
        if variable.dims == ("time",) and variable.dtype.kind in "fiubUO":
            columns[str(name)] = variable.to_numpy()
    return [{name: str(values[band]) for name, values in columns.items()} for band in range(dataset.sizes["time"])]


def _is_time(dataset: xr.Dataset, name: str) -> bool:
    return name in dataset.data_vars and dataset[name].dtype.kind == "M"


def _on_grid(variable: xr.DataArray) -> bool:
    return tuple(variable.dims) in (("time", "y", "x"), ("y", "x")) and variable.dtype.kind in "fiub"


def _write_geotiff(
    variable: xr.DataArray, grid: Grid, path: Path, tags: dict[str, str], band_tags: Sequence[dict[str, str]]
) -> None:
    """Write the bands of one variable."""
    values = _raster_values(variable.to_numpy())
    bands = values.reshape(-1, *grid.shape)
    floating = bands.dtype.kind == "f"
    profile: dict[str, Any] = {
        "driver": "COG",
        "height": grid.shape[0],
        "width": grid.shape[1],
        "count": len(bands),
        "dtype": bands.dtype.name,
        "crs": rasterio.crs.CRS.from_user_input(grid.crs_name),
        "transform": grid.transform,
        "compress": "deflate",
        "predictor": "yes",
        "blocksize": _BLOCK,
        "overview_resampling": "average" if floating else "nearest",
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
                file.update_tags(band, **band_tags[band - 1])


def _raster_values(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the values in a type that every GIS reads, and that holds them."""
    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.dtype.kind in "iu" and values.dtype.itemsize > 4:
        limits = np.iinfo(np.int32)
        fits = values.size == 0 or (values.min() >= limits.min and values.max() <= limits.max)
        return values.astype(np.int32 if fits else np.float64)
    return values
