"""Image pairs that pycorr measured (GoLIVE among them), and those of CARST: one layer each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import CorruptGranuleError, FieldError
from altiflow.readers.field import build_field
from altiflow.readers.velocity.formats.netcdf import (
    choose_crs,
    drop_fill,
    mapping_crs,
    require_variables,
    state_metric,
    state_units,
    state_year,
    vector_pair,
)
from altiflow.readers.velocity.formats.raster import read_pair
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["name_interval", "read_golive", "read_pair_rasters"]

_LAYER = ("time", "y", "x")

_COLLECTION = re.compile(r"L[COETM]0\d_[A-Z0-9]{4}_\d{6}_(\d{8})_")
_SCENE = re.compile(r"L[COETM]\d{7}(\d{7})[A-Z]{3}\d{2}")
_ORDINALS = re.compile(r"(?<!\d)(\d{4})_(\d{3})_(\d{4})_(\d{3})(?!\d)")
_JOINED = re.compile(r"(?<!\d)(\d{7})[_-](\d{7})(?!\d)")
_DATES = re.compile(r"(?<!\d)(\d{8})[_-](\d{8})(?!\d)")

_LANDSAT = re.compile(r"L[COETM]?0?([4-9])(?=_|\d|$)")
_SENTINEL = re.compile(r"S2[ABC](?![A-Z])")

_MEANINGS = {
    "corr": "peak of the correlation of the two images",
    "del_corr": "height of the peak of the correlation above the next one",
}
_COMPANIONS: Mapping[str, Sequence[str]] = {"corr": ["corr"], "del_corr": ["delcorr", "del_corr"]}
_ERRORS = (("errx", "erry"), ("errvx", "errvy"))


def read_golive(dataset: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return one opened image pair of pycorr as a velocity field of a single layer, a cube of one.

    vx and vy are the masked components where the file has them; what lies under the mask is kept as
    ``vx_unmasked`` and ``vy_unmasked``, since pycorr masks good matches near the top and left of its search window
    too (their ``del_corr`` is 0). ``corr`` and ``del_corr`` are kept; pixel offsets, speeds and masks of land are
    left aside. The interval is that of ``image_pair_times``, else that of the name in whole days.

    Raises
    ------
    WrongProductError
        If vx, vy or the coordinates are missing or on other dimensions.
    InputError
        If the file states no CRS and none is given.
    CorruptGranuleError
        If the times of the images cannot be read.
    FieldError
        If neither the file nor its name tells when the images were taken.
    EmptyDataError
        If the interval does not touch the period.
    """
    plane = ("y", "x")
    masked = {"vx_masked", "vy_masked"} <= set(dataset.variables)
    names = ("vx_masked", "vy_masked") if masked else ("vx", "vy")
    require_variables(dataset, {**dict.fromkeys(names, plane), "x": ("x",), "y": ("y",)}, path, product.name)
    bounds = _stated_interval(dataset, path)
    options.touching(bounds, path.name)
    attrs = dataset[names[0]].attrs
    vx, vy = vector_pair(*(drop_fill(dataset[name], limit=product.limit) for name in names))
    units = state_units(attrs.get("units"), options.units, product.units, path)
    metric, metric_source = state_metric(None, options.metric, product.metric)
    field = build_field(
        vx[None],
        vy[None],
        x=dataset["x"].values,
        y=dataset["y"].values,
        time_bnds=bounds,
        crs=choose_crs(mapping_crs(dataset, attrs.get("grid_mapping")), options.crs, path),
        units=units,
        velocity_metric=metric,
        metric_source=metric_source,
        source=f"{product.name} {path.name}",
        year_days=state_year(units, product),
        layers=_layers(path.stem, bounds, _image_names(dataset)),
    )
    for name in _MEANINGS:
        if name in dataset.variables and dataset[name].dims == plane:
            field[name] = _correlation(name, drop_fill(dataset[name])[None])
    if masked and {"vx", "vy"} <= set(dataset.variables):
        whole = vector_pair(*(drop_fill(dataset[name], limit=product.limit) for name in ("vx", "vy")))
        for name, values in zip(("vx_unmasked", "vy_unmasked"), whole, strict=True):
            meaning = f"{name[:2]} before pycorr's mask by correlation"
            field[name] = (_LAYER, values[None], {"long_name": meaning, "units": field.attrs["units"]})
    return field


