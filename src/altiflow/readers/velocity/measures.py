"""MEaSUREs and GrIMP velocity: Greenland as GeoTIFFs, Antarctica as NetCDF, in metres on the ground."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.readers.field import TimeRule, build_field
from altiflow.readers.velocity.formats.netcdf import (
    choose_crs,
    drop_fill,
    mapping_crs,
    require_variables,
    state_metric,
    state_units,
    vector_pair,
)
from altiflow.readers.velocity.formats.raster import read_pair
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["read_antarctica", "read_greenland", "span_bounds"]

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}
"""Months as the names spell them, whatever the language of the machine."""

_DAY = r"(\d{2})([A-Za-z]{3})(\d{2})"
_PERIOD = re.compile(rf"GL_vel_mosaic_\w+?_{_DAY}_{_DAY}_", re.IGNORECASE)
_PAIR = re.compile(rf"TSX_[EW][\d.]+[NS]_{_DAY}_{_DAY}_(\d{{2}})-(\d{{2}})-(\d{{2}})_", re.IGNORECASE)
_WINTER = re.compile(r"greenland_vel_mosaic\d+_(\d{4})_(\d{4})_", re.IGNORECASE)
_MONTH = re.compile(r"OPT_[EW][\d.]+[NS]_(\d{4})-(\d{2})[._]", re.IGNORECASE)
_GLACIAL_YEAR = re.compile(r".*antarctica_ice_velocity_(\d{4})_(\d{4})_", re.IGNORECASE)

_ANTARCTIC = {"vx_sigma": "ERRX", "vy_sigma": "ERRY", "vx_spread": "STDX", "vy_spread": "STDY"}

Bounds = npt.NDArray[np.datetime64]


def read_greenland(path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return a pair of GeoTIFFs, given by either path, as a velocity field of a single layer.

    The name tells the interval: :func:`span_bounds`. A site map of two radar images (NSIDC-0481, ``TSX_...``) is
    an image pair with its granule, so that many of them become a cube. Standard errors come from ``_ex`` and
    ``_ey``; ``_dT`` is kept as ``date_offset`` [d], as it is. Components are metres on the ground unless the caller
    says else.

    Raises
    ------
    InputError
        If the other component is not there, or no CRS is stated nor given.
    FieldError
        If the files differ in CRS, transform or shape, or the raster is rotated.
    UnsupportedFormatError, CorruptGranuleError
        If a file is no GeoTIFF with one band, or is damaged.
    EmptyDataError
        If the interval does not touch the period, or no cells lie in the bounds.
    """
    bounds, rule = span_bounds(path.name)
    if rule != "undated":
        options.touching(bounds, path.name)
    pair = read_pair(path, product.limit, options)
    metric = state_metric(None, options.metric, product.metric)
    layers = _pair_layers(pair.paths[0].name, bounds)
    field = pair.field(product, bounds, metric, rule=rule, errors=[("ex", "ey")], layers=layers)
    offset = pair.companion(["dT"])
    if offset is not None:
        attrs = {"long_name": "date of the value beside the middle of the interval, as in the file", "units": "d"}
        field["date_offset"] = (("time", "y", "x"), np.where(np.isnan(pair.vx), np.nan, offset), attrs)
    return field.assign_attrs(year_days_source="assumed")


def _pair_layers(name: str, bounds: Bounds) -> dict[str, list[str] | list[float]] | None:
    """Return what is known of the layer of two radar images; None for a mosaic."""
    if not _PAIR.match(name):
        return None
    granule = re.sub(r"_v[xy](?=[_.])", "", name.removesuffix(Path(name).suffix), flags=re.IGNORECASE)
    days = (bounds[0, 1] - bounds[0, 0]) / np.timedelta64(1, "D")
    return {"granule": [granule], "separation_days": [float(days)], "satellite": ["TSX"]}


def span_bounds(name: str) -> tuple[Bounds, TimeRule]:
    """Return the interval (1, 2) that the name of a file tells, and its time rule.

    Both days of ``01Dec16_30Nov17`` are in the interval. A winter (NSIDC-0478) is September to May, a year of
    Antarctica July to June; maps of many years, and names that tell nothing, are undated. Two radar images have
    the same time of day, which the name gives.

    Raises
    ------
    InputError
        If the name tells a day that is none.

    Examples
    --------
    >>> span_bounds("GL_vel_mosaic_Annual_01Dec16_30Nov17_vx_v05.0.tif")[0].astype("M8[D]").astype(str).tolist()
    [['2016-12-01', '2017-12-01']]
    >>> span_bounds("TSX_W69.10N_30May09_10Jun09_10-05-16_vx_v04.0.tif")[0].astype("M8[s]").astype(str).tolist()
    [['2009-05-30T10:05:16', '2009-06-10T10:05:16']]
    >>> span_bounds("greenland_vel_mosaic250_vx_v1.tif")[1]
    'undated'
    """
    try:
        for pattern, make in _SPANS.items():
            if (match := pattern.match(name)) and (span := make(match)) is not None:
                return np.array([span], dtype="datetime64[ns]"), "interval_mean"
    except (ValueError, KeyError) as error:
        raise InputError(f"the name {name!r} tells no period: {error}; name the file as the archive does") from error
    return np.full((1, 2), np.datetime64("NaT", "ns"), dtype="datetime64[ns]"), "undated"


