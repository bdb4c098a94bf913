"""Items: one STAC item, or row of an index, as one row of the pair catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs.choosing.words import version_word
from altiflow.readers.catalogue.pairs.naming import PairName, Scene, parse_pair_name, parse_scene
from altiflow.readers.catalogue.pairs.naming.pair import join_words
from altiflow.region import enclose_ring

__all__ = ["asset_url", "place_path", "read_footprint", "read_item", "read_values"]

_SATELLITE = re.compile(
    r"L[COTEM]0?([4-9])|(S[12][A-D])|(NISAR)|landsat-?([4-9])|sentinel-?([12])-?([a-d])", re.IGNORECASE
)


def read_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a STAC item of an image pair.

    Parameters
    ----------
    item
        A GeoJSON feature with id, properties, geometry and assets.

    Raises
    ------
    InputError
        If the item has no id, no data file, or no times.
    """
    try:
        granule = str(item["id"])
        values = {**item["properties"], "granule": granule, "url": asset_url(item.get("assets") or {})}
        return read_values(values, read_footprint(item.get("geometry")))
    except (KeyError, TypeError, AttributeError, ValueError, shapely.GEOSException) as error:
        if isinstance(error, InputError):
            raise
        name = item.get("id", "without an id") if isinstance(item, Mapping) else type(item).__name__
        raise InputError(f"item {name} is not in the form of a STAC item: {error!r}") from error


def read_values(values: Mapping[str, Any], geometry: BaseGeometry | None) -> dict[str, Any]:
    """Return the row of a pair from its properties, under the names of the catalogue or those of STAC.

    Times are start_datetime and end_datetime where they are told; else those of the scenes, else those of the file
    name. ``date_dt`` of the archive is rounded to whole days and never used.

    Raises
    ------
    InputError
        If there is no name, no address or no time.
    """
    granule = str(values["granule"])
    if not values.get("url"):
        raise InputError(f"pair {granule} has no address of its data: no asset 'data', no column url")
    name = _try_name(granule)
    scenes = name.images if name else _scenes(values)
    start, end = _times(values, scenes, granule)
    days_only = not any(moment.time() != time(0) for moment in (start, end))
    told_by_name = any(scene.time_resolution == "instant" for scene in scenes)
    return {
        "granule": granule,
        "url": str(values["url"]),
        "start": start,
        "end": end,
        "time_resolution": "day" if days_only and not told_by_name else "instant",
        "mission": join_words(scene.mission for scene in scenes) or _mission(values),
        "satellite": join_words(scene.satellite for scene in scenes) or _satellite(values),
        "percent_valid": _first(values, "percent_valid", "percent_valid_pixels", default=_of(name, "percent_valid")),
        "version": _version(name, values, granule),
        "epsg": _epsg(_first(values, "epsg", "proj:code", "proj_code", "proj:epsg")),
        "geometry": geometry,
    }


def _first(values: Mapping[str, Any], *names: str, default: Any = None) -> Any:
    """Return the first of several values that is told."""
    for name in names:
        value = values.get(name)
        if value is not None and value is not pd.NaT and value == value:
            return value
    return default


def _of(name: PairName | None, attribute: str) -> Any:
    return None if name is None else getattr(name, attribute)


def _try_name(granule: str) -> PairName | None:
    """Return what the name says, None if it is of no known form."""
    try:
        return parse_pair_name(granule)
    except InputError:
        return None


def _scenes(values: Mapping[str, Any]) -> tuple[Scene, ...]:
    """Return the two scenes, nothing if they are of no known form."""
    try:
        return tuple(parse_scene(str(values[key])) for key in ("scene_1_id", "scene_2_id"))
    except (KeyError, InputError):
        return ()


def _times(values: Mapping[str, Any], scenes: Sequence[Scene], granule: str) -> tuple[datetime, datetime]:
    """Return the two acquisitions, the earlier one first."""
    start, end = (_first(values, *names) for names in (("start", "start_datetime"), ("end", "end_datetime")))
    if start is not None and end is not None:
        moments = [_utc(value, granule) for value in (start, end)]
    elif scenes:
        moments = [scene.start for scene in scenes]
    else:
        raise InputError(f"pair {granule} has no times: no start_datetime and end_datetime, and a name that tells none")
    return min(moments), max(moments)


