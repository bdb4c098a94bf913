"""Products: what each kind of velocity file is, and what is taken for granted about it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from altiflow.errors import InputError
from altiflow.readers.field import Metric
from altiflow.units import YEAR_DAYS

__all__ = [
    "PRODUCTS",
    "VelocityProduct",
    "detect_netcdf",
    "detect_raster",
    "detect_zarr",
    "names_ice_motion",
    "velocity_product",
]


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
        name="ITS_LIVE-composite",
        title="ITS_LIVE annual composites of land-ice velocity, Zarr",
        units="m yr-1",
        limit=32_766.0,
        metric="map",
        year_days=YEAR_DAYS,
        citation="fills -32767, 32767 and count 0, layers of civil years: composites of nasa-jpl/its_live_production; "
        "metric: as ITS_LIVE-mosaic, version 2; year: decimal years of 365.25 d",
    ),
    VelocityProduct(
        name="OSI-405",
        title="OSI SAF low-resolution sea-ice drift over 48 h, near real time (polar stereographic, 62.5 km)",
        units="km",
        limit=1_000.0,
        metric="map",
        year_days=None,
        citation="product user's manual of OSI-405, doi:10.15770/EUM_SAF_OSI_NRT_2007; fill -1e10; metric "
        "undocumented, map because lat1, lon1 are where the node plus (dX, dY) lies",
    ),
    VelocityProduct(
        name="OSI-455",
        title="OSI SAF sea-ice drift climate data record over 24 h, 1991-2020 (EASE-Grid 2.0, 75 km)",
        units="km",
        limit=1_000.0,
        metric="map",
        year_days=None,
        citation="Lavergne and Down 2023, doi:10.5194/essd-15-5807-2023; doi:10.15770/EUM_SAF_OSI_0012; metric as "
        "OSI-405",
    ),
    VelocityProduct(
        name="MEaSUREs-Greenland",
        title="MEaSUREs/GrIMP Greenland velocity, GeoTIFF (NSIDC-0478, 0481, 0646, 0670, 0725, 0727, 0731, 0766)",
        units="m yr-1",
        limit=100_000.0,
        metric="ground",
        year_days=YEAR_DAYS,
        citation="nodata -2e9, errors -1: user guides, doi:10.5067/QUA5Q9SVMSJG, doi:10.5067/YXMJRME5OUNC; metric: "
        "their speeds are metres on the ground (stated for the NSIDC-0478 family; not for 0481 and 0646); year "
        "undocumented",
    ),
    VelocityProduct(
        name="MEaSUREs-Antarctica",
        title="MEaSUREs Antarctic velocity, NetCDF (NSIDC-0484 version 2, 0720, 0754, 0761)",
        units="m yr-1",
        limit=100_000.0,
        metric="ground",
        year_days=YEAR_DAYS,
        citation="doi:10.5067/D7GK8F5J8M8R, doi:10.5067/PZ3NJ5RXRH10; metric undocumented, taken for ground because "
        "radar measures it on the ground; year undocumented",
    ),
    VelocityProduct(
        name="GoLIVE",
        title="GoLIVE (NSIDC-0710) and pycorr image pairs, NetCDF",
        units="m d-1",
        limit=32_766.0,
        metric="map",
        year_days=YEAR_DAYS,
        citation="doi:10.7265/N5ZP442B; markf6/pycorr_iceflow: offsets of pixels in the map of the images, per day, or "
        "per year of 365.25 d; nodata -9999, correlations -2",
    ),
    VelocityProduct(
        name="pycorr-geotiff",
        title="pair of pycorr GeoTIFFs, <name>_vx.tif and <name>_vy.tif, with <name>_corr.tif",
        units="m d-1",
        limit=32_766.0,
        metric="map",
        year_days=YEAR_DAYS,
        citation="as GoLIVE",
    ),
    VelocityProduct(
        name="CARST-geotiff",
        title="pair of CARST GeoTIFFs, <day>-<day>_velo-raw_vx.tif and _vy.tif",
        units="m d-1",
        limit=32_766.0,
        metric="map",
        year_days=YEAR_DAYS,
        citation="whyjz/CARST: offsets of pixels in the map of the images, per day; nodata -9999",
    ),
    VelocityProduct(
        name="altiflow",
        title="velocity field or velocity on a grid that altiflow wrote, NetCDF, Zarr or GeoTIFF",
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
    >>> detect_netcdf({"dX": {}, "dY": {}, "xc": {}, "yc": {}, "t0": {}}, {}, {"time", "yc", "xc"})
    'OSI-455'
    """
    names = set(variables)
    if {"vx", "vy"} <= names and "velocity_metric" in attrs:
        return "altiflow"
    if {"u", "v", "crs"} <= names and "time" in dims and names_ice_motion(variables):
        return "NSIDC-0116"
    if {"vx", "vy", "img_pair_info"} <= names:
        return "ITS_LIVE-pair"
    if {"dX", "xc", "yc"} <= names:
        climate = {"t0", "t1"} & names or "455" in str(attrs.get("product_id", ""))
        return "OSI-455" if climate else "OSI-405"
    if {"VX", "VY"} <= names:
        return "MEaSUREs-Antarctica"
    if {"vx", "vy"} <= names and {"image_pair_times", "del_corr"} & names:
        return "GoLIVE"
    if {"vx", "vy"} <= names and not {"time", "mid_date"} & set(dims):
        return "ITS_LIVE-mosaic"
    return None


