"""Velocity fields that altiflow wrote, read back: NetCDF, Zarr, and folders of GeoTIFFs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
import xarray as xr
from rasterio.windows import Window

from altiflow.errors import CorruptGranuleError, FieldError, InputError
from altiflow.readers.field import check_field, crs_text
from altiflow.readers.layers import LAYER_COORDS
from altiflow.readers.velocity.formats.netcdf import choose_crs, mapping_crs, state_units
from altiflow.readers.velocity.formats.raster import cell_centres, pair_paths
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["drop_written", "is_written", "read_written", "read_written_rasters"]

_LAYER = ("time", "y", "x")
_MAPPING = "crs"
_ATTRIBUTES = "altiflow_attributes"
"""Tag of a GeoTIFF with the attributes of the field in JSON."""
_VARIABLES = "altiflow_variables"
"""Tag with the names of the variables that were written beside each other, in JSON."""
_TIMES = ("time", "time_start", "time_end")
"""Tags of a band."""


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
    _check_said(field, path, product, options)
    if field.attrs["time_rule"] == "undated":
        return field
    return field.isel(time=options.touching(field["time_bnds"].values, path.name))


def is_written(path: Path) -> bool:
    """Return whether a GeoTIFF is one variable of a velocity field that altiflow wrote, a band per layer."""
    try:
        with _opened(path) as source:
            return "velocity_metric" in json.loads(source.tags().get(_ATTRIBUTES, "{}"))
    except (rasterio.errors.RasterioError, ValueError):
        return False


def drop_written(paths: Sequence[Path]) -> list[Path]:
    """Return the paths without what altiflow wrote beside the components that are among them."""
    stems = {(path.parent, path.name.removesuffix("vx.tif")) for path in paths if path.name.endswith("vx.tif")}
    folders = {folder for folder, _ in stems}
    return [
        path
        for path in paths
        if path.name.endswith(("vx.tif", "vy.tif"))
        or path.parent not in folders
        or not is_written(path)
        or (path.parent, path.name.removesuffix(f"{_variable(path)}.tif")) not in stems
    ]


def read_written_rasters(path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return the field in the GeoTIFFs of altiflow beside a component, the bands that touch the period.

    Raises
    ------
    FieldError
        If the files are not of one field: they differ in grid, attributes or layers; or state too little.
    InputError
        If a component is not there, or a CRS, metric or unit is given that differs from what the files state.
    CorruptGranuleError
        If a file is damaged.
    EmptyDataError
        If no layer touches the period, or no cells lie in the bounds.
    """
    first = pair_paths(path)[0]
    stem = first.name.removesuffix("vx.tif")
    try:
        with _opened(first) as source:
            told = json.loads(source.tags().get(_VARIABLES, "[]"))
        names = {name: file for name in told if (file := first.with_name(f"{stem}{name}.tif")).is_file()}
        field = _frame(first, options)
        for name, file in names.items():
            variable = _read_variable(file, first, options)
            if variable is not None:
                field[name] = variable
    except rasterio.errors.RasterioError as error:
        raise CorruptGranuleError(f"{path.name} or a file beside it cannot be read: {error}; fetch it again") from error
    field = _tidy(field)
    _check_said(field, first, product, options)
    if field.attrs["time_rule"] == "undated":
        return field
    return field.isel(time=options.touching(field["time_bnds"].values, first.name))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a GeoTIFF; one that lost its georeference is told by what is read."""
    quiet = warnings.catch_warnings(action="ignore", category=rasterio.errors.NotGeoreferencedWarning)
    with quiet, rasterio.open(path) as source:
        yield source


def _frame(path: Path, options: Options) -> xr.Dataset:
    """Return coordinates, attributes and what is known of each layer, from the tags of a component."""
    with _opened(path) as source:
        rows, columns = _window(source, path, options)
        x, y = cell_centres(source.transform, source.shape, path)
        attrs = json.loads(source.tags()[_ATTRIBUTES])
        bands = [source.tags(number) for number in source.indexes]
    times = {name: np.array([band.get(name, "NaT") for band in bands], "M8[ns]") for name in _TIMES}
    coords: dict[str, Any] = {
        "time": ("time", times["time"]),
        "time_bnds": (("time", "nv"), np.stack([times["time_start"], times["time_end"]], axis=1)),
        "y": ("y", y[rows], {"units": "m", "standard_name": "projection_y_coordinate"}),
        "x": ("x", x[columns], {"units": "m", "standard_name": "projection_x_coordinate"}),
    }
    for name, (kind, unit, meaning) in LAYER_COORDS.items():
        # GDAL keeps no empty tag: what is not known of a layer is not there.
        if any(name in band for band in bands):
            told = [band.get(name, "" if kind == "U" else "nan") for band in bands]
            values = np.array(told, dtype=str) if kind == "U" else np.array(told, dtype=float)
            coords[name] = ("time", values, {"long_name": meaning, "units": unit or str(attrs.get("units", ""))})
    frame = xr.Dataset(coords=coords, attrs=attrs)
    for name in ("vx_sigma", "vy_sigma"):
        if all(name in band for band in bands):
            frame[name] = ("time", np.array([band[name] for band in bands], float), {"units": attrs.get("units", "")})
    return frame


def _read_variable(path: Path, first: Path, options: Options) -> xr.Variable | None:
    """Return the bands of a variable on (time, y, x); None if it is not one of layers."""
    with _opened(path) as source, _opened(first) as component:
        tags, told = source.tags(), component.tags()
        if not source.descriptions[0] and tags.get(_ATTRIBUTES):
            return None
        grids = [(one.shape, one.transform, one.crs) for one in (source, component)]
        layers = [[[one.tags(n).get(key) for key in _TIMES] for n in one.indexes] for one in (source, component)]
        for what, same in {
            "grid": grids[0] == grids[1],
            "attributes": tags.get(_ATTRIBUTES) == told.get(_ATTRIBUTES),
            "layers": layers[0] == layers[1],
        }.items():
            if not same:
                raise FieldError(
                    f"{path.name} has other {what} than {first.name} beside it: it is damaged or of another field; "
                    "write the field anew, to a folder of its own"
                )
        values = source.read(window=Window.from_slices(*_window(source, path, options)))
        attrs = {key: text for key, text in (("units", source.units[0]), ("long_name", tags.get("long_name"))) if text}
    return xr.Variable(_LAYER, values, attrs)


def _window(source: Any, path: Path, options: Options) -> tuple[slice, slice]:
    """Return the rows and columns of a raster that are asked for."""
    if options.bounds is None:
        return slice(0, source.height), slice(0, source.width)
    return options.window(*cell_centres(source.transform, source.shape, path), path.name)


def _variable(path: Path) -> str:
    """Return the name of the variable that a GeoTIFF of altiflow holds."""
    with _opened(path) as source:
        return str(source.tags().get("name", ""))


def _check_said(field: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> None:
    """Raise unless a field states what it must, and nothing else than the caller says."""
    check_field(field)
    if options.crs is not None:
        choose_crs(pyproj.CRS.from_user_input(field.attrs["crs"]), options.crs, path)
    if options.metric not in (None, field.attrs["velocity_metric"]):
        raise InputError(
            f"metric={options.metric!r}, but {path.name} states {field.attrs['velocity_metric']!r}; leave `metric` out"
        )
    state_units(field.attrs["units"], options.units, product.units, path)


def _tidy(field: xr.Dataset) -> xr.Dataset:
    """Return a decoded file with what only files need taken off: grid mapping, bounds of cells, flags as numbers."""
    field = field.set_coords([name for name in ("time_bnds",) if name in field])
    kept = field.drop_vars([name for name in field.data_vars if field[name].dims not in (_LAYER, _LAYER[:1])])
    known = {"time", "time_bnds", "y", "x", *LAYER_COORDS}
    kept = kept.drop_vars([name for name in kept.coords if name not in known])
    for name in ("time", "time_bnds"):
        if name in kept.coords and kept[name].dtype.kind == "M":
            kept[name] = kept[name].astype("datetime64[ns]")
    texts = [name for name, (kind, _, _) in LAYER_COORDS.items() if kind == "U" and name in kept.coords]
    # Texts of a store have a type of their own that does not become one of fixed width by itself.
    plain = {name: np.array(kept[name].values.tolist(), dtype=str) for name in texts}
    kept = kept.assign_coords({name: ("time", values, kept[name].attrs) for name, values in plain.items()})
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
