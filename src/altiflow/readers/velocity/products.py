"""Products: what each kind of velocity file is, and what is taken for granted about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from altiflow.errors import InputError
from altiflow.readers.field import Metric
from altiflow.units import YEAR_DAYS

__all__ = ["PRODUCTS", "VelocityProduct", "detect_netcdf", "detect_zarr", "names_ice_motion", "velocity_product"]


@dataclass(frozen=True)
class VelocityProduct:
    """A kind of velocity file.

    Attributes
    ----------
    name
        What `read_velocity` takes as ``product``.
    title
        What it is, in words.
    units
        Unit of the components where the file states none.
    limit
        Components beyond this [`units`] are fill, whatever the file declares.
    metric
        Metric taken where the file states none.
    year_days
        Length of the year [d] behind a unit per year; None for other units.
    citation
        Where these values come from.
    """

    name: str
    title: str
    units: str
    limit: float
    metric: Metric
    year_days: float | None
    citation: str


_FOUND = (
    VelocityProduct(
        name="NSIDC-0116",
        title="Polar Pathfinder sea-ice motion vectors, daily or weekly (EASE-Grid, 25 km)",
        units="cm s-1",
        limit=200.0,
        metric="map",
        year_days=None,
        citation="valid range and units: attributes of the v4.1 files, doi:10.5067/INAWUWO7QH7B; metric undocumented",
    ),
    VelocityProduct(
        name="ITS_LIVE-pair",
        title="ITS_LIVE image pair, NetCDF (versions 0, 1 and 2)",
        units="m yr-1",
        limit=32_766.0,
        metric="map",
        year_days=365.0,
        citation="fill -32767 and map_scale_corrected = 1 of version 1: the files; metric of version 2 and "
        "year of 365 d: autoRIFT, doi:10.3390/rs13040749",
    ),
    VelocityProduct(
        name="ITS_LIVE-cube",
        title="ITS_LIVE cube of image pairs, Zarr (version 2)",
        units="m yr-1",
        limit=32_766.0,
        metric="map",
        year_days=365.0,
        citation="as ITS_LIVE-pair of version 2, whose values it holds",
    ),
    VelocityProduct(
        name="ITS_LIVE-mosaic",
        title="ITS_LIVE regional mosaic of land-ice velocity, NetCDF (version 1; version 2 = NSIDC-0776)",
        units="m yr-1",
        limit=32_766.0,
        metric="map",
        year_days=YEAR_DAYS,
        citation="fill -32767: doi:10.5067/JQ6337239C96; metric of version 2: autoRIFT measures map units; "
        "year: ITS_LIVE composites count in decimal years of 365.25 d",
    ),
    VelocityProduct(
        name="ITS_LIVE-geotiff",
        title="pair of ITS_LIVE GeoTIFFs, <name>_vx.tif and <name>_vy.tif",
        units="m yr-1",
        limit=32_766.0,
        metric="ground",
        year_days=YEAR_DAYS,
        citation="as ITS_LIVE-mosaic, version 2 being told by the name; version 1 carries map_scale_corrected = 1",
    ),
    VelocityProduct(
        name="altiflow",
        title="velocity field or velocity on a grid that altiflow wrote, NetCDF",
        units="m yr-1",
        limit=float("inf"),
        metric="map",
        year_days=None,
        citation="the file states all of it",
    ),
)

PRODUCTS: Mapping[str, VelocityProduct] = {product.name: product for product in _FOUND}
"""Velocity products that can be read, by name."""


def velocity_product(name: str) -> VelocityProduct:
    """Return the product of that name, upper or lower case alike.

    Raises
    ------
    InputError
        If there is no such product.

    Examples
    --------
    >>> velocity_product("nsidc-0116").units
    'cm s-1'
    """
    for known, product in PRODUCTS.items():
        if known.casefold() == name.casefold():
            return product
    raise InputError(f"velocity product {name!r} is not known; known are {', '.join(PRODUCTS)}")


def names_ice_motion(variables: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether `u` and `v`, by their attributes, may be ice motion along the axes of a grid.

    Winds and currents come under the same names, and eastward.
    """
    names = (variables[name].get("standard_name") for name in ("u", "v"))
    return all(name in (None, f"sea_ice_{axis}_velocity") for name, axis in zip(names, "xy", strict=True))


def detect_netcdf(
    variables: Mapping[str, Mapping[str, Any]], attrs: Mapping[str, Any], dims: Collection[str]
) -> str | None:
    """Return the name of the product with these variables (and their attributes) and dimensions; None if of none.

    Examples
    --------
    >>> detect_netcdf({"u": {}, "v": {}, "crs": {}}, {}, {"time", "y", "x"})
    'NSIDC-0116'
    >>> wind = {"u": {"standard_name": "eastward_wind"}, "v": {"standard_name": "northward_wind"}, "crs": {}}
    >>> detect_netcdf(wind, {}, {"time", "y", "x"}) is None
    True
    >>> detect_netcdf({"vx": {}, "vy": {}, "img_pair_info": {}}, {}, {"y", "x"})
    'ITS_LIVE-pair'
    """
    names = set(variables)
    if {"vx", "vy"} <= names and "velocity_metric" in attrs:
        return "altiflow"
    if {"u", "v", "crs"} <= names and "time" in dims and names_ice_motion(variables):
        return "NSIDC-0116"
    if {"vx", "vy", "img_pair_info"} <= names:
        return "ITS_LIVE-pair"
    if {"vx", "vy"} <= names and not {"time", "mid_date"} & set(dims):
        return "ITS_LIVE-mosaic"
    return None


def detect_zarr(
    variables: Mapping[str, Mapping[str, Any]], attrs: Mapping[str, Any], dims: Collection[str]
) -> str | None:
    """Return the name of the product of a Zarr store with these variables and dimensions; None if of none.

    Examples
    --------
    >>> detect_zarr({"vx": {}, "vy": {}, "mid_date": {}}, {}, {"mid_date", "y", "x"})
    'ITS_LIVE-cube'
    """
    names = set(variables)
    if {"vx", "vy"} <= names and "velocity_metric" in attrs:
        return "altiflow"
    if {"vx", "vy"} <= names and "mid_date" in dims:
        return "ITS_LIVE-cube"
    return None
