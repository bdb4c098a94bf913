"""ITS_LIVE velocity as a pair of GeoTIFFs, one component each."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import xarray as xr
from affine import Affine

from altiflow.errors import CorruptGranuleError, FieldError, InputError, UnsupportedFormatError
from altiflow.readers.field import build_field
from altiflow.readers.velocity.itslive.mosaic import name_version, year_bounds
from altiflow.readers.velocity.netcdf import choose_crs, state_metric, state_units, vector_pair
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["drop_companions", "pair_paths", "read_rasters"]

_NAME = re.compile(r"(?P<stem>(?:.*_)?)(?P<axis>v[xy])(?P<suffix>\.tiff?)", re.IGNORECASE)

_COMPANION = re.compile(r"(?P<stem>(?:.*_)?)(?:v|v[xy]?_err(?:or)?|count)\.tiff?", re.IGNORECASE)
"""Speed, errors and count, which ITS_LIVE hands out beside a pair."""

_ERRORS = ("_error", "_err")
"""Ends of the names of standard errors, version 2 and 1."""


@dataclass(frozen=True)
class _Band:
    """One component: values (y, x), its grid, and the tags of the file."""

    values: npt.NDArray[np.floating[Any]]
    crs: pyproj.CRS | None
    transform: Affine
    tags: dict[str, str]


def drop_companions(paths: Sequence[Path]) -> list[Path]:
    """Return the paths without the speed, errors and count of a pair that is among them.

    Examples
    --------
    >>> [path.name for path in drop_companions([Path("a_vx.tif"), Path("a_v.tif"), Path("b_v.tif")])]
    ['a_vx.tif', 'b_v.tif']
    """
    pairs = {(path.parent, match["stem"]) for path in paths if (match := _NAME.fullmatch(path.name))}
    companions = {path: _COMPANION.fullmatch(path.name) for path in paths}
    return [path for path in paths if not (found := companions[path]) or (path.parent, found["stem"]) not in pairs]


def pair_paths(path: Path) -> tuple[Path, Path]:
    """Return the paths of vx and vy, from either of them.

    Raises
    ------
    InputError
        If the name does not end in _vx or _vy, or the other file is not beside it.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise InputError(
            f"{path.name} is no component of a velocity by its name: two GeoTIFFs are needed, named <name>_vx.tif "
            "and <name>_vy.tif"
        )
    stem, axis, suffix = match["stem"], match["axis"], match["suffix"]
    others = {"x": f"{axis[0]}x", "y": f"{axis[0]}y"} if axis[1].islower() else {"x": "VX", "y": "VY"}
    pair = tuple(path.with_name(f"{stem}{others[name]}{suffix}") for name in ("x", "y"))
    for member in pair:
        if not member.is_file():
            raise InputError(f"{path.name} is one component of a velocity; {member.name} is not beside it")
    return pair[0], pair[1]


