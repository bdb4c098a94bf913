"""Search for images through a STAC service: one row per image, ready to be paired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.readers.catalogue.pairs.choosing.scenes import scene_track
from altiflow.readers.catalogue.pairs.naming import find_scene
from altiflow.readers.catalogue.pairs.sources.items import read_footprint
from altiflow.readers.catalogue.pairs.sources.stac import StacService, find_items
from altiflow.readers.remote import Retries
from altiflow.region import Region, as_region

__all__ = ["SCENE_STAC", "item_row", "search_scenes"]

SCENE_STAC = "https://earth-search.aws.element84.com/v1"
"""A public catalogue of Landsat and Sentinel images as cloud-optimised GeoTIFFs."""

_BANDS = ("pan", "nir08", "nir", "B08", "B8", "hh", "HH", "vv", "VV", "data")
"""Assets to track in, the best first: Landsat's panchromatic band, near infrared, radar backscatter."""


def search_scenes(
    region: Any,
    *,
    start: Moment = None,
    end: Moment = None,
    collection: str = "sentinel-2-l2a",
    asset: str | None = None,
    max_cloud: float | None = None,
    min_coverage: float = 0.0,
    source: str = SCENE_STAC,
    timeout: float = 60.0,
    retries: Retries | None = None,
    on_short: Literal["raise", "warn"] = "raise",
) -> gpd.GeoDataFrame:
    """Return the images of a collection that meet a region and a period, sorted by time.

    Parameters
    ----------
    region
        Anything :func:`altiflow.as_region` takes.
    start, end
        First and last moment (UTC); a day, month or year without a time of day is meant whole.
    collection
        Its name in the catalogue, such as "sentinel-2-l2a" or "landsat-c2-l1".
    asset
        Which file of an image; the first there is of pan, nir08, nir, B08, B8, hh, vv, data where not given.
    max_cloud
        Most cloud [percent]; images that do not tell are kept.
    min_coverage
        Least share of the region that the footprint covers, 0 to 1.
    source
        Address of a STAC service.
    timeout, retries, on_short
        As in :func:`altiflow.search_pairs`.

    Returns
    -------
    geopandas.GeoDataFrame
        scene, url, start (UTC), mission, satellite, track, cloud_percent, coverage, epsg, geometry (EPSG:4326).
        ``attrs["altiflow"]`` holds the search and what each screen left out. :func:`altiflow.pair_scenes` takes it.

    Raises
    ------
    InputError
        If an argument means nothing.
    EmptyDataError
        If no image meets the search.
    SearchError, LoginError
        If the service refuses, cannot be reached, or does not answer as it should.
    """
    where = as_region(region)
    if max_cloud is not None and not 0 <= max_cloud <= 100:
        raise InputError(f"max_cloud is a share of 0 to 100 percent, got {max_cloud!r}")
    if not 0 <= min_coverage <= 1:
        raise InputError(f"min_coverage is a share of 0 to 1, got {min_coverage!r}")
    first, last = as_moment(start, "start", last=False), as_moment(end, "end", last=True)
    if first and last and first > last:
        raise InputError(f"start {first} is after end {last}")
    service = StacService(source, timeout, retries or Retries(), on_short)
    period = None
    if first or last:
        period = "/".join(".." if moment is None else f"{moment.isoformat()}Z" for moment in (first, last))
    items = find_items(service, collection, region=where, period=period)
    table, screens = _screen(_rows(items, asset, where), max_cloud, min_coverage)
    if len(table) == 0:
        told = ", ".join(f"{name} {count}" for name, count in screens.items() if count)
        raise EmptyDataError(
            f"no image of {collection} from {first or 'the beginning'} to {last or 'now'} in {where.source} at "
            f"{service.name}; {f'left out: {told}' if told else 'widen the region, the period or the limits'}"
        )
    table.attrs["altiflow"] = {
        "search": {"collection": collection, "region": where.to_dict(), "period": period, "source": service.name},
        "screens": screens,
    }
    return table


