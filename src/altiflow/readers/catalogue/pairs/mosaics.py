"""Regional mosaics of ITS_LIVE: their names and addresses, and which region a point lies in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.pairs.naming import MosaicName

__all__ = ["MOSAIC_REGIONS", "mosaic_name", "mosaic_region", "mosaic_url"]

MOSAIC_REGIONS = tuple(f"RGI{number:02d}A" for number in (*range(1, 13), 14, 17, 18, 19))
"""Regions that have mosaics of version 2; there are none named after regions 13, 15 and 16."""
_BUCKET = "https://its-live-data.s3.amazonaws.com/velocity_mosaic/v2"
_YEARS = (1984, 2022)
"""Years of the annual mosaics of version 2 (NSIDC-0776)."""
_CLIMATOLOGY = (2014, 2022)
"""Years that the archive names in its multi-year mosaics."""
_CODES = ("o1region", "RGI_CODE", "o1_region", "FULL_CODE", "code")
"""Columns that hold the number of a first-order region, in files of RGI 7.0, RGI 6.0 and GTN-G."""
_FORMS = "'RGI05A', 'RGI05' or 5"


def mosaic_name(
    region: str | int,
    year: int | None = None,
    *,
    version: str = "v02",
    archive: Literal["its-live", "nsidc"] = "its-live",
    layer: str = "",
) -> str:
    """Return the file name of a regional mosaic of version 2.

    Parameters
    ----------
    region
        "RGI05A", "RGI05" or 5.
    year
        A year from 1984 to 2022; None for the multi-year mosaic.
    version
        "v02", or "V02.1" of the newer one of the project's bucket.
    archive
        "its-live" (the project's bucket) or "nsidc" (NSIDC-0776, version 2.0).
    layer
        Variable of a GeoTIFF, such as "vx"; "" for the NetCDF file.

    Raises
    ------
    InputError
        If there is no such region or year.

    Examples
    --------
    >>> mosaic_name(5, 2019), mosaic_name("RGI05A", archive="nsidc")
    ('ITS_LIVE_velocity_120m_RGI05A_2019_v02.nc', 'NSIDC-0776_RGI05A_2014-2022_V02.0.nc')
    """
    code = _region_code(region)
    if year is not None and (isinstance(year, bool) or not _YEARS[0] <= int(year) <= _YEARS[1]):
        raise InputError(f"year {year!r} has no mosaic; there are {_YEARS[0]} to {_YEARS[1]}, and None for all years")
    if not re.fullmatch(r"[vV]\d\d(\.\d)?", version):
        raise InputError(f"version {version!r} is no version of the mosaics; use 'v02' or 'V02.1'")
    years = None if year is None else (int(year), int(year))
    if archive == "nsidc":
        return MosaicName("nsidc", code, years or _CLIMATOLOGY, None, "V02.0", layer).format()
    if archive != "its-live":
        raise InputError(f"archive={archive!r} means nothing; use 'its-live' or 'nsidc'")
    return MosaicName("its-live", code, years, 120, version, layer).format()


def mosaic_url(region: str | int, year: int | None = None) -> str:
    """Return the address of a regional mosaic of version 2 in the project's bucket, NetCDF.

    Raises
    ------
    InputError
        As :func:`mosaic_name`.

    Notes
    -----
    Multi-year mosaics are in the folder "static", annual ones in "annual".

    Examples
    --------
    >>> mosaic_url("RGI01A", 2018)
    'https://its-live-data.s3.amazonaws.com/velocity_mosaic/v2/annual/ITS_LIVE_velocity_120m_RGI01A_2018_v02.nc'
    """
    folder = "static" if year is None else "annual"
    return f"{_BUCKET}/{folder}/{mosaic_name(region, year)}"


def _region_code(region: str | int) -> str:
    """Return a region as the files name it."""
    match = re.fullmatch(r"(?:RGI)?0?(\d{1,2})A?", str(region).strip(), re.IGNORECASE)
    code = f"RGI{int(match[1]):02d}A" if match else ""
    if code not in MOSAIC_REGIONS:
        raise InputError(f"region {region!r} has no mosaic ({_FORMS}); there are {', '.join(MOSAIC_REGIONS)}")
    return code


def mosaic_region(
    longitude: Any, latitude: Any, *, outlines: str | Path | gpd.GeoDataFrame, column: str | None = None
) -> Any:
    """Return the mosaic region that points lie in.

    Parameters
    ----------
    longitude, latitude
        A point, or points (n,) each [degrees]; longitudes -180 to 180 or 0 to 360.
    outlines
        First-order glacier regions: the file of the Randolph Glacier Inventory (``00_rgi70_O1Regions.shp``) or of
        GTN-G, or a GeoDataFrame. altiflow brings none along.
    column
        Column of the region's number; found among the usual names where None.

    Returns
    -------
    str or numpy.ndarray
        "RGI05A" ..., for points (n,) of objects, None where a point lies in no region that has a mosaic. On a border
        the lower number counts.

    Raises
    ------
    InputError
        If points or outlines mean nothing.
    EmptyDataError
        If a single point lies in no region, or in one without mosaics (13, 15, 16).

    Examples
    --------
    >>> box = gpd.GeoDataFrame({"o1region": ["05"]}, geometry=[shapely.box(-75, 58, -10, 85)], crs="EPSG:4326")
    >>> mosaic_region(-49.5, 69.2, outlines=box)
    'RGI05A'
    """
    lon, lat = np.broadcast_arrays(np.asarray(longitude, dtype=float), np.asarray(latitude, dtype=float))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all() and (np.abs(lat) <= 90).all()):
        raise InputError("points are finite longitudes and latitudes in degrees, latitude -90 to 90")
    turned = lon - 360.0 * np.round(lon / 360.0)
    areas, codes = _read_outlines(outlines, column)
    found = np.full(lon.shape, None, dtype=object)
    for place in np.argsort(codes, kind="stable")[::-1]:
        inside = shapely.intersects_xy(areas[place], turned, lat)
        found[inside] = f"RGI{codes[place]:02d}A"
    if lon.ndim:
        found[~np.isin(found.astype(str), MOSAIC_REGIONS)] = None
        return found
    code = found.item()
    if code not in MOSAIC_REGIONS:
        lies = "in no region of the outlines" if code is None else f"in {code}, which has no mosaic"
        raise EmptyDataError(f"the point {lon:g}, {lat:g} lies {lies}; cubes may hold it: find_cubes")
    return code


def _read_outlines(outlines: Any, column: str | None) -> tuple[list[Any], np.ndarray]:
    """Return the areas and numbers of first-order regions."""
    if not isinstance(outlines, gpd.GeoDataFrame):
        path = Path(outlines)
        if not path.is_file():
            raise InputError(f"outlines {str(outlines)!r}: no such file; the RGI and GTN-G publish them")
        try:
            outlines = gpd.read_file(path)
        except (pyogrio.errors.DataSourceError, OSError, ValueError) as error:
            raise InputError(f"outlines {path.name} is no readable vector file: {error}") from error
    if outlines.crs is None:
        raise InputError("outlines have no CRS; state it with set_crs")
    name = column or next((name for name in _CODES if name in outlines.columns), None)
    if name not in outlines.columns:
        raise InputError(f"outlines have no column of region numbers ({', '.join(_CODES)}); pass column=")
    digits = outlines[name].astype(str).str.extract(r"(\d{1,2})", expand=False)
    if digits.isna().any():
        raise InputError(f"column {name} of the outlines holds what is no region number: {outlines[name].iloc[0]!r}")
    return list(outlines.to_crs(4326).geometry), digits.astype(int).to_numpy()