def read_rasters(path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return a pair of GeoTIFFs, given by either path, as a velocity field of a single layer.

    Standard errors are read from ``<name>_vx_error.tif`` and ``<name>_vy_error.tif`` where both are there, or
    from ``_err``. An annual pair (by its name) gets the interval of its year, any other is undated. The metric is
    what ``map_scale_corrected`` in the tags says; where they are silent, "map" if the name tells version 2, else
    "ground".

    Raises
    ------
    InputError
        If the other component is not there, or no CRS is stated nor given.
    FieldError
        If the two files differ in CRS, transform or shape, or the raster is rotated.
    UnsupportedFormatError, CorruptGranuleError
        If a file is no GeoTIFF with one band, or is damaged.
    """
    paths = pair_paths(path)
    bands = [_read_band(member, product.limit) for member in paths]
    _check_same(paths, bands)
    first = bands[0]
    x, y = _cell_centres(first, paths[0])
    bounds, rule = year_bounds(path.name)
    if rule != "undated":
        options.touching(bounds, path.name)
    metric, metric_source = state_metric(
        _tag(first, "map_scale_corrected"), options.metric, "map" if name_version(path.name) == 2 else product.metric
    )
    vx, vy = vector_pair(bands[0].values, bands[1].values)
    sigmas = _read_sigmas(paths, first, np.isnan(vx), product.limit)
    field = build_field(
        vx[None],
        vy[None],
        x=x,
        y=y,
        time_bnds=bounds,
        crs=choose_crs(first.crs, options.crs, path),
        units=state_units(_tag(first, "units"), options.units, product.units, path),
        velocity_metric=metric,
        metric_source=metric_source,
        source=f"{product.name} {paths[0].name}, {paths[1].name}",
        time_rule=rule,
        year_days=product.year_days,
        vx_sigma=sigmas[0],
        vy_sigma=sigmas[1],
    )
    return field.assign_attrs(year_days_source="assumed")


def _read_band(path: Path, limit: float) -> _Band:
    """Return the only band of a GeoTIFF, unpacked, NaN for nodata and beyond `limit`."""
    try:
        # A raster without georeference is refused where its cells are placed, with the way out.
        quiet = warnings.catch_warnings(action="ignore", category=rasterio.errors.NotGeoreferencedWarning)
        with quiet, rasterio.open(path) as source:
            if source.count != 1:
                raise UnsupportedFormatError(f"{path.name} has {source.count} bands; a component has one")
            values = source.read(1, masked=True)
            crs = None if source.crs is None else pyproj.CRS.from_user_input(source.crs.to_wkt())
            band = values.astype(np.float32 if values.dtype.itemsize <= 4 else np.float64).filled(np.nan)
            band = band * float(source.scales[0]) + float(source.offsets[0])
            tags = {**source.tags(), **source.tags(1)}
            found = _Band(band, crs, source.transform, tags)
    except rasterio.errors.RasterioError as error:
        raise CorruptGranuleError(
            f"{path.name} cannot be read, truncated or damaged: {error}; fetch it again"
        ) from error
    with np.errstate(invalid="ignore"):
        band[~(np.abs(band) <= limit)] = np.nan
    return found


def _check_same(paths: tuple[Path, ...], bands: list[_Band]) -> None:
    """Raise unless all rasters lie on the grid of the first."""
    first = bands[0]
    for path, band in zip(paths[1:], bands[1:], strict=True):
        for what, same in {
            "shape": band.values.shape == first.values.shape,
            "transform": band.transform.almost_equals(first.transform, precision=1e-6),
            "CRS": band.crs == first.crs,
        }.items():
            if not same:
                raise FieldError(f"{path.name} has another {what} than {paths[0].name}; a pair lies on one grid")


def _cell_centres(band: _Band, path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return x (cols,) and y (rows,) of the cell centres [m], in the order of the raster."""
    transform = band.transform
    if transform.b or transform.d or transform.a <= 0 or transform.is_identity:
        raise FieldError(
            f"{path.name} is rotated or not georeferenced (transform {tuple(transform)[:6]}); warp it first"
        )
    rows, cols = band.values.shape
    x = np.arange(cols, dtype=np.float64) + 0.5
    y = np.arange(rows, dtype=np.float64) + 0.5
    return transform.c + float(transform.a) * x, transform.f + float(transform.e) * y


def _tag(band: _Band, name: str) -> str | None:
    """Return a tag of vx that GDAL carried over from NetCDF, or None."""
    return band.tags.get(f"vx#{name}")


def _read_sigmas(
    paths: tuple[Path, Path], first: _Band, invalid: npt.NDArray[np.bool_], limit: float
) -> tuple[npt.NDArray[np.floating[Any]] | None, ...]:
    """Return the standard errors (1, y, x) of vx and vy, NaN where there is no velocity; None unless both are there."""
    named = (tuple(path.with_name(f"{path.stem}{end}{path.suffix}") for path in paths) for end in _ERRORS)
    siblings = next((pair for pair in named if all(path.is_file() for path in pair)), None)
    if siblings is None:
        return None, None
    bands = [_read_band(path, limit) for path in siblings]
    _check_same((paths[0], *siblings), [first, *bands])
    for band in bands:
        band.values[invalid | (band.values < 0)] = np.nan
    return tuple(band.values[None] for band in bands)
