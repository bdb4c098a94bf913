"""Files of heights on a grid, HDF5 with a grid mapping: what they have in common, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyproj
import xarray as xr

from altiflow.errors import AltiflowError, CorruptGranuleError, InputError, MissingDataError, WrongProductError
from altiflow.readers.hdf5 import DAMAGE, check_hdf5
from altiflow.readers.icesat2.granule import granule_stem
from altiflow.readers.icesat2.products import DELTA_TIME_EPOCH
from altiflow.readers.velocity.options import Options

__all__ = ["HeightLayout", "read_height_grid"]

_MAPPINGS = ("Polar_Stereographic", "crs", "projection", "spatial_ref", "mapping")
_LARGEST = 1e30
"""Fill is 3.4028235e38 or 1.7976931348623157e308."""
_PACKING = (("scale_factor", 1.0), ("add_offset", 0.0))
_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
_TOLD = ("long_name", "standard_name", "description", "comment", "units", "flag_meanings")

Place = dict[str, Any]
"""What is read of each dimension: a slice, or numbers in order."""


@dataclass(frozen=True)
class HeightLayout:
    """Where the heights of a product lie, and what they are called.

    Attributes
    ----------
    product
        Short name.
    needed
        Variable without which a file holds nothing.
    group
        Group that holds all of it; "" for the file.
    dims
        Dimensions of the heights.
    names
        Other names of variables, and the name that each of them gets.
    measured
        Names of measurements [m], which may be packed into whole numbers.
    """

    product: str
    needed: str
    group: str = ""
    dims: tuple[str, ...] = ("time", "y", "x")
    names: Mapping[str, str] = field(default_factory=dict)
    measured: tuple[str, ...] = ()


def read_height_grid(source: Path, layout: HeightLayout, options: Options) -> xr.Dataset:
    """Return the variables of a layout on their grid: y from the top down, NaN for fill, grid mapping ``crs``.

    Raises
    ------
    InputError, UnsupportedFormatError, WrongProductError, MissingDataError, EmptyDataError, CorruptGranuleError
        As :func:`altiflow.read_atl15`.
    """
    check_hdf5(source)
    try:
        with h5py.File(source, "r") as file:
            _check_product(file, source, layout.product)
            if layout.group and layout.group not in file:
                raise MissingDataError(f"{source.name} has no group {layout.group}; it has {', '.join(file)}")
            group = file[layout.group] if layout.group else file
            there = [layout.names.get(name, name) for name in group]
            missing = [name for name in (layout.needed, *layout.dims) if name not in there]
            if missing:
                raise MissingDataError(f"{source.name}: {layout.group or 'the file'} lacks {', '.join(missing)}")
            crs = _crs_of(group, source) if options.crs is None else _given_crs(options.crs)
            dataset = _variables(group, layout, source, options)
    except AltiflowError:
        raise
    except DAMAGE as error:
        raise CorruptGranuleError(f"{source.name} cannot be read: {error}") from error
    dataset = dataset.sortby("y", ascending=False).sortby("x")
    dataset["crs"] = xr.Variable((), np.int32(0), _mapping(crs))
    layer = layout.group or ("height" if "time" not in layout.dims else layout.needed)
    dataset.attrs = {"product": layout.product, "granules": granule_stem(source), "layer": layer}
    return dataset


def _check_product(file: h5py.File, source: Path, product: str) -> None:
    """Refuse another product, as far as the file says what it is."""
    said = _text(file.attrs.get("short_name", "")) or source.name[:5]
    if said.upper().startswith("ATL") and not said.upper().startswith(product):
        raise WrongProductError(f"{source.name} is {said}, not {product}")


def _variables(group: h5py.Group, layout: HeightLayout, source: Path, options: Options) -> xr.Dataset:
    """Return everything that lies on the grid, or on the grid and time."""
    axes = {name: np.asarray(group[name][...], np.float64).ravel() for name in layout.dims}
    rows, cols = options.window(axes["x"], axes["y"], source.name)
    place: Place = {"y": rows, "x": cols}
    coords: dict[str, Any] = {
        name: (
            name,
            axes[name][place[name]],
            {"standard_name": f"projection_{name}_coordinate", "units": "m", "axis": name.upper()},
        )
        for name in ("y", "x")
    }
    if "time" in axes:
        moments = _moments(axes["time"], group["time"], source)
        place["time"] = _layers(moments, source, options)
        coords["time"] = ("time", moments[place["time"]], {"standard_name": "time", "axis": "T"})
    sizes = {name: values.size for name, values in axes.items()}
    dataset = xr.Dataset(coords=coords)
    for name, node in group.items():
        if name not in (*layout.dims, *_MAPPINGS) and isinstance(node, h5py.Dataset) and node.dtype.kind in "iuf":
            dims = _dims_of(node, sizes, source)
            if dims:
                known = layout.names.get(name, name)
                values = _values(node, tuple(place[dim] for dim in dims), packed=known in layout.measured)
                dataset[known] = (dims, values, _described(node, "m" if known in layout.measured else ""))
    return dataset


def _dims_of(node: h5py.Dataset, sizes: Mapping[str, int], source: Path) -> tuple[str, ...]:
    """Return the dimensions of a data set: all, or those of the grid alone; none where it is not on the grid."""
    names = tuple(sizes)
    for dims in (names, names[-2:]):
        if node.shape == tuple(sizes[name] for name in dims):
            return dims
    if node.ndim < 2:
        return ()
    raise CorruptGranuleError(f"{source.name}: {node.name} is {node.shape}, its grid is {tuple(sizes.values())}")


def _described(node: h5py.Dataset, unit: str) -> dict[str, Any]:
    """Return what is said of a variable; `unit` where no other is."""
    told = {key: _text(node.attrs[key]) for key in _TOLD if key in node.attrs}
    if unit and told.get("units", "none") == "none":
        told["units"] = unit
    return {**told, "grid_mapping": "crs"}


def _layers(moments: Any, source: Path, options: Options) -> Any:
    """Return the layers of the period, a slice where they lie together."""
    # An interval of no length would not touch a period that begins with it.
    intervals = np.stack([moments, moments + np.timedelta64(1, "ns")], axis=1)
    chosen = options.touching(intervals, source.name)
    together = chosen.size == 0 or chosen[-1] - chosen[0] + 1 == chosen.size
    return slice(int(chosen[0]), int(chosen[-1]) + 1) if together and chosen.size else chosen


def _values(node: h5py.Dataset, place: tuple[Any, ...], *, packed: bool) -> Any:
    """Return the values of a data set, NaN for fill, unpacked; whole numbers that are no measurement as they are."""
    raw = node[place]
    scale, offset = (float(np.ravel(node.attrs.get(key, plain))[0]) for key, plain in _PACKING)
    if raw.dtype.kind != "f" and not packed and (scale, offset) == (1.0, 0.0):
        return raw
    fill = np.ravel(node.attrs.get("_FillValue", node.fillvalue))
    values = raw.astype(raw.dtype.newbyteorder("=") if raw.dtype.kind == "f" else np.float32)
    # A fill value of 0 is what HDF5 says where nothing was said.
    declared = np.isin(raw, fill[fill != 0])
    with np.errstate(invalid="ignore"):
        values[declared | ~(np.abs(values) < _LARGEST)] = np.nan
    return values if (scale, offset) == (1.0, 0.0) else values * values.dtype.type(scale) + values.dtype.type(offset)


def _moments(days: np.ndarray[Any, np.dtype[np.float64]], node: h5py.Dataset, source: Path) -> Any:
    """Return times of days since a date as UTC."""
    units = _text(node.attrs.get("units", f"days since {DELTA_TIME_EPOCH}"))
    calendar = _text(node.attrs.get("calendar", "standard")).lower()
    since = pd.to_datetime(units.removeprefix("days since "), utc=True, errors="coerce")
    if not units.startswith("days since ") or pd.isna(since) or calendar not in _CALENDARS:
        said = units if calendar in _CALENDARS else f"{units}, calendar {calendar}"
        raise CorruptGranuleError(f"{source.name}: {node.name} is in {said!r}, not in days since a date (UTC)")
    if not np.isfinite(days).all():
        raise CorruptGranuleError(f"{source.name}: {node.name} has layers without a time")
    micros = np.round(days * 86_400e6).astype("timedelta64[us]")
    return (since.tz_localize(None).to_datetime64().astype("datetime64[us]") + micros).astype("datetime64[ns]")


def _given_crs(crs: Any) -> pyproj.CRS:
    """Return the CRS that the caller states."""
    try:
        return pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"crs={crs!r} is no CRS ({error}); use one such as 'EPSG:3413'") from error


def _crs_of(group: h5py.Group, source: Path) -> pyproj.CRS:
    """Return the CRS that the grid mapping states, by WKT, code or CF parameters; or the file, by its code."""
    for name in _MAPPINGS:
        for node in (group.get(name), group.file.get(name)):
            if isinstance(node, h5py.Dataset):
                found = _stated({key: _plain(value) for key, value in node.attrs.items()})
                if found is not None:
                    return found
    codes = [group.file.attrs[key] for key in ("epsg_number", "spatial_epsg") if key in group.file.attrs]
    found = _stated({"spatial_epsg": _plain(codes[0])}) if codes else None
    if found is None:
        raise MissingDataError(f"{source.name}: no grid mapping of {group.name} states the CRS, which is not guessed")
    return found


def _stated(told: Mapping[str, Any]) -> pyproj.CRS | None:
    """Return the CRS of a grid mapping's attributes, None if they state none."""
    try:
        for key in ("crs_wkt", "spatial_ref"):
            if told.get(key):
                return pyproj.CRS.from_wkt(str(told[key]))
        if told.get("spatial_epsg"):
            return pyproj.CRS.from_epsg(int(float(told["spatial_epsg"])))
        return pyproj.CRS.from_cf(dict(told)) if "grid_mapping_name" in told else None
    except (pyproj.exceptions.CRSError, KeyError, ValueError):
        return None


def _mapping(crs: pyproj.CRS) -> dict[str, Any]:
    """Return the attributes of the grid mapping."""
    told = {name: value for name, value in crs.to_cf().items() if value is not None}
    return told | {"spatial_ref": crs.to_wkt()}


def _plain(value: Any) -> Any:
    """Return an attribute as a number or text."""
    flat = np.ravel(value)
    if flat.size != 1:
        return flat.tolist()
    return _text(value) if flat.dtype.kind in "SOU" else flat[0].item()


def _text(value: Any) -> str:
    """Return an attribute as text."""
    found = np.ravel(value)[0] if np.size(value) else ""
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
