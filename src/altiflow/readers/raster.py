"""Rasters: thickness, concentration, elevation and the like on a map, one variable of a NetCDF or a GeoTIFF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
import xarray as xr

from altiflow.errors import CorruptGranuleError, InputError, UnsupportedFormatError
from altiflow.readers.field import crs_text
from altiflow.readers.velocity.formats.netcdf import choose_crs, mapping_crs, open_raw, sniff_format
from altiflow.readers.velocity.formats.raster import cell_centres

__all__ = ["read_raster"]

_AXES = (("x", "y"), ("xc", "yc"))
_METRES = {"km": 1000.0, "kilometers": 1000.0, "kilometres": 1000.0}
_LARGEST = 1e30
"""Undeclared fill is larger (3.4e38)."""


def read_raster(path: str | Path, variable: str | None = None, *, crs: Any = None) -> xr.Dataset:
    """Return one variable on a map, with its CRS in ``attrs["crs"]``.

    Parameters
    ----------
    path
        NetCDF, or GeoTIFF with one band.
    variable
        Its name in a NetCDF; may be left out where only one variable lies on x and y. Of a GeoTIFF it is the name that
        the variable gets, "value" where not given.
    crs
        Of a file that states none.

    Returns
    -------
    xarray.Dataset
        The variable on (y, x) or (time, y, x), NaN where the file declares fill, with x and y [m] and ``time_bnds``
        where the file has them. A NetCDF stays on disk until it is used.

    Raises
    ------
    InputError
        If there is no such file or variable, several to choose from, or no CRS is stated nor given.
    UnsupportedFormatError, CorruptGranuleError
        If it is neither NetCDF nor a GeoTIFF with one band, or is damaged.
    FieldError
        If the CRS is no map in metres, or the raster is rotated.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"there is no file {source}")
    kind = sniff_format(source)
    if kind is None:
        raise UnsupportedFormatError(f"{source.name} is neither NetCDF nor GeoTIFF")
    found = _read_tiff(source, variable or "value", crs) if kind == "tiff" else _read_netcdf(source, variable, crs)
    return found.assign_attrs(source=source.name)


def _read_tiff(path: Path, name: str, crs: Any) -> xr.Dataset:
    """Return the only band of a GeoTIFF."""
    try:
        with rasterio.open(path) as opened:
            if opened.count != 1:
                raise UnsupportedFormatError(
                    f"{path.name} has {opened.count} bands, and one is needed; extract it first"
                )
            band = opened.read(1, masked=True)
            stated = None if opened.crs is None else pyproj.CRS.from_user_input(opened.crs.to_wkt())
            x, y = cell_centres(opened.transform, opened.shape, path)
            scale, offset, unit = float(opened.scales[0]), float(opened.offsets[0]), opened.units[0]
    except rasterio.errors.RasterioError as error:
        raise CorruptGranuleError(f"{path.name} cannot be read, truncated or damaged: {error}") from error
    values = band.astype(np.float32 if band.dtype.itemsize <= 4 else np.float64).filled(np.nan) * scale + offset
    values = np.where(np.abs(values) < _LARGEST, values, np.nan)
    attrs = {"units": unit} if unit else {}
    return xr.Dataset(
        {name: (("y", "x"), values, attrs)},
        coords={"y": y, "x": x},
        attrs={"crs": crs_text(choose_crs(stated, crs, path))},
    )


def _read_netcdf(path: Path, variable: str | None, crs: Any) -> xr.Dataset:
    """Return a variable of a NetCDF."""
    with open_raw(path) as raw:
        axes = next((pair for pair in _AXES if set(pair) <= set(raw.variables)), None)
        if axes is None:
            raise InputError(f"{path.name} has no coordinates x and y (nor xc and yc); warp it to a map first")
        on_map = [str(name) for name, data in raw.data_vars.items() if set(axes) <= set(data.dims)]
        name = variable or (on_map[0] if len(on_map) == 1 else None)
        if name not in on_map:
            asked = "say which" if variable is None else f"there is no {variable!r}"
            raise InputError(f"{path.name} has on x and y: {', '.join(on_map) or 'nothing'}; {asked} (variable=)")
        stated = mapping_crs(raw, raw[name].attrs.get("grid_mapping"))
        metres = {axis: _METRES.get(str(raw[axis].attrs.get("units")), 1.0) for axis in axes}
        known = choose_crs(stated, crs, path)
        others = [str(one) for one in raw.variables if one not in {name, *axes, "time", "time_bnds"}]
    try:
        engine: Any = sniff_format(path)
        opened = xr.open_dataset(path, engine=engine, drop_variables=others)
    except (OSError, ValueError, RuntimeError) as error:
        raise CorruptGranuleError(f"{path.name} cannot be decoded: {error}") from error
    layers = opened[name].rename({old: new for old, new in zip(axes, "xy", strict=True) if old != new})
    if set(layers.dims) - {"time", "y", "x"}:
        raise InputError(f"{name} of {path.name} lies on {layers.dims}; it needs (y, x) or (time, y, x)")
    places = {new: layers[new].values.astype(float) * metres[old] for old, new in zip(axes, "xy", strict=True)}
    found = xr.Dataset({name: layers.reset_coords(drop=True).assign_coords(places)}, attrs={"crs": crs_text(known)})
    if "time" in layers.dims and "time_bnds" in opened.variables:
        found = found.assign_coords(time_bnds=(("time", "nv"), opened["time_bnds"].values))
    return found
