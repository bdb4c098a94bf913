"""Velocity as GeoTIFFs, one component each: found by their names, read from one grid."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import xarray as xr
from affine import Affine
from rasterio.windows import Window

from altiflow.errors import CorruptGranuleError, FieldError, InputError, UnsupportedFormatError
from altiflow.readers.field import Metric, MetricSource, TimeRule, build_field
from altiflow.readers.velocity.formats.netcdf import choose_crs, state_units, state_year, vector_pair
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["RasterPair", "cell_centres", "companion_path", "drop_companions", "pair_paths", "read_pair"]

_TAIL = r"(?P<tail>(?:[_.]v\d+(?:\.\d+)*)?\.tiff?)"
"""What may follow the name of the variable: a version, and the suffix."""

_NAME = re.compile(r"(?P<stem>(?:.*[_.])?)(?P<axis>v[xy]0?)" + _TAIL, re.IGNORECASE)

_WORDS = (
    r"vv?0?|v[xy]?0?_err(?:or)?|count0?|landice|floatingice|outlier_percent|dv[xy]?_dt|v[xy]?_(?:amp|phase)(?:_error)?|"
    r"e[xy]|dT|browse|(?:del_?)?corr|del_[ij]|log10|v[xyv]_masked|err[xy]|errmag|mag"
)
_COMPANION = re.compile(rf"(?P<stem>(?:.*?[_.])?)(?:{_WORDS})" + _TAIL, re.IGNORECASE)
"""Speed, errors, count and more, which are handed out beside a pair: ITS_LIVE, MEaSUREs, pycorr, CARST."""

_MANY = 1e9
"""No velocity, error, count or day is as large."""


@dataclass(frozen=True)
class _Band:
    """The part of a raster that was asked for, (y, x), the grid of the whole of it, and its tags."""

    values: npt.NDArray[np.floating[Any]]
    rows: slice
    columns: slice
    shape: tuple[int, int]
    crs: pyproj.CRS | None
    transform: Affine
    tags: dict[str, str]


@dataclass(frozen=True)
class RasterPair:
    """Two components read from one grid, NaN in both where either is.

    Attributes
    ----------
    paths
        Of vx and vy.
    vx, vy
        (1, y, x).
    x, y
        Cell centres (x,), (y,) [m].
    crs
        Of the files; None where they state none.
    tags
        Of vx, as GDAL carries them over from NetCDF.
    limit
        Components and their errors beyond this are fill.
    grid, options
        What companions must lie on, and what was asked for.
    """

    paths: tuple[Path, Path]
    vx: npt.NDArray[np.floating[Any]]
    vy: npt.NDArray[np.floating[Any]]
    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    crs: pyproj.CRS | None
    tags: dict[str, str]
    limit: float
    grid: _Band
    options: Options

    def tag(self, name: str) -> str | None:
        """Return a tag of vx, or None."""
        return self.tags.get(f"vx#{name}")

    def companion(self, words: Sequence[str], *, limit: float = _MANY) -> npt.NDArray[np.floating[Any]] | None:
        """Return what lies beside the pair under one of the names (1, y, x); None if nothing does.

        It is NaN for nodata and beyond `limit`.

        Raises
        ------
        FieldError
            If it lies on another grid.
        """
        path = next((path for word in words if (path := companion_path(self.paths[0], word)).is_file()), None)
        if path is None:
            return None
        band = _read_band(path, limit, self.options)
        _check_same((self.paths[0], path), [self.grid, band])
        return band.values[None]

    def sigmas(self, words: Sequence[tuple[str, str]]) -> tuple[npt.NDArray[np.floating[Any]] | None, ...]:
        """Return the standard errors (1, y, x) of vx and vy under the first pair of names of which both are there.

        They are NaN where there is no velocity, or where they are negative.
        """
        for names in words:
            if all(companion_path(self.paths[0], name).is_file() for name in names):
                found = [self.companion([name], limit=self.limit) for name in names]
                for values in found:
                    if values is not None:
                        values[np.isnan(self.vx) | (values < 0)] = np.nan
                return tuple(found)
        return None, None

    def field(
        self,
        product: VelocityProduct,
        time_bnds: npt.NDArray[np.datetime64],
        metric: tuple[Metric, MetricSource],
        *,
        rule: TimeRule = "interval_mean",
        errors: Sequence[tuple[str, str]] = (),
        count: npt.NDArray[np.int32] | None = None,
        layers: Mapping[str, npt.ArrayLike] | None = None,
    ) -> xr.Dataset:
        """Return the pair as a velocity field of a single layer, units by the tags, errors from files beside it.

        Raises
        ------
        InputError
            If no CRS is stated nor given, or CRS or units contradict what is given.
        FieldError
            If errors lie on another grid, or the parts make no field.
        """
        first, second = self.paths
        units = state_units(self.tag("units"), self.options.units, product.units, first)
        vx_sigma, vy_sigma = self.sigmas(errors)
        return build_field(
            self.vx,
            self.vy,
            x=self.x,
            y=self.y,
            time_bnds=time_bnds,
            crs=choose_crs(self.crs, self.options.crs, first),
            units=units,
            velocity_metric=metric[0],
            metric_source=metric[1],
            source=f"{product.name} {first.name}, {second.name}",
            time_rule=rule,
            year_days=state_year(units, product),
            vx_sigma=vx_sigma,
            vy_sigma=vy_sigma,
            count=count,
            layers=layers,
        )


def drop_companions(paths: Sequence[Path]) -> list[Path]:
    """Return the paths without the speed, errors and count of a pair that is among them.

    Examples
    --------
    >>> [path.name for path in drop_companions([Path("a_vx.tif"), Path("a_v.tif"), Path("b_v.tif")])]
    ['a_vx.tif', 'b_v.tif']
    >>> names = [f"GL_{word}_v05.0.tif" for word in ("vx", "vy", "ex", "ey", "vv", "dT")]
    >>> [path.name for path in drop_companions([Path(name) for name in names])]
    ['GL_vx_v05.0.tif', 'GL_vy_v05.0.tif']
    """
    pairs = {_key(path, match) for path in paths if (match := _NAME.fullmatch(path.name))}
    companions = {path: _COMPANION.fullmatch(path.name) for path in paths}
    return [path for path in paths if not (found := companions[path]) or _key(path, found) not in pairs]


def _key(path: Path, match: re.Match[str]) -> tuple[Path, str, str]:
    """Return what the names of files that belong together share."""
    return path.parent, match["stem"], match["tail"].lower()


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
            "and <name>_vy.tif, a version such as _v05.0 allowed after vx and vy"
        )
    axis = match["axis"]
    letters = ("x", "y") if axis[1].islower() else ("X", "Y")
    pair = tuple(companion_path(path, axis[0] + letter + axis[2:]) for letter in letters)
    for member in pair:
        if not member.is_file():
            raise InputError(f"{path.name} is one component of a velocity; {member.name} is not beside it")
    return pair[0], pair[1]


def companion_path(path: Path, word: str) -> Path:
    """Return the path of the file named like a component, with another word in its place.

    Examples
    --------
    >>> companion_path(Path("GL_Annual_vx_v05.0.tif"), "ex").name
    'GL_Annual_ex_v05.0.tif'
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise InputError(f"{path.name} is no component of a velocity by its name, such as <name>_vx.tif")
    return path.with_name(f"{match['stem']}{word}{match['tail']}")