def _rows(items: Iterable[Mapping[str, Any]], asset: str | None, where: Region) -> list[dict[str, Any]]:
    """Return a row of each item."""
    return [_row(item, asset, where) for item in items]


def _row(item: Mapping[str, Any], asset: str | None, where: Region) -> dict[str, Any]:
    """Return the row of one item; "reason" is why it is of no use."""
    row = item_row(item, asset)
    footprint = row["geometry"]
    covered = 0.0 if footprint is None else footprint.intersection(where.geometry).area / where.geometry.area
    reason = "no_asset" if row["url"] is None else "no_time" if row["start"] is None else ""
    return {**row, "coverage": covered, "reason": reason}


def item_row(item: Mapping[str, Any], asset: str | None) -> dict[str, Any]:
    """Return what a STAC item tells of an image; url and start are None where it does not."""
    told: Mapping[str, Any] = item.get("properties") or {}
    name = str(item["id"])
    scene = find_scene(name)
    cloud = told.get("eo:cloud_cover")
    return {
        "scene": name,
        "url": _address(item.get("assets") or {}, asset),
        "start": _utc(next((told[key] for key in ("datetime", "start_datetime") if told.get(key)), None), scene),
        "mission": "" if scene is None else scene.mission,
        "satellite": str(told.get("platform", "")) if scene is None else scene.satellite,
        "track": scene_track(name) or _grid_track(told),
        "cloud_percent": np.nan if cloud is None else float(cloud),
        "epsg": _epsg(told),
        "geometry": read_footprint(item.get("geometry")),
    }


def _address(assets: Mapping[str, Any], asset: str | None) -> str | None:
    """Return the address of the file to track in."""
    names: Sequence[str] = _BANDS if asset is None else (asset,)
    href = next((assets[name].get("href") for name in names if isinstance(assets.get(name), Mapping)), None)
    return None if not href else str(href)


def _utc(value: Any, scene: Any) -> pd.Timestamp | None:
    """Return a moment in UTC, that of the name where the item does not tell."""
    moment = pd.to_datetime([value], errors="coerce", utc=True)[0]
    if pd.isna(moment):
        return None if scene is None else pd.Timestamp(scene.start)
    return pd.Timestamp(moment).tz_localize(None)


def _grid_track(told: Mapping[str, Any]) -> str:
    """Return the path and row, or the tile, that properties tell."""
    if told.get("landsat:wrs_path") and told.get("landsat:wrs_row"):
        return f"{int(told['landsat:wrs_path']):03d}{int(told['landsat:wrs_row']):03d}"
    return str(told.get("grid:code") or "")


def _epsg(told: Mapping[str, Any]) -> Any:
    code = str(told.get("proj:code") or told.get("proj:epsg") or "").upper().removeprefix("EPSG:")
    return int(code) if code.isdigit() else pd.NA


def _screen(
    rows: list[dict[str, Any]], max_cloud: float | None, min_coverage: float
) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    """Return the images that pass, sorted by time, and how many each screen left out."""
    screens = {"no_asset": 0, "no_time": 0, "cloud": 0, "coverage": 0}
    kept = []
    for row in rows:
        reason = row.pop("reason")
        if not reason and max_cloud is not None and row["cloud_percent"] > max_cloud:
            reason = "cloud"
        if not reason and row["coverage"] < min_coverage:
            reason = "coverage"
        if reason:
            screens[reason] += 1
        else:
            kept.append(row)
    columns = ["scene", "url", "start", "mission", "satellite", "track", "cloud_percent", "coverage", "epsg"]
    frame = pd.DataFrame(kept, columns=[*columns, "geometry"])
    table = gpd.GeoDataFrame(frame[columns], geometry=gpd.GeoSeries(list(frame["geometry"]), crs="EPSG:4326"))
    table["start"] = table["start"].astype("datetime64[us]")
    table["epsg"] = table["epsg"].astype("Int32")
    return table.sort_values(["start", "scene"], kind="stable", ignore_index=True), screens
