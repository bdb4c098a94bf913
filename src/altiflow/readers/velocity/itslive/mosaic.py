"""ITS_LIVE mosaics of land-ice velocity in NetCDF, versions 1 and 2."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

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
from altiflow.readers.velocity.options import Options
from altiflow.readers.velocity.products import VelocityProduct

__all__ = ["name_version", "read_mosaic", "year_bounds"]

_YEARS = (
    re.compile(r"ITS_LIVE_velocity_\w+?_(\d{4})_v\d+", re.IGNORECASE),
    re.compile(r"NSIDC-0776_\w+?_(\d{4})_V\d+", re.IGNORECASE),
    re.compile(r"[A-Z]{3}_G\d{4}_(\d{4})(?=\.|_v[xy]\.)"),
)
"""Names of annual mosaics: version 2 in the cloud and at NSIDC, and version 1."""

_SECOND = re.compile(r"(?:ITS_LIVE_velocity|NSIDC-0776)_.*_v0?2(?:[._]|$)", re.IGNORECASE)
"""Names of version 2."""

_V2_MAPPING = "mapping"
"""Grid mapping variable of version 2; version 1 calls it after the projection, such as Polar_Stereographic."""


def read_mosaic(dataset: xr.Dataset, path: Path, product: VelocityProduct, options: Options) -> xr.Dataset:
    """Return one opened mosaic as a velocity field of a single layer; `v` is left aside.

    An annual mosaic (by its name) gets the interval of its year, any other is undated. The metric is what
    ``map_scale_corrected`` of vx says; where it is silent, "map" for version 2 and "ground" for version 1.

    Raises
    ------
    WrongProductError
        If vx, vy or the coordinates are missing or on other dimensions.
    InputError
        If the file states no CRS and none is given.
    EmptyDataError
        If an annual mosaic does not touch the period.
    """
    wanted = {"vx": ("y", "x"), "vy": ("y", "x"), "x": ("x",), "y": ("y",)}
    require_variables(dataset, wanted, path, product.name)
    attrs = dataset["vx"].attrs
    version = 2 if _V2_MAPPING in dataset.variables else name_version(path.name)
    crs = choose_crs(mapping_crs(dataset, attrs.get("grid_mapping", _V2_MAPPING)), options.crs, path)
    bounds, rule = year_bounds(path.name)
    if rule != "undated":
        options.touching(bounds, path.name)
    metric, metric_source = state_metric(
        attrs.get("map_scale_corrected"), options.metric, product.metric if version == 2 else "ground"
    )
    vx, vy = vector_pair(*(drop_fill(dataset[name], limit=product.limit) for name in ("vx", "vy")))
    invalid = np.isnan(vx)
    field = build_field(
        vx[None],
        vy[None],
        x=dataset["x"].values,
        y=dataset["y"].values,
        time_bnds=bounds,
        crs=crs,
        units=state_units(attrs.get("units"), options.units, product.units, path),
        velocity_metric=metric,
        metric_source=metric_source,
        source=f"{product.name} version {version}, {path.name}",
        time_rule=rule,
        year_days=product.year_days,
        count=_read_count(dataset, invalid),
        vx_sigma=_read_sigma(dataset, ("vx_error", "vx_err"), product, invalid),
        vy_sigma=_read_sigma(dataset, ("vy_error", "vy_err"), product, invalid),
    )
    return field.assign_attrs(year_days_source="assumed")


def name_version(name: str) -> int:
    """Return the version of ITS_LIVE that a file's name tells; 1 where it tells none.

    Examples
    --------
    >>> name_version("ITS_LIVE_velocity_120m_RGI05A_0000_v02_vx.tif"), name_version("GRE_G0120_0000_vx.tif")
    (2, 1)
    """
    return 2 if _SECOND.search(name) else 1


def year_bounds(name: str) -> tuple[npt.NDArray[np.datetime64], TimeRule]:
    """Return the interval (1, 2) of the year in an annual mosaic's name, and its time rule.

    Examples
    --------
    >>> year_bounds("NSIDC-0776_RGI05A_2019_V02.0.nc")[0].astype("M8[D]").astype(str).tolist()
    [['2019-01-01', '2020-01-01']]
    >>> [year_bounds(name)[1] for name in ("ITS_LIVE_velocity_120m_RGI05A_0000_v02.nc", "a_2019.nc")]
    ['undated', 'undated']
    """
    for pattern in _YEARS:
        match = pattern.match(name)
        if match and match[1] != "0000":
            first = np.datetime64(match[1], "Y")
            return np.array([[first, first + np.timedelta64(1, "Y")]]).astype("datetime64[ns]"), "interval_mean"
    return np.full((1, 2), np.datetime64("NaT", "ns"), dtype="datetime64[ns]"), "undated"


def _read_sigma(
    dataset: xr.Dataset, names: tuple[str, ...], product: VelocityProduct, invalid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.floating[Any]] | None:
    """Return a standard error (1, y, x), NaN where there is no velocity; None if the file has none of `names`."""
    name = next((name for name in names if name in dataset), None)
    if name is None:
        return None
    values = drop_fill(dataset[name], limit=product.limit)
    values[invalid | (values < 0)] = np.nan
    return values[None]


def _read_count(dataset: xr.Dataset, invalid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32] | None:
    """Return the number of image pairs behind each velocity (1, y, x), 0 where there is none."""
    if "count" not in dataset:
        return None
    values = drop_fill(dataset["count"])
    return np.where((values > 0) & ~invalid, values, 0).astype(np.int32)[None]