def read_pair(path: Path, limit: float, options: Options) -> RasterPair:
    """Return a pair of GeoTIFFs, given by either path; only the cells in the caller's bounds are read.

    Parameters
    ----------
    path
        Either component.
    limit
        Components beyond this are fill, whatever the files declare.
    options
        What the caller says.

    Raises
    ------
    InputError
        If the other component is not there.
    FieldError
        If the two files differ in CRS, transform or shape, or the raster is rotated.
    UnsupportedFormatError, CorruptGranuleError
        If a file is no GeoTIFF with one band, or is damaged.
    EmptyDataError
        If no cells lie in the bounds.
    """
    paths = pair_paths(path)
    bands = [_read_band(member, limit, options) for member in paths]
    _check_same(paths, bands)
    first = bands[0]
    x, y = cell_centres(first.transform, first.shape, paths[0])
    vx, vy = vector_pair(bands[0].values, bands[1].values)
    return RasterPair(
        paths=paths,
        vx=vx[None],
        vy=vy[None],
        x=x[first.columns],
        y=y[first.rows],
        crs=first.crs,
        tags=first.tags,
        limit=limit,
        grid=first,
        options=options,
    )


def _read_band(path: Path, limit: float, options: Options) -> _Band:
    """Return the only band of a GeoTIFF, the cells in the bounds, unpacked, NaN for nodata and beyond `limit`."""
    try:
        # A raster without georeference is refused where its cells are placed, with the way out.
        quiet = warnings.catch_warnings(action="ignore", category=rasterio.errors.NotGeoreferencedWarning)
        with quiet, rasterio.open(path) as source:
            if source.count != 1:
                raise UnsupportedFormatError(f"{path.name} has {source.count} bands; a component has one")
            rows, columns = slice(0, source.height), slice(0, source.width)
            if options.bounds is not None:
                rows, columns = options.window(*cell_centres(source.transform, source.shape, path), path.name)
            values = source.read(1, masked=True, window=Window.from_slices(rows, columns))
            crs = None if source.crs is None else pyproj.CRS.from_user_input(source.crs.to_wkt())
            band = values.astype(np.float32 if values.dtype.itemsize <= 4 else np.float64).filled(np.nan)
            band = band * float(source.scales[0]) + float(source.offsets[0])
            tags = {**source.tags(), **source.tags(1)}
            found = _Band(band, rows, columns, source.shape, crs, source.transform, tags)
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
            "shape": band.shape == first.shape,
            "transform": band.transform.almost_equals(first.transform, precision=1e-6),
            "CRS": band.crs == first.crs,
        }.items():
            if not same:
                raise FieldError(f"{path.name} has another {what} than {paths[0].name}; a pair lies on one grid")


def cell_centres(
    transform: Affine, shape: tuple[int, int], path: Path
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return x (cols,) and y (rows,) of the cell centres [m], in the order of the raster."""
    if transform.b or transform.d or transform.a <= 0 or transform.is_identity:
        raise FieldError(
            f"{path.name} is rotated or not georeferenced (transform {tuple(transform)[:6]}); warp it first"
        )
    x = np.arange(shape[1], dtype=np.float64) + 0.5
    y = np.arange(shape[0], dtype=np.float64) + 0.5
    return transform.c + float(transform.a) * x, transform.f + float(transform.e) * y
