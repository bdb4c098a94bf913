"""Sea-ice drift of OSI SAF: net displacements over 24 or 48 hours, from the node they start at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cftime
import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import CorruptGranuleError, FieldError, InputError, MissingDataError, WrongProductError
from altiflow.readers.field import build_field
from altiflow.readers.velocity.formats.netcdf import (
    choose_crs,
    drop_fill,
    mapping_crs,
    require_variables,
    state_metric,
    vector_pair,
)
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["read_drift"]

_LAYER = ("time", "yc", "xc")
_KM = {"km": 1000.0, "kilometers": 1000.0, "m": 1.0, "meters": 1.0}

_USABLE = (20, 30)
"""Values of status_flag that stand for a vector: 30 nominal, 20 to 25 to be used with care."""

_OFFSETS = {"start_offset": ("dt0", "t0"), "end_offset": ("dt1", "t1")}
"""When each cell's displacement starts and ends: seconds beside the layer's interval, or (CDR) moments."""

_LATEST = 10 * 86_400.0
"""Seconds beside the interval beyond which a start or end is fill; valid are half a day (405) and less."""

_MIRROR = 0.25
"""A mirrored y component is believed where it misses the end points by less than this share of the plain one."""


def read_drift(dataset: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return the layers of one opened drift file that touch the period, as a field of displacements.

    dX and dY are the components, along x and y of the grid and in kilometres of the map, of the way from the node
    to where the ice that starts there ends up: node + (dX, dY) is the place of lat1, lon1. The interval of a layer
    is ``time_bnds``; where a cell's own start and end differ from it they are kept as ``start_offset`` and
    ``end_offset`` [s], to be added to the bounds. Vectors are kept where ``status_flag`` is 20 to 30, and the flag
    is kept. One uncertainty, a standard error, holds for both components.

    Early files had dY point down the rows: ``dY_v1p4`` is read where it is there, and in a file with lat1 and lon1
    a dY that leads there only with its sign turned is turned, which ``source`` then says.

    Raises
    ------
    WrongProductError
        If dX, dY, status_flag, xc or yc are missing or on other dimensions.
    MissingDataError
        If there is no layer, or no time_bnds.
    InputError
        If no CRS is stated nor given, or a unit is given.
    FieldError
        If dX is not in kilometres or metres.
    EmptyDataError
        If no layer touches the period.
    """
    recent = "dY_v1p4" in dataset.variables
    y_name, flag_name = "dY_v1p4" if recent else "dY", _flag_name(dataset, recent)
    wanted = {"dX": _LAYER, y_name: _LAYER, flag_name: _LAYER, "xc": ("xc",), "yc": ("yc",)}
    require_variables(dataset, wanted, path, product.name)
    bounds = _read_bounds(dataset, path)
    part = dataset.isel(time=(layers := options.touching(bounds, path.name)))
    bounds = bounds[layers]
    units = _length_units(dataset, options, path)
    vx, vy, flags = _read_vectors(part, y_name, flag_name, product.limit)
    crs = choose_crs(mapping_crs(dataset, dataset["dX"].attrs.get("grid_mapping")), options.crs, path)
    x, y = (_metres(dataset[name], path) for name in ("xc", "yc"))
    turned = not recent and _points_down(part, crs, (x, y), (vx * _KM[units], vy * _KM[units]))
    metric, metric_source = state_metric(None, options.metric, product.metric)
    sigma = _read_sigma(part, np.isnan(vx), product.limit)
    field = build_field(
        vx,
        -vy if turned else vy,
        x=x,
        y=y,
        time_bnds=bounds,
        crs=crs,
        units=units,
        velocity_metric=metric,
        metric_source=metric_source,
        source=f"{product.name} {path.name}" + (" (dY points down in it: turned)" if turned else ""),
        velocity_kind="displacement",
        vx_sigma=sigma,
        vy_sigma=sigma,
    )
    return field.assign(_read_companions(part, bounds, flags, path))


def _flag_name(dataset: xr.Dataset, recent: bool) -> str:
    """Return the name of the flag that goes with dY."""
    return "status_flag_v1p4" if recent and "status_flag_v1p4" in dataset.variables else "status_flag"


def _read_bounds(dataset: xr.Dataset, path: Path) -> npt.NDArray[np.datetime64]:
    """Return start and end of each layer (time, 2); the units of the bounds are those of time where they have none."""
    if "time_bnds" not in dataset.variables or dataset.sizes.get("time", 0) == 0:
        layers = dataset.sizes.get("time", 0)
        raise MissingDataError(f"{path.name} has {layers} layers and no time_bnds to date them; fetch it again")
    variable = dataset["time_bnds"]
    time_attrs = dataset["time"].attrs if "time" in dataset.variables else {}
    units = variable.attrs.get("units", time_attrs.get("units"))
    calendar = variable.attrs.get("calendar", time_attrs.get("calendar", "standard"))
    bounds = _moments(np.asarray(variable.values, dtype=float), units, calendar, path)
    if bounds.shape != (dataset.sizes["time"], 2):
        raise CorruptGranuleError(f"{path.name}: time_bnds has shape {bounds.shape}, not (time, 2)")
    return np.asarray(np.sort(bounds, axis=1))