def read_pair_rasters(path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return a pair of GeoTIFFs of pycorr or CARST, given by either path, as a velocity field of a single layer.

    Nothing in them tells the unit: metres a day, unless the caller says else. The name tells the interval in whole
    days (:func:`name_interval`). ``_corr.tif`` and ``_delcorr.tif`` are kept where they are there; pycorr's
    ``_vx_masked.tif`` is left aside, because some versions wrote the masked speed into it. CARST's ``_errx``,
    ``_erry`` become the standard errors.

    Raises
    ------
    InputError
        If the other component is not there, or no CRS is stated nor given.
    FieldError
        If the name tells no interval, the files differ in grid, or the raster is rotated.
    UnsupportedFormatError, CorruptGranuleError
        If a file is no GeoTIFF with one band, or is damaged.
    EmptyDataError
        If the interval does not touch the period, or no cells lie in the bounds.
    """
    bounds = name_interval(path.name)
    options.touching(bounds, path.name)
    pair = read_pair(path, product.limit, options)
    granule = re.sub(r"_v[xy]$", "", pair.paths[0].stem, flags=re.IGNORECASE)
    metric = state_metric(None, options.metric, product.metric)
    field = pair.field(product, bounds, metric, errors=_ERRORS, layers=_layers(granule, bounds, [path.name]))
    for name, words in _COMPANIONS.items():
        values = pair.companion(words)
        if values is not None:
            field[name] = _correlation(name, values)
    return field


def name_interval(name: str) -> npt.NDArray[np.datetime64]:
    """Return the days of the two images in a name, (1, 2), the earlier first.

    Known are GoLIVE's ``path_row_days_year_day_year_day``, two Landsat scenes, and two dates.

    Raises
    ------
    FieldError
        If the name tells no two days.

    Examples
    --------
    >>> name_interval("L8_063_018_016_2016_200_2016_216_v1.1.nc").astype("M8[D]").astype(str).tolist()
    [['2016-07-18', '2016-08-03']]
    >>> name_interval("20160803-20160718_velo-raw_vx.tif").astype("M8[D]").astype(str).tolist()
    [['2016-07-18', '2016-08-03']]
    """
    try:
        days = _name_days(name)
    except ValueError as error:
        raise FieldError(f"the name {name!r} tells a day that is none: {error}") from error
    if len(days) != 2:
        raise FieldError(
            f"neither {name!r} nor what is in it tells the days of its two images; name it as GoLIVE does, "
            "L8_063_018_016_2016_200_2016_216_v1.1.nc, or with two dates, 20160718_20160803"
        )
    return np.sort(np.array([days], dtype="datetime64[ns]"), axis=1)


def _name_days(name: str) -> list[np.datetime64]:
    """Return the days of the images in a name; of a Landsat scene the day it was taken, not processed."""
    if _COLLECTION.search(name):
        return [_date(text) for text in _COLLECTION.findall(name)]
    if len(scenes := _SCENE.findall(name)) > 1:
        return [_ordinal(text[:4], text[4:]) for text in scenes]
    if match := _ORDINALS.search(name):
        return [_ordinal(match[1], match[2]), _ordinal(match[3], match[4])]
    if match := _DATES.search(name):
        return [_date(match[1]), _date(match[2])]
    if match := _JOINED.search(name):
        return [_ordinal(text[:4], text[4:]) for text in match.groups()]
    return []


def _date(text: str) -> np.datetime64:
    """Return the day of eight digits."""
    return np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:]}", "D")


def _ordinal(year: str, day: str) -> np.datetime64:
    """Return the day of a year."""
    if not 1 <= int(day) <= 366:
        raise ValueError(f"day {day} of {year}")
    return np.datetime64(year, "D") + np.timedelta64(int(day) - 1, "D")


def _stated_interval(dataset: xr.Dataset, path: Path) -> npt.NDArray[np.datetime64]:
    """Return the times of the two images (1, 2), the earlier first, from the file, else from its name."""
    attrs = dataset["image_pair_times"].attrs if "image_pair_times" in dataset.variables else {}
    if not {"start_date", "end_date"} <= set(attrs):
        return name_interval(path.name)
    try:
        texts = [str(attrs[name]).strip().removesuffix("Z") for name in ("start_date", "end_date")]
        return np.sort(np.array([texts], dtype="datetime64[ns]"), axis=1)
    except ValueError as error:
        raise CorruptGranuleError(f"the times of the images of {path.name} cannot be read: {error}") from error


def _image_names(dataset: xr.Dataset) -> list[str]:
    """Return the names of the two images that the file states."""
    attrs = dataset["input_image_details"].attrs if "input_image_details" in dataset.variables else {}
    return [Path(str(attrs[name])).name for name in ("image1_filename", "image2_filename") if name in attrs]


def _layers(
    granule: str, bounds: npt.NDArray[np.datetime64], images: Sequence[str]
) -> dict[str, list[str] | list[float]]:
    """Return what is known of the layer."""
    days = float((bounds[0, 1] - bounds[0, 0]) / np.timedelta64(1, "D"))
    layers: dict[str, list[str] | list[float]] = {"granule": [granule], "separation_days": [days]}
    satellites = _satellites(images) or _satellites([granule])
    if satellites:
        missions = ["landsat" if name[0] == "L" else "sentinel2" for name in satellites]
        layers["satellite"] = ["+".join(dict.fromkeys(satellites))]
        layers["mission"] = ["+".join(dict.fromkeys(missions))]
    return layers


def _satellites(names: Sequence[str]) -> list[str]:
    """Return the satellites that names of images begin with."""
    found = []
    for name in names:
        if match := _LANDSAT.match(name):
            found.append(f"L{match[1]}")
        elif match := _SENTINEL.search(name):
            found.append(match[0])
    return found


def _correlation(
    name: str, values: npt.NDArray[np.floating]
) -> tuple[tuple[str, ...], npt.NDArray[np.floating], dict[str, str]]:
    """Return a correlation (time, y, x), NaN below -1: pycorr writes -2 where it did not look."""
    with np.errstate(invalid="ignore"):
        values[~(values >= -1)] = np.nan
    return _LAYER, values, {"long_name": _MEANINGS[name], "units": "1"}
