"""Sea-ice motion of NSIDC-0116: its files by year, which the archive's search does not list."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

import geopandas as gpd
import shapely

from altiflow.errors import InputError
from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.readers.catalogue.names import Hemisphere
from altiflow.readers.catalogue.pairs.naming import MotionName
from altiflow.readers.catalogue.tables.columns import build_catalogue
from altiflow.region import as_region

__all__ = ["find_motion", "motion_columns", "motion_urls"]

MOTION_ROOT = "https://daacdata.apps.nsidc.org/pub/DATASETS/nsidc0116_icemotion_vectors_v4"
"""Folder of the data set on the archive's file server (https://doi.org/10.5067/INAWUWO7QH7B); it wants a login."""
_FIRST = datetime(1978, 11, 1)
"""First day of the data set; the file of 1978 begins with it, all others with 1 January."""
_SHORT: dict[Hemisphere, str] = {"north": "nh", "south": "sh"}
_HEMISPHERES: dict[str, Hemisphere] = {"nh": "north", "sh": "south"}
_GRIDS: dict[Hemisphere, tuple[str, int]] = {"north": ("EPSG:3408", 361), "south": ("EPSG:3409", 321)}
"""Map and cells a side of the original EASE-Grid, by hemisphere."""
_CELL = 25_067.525
_STEPS = ("daily", "weekly")


def motion_urls(
    start: Moment,
    end: Moment,
    *,
    hemisphere: Hemisphere,
    step: Literal["daily", "weekly"] = "daily",
    version: str = "v4.1",
    root: str = MOTION_ROOT,
) -> list[str]:
    """Return the addresses of the NSIDC-0116 files, one a year, that touch a period; nothing is asked of a server.

    Parameters
    ----------
    start, end
        First and last moment (UTC), as in :func:`search_granules`.
    hemisphere
        "north" or "south".
    step
        "daily" or "weekly" means.
    version
        As file names have it.
    root
        Folder that holds ``north/daily`` and so on.

    Raises
    ------
    InputError
        If an argument means nothing, or the period ends before the data begin.

    Notes
    -----
    Files hold whole years. Whether the last year is there yet is known by :func:`download_files`, with a login as
    ``session``: a file that is not there is told so.

    Examples
    --------
    >>> for url in motion_urls("1978", "1979-01", hemisphere="south", step="weekly"):
    ...     print(url.rpartition("nsidc0116_icemotion_vectors_v4/")[2])
    south/weekly/icemotion_weekly_sh_25km_19781101_19781231_v4.1.nc
    south/weekly/icemotion_weekly_sh_25km_19790101_19791231_v4.1.nc
    """
    names = _names(start, end, hemisphere, step, version)
    parts = urlsplit(root)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"root {root!r} is no address; example: {MOTION_ROOT}")
    return [f"{root.rstrip('/')}/{hemisphere}/{step}/{name.format()}" for name in names]


def find_motion(
    start: Moment,
    end: Moment,
    *,
    hemisphere: Hemisphere,
    step: Literal["daily", "weekly"] = "daily",
    version: str = "v4.1",
    root: str = MOTION_ROOT,
) -> gpd.GeoDataFrame:
    """Return the files of :func:`motion_urls` as a catalogue; footprints are the area of the grid.

    Raises
    ------
    InputError
        As :func:`motion_urls`.
    """
    urls = motion_urls(start, end, hemisphere=hemisphere, step=step, version=version, root=root)
    names = _names(start, end, hemisphere, step, version)
    rows = [{**motion_columns(name), "url_https": url} for name, url in zip(names, urls, strict=True)]
    asked = {"start": str(start), "end": str(end), "hemisphere": hemisphere, "step": step}
    return build_catalogue(rows, {"product": "NSIDC-0116", "search": asked, "screens": {}})


def motion_columns(name: MotionName) -> dict[str, Any]:
    """Return the columns of a catalogue that the name of a motion file tells; the footprint is the area of its grid."""
    start = name.start
    # Names of the archive end with a day, those of OSI SAF with an hour.
    end = name.end + timedelta(days=1) - timedelta(microseconds=1) if name.product.startswith("NSIDC") else name.end
    return {
        "granule": name.format().removesuffix(".nc"),
        "product": name.product,
        "version": name.version,
        "start": start,
        "end": end,
        "hemisphere": _HEMISPHERES.get(name.hemisphere),
        "geometry": _grid_area(_HEMISPHERES[name.hemisphere]) if name.product.startswith("NSIDC") else None,
    }


def _names(start: Moment, end: Moment, hemisphere: Hemisphere, step: Any, version: str) -> list[MotionName]:
    """Return the names of the files, one a year."""
    first, last = as_moment(start, "start", last=False), as_moment(end, "end", last=True)
    if hemisphere not in _SHORT or step not in _STEPS:
        raise InputError(
            f"hemisphere is 'north' or 'south' and step 'daily' or 'weekly', got {hemisphere!r} and {step!r}"
        )
    if first is None or last is None:
        raise InputError("start and end are both needed: files are named by their year")
    if first > last or last < _FIRST:
        raise InputError(f"the period {first} to {last} is empty, or ends before the data begin on {_FIRST:%Y-%m-%d}")
    return [
        MotionName(
            "NSIDC-0116",
            _SHORT[hemisphere],
            "25km",
            step,
            max(datetime(year, 1, 1), _FIRST),
            datetime(year, 12, 31),
            version,
        )
        for year in range(max(first, _FIRST).year, last.year + 1)
    ]


@cache
def _grid_area(hemisphere: Hemisphere) -> shapely.Geometry:
    """Return the area of the grid in longitude and latitude."""
    crs, cells = _GRIDS[hemisphere]
    half = cells / 2 * _CELL
    return as_region(gpd.GeoSeries([shapely.box(-half, -half, half, half)], crs=crs)).geometry
