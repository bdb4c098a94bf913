"""Plans of tracking: two scenes by their names, where, and how to look, within the limits of the service."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from altiflow.errors import InputError, RequestError
from altiflow.explore.service.asking import place_parameters, read_parameters, take_region
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.scenes import ServedScenes
from altiflow.region import Region
from altiflow.tracking.parameters import TrackParameters

__all__ = ["plan_track"]

MOST_PIXELS = 1.5e8
"""Pixels of each image that are tracked; a tile of Sentinel-2 has 1.2e8."""
MOST_CELLS = 2e6
"""Cells of a result."""
MOST_RADIUS = 250
"""Largest search radius [px]."""
MOST_PLACES = 1e10
"""Cells times displacements that a full search tries."""
_KEPT_BACK = ("threads", "backend")
"""Parameters that are the server's own business."""
_PIXEL = 10.0
"""Size of a pixel [m] where a list does not tell it: the smallest of those that are common."""
_EDGE_POINTS = 32


def plan_track(asked: Mapping[str, Any], scenes: ServedScenes, limits: ServiceLimits) -> dict[str, Any]:
    """Return the plan of tracking two scenes.

    Parameters
    ----------
    asked
        ``{"kind": "track", "scenes": [name, name], "bbox": "w,s,e,n", "parameters": {...}}``; ``polygon`` in place of
        ``bbox``, or neither for all that the scenes share; parameters are those of :class:`altiflow.TrackParameters`.
    scenes
        Which there are; no other file is ever read.
    limits
        Of the region.

    Raises
    ------
    RequestError
        If it means nothing, or more is asked for than is allowed.
    """
    pair = _pair(asked.get("scenes"), scenes)
    region = _region(asked, limits)
    parameters = _parameters(asked.get("parameters"))
    _check_size(_pixels(pair, region), parameters)
    listed = any(row["time_source"] == "list" for row in pair)
    return {
        "sources": [str(row["url"]) for row in pair],
        "dates": [row["start"].isoformat() for row in pair] if listed else None,
        "region": None if region is None else region.wkt,
        "parameters": json.loads(parameters.to_json()),
        "result": "track.zip",
    }


def _pair(given: Any, scenes: ServedScenes) -> list[Mapping[str, Any]]:
    """Return the rows of two scenes, the earlier one first."""
    if not isinstance(given, list) or len(given) != 2:
        raise RequestError("scenes", str(given), "scenes are no two names", "give two of /scenes, as [name, name]")
    pair = sorted((scenes.named(name) for name in given), key=lambda row: row["start"])
    if not pair[0]["start"] < pair[1]["start"]:
        raise RequestError("scenes", str(given), "both scenes are of one moment", "give an earlier and a later one")
    maps = [row["epsg"] for row in pair]
    if not any(pd.isna(code) for code in maps) and maps[0] != maps[1]:
        reason = f"the scenes are on the maps EPSG:{maps[0]} and EPSG:{maps[1]}"
        raise RequestError("scenes", str(given), reason, "give two of one map, see epsg in /scenes")
    return pair


def _region(asked: Mapping[str, Any], limits: ServiceLimits) -> Region | None:
    """Return where, None for all that the scenes share."""
    told = {name: asked[name] for name in ("bbox", "polygon") if asked.get(name) is not None}
    texts = []
    for name, value in told.items():
        numbers = isinstance(value, list) and all(type(one) in (int, float) for one in value)
        if not (isinstance(value, str) or numbers):
            raise RequestError(
                name, str(value), f"{name} is no text and no list of numbers", "give such as -50,69,-48,70"
            )
        texts.append((name, value if isinstance(value, str) else ",".join(map(str, value))))
    return take_region(read_parameters(texts, place_parameters(limits)))


def _parameters(given: Any) -> TrackParameters:
    """Return the parameters of a request."""
    if given is None:
        return TrackParameters()
    if not isinstance(given, Mapping):
        raise RequestError("parameters", str(given), "parameters are no JSON object", 'give such as {"chip": 24}')
    for name in _KEPT_BACK:
        if name in given:
            raise RequestError(name, str(given[name]), f"{name} is chosen by the service", "leave it out")
    try:
        found = TrackParameters.from_json(json.dumps(given))
    except (InputError, TypeError, ValueError, OverflowError) as error:
        reason, _, fix = str(error).partition(";")
        named = re.match(r"\w+(?==)", reason)
        name = named[0] if named and named[0] in given else "parameters"
        shown = str(given.get(name, "")) if name in given else ""
        raise RequestError(name, shown, reason[:300], fix.strip()[:300] or "see the page on tracking") from error
    if found.reach > MOST_RADIUS:
        reason = f"radius={found.reach} is beyond the {MOST_RADIUS} px that are allowed"
        raise RequestError("radius", str(found.reach), reason, "give a smaller one, or scenes closer in time", 413)
    return found


def _pixels(pair: list[Mapping[str, Any]], region: Region | None) -> float:
    """Return how many pixels are tracked at most: those of the box about what both scenes and the region share."""
    shapes = [row["geometry"] for row in pair]
    if any(shape is None for shape in shapes):
        shared = None if region is None else region.geometry
    else:
        shared = shapely.intersection(*shapes)
        shared = shared if region is None else shapely.intersection(shared, region.geometry)
        if shared.is_empty:
            where = "the scenes" if region is None else "the scenes and the region"
            raise RequestError("scenes", "", f"{where} share no place", "see their footprints in /scenes")
    told = [row for row in pair if not (pd.isna(row["rows"]) or pd.isna(row["columns"]))]
    whole = min((float(row["rows"]) * float(row["columns"]) for row in told), default=np.inf)
    if shared is None or any(pd.isna(row["epsg"]) for row in pair):
        return whole
    sizes = [float(row["pixel"]) for row in pair if 0 < row["pixel"] < np.inf]
    pixel = min(sizes, default=_PIXEL)
    west, south, east, north = shared.bounds
    dense = shapely.segmentize(shared, max(east - west, north - south, 1e-9) / _EDGE_POINTS)
    transformer = pyproj.Transformer.from_crs("EPSG:4326", f"EPSG:{pair[0]['epsg']}", always_xy=True)
    x, y = transformer.transform(*shapely.get_coordinates(dense).T)
    return float(min(whole, np.ptp(x) / pixel * (np.ptp(y) / pixel)))


def _check_size(pixels: float, parameters: TrackParameters) -> None:
    """Raise RequestError if it is more than is allowed."""
    cells = pixels / parameters.spacing**2
    fix = "ask for a smaller region, or a larger spacing"
    if pixels > MOST_PIXELS:
        reason = f"the region has {pixels:.2g} pixels, and {MOST_PIXELS:.2g} are allowed"
        raise RequestError("bbox", "", reason, "ask for a smaller region", 413)
    if cells > MOST_CELLS:
        reason = f"the result has {cells:.2g} cells, and {MOST_CELLS:.2g} are allowed"
        raise RequestError("spacing", str(parameters.spacing), reason, fix, 413)
    places = cells * (2 * parameters.reach + 1) ** 2
    if parameters.search == "full" and places > MOST_PLACES:
        reason = f"a full search tries {places:.2g} displacements, and {MOST_PLACES:.2g} are allowed"
        raise RequestError("search", "full", reason, "give a smaller radius or region, or leave search out", 413)