def _day(day: str, month: str, year: str) -> np.datetime64:
    """Return the day of a name such as 01Dec16; the radar maps begin in 1991."""
    century = 1900 if int(year) > 90 else 2000
    return np.datetime64(f"{century + int(year)}-{_MONTHS[month.lower()]:02d}-{day}", "D")


Span = tuple[np.datetime64, np.datetime64] | None


def _whole_days(match: re.Match[str]) -> Span:
    return _day(*match.groups()[:3]), _day(*match.groups()[3:6]) + np.timedelta64(1, "D")


def _radar_pair(match: re.Match[str]) -> Span:
    hours, minutes, seconds = (int(part) for part in match.groups()[6:9])
    clock = np.timedelta64(hours * 3600 + minutes * 60 + seconds, "s")
    first, last = sorted((_day(*match.groups()[:3]), _day(*match.groups()[3:6])))
    return first + clock, last + clock


def _winter(match: re.Match[str]) -> Span:
    return np.datetime64(f"{match[1]}-09-01", "D"), np.datetime64(f"{match[2]}-06-01", "D")


def _month(match: re.Match[str]) -> Span:
    month = np.datetime64(f"{match[1]}-{match[2]}", "M")
    return month.astype("M8[D]"), (month + np.timedelta64(1, "M")).astype("M8[D]")


def _glacial_year(match: re.Match[str]) -> Span:
    if int(match[2]) != int(match[1]) + 1:
        return None
    return np.datetime64(f"{match[1]}-07-01", "D"), np.datetime64(f"{match[2]}-07-01", "D")


_SPANS: Mapping[re.Pattern[str], Callable[[re.Match[str]], Span]] = {
    _PERIOD: _whole_days,
    _PAIR: _radar_pair,
    _WINTER: _winter,
    _MONTH: _month,
    _GLACIAL_YEAR: _glacial_year,
}


def read_antarctica(dataset: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return one opened map of Antarctica as a velocity field of a single layer.

    Annual maps (by their name) run from July to June, all others are undated. ERRX and ERRY become the standard
    errors, CNT the count; STDX and STDY, the spread of what was averaged, are kept as ``vx_spread`` and
    ``vy_spread``. Where both components are exactly 0 there is no measurement. Nothing says whether the metres are
    those of the map or of the ground: "ground" is assumed, and said.

    Raises
    ------
    WrongProductError
        If VX, VY, x or y are missing or on other dimensions.
    InputError
        If the file states no CRS and none is given.
    EmptyDataError
        If an annual map does not touch the period.
    """
    require_variables(dataset, {"VX": ("y", "x"), "VY": ("y", "x"), "x": ("x",), "y": ("y",)}, path, product.name)
    bounds, rule = span_bounds(path.name)
    if rule != "undated":
        options.touching(bounds, path.name)
    attrs = dataset["VX"].attrs
    vx, vy = (drop_fill(dataset[name], limit=product.limit) for name in ("VX", "VY"))
    vx[(vx == 0) & (vy == 0)] = np.nan
    vx, vy = vector_pair(vx, vy)
    invalid = np.isnan(vx)
    extra = {name: _read_extra(dataset, source, invalid) for name, source in _ANTARCTIC.items()}
    metric, metric_source = state_metric(None, options.metric, product.metric)
    units = state_units(attrs.get("units"), options.units, product.units, path)
    field = build_field(
        vx[None],
        vy[None],
        x=dataset["x"].values,
        y=dataset["y"].values,
        time_bnds=bounds,
        crs=choose_crs(mapping_crs(dataset, attrs.get("grid_mapping", "coord_system")), options.crs, path),
        units=units,
        velocity_metric=metric,
        metric_source=metric_source,
        source=f"{product.name} {path.name}",
        time_rule=rule,
        year_days=product.year_days,
        vx_sigma=extra["vx_sigma"],
        vy_sigma=extra["vy_sigma"],
        count=_read_count(dataset, invalid),
    )
    for name in ("vx_spread", "vy_spread"):
        if extra[name] is not None:
            meaning = f"standard deviation of the values averaged into {name[:2]}"
            field[name] = (("time", "y", "x"), extra[name], {"long_name": meaning, "units": field.attrs["units"]})
    return field.assign_attrs(year_days_source="assumed")


def _read_extra(dataset: xr.Dataset, name: str, invalid: npt.NDArray[np.bool_]) -> npt.NDArray[np.floating] | None:
    """Return errors or spreads (1, y, x), NaN where there is no velocity; None if the file has none."""
    if name not in dataset.variables:
        return None
    values = drop_fill(dataset[name])
    values[invalid | (values < 0)] = np.nan
    return values[None]


def _read_count(dataset: xr.Dataset, invalid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32] | None:
    """Return the number of scenes behind each velocity (1, y, x), 0 where there is none."""
    if "CNT" not in dataset.variables:
        return None
    values = drop_fill(dataset["CNT"])
    return np.where((values > 0) & ~invalid, values, 0).astype(np.int32)[None]