def _utc(value: Any, granule: str) -> datetime:
    """Return a moment in UTC, naive."""
    try:
        moment = pd.Timestamp(value)
        return (moment.tz_convert("UTC").tz_localize(None) if moment.tz else moment).floor("us").to_pydatetime()
    except (TypeError, ValueError) as error:
        raise InputError(f"pair {granule}: {value!r} is no time") from error


def _mission(values: Mapping[str, Any]) -> str:
    """Return the mission that the property platform or mission tells."""
    satellite = str(_first(values, "satellite", "platform", "mission", default="")).lower()
    for start, mission in (("l", "landsat"), ("s1", "sentinel1"), ("sentinel-1", "sentinel1"), ("n", "nisar")):
        if satellite.startswith(start):
            return mission
    return "sentinel2" if satellite.startswith(("s2", "sentinel-2")) else "unknown"


def _satellite(values: Mapping[str, Any]) -> str:
    """Return the satellite that the property satellite or platform tells."""
    text = str(_first(values, "satellite", "platform", default=""))
    match = _SATELLITE.fullmatch(text)
    if match is None:
        return text or "unknown"
    if match[5]:
        return f"S{match[5]}{match[6].upper()}"
    landsat = match[1] or match[4]
    return f"L{landsat}" if landsat else (match[2] or match[3]).upper()


def _version(name: PairName | None, values: Mapping[str, Any], granule: str) -> str:
    """Return the version of the file name, which is that of the file, else the one that is told."""
    told = _of(name, "version") or _first(values, "version")
    if told is None:
        raise InputError(f"pair {granule} tells no version")
    return version_word(told)


def _epsg(value: Any) -> int | None:
    """Return the code of a projection, "EPSG:3413" or 3413."""
    digits = re.fullmatch(r"(?:EPSG:)?(\d+)(?:\.0)?", str(value).strip(), re.IGNORECASE)
    return int(digits[1]) if digits else None


def asset_url(assets: Mapping[str, Any]) -> str | None:
    """Return the address of the data among STAC assets: the one called data, or the first NetCDF file.

    Examples
    --------
    >>> asset_url({"thumbnail": {"href": "a.png"}, "data": {"href": "https://host/a.nc"}})
    'https://host/a.nc'
    """
    told = [asset for asset in [assets.get("data"), *_data_assets(assets.values())] if asset]
    return str(told[0]["href"]) if told and told[0].get("href") else None


def place_path(url: str, granule: str, folder: Path) -> str:
    """Return an address, or a path that starts in the folder where it is relative; a bare name of a granule as it is.

    Examples
    --------
    >>> [place_path(url, "a", Path("/data")) for url in ("v02/a.nc", "../a.nc", "/mnt/a.nc", "s3://bucket/a.nc", "a")]
    ['/data/v02/a.nc', '/a.nc', '/mnt/a.nc', 's3://bucket/a.nc', 'a']
    """
    if "://" in url or url == granule or Path(url).is_absolute():
        return url
    return str((folder / url).resolve())


def _data_assets(assets: Iterable[Any]) -> list[Any]:
    """Return the assets that are data by role, or NetCDF files by name."""
    files = [asset for asset in assets if isinstance(asset, Mapping)]
    by_role = [asset for asset in files if "data" in list(asset.get("roles") or ())]
    return by_role or [asset for asset in files if str(asset.get("href", "")).endswith((".nc", ".zarr"))]


def read_footprint(geometry: Mapping[str, Any] | BaseGeometry | None) -> BaseGeometry | None:
    """Return a footprint with longitudes -180 to 180, cut at the antimeridian.

    The archive writes the corners of a granule as they come: a ring that jumps from 180 to -180, or that runs once
    round a pole, is understood as the area on the globe it encloses.

    Examples
    --------
    >>> ring = [[179, 70], [-179, 70], [-179, 71], [179, 71], [179, 70]]
    >>> read_footprint({"type": "Polygon", "coordinates": [ring]}).area
    2.0
    """
    if geometry is None:
        return None
    found = shape(geometry) if isinstance(geometry, Mapping) else geometry
    if found.is_empty:
        return None
    found = shapely.force_2d(found)
    if found.geom_type == "Polygon":
        corners = np.asarray(found.exterior.coords)
        if np.abs(np.diff(corners[:, 0])).max() > 180.0:
            return enclose_ring(*corners.T)
    return found
