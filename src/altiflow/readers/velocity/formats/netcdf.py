"""NetCDF files of velocity: opened raw, fill taken out, CRS and units read from their attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import (
    CorruptGranuleError,
    FieldError,
    InputError,
    UnsupportedFormatError,
    WrongProductError,
)
from altiflow.readers.field import Metric, MetricSource
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct
from altiflow.units import canonical_unit

__all__ = [
    "choose_crs",
    "crop_dataset",
    "drop_fill",
    "mapping_crs",
    "open_netcdf",
    "open_raw",
    "require_variables",
    "sniff_format",
    "state_metric",
    "state_units",
    "state_year",
    "vector_pair",
]

_ENGINES = {b"\x89HDF\r\n\x1a\n": "h5netcdf", b"CDF\x01": "scipy", b"CDF\x02": "scipy"}
_TIFFS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

_MAPPING_KEYS = ("spatial_epsg", "srid", "crs_wkt", "spatial_ref", "proj4text", "spatial_proj4", "proj4_string")
"""Attributes of a grid mapping, the plainest first; the CF parameters count where none of them is there."""

_EARTH = 6e6
"""Ellipsoids in metres are larger; some files state the axes in km, and then no more of them can be believed."""

_ELLIPSOID = ("semi_major_axis", "earth_radius", "reference_ellipsoid_name")
"""CF parameters that state the ellipsoid; pyproj would take WGS 84 where none of them is there."""

_AXES = (("x", "y"), ("xc", "yc"))
"""Names of the coordinates of cell centres."""

_METRES = {"km": 1000.0, "kilometers": 1000.0}

_NO_NUMBER = 1e9
"""No velocity, error or count is as large; the fills 3.4e38 and 1e10 are."""


def sniff_format(path: Path) -> str | None:
    """Return "tiff", or the engine that opens the file's NetCDF, by its first bytes; None if it is neither."""
    with path.open("rb") as file:
        head = file.read(8)
    if head[:4] in _TIFFS:
        return "tiff"
    return next((engine for magic, engine in _ENGINES.items() if head.startswith(magic)), None)


@contextmanager
def open_netcdf(path: Path) -> Iterator[xr.Dataset]:
    """Yield the file as it is on disk: no fill masked, no time decoded.

    Raises
    ------
    UnsupportedFormatError
        If the file is not NetCDF.
    CorruptGranuleError
        If it is truncated or damaged, found while opening or while reading from it.
    """
    with open_raw(path) as dataset:
        try:
            yield dataset
        except (OSError, RuntimeError) as error:
            raise CorruptGranuleError(f"{_damage(path)} ({error})") from error


def open_raw(path: Path) -> xr.Dataset:
    """Return the file as it is on disk, open and unread; xarray closes and reopens the least used of many.

    Raises
    ------
    UnsupportedFormatError
        If the file is not NetCDF.
    CorruptGranuleError
        If it is truncated or damaged.
    """
    engine = sniff_format(path)
    if engine not in ("h5netcdf", "scipy"):
        raise UnsupportedFormatError(f"{path.name} is not NetCDF (classic, or 4 on HDF5)")
    # scipy's reader maps the file into memory by default, and closing a file that arrays still look into warns.
    options: dict[str, Any] = {"mmap": False} if engine == "scipy" else {}
    try:
        return xr.open_dataset(path, engine=engine, decode_cf=False, cache=False, **options)
    except (OSError, ValueError, LookupError, TypeError, EOFError, RuntimeError) as error:
        raise CorruptGranuleError(f"{_damage(path)} ({error})") from error


def _damage(path: Path) -> str:
    """Return what is said of a damaged file."""
    return f"{path.name} cannot be read, truncated or damaged; fetch it again"


def require_variables(dataset: xr.Dataset, names: Mapping[str, tuple[str, ...]], path: Path, product: str) -> None:
    """Raise unless the variables are there, on these dimensions.

    Raises
    ------
    WrongProductError
        Naming what the file lacks.
    """
    for name, dims in names.items():
        if name not in dataset.variables:
            raise WrongProductError(f"{path.name} lacks {name!r}, so it is no {product} file; leave `product` out")
        if dataset[name].dims != dims:
            raise WrongProductError(f"{path.name}: {name!r} lies on {dataset[name].dims}, not {dims} as in {product}")


def crop_dataset(dataset: xr.Dataset, options: Options, path: Path) -> xr.Dataset:
    """Return the part of an opened file whose cell centres lie in the caller's bounds; nothing else is loaded.

    A file without coordinates of its cells is handed on: its reader says what it lacks.

    Raises
    ------
    EmptyDataError
        If fewer than two cells lie in the bounds along an axis.
    """
    if options.bounds is None:
        return dataset
    for x, y in _AXES:
        if all(name in dataset.variables and dataset[name].dims == (name,) for name in (x, y)):
            centres = [
                dataset[name].values * _METRES.get(str(dataset[name].attrs.get("units")), 1.0) for name in (x, y)
            ]
            rows, columns = options.window(centres[0], centres[1], path.name)
            return dataset.isel({y: rows, x: columns})
    return dataset


def drop_fill(variable: xr.DataArray, *, limit: float = _NO_NUMBER) -> npt.NDArray[np.floating[Any]]:
    """Return the values of a raw variable as floats, NaN for declared fill and beyond `limit`.

    Declared are ``_FillValue`` and ``missing_value``; packed values are scaled after.
    """
    attrs = variable.attrs
    raw = np.asarray(variable.values)
    fills = [value for key in ("_FillValue", "missing_value") for value in np.atleast_1d(attrs.get(key, []))]
    invalid = np.isin(raw, np.array(fills, dtype=float)) if fills else np.zeros(raw.shape, dtype=bool)
    values: npt.NDArray[np.floating[Any]] = raw.astype(np.float32 if raw.dtype.itemsize <= 4 else np.float64)
    if "scale_factor" in attrs or "add_offset" in attrs:
        values = values * float(attrs.get("scale_factor", 1.0)) + float(attrs.get("add_offset", 0.0))
    with np.errstate(invalid="ignore"):
        invalid |= ~(np.abs(values) <= limit)
    values[invalid] = np.nan
    return values


