"""ATL14 and ATL15: land-ice height on a grid, and its change with time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import h5py
import numpy as np
import pyproj
import xarray as xr

from altiflow.errors import CorruptGranuleError, InputError, MissingDataError, WrongProductError
from altiflow.readers.hdf5 import check_hdf5
from altiflow.readers.icesat2.granule import granule_stem
from altiflow.readers.icesat2.products import DELTA_TIME_EPOCH

__all__ = ["HeightLayer", "read_atl14", "read_atl15"]

HeightLayer = Literal[
    "delta_h", "dhdt_lag1", "dhdt_lag4", "dhdt_lag8", "dhdt_lag12", "dhdt_lag16", "dhdt_lag20", "dhdt_lag24"
]
"""Groups of ATL15: height against the ATL14 surface, and its rate over so many quarters of a year."""

_MAPPINGS = ("Polar_Stereographic", "crs", "projection", "spatial_ref")
_LARGEST = 1e30
"""Fill is 3.4028235e38 or 1.7976931348623157e308."""


def read_atl14(path: str | Path) -> xr.Dataset:
    """Return the height of an ATL14 file: ``h``, ``h_sigma`` [m] and what else it has on (y, x).

    Heights are above the WGS84 ellipsoid on 2020-01-01.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    xarray.Dataset
        y from the top down, NaN for fill, with the grid mapping ``crs``. Add up ``ice_area`` [m2], not the squares of
        the spacing: cells on the map are larger or smaller than on the ground, and some hold little ice.

    Raises
    ------
    InputError, UnsupportedFormatError
        If there is no such file, or it is not HDF5.
    WrongProductError
        If it is another product.
    MissingDataError
        If heights, their coordinates or the CRS are missing.
    CorruptGranuleError
        If it is damaged, or shapes contradict each other.
    """
    return _read(Path(path), "", "ATL14", "h")


def read_atl15(path: str | Path, *, layer: HeightLayer = "delta_h") -> xr.Dataset:
    """Return one layer of an ATL15 file on (time, y, x).

    ``delta_h``, ``delta_h_sigma`` [m]: height less that of ATL14; ``dhdt``, ``dhdt_sigma`` [m yr-1]: its rate over
    ``lag`` quarters, at the middle of them.

    Parameters
    ----------
    path
        The file.
    layer
        Group to read.

    Returns
    -------
    xarray.Dataset
        As for :func:`read_atl14`, with ``time`` (UTC). Regions A1 to A4 of Antarctica overlap by a pixel at 40 km.

    Raises
    ------
    InputError
        If there is no such file or layer.
    UnsupportedFormatError, WrongProductError, MissingDataError, CorruptGranuleError
        As for :func:`read_atl14`.
    """
    if layer not in get_args(HeightLayer):
        raise InputError(f"layer={layer!r} means nothing; use one of {', '.join(get_args(HeightLayer))}")
    return _read(Path(path), layer, "ATL15", "delta_h" if layer == "delta_h" else "dhdt")


def _read(source: Path, layer: str, product: str, needed: str) -> xr.Dataset:
    """Return the variables of a group on its grid."""
    check_hdf5(source)
    try:
        with h5py.File(source, "r") as file:
            _check_product(file, source, product)
            if layer and layer not in file:
                raise MissingDataError(f"{source.name} has no group {layer}; it has {', '.join(file)}")
            group = file[layer] if layer else file
            dims = ("time", "y", "x") if layer else ("y", "x")
            missing = [name for name in (needed, *dims) if name not in group]
            if missing:
                raise MissingDataError(f"{source.name}: {layer or 'the file'} lacks {', '.join(missing)}")
            dataset = _variables(group, dims, source)
            crs = _crs_of(group, source)
    except (OSError, RuntimeError, KeyError) as error:
        raise CorruptGranuleError(f"{source.name} cannot be read: {error}") from error
    dataset = dataset.sortby("y", ascending=False).sortby("x")
    dataset["crs"] = xr.Variable((), np.int32(0), _mapping(crs))
    dataset.attrs = {"product": product, "granules": granule_stem(source), "layer": layer or "height"}
    return dataset


def _check_product(file: h5py.File, source: Path, product: str) -> None:
    """Refuse another product, as far as the file says what it is."""
    said = _text(file.attrs.get("short_name", "")) or source.name[:5]
    if said.upper().startswith("ATL") and not said.upper().startswith(product):
        raise WrongProductError(f"{source.name} is {said}, not {product}")


def _variables(group: h5py.Group, dims: tuple[str, ...], source: Path) -> xr.Dataset:
    """Return everything that lies on the grid, or on the grid and time."""
    axes = {name: np.asarray(group[name][...], np.float64).ravel() for name in dims}
    coords: dict[str, Any] = {
        name: (name, axes[name], {"standard_name": f"projection_{name}_coordinate", "units": "m", "axis": name.upper()})
        for name in ("y", "x")
    }
    if "time" in axes:
        coords["time"] = ("time", _moments(axes["time"], group["time"], source), {"standard_name": "time", "axis": "T"})
    sizes = tuple(axes[name].size for name in dims)
    dataset = xr.Dataset(coords=coords)
    for name, node in group.items():
        if name in (*dims, *_MAPPINGS) or not isinstance(node, h5py.Dataset) or node.dtype.kind not in "iuf":
            continue
        if node.shape not in (sizes, sizes[-2:]):
            if node.ndim < 2:
                continue
            raise CorruptGranuleError(f"{source.name}: {node.name} is {node.shape}, its grid is {sizes}")
        told = {key: _text(node.attrs[key]) for key in ("long_name", "description", "units") if key in node.attrs}
        dataset[name] = (dims[-node.ndim :], _filled(node), {**told, "grid_mapping": "crs"})
    return dataset


def _filled(node: h5py.Dataset) -> Any:
    """Return the values of a data set, NaN for fill; whole numbers as they are."""
    raw = node[...]
    if raw.dtype.kind != "f":
        return raw
    fill = np.ravel(node.attrs.get("_FillValue", node.fillvalue))
    values = raw.astype(raw.dtype.newbyteorder("="))
    # A fill value of 0 is what HDF5 says where nothing was said.
    declared = np.isin(raw, fill[fill != 0])
    with np.errstate(invalid="ignore"):
        values[declared | ~(np.abs(values) < _LARGEST)] = np.nan
    return values


def _moments(days: np.ndarray[Any, np.dtype[np.float64]], node: h5py.Dataset, source: Path) -> Any:
    """Return times of days since 2018 as UTC."""
    units = _text(node.attrs.get("units", f"days since {DELTA_TIME_EPOCH}"))
    if not units.startswith(f"days since {DELTA_TIME_EPOCH}"):
        raise CorruptGranuleError(f"{source.name}: {node.name} is in {units!r}, not in days since {DELTA_TIME_EPOCH}")
    micros = np.round(days * 86_400e6).astype("timedelta64[us]")
    return (np.datetime64(DELTA_TIME_EPOCH, "us") + micros).astype("datetime64[ns]")


def _crs_of(group: h5py.Group, source: Path) -> pyproj.CRS:
    """Return the CRS that the grid mapping states, by WKT, code or CF parameters."""
    for name in _MAPPINGS:
        for node in (group.get(name), group.file.get(name)):
            if isinstance(node, h5py.Dataset):
                told = {key: _plain(value) for key, value in node.attrs.items()}
                found = _stated(told)
                if found is not None:
                    return found
    raise MissingDataError(f"{source.name}: no grid mapping of {group.name} states the CRS, which is not guessed")


def _stated(told: Mapping[str, Any]) -> pyproj.CRS | None:
    """Return the CRS of a grid mapping's attributes, None if they state none."""
    try:
        for key in ("crs_wkt", "spatial_ref"):
            if told.get(key):
                return pyproj.CRS.from_wkt(str(told[key]))
        if told.get("spatial_epsg"):
            return pyproj.CRS.from_epsg(int(told["spatial_epsg"]))
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
