"""Listing of images: those of a folder, of files and addresses, of STAC items, or of a search that was saved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.readers.catalogue.pairs.sources.items import place_path
from altiflow.readers.remote.ranges import is_remote
from altiflow.readers.scenes.heads import Row, scene_row
from altiflow.readers.scenes.opening import Place
from altiflow.readers.scenes.search import item_row

__all__ = ["list_scenes"]

_IMAGES = (".tif", ".tiff", ".jp2", ".vrt", ".img")
_ITEMS = (".json", ".geojson", ".ndjson", ".jsonl")
_SAVED = (".parquet", ".geoparquet")
_COLUMNS = (
    "scene",
    "url",
    "start",
    "time_source",
    "mission",
    "satellite",
    "track",
    "cloud_percent",
    "epsg",
    "pixel",
    "rows",
    "columns",
    "map",
    "problem",
)
_TEXTS = ("time_source", "mission", "satellite", "track", "map", "problem")


def list_scenes(places: Place | Sequence[Place], *, band: int = 1, asset: str | None = None) -> gpd.GeoDataFrame:
    """Return what is known of images, a row each, sorted by time.

    Parameters
    ----------
    places
        Images, files or addresses; a folder, of which all GeoTIFFs, JPEG 2000 files and the like are taken, those of
        folders below it too; or a list: a ``.txt`` with a path or address a line, STAC items (``.json``, ``.geojson``,
        ``.ndjson``), or what :func:`altiflow.search_scenes` found, written to GeoParquet. Paths in a list start in its
        folder. Of images no more than the head is read; items are believed.
    band
        Which band of an image, from 1.
    asset
        Which file of a STAC item, as for :func:`altiflow.search_scenes`.

    Returns
    -------
    geopandas.GeoDataFrame
        scene, url (file or address), start (UTC), time_source (what in the image says so, else "list"), mission,
        satellite, track, cloud_percent (of Landsat's metadata file or the item), epsg, pixel [m], rows, columns, map
        (name of the CRS), geometry (EPSG:4326), and ``problem``: why an image cannot be tracked, "" where it can. What
        is not told is NaN, NA or "". :func:`altiflow.pair_scenes` takes those without a problem.

    Raises
    ------
    InputError
        If there is no such folder or list.
    UnsupportedFormatError
        If a list is damaged.
    EmptyDataError
        If no image is named, or the folder has none.
    """
    rows = list(_rows(places, band, asset))
    if not rows:
        named = f"{places} has no image" if isinstance(places, (str, Path)) else "no image is named"
        raise EmptyDataError(f"{named}; give files or addresses of images ({', '.join(_IMAGES)}), a folder, or a list")
    frame = pd.DataFrame(rows)
    shapes = gpd.GeoSeries(list(frame["geometry"]), crs="EPSG:4326")
    frame = frame.reindex(columns=list(_COLUMNS))
    frame[list(_TEXTS)] = frame[list(_TEXTS)].astype(object).fillna("").astype(str)
    frame["start"] = pd.to_datetime(frame["start"]).astype("datetime64[us]")
    for name in ("epsg", "rows", "columns"):
        frame[name] = frame[name].astype("Int32")
    for name in ("pixel", "cloud_percent"):
        frame[name] = frame[name].astype(float)
    return gpd.GeoDataFrame(frame, geometry=shapes).sort_values(["start", "scene"], kind="stable", ignore_index=True)


def _rows(places: Place | Sequence[Place], band: int, asset: str | None) -> Iterator[Row]:
    """Yield a row for each image."""
    if not isinstance(places, (str, Path)):
        yield from (scene_row(place, band) for place in places)
        return
    place = Path(places)
    suffix = place.suffix.lower()
    if is_remote(str(places)):
        yield scene_row(places, band)
    elif place.is_dir():
        files = sorted(path for path in place.rglob("*") if path.is_file() and path.name[0] not in "._")
        yield from (scene_row(path, band) for path in files if path.suffix.lower() in _IMAGES)
    elif not place.is_file():
        raise InputError(f"there is no image, no folder and no list {place}")
    elif suffix == ".txt":
        lines = [line.strip() for line in _text(place).splitlines() if line.strip()]
        yield from (scene_row(place_path(line, "", place.parent), band) for line in lines)
    elif suffix in _ITEMS:
        yield from (_item_row(item, asset, place) for item in _items(place))
    elif suffix in _SAVED:
        yield from _saved_rows(place)
    else:
        yield scene_row(place, band)


def _text(place: Path) -> str:
    """Return the text of a file."""
    try:
        return place.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnsupportedFormatError(f"{place.name} is no text in UTF-8 ({error})") from error


def _items(place: Path) -> Iterator[Any]:
    """Yield the STAC items of a file."""
    text = _text(place)
    try:
        if place.suffix.lower() in (".ndjson", ".jsonl"):
            yield from (json.loads(line) for line in text.splitlines() if line.strip())
            return
        told = json.loads(text)
        items: Iterable[Any] = told["features"] if told["type"] == "FeatureCollection" else [told]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnsupportedFormatError(f"{place.name} holds no STAC items: {error!r}") from error
    yield from items


def _item_row(item: Any, asset: str | None, place: Path) -> Row:
    """Return the row of a STAC item."""
    try:
        row = item_row(item, asset)
        told: Mapping[str, Any] = item.get("properties") or {}
        shape = told.get("proj:shape") or (pd.NA, pd.NA)
        step = (told.get("proj:transform") or [np.nan])[0]
        row |= {"pixel": abs(float(told.get("gsd") or step)), "rows": shape[0], "columns": shape[1]}
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UnsupportedFormatError(f"{place.name} holds {str(item)[:40]!r}, which is no STAC item") from error
    problem = "it has no file to track in" if row["url"] is None else "it tells no time" if row["start"] is None else ""
    url = "" if row["url"] is None else place_path(row["url"], row["scene"], place.parent)
    return {**row, "url": url, "time_source": "list", "problem": problem}


def _saved_rows(place: Path) -> Iterator[Row]:
    """Yield the rows of a table that was written."""
    try:
        table = gpd.read_parquet(place)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise UnsupportedFormatError(f"{place.name} is no GeoParquet file: {error}") from error
    lacking = {"scene", "url", "start"} - set(table.columns)
    if lacking:
        raise UnsupportedFormatError(f"{place.name} lacks the column {sorted(lacking)[0]} of a search for images")
    for row in table.to_dict("records"):
        where = place_path(str(row["url"]), str(row["scene"]), place.parent)
        yield {"time_source": "list", **row, "url": where, "geometry": row.get("geometry")}