def _moments(values: npt.NDArray[np.float64], units: Any, calendar: str, path: Path) -> npt.NDArray[np.datetime64]:
    """Return numbers with units such as "seconds since 1978-01-01" as UTC."""
    try:
        labels = cftime.num2date(values, units, calendar, only_use_cftime_datetimes=False)
        return np.array([np.datetime64(label) for label in np.ravel(labels)], "datetime64[ns]").reshape(values.shape)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise CorruptGranuleError(f"the time of {path.name} cannot be read (units {units!r}): {error}") from error


def _length_units(dataset: xr.Dataset, options: Options, path: Path) -> str:
    """Return the unit of the displacements, a length."""
    units = str(dataset["dX"].attrs.get("units", "km"))
    if options.units is not None:
        raise InputError(f"units={options.units!r}, but {path.name} holds displacements in {units}; leave `units` out")
    if units not in _KM:
        raise FieldError(f"dX is in {units!r}; a displacement is in km or m")
    return "km" if _KM[units] > 1 else "m"


def _metres(coordinate: xr.DataArray, path: Path) -> npt.NDArray[np.float64]:
    """Return a coordinate of cell centres [m]; in kilometres where the file states nothing."""
    units = str(coordinate.attrs.get("units", "km"))
    if units not in _KM:
        raise FieldError(f"{path.name}: {coordinate.name} is in {units!r}, neither km nor m")
    return np.asarray(coordinate.values, dtype=np.float64) * _KM[units]


def _read_vectors(
    part: xr.Dataset, y_name: str, flag_name: str, limit: float
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating], npt.NDArray[np.int16]]:
    """Return vx, vy and the flags, (time, y, x), NaN where the flag tells that there is no vector."""
    flags = np.asarray(part[flag_name].values).astype(np.int16)
    vx, vy = (drop_fill(part[name], limit=limit) for name in ("dX", y_name))
    vx[(flags < _USABLE[0]) | (flags > _USABLE[1])] = np.nan
    return *vector_pair(vx, vy), flags


def _points_down(
    part: xr.Dataset,
    crs: pyproj.CRS,
    nodes: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    vectors: tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]],
) -> bool:
    """Return whether only dY with its sign turned leads from the nodes [m] to the file's own end points."""
    names = {"lat1", "lon1"}
    if not names <= set(part.variables) or any(part[name].dims != _LAYER for name in names):
        return False
    lat, lon = (drop_fill(part[name], limit=360.0) for name in ("lat1", "lon1"))
    seen = np.isfinite(vectors[0]) & np.isfinite(lat) & np.isfinite(lon)
    if not seen.any():
        return False
    project = pyproj.Transformer.from_crs(crs.geodetic_crs or 4326, crs, always_xy=True)
    _, end = project.transform(lon[seen].astype(float), lat[seen].astype(float))
    way = end - np.broadcast_to(nodes[1][:, None], vectors[1].shape)[seen]
    plain, mirrored = (np.median(np.abs(way - sign * vectors[1][seen])) for sign in (1, -1))
    return bool(mirrored < _MIRROR * plain)


def _read_sigma(part: xr.Dataset, invalid: npt.NDArray[np.bool_], limit: float) -> npt.NDArray[np.floating] | None:
    """Return the standard error of either component (time, y, x), NaN where there is no vector."""
    if "uncert_dX_and_dY" not in part.variables:
        return None
    values = drop_fill(part["uncert_dX_and_dY"], limit=limit)
    values[invalid | (values < 0)] = np.nan
    return values


def _read_companions(
    part: xr.Dataset, bounds: npt.NDArray[np.datetime64], flags: npt.NDArray[np.int16], path: Path
) -> dict[str, Any]:
    """Return the flags, and the start and end of each cell beside the layer's [s], where the file has them."""
    dims = ("time", "y", "x")
    meaning = "flag of the file, as it is: 30 nominal, 20 to 25 with care, below 20 no vector"
    companions: dict[str, Any] = {"status_flag": (dims, flags, {"long_name": meaning, "units": "1"})}
    for column, (name, sources) in enumerate(_OFFSETS.items()):
        source = next((source for source in sources if source in part.variables), None)
        if source is None:
            continue
        seconds = _offset_seconds(part[source], bounds[:, column], path)
        attrs = {"long_name": f"{name.split('_')[0]} of the displacement beside that in time_bnds", "units": "s"}
        companions[name] = (dims, seconds, attrs)
    return companions


def _offset_seconds(variable: xr.DataArray, edge: npt.NDArray[np.datetime64], path: Path) -> npt.NDArray[np.floating]:
    """Return seconds after the edge of each layer (time, y, x), NaN for fill; moments become seconds after it."""
    if variable.dims != _LAYER:
        raise WrongProductError(f"{path.name}: {variable.name!r} lies on {variable.dims}, not {_LAYER}")
    values = drop_fill(variable, limit=1e10).astype(np.float64)
    units = str(variable.attrs.get("units", "s"))
    if " since " in units:
        origin = _moments(np.zeros(1), units, str(variable.attrs.get("calendar", "standard")), path)[0]
        values -= ((edge - origin) / np.timedelta64(1, "s"))[:, None, None]
    with np.errstate(invalid="ignore"):
        values[~(np.abs(values) <= _LATEST)] = np.nan
    return values