def vector_pair(
    vx: npt.NDArray[np.floating[Any]], vy: npt.NDArray[np.floating[Any]]
) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.floating[Any]]]:
    """Return two components of one shape, both NaN where either is, or where both are an undeclared -9999.

    One component alone may be -9999 m/yr: fast glaciers come near.
    """
    invalid = np.isnan(vx) | np.isnan(vy) | ((vx == -9999) & (vy == -9999))
    vx[invalid] = np.nan
    vy[invalid] = np.nan
    return vx, vy


def mapping_crs(dataset: xr.Dataset, name: str | None) -> pyproj.CRS | None:
    """Return the CRS that the grid mapping variable `name` states; None if it is not there or states none.

    Raises
    ------
    FieldError
        If it states one that pyproj does not know.
    """
    if name is None or name not in dataset.variables:
        return None
    stated = {key: str(dataset[name].attrs[key]) for key in _MAPPING_KEYS if key in dataset[name].attrs}
    for key, value in stated.items():
        # Not every code under spatial_epsg is one of EPSG (the mosaic of High Mountain Asia has ESRI's 102027).
        with suppress(pyproj.exceptions.CRSError, ValueError):
            return pyproj.CRS.from_user_input(int(float(value)) if key == "spatial_epsg" else value)
    if stated:
        raise FieldError(f"grid mapping {name!r} states {stated}, none of which pyproj knows")
    return _parameters_crs(dataset[name].attrs)


def _parameters_crs(attrs: Mapping[str, Any]) -> pyproj.CRS | None:
    """Return the CRS of the CF parameters of a grid mapping; None if they make none, or no ellipsoid in metres."""
    plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in attrs.items()}
    named = "wgs84" in str(plain.get("ellipsoid", "")).replace(" ", "").lower()
    if "grid_mapping_name" not in plain or not (named or set(_ELLIPSOID) & set(plain)):
        return None
    with suppress(pyproj.exceptions.CRSError, KeyError, ValueError, TypeError):
        if all(float(plain.get(name, np.inf)) > _EARTH for name in _ELLIPSOID[:2]):
            return pyproj.CRS.from_cf(plain)
    return None


def choose_crs(stated: pyproj.CRS | None, given: Any, path: Path) -> pyproj.CRS:
    """Return the CRS the file states, else the one given.

    Raises
    ------
    InputError
        If there is neither, or they differ.
    """
    try:
        wanted = None if given is None else pyproj.CRS.from_user_input(given)
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"crs={given!r} is not known to pyproj; give one such as 'EPSG:3413'") from error
    if stated is not None and wanted is not None and not _is_same(stated, wanted):
        raise InputError(f"crs={given!r}, but {path.name} states {stated.name!r}; leave `crs` out")
    found = stated if stated is not None else wanted
    if found is None:
        raise InputError(
            f'{path.name} states no CRS, and none is guessed; say which it is in, e.g. crs="EPSG:3413" '
            '(Greenland and the Arctic north of 55 N) or crs="EPSG:3031" (Antarctica)'
        )
    return found


def _is_same(first: pyproj.CRS, second: pyproj.CRS) -> bool:
    """Return whether two CRS are one, or go by one code: WKT in files is often spelled loosely."""
    codes = first.to_authority(), second.to_authority()
    return bool(first.equals(second, ignore_axis_order=True)) or (codes[0] is not None and codes[0] == codes[1])


def state_metric(scale_corrected: Any, given: Metric | None, assumed: Metric) -> tuple[Metric, MetricSource]:
    """Return the metric and who says so, from the user, else the file's ``map_scale_corrected``, else neither.

    Raises
    ------
    FieldError
        If the flag of the file is neither 0 nor 1.

    Examples
    --------
    >>> state_metric(1, None, "map"), state_metric(None, None, "map"), state_metric(1, "map", "ground")
    (('ground', 'file'), ('map', 'assumed'), ('map', 'user'))
    """
    if given is not None:
        return given, "user"
    if scale_corrected is None:
        return assumed, "assumed"
    flags: dict[float, Metric] = {0.0: "map", 1.0: "ground"}
    with suppress(ValueError):
        flag = float(np.asarray(scale_corrected).item())
        if flag in flags:
            return flags[flag], "file"
    raise FieldError(f"map_scale_corrected is {scale_corrected!r}, neither 0 nor 1; say metric='map' or 'ground'")


def state_units(stated: Any, given: str | None, default: str, path: Path) -> str:
    """Return the unit the file states, else the one given, else the product's.

    Raises
    ------
    InputError
        If file and caller differ, or the file's unit, compared with the caller's, is not known.
    """
    if stated is None:
        return default if given is None else given
    if given is not None and canonical_unit(given) != canonical_unit(str(stated)):
        raise InputError(f"units={given!r}, but {path.name} states {str(stated)!r}; leave `units` out")
    return str(stated)


def state_year(units: str, product: VelocityProduct) -> float | None:
    """Return the length of the year [d] behind a unit per year; the field refuses a unit that nobody knows."""
    with suppress(InputError):
        return product.year_days if canonical_unit(units).endswith("yr-1") else None
    return None