def detect_zarr(names: Collection[str], attrs: Mapping[str, Any], dims: Collection[str]) -> str | None:
    """Return the name of the product of a Zarr store with these variables, attributes and dimensions; None if of none.

    A cube of image pairs is "ITS_LIVE-cube", which counts its layers in mid_date; composites count them in time.

    Examples
    --------
    >>> detect_zarr({"vx", "vy", "vx0", "vy0", "time"}, {}, {"time", "y", "x"})
    'ITS_LIVE-composite'
    >>> detect_zarr({"vx", "vy", "mid_date"}, {}, {"mid_date", "y", "x"})
    'ITS_LIVE-cube'
    >>> detect_zarr({"vx"}, {}, {"x"}) is None
    True
    """
    found = set(names)
    if not {"vx", "vy"} <= found:
        return None
    if "velocity_metric" in attrs:
        return "altiflow"
    if "mid_date" in dims:
        return "ITS_LIVE-cube"
    return "ITS_LIVE-composite" if "time" in dims and "vx0" in found else None


_NAMED = (
    (re.compile(r"(?:greenland_vel_mosaic|GL_vel_mosaic_|TSX_[EW]\d|OPT_[EW]\d)", re.IGNORECASE), "MEaSUREs-Greenland"),
    (re.compile(r"\d{8}-\d{8}_velo", re.IGNORECASE), "CARST-geotiff"),
)
"""Beginnings of the names of GeoTIFFs; there is nothing in them that tells who made them."""


def detect_raster(name: str, *, correlated: bool) -> str:
    """Return the name of the product of a pair of GeoTIFFs with this name.

    Parameters
    ----------
    name
        Name of either file.
    correlated
        Whether the correlation of the images lies beside them, as pycorr writes it.

    Examples
    --------
    >>> detect_raster("GL_vel_mosaic_Annual_01Dec16_30Nov17_vx_v05.0.tif", correlated=False)
    'MEaSUREs-Greenland'
    >>> detect_raster("GRE_G0120_0000_vx.tif", correlated=False), detect_raster("a_vx.tif", correlated=True)
    ('ITS_LIVE-geotiff', 'pycorr-geotiff')
    """
    found = next((product for pattern, product in _NAMED if pattern.match(name)), None)
    return found or ("pycorr-geotiff" if correlated else "ITS_LIVE-geotiff")
