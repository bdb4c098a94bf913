"""Places in a request: polygons and boxes, within the limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError

from altiflow.errors import InputError, RequestError
from altiflow.explore.service.limits import ServiceLimits
from altiflow.readers.catalogue.pairs import search_from_legacy
from altiflow.readers.catalogue.pairs.sources.items import read_footprint
from altiflow.region import Region, as_region

__all__ = ["geojson_region", "text_region"]

_RADIUS_KM = 6371.0072
"""Radius of the sphere that has the area of WGS84 [km]."""
_DEEPEST = 16
"""Deepest nesting of a geometry; a MultiPolygon in a GeometryCollection has 6."""
_POINT = 1e-9
"""Half a side [degrees] of the area that stands for a point, as regions have an area."""


def text_region(name: str, text: str, limits: ServiceLimits) -> Region:
    """Return the region of a polygon ("lon,lat,lon,lat,...") or a bbox ("west,south,east,north").

    Raises
    ------
    RequestError
        If it means nothing, or is beyond the limits.
    """
    if text.count(",") > 2 * limits.vertices + 1:
        raise _too_many(name, text, text.count(",") // 2 + 1, limits)
    try:
        region = search_from_legacy({name: text}).region
    except (ValueError, ShapelyError) as error:
        raise RequestError(name, text, _short(error), _FIX[name]) from error
    if region is None:
        raise RequestError(name, text, f"{name} is empty", _FIX[name])
    return _within_limits(name, text, region, limits)


_FIX = {
    "polygon": "give lon,lat of each corner, such as -50,69,-48,69,-48,70,-50,69",
    "bbox": "give west,south,east,north in degrees, such as -50,69,-48,70",
    "filter": 'give a GeoJSON geometry, such as {"type": "Polygon", "coordinates": [[[-50, 69], ...]]}',
    "intersects": 'give a GeoJSON geometry, such as {"type": "Polygon", "coordinates": [[[-50, 69], ...]]}',
}


def geojson_region(name: str, geometry: Any, limits: ServiceLimits) -> Region:
    """Return the region of a GeoJSON geometry; points and lines are as thin areas.

    Raises
    ------
    RequestError
        If it means nothing, or is beyond the limits.
    """
    corners = _count_positions(geometry)
    if corners is None:
        raise RequestError(name, "", f"{name} is nested too deeply", _FIX[name])
    shown = json.dumps(geometry, default=str)[:80]
    if not isinstance(geometry, Mapping):
        raise RequestError(name, shown, f"{name} is a {type(geometry).__name__}, not a geometry", _FIX[name])
    if corners > limits.vertices:
        raise _too_many(name, shown, corners, limits)
    try:
        shape = read_footprint(geometry)
        if shape is None:
            raise InputError(f"{name} is empty")
        if shapely.get_dimensions(shape) < 2:
            shape = shapely.buffer(shape, _POINT, cap_style="square", join_style="mitre")
        region = as_region(shape)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, ShapelyError) as error:
        raise RequestError(name, shown, f"{name} is no geometry: {_short(error)}", _FIX[name]) from error
    return _within_limits(name, shown, region, limits)


def _count_positions(geometry: Any) -> int | None:
    """Return the number of positions in a GeoJSON geometry, wherever they stand; None if it is nested too deeply.

    Examples
    --------
    >>> _count_positions({"coordinates": [], "geometries": [{"coordinates": [[1, 2], [3, 4]]}]})
    2
    """
    count, left = 0, [(geometry, 0)]
    while left:
        value, depth = left.pop()
        if depth > _DEEPEST:
            return None
        inner = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
        nested = [one for one in inner if isinstance(one, (list, Mapping))]
        count += isinstance(value, list) and len(nested) < len(inner)
        left += [(one, depth + 1) for one in nested]
    return count


def _within_limits(name: str, shown: str, region: Region, limits: ServiceLimits) -> Region:
    """Return the region itself if it is small enough."""
    corners = int(shapely.count_coordinates(region.geometry))
    if corners > 2 * limits.vertices + 16:
        raise _too_many(name, shown, corners, limits)
    area = _area_km2(region)
    if area > limits.area_km2:
        reason = f"{name} has {area:.3g} km2, and {limits.area_km2:.3g} km2 are allowed"
        raise RequestError(name, shown, reason, "ask for smaller pieces one by one, or leave it out for all", 413)
    return region


def _area_km2(region: Region) -> float:
    """Return the area of a region [km2], on the sphere with the area of the Earth, its edges straight in degrees."""
    dense = shapely.segmentize(region.geometry, 2.0)
    # Lambert's cylindrical projection keeps areas.
    flat = shapely.transform(dense, lambda xy: np.column_stack([np.radians(xy[:, 0]), np.sin(np.radians(xy[:, 1]))]))
    return float(shapely.area(flat)) * _RADIUS_KM**2


def _too_many(name: str, shown: str, corners: int, limits: ServiceLimits) -> RequestError:
    reason = f"{name} has {corners} corners, and {limits.vertices} are allowed"
    return RequestError(name, shown, reason, "simplify it, such as with shapely.simplify", 413)


def _short(error: Exception) -> str:
    """Return what an error says, without what the parameter's own advice says."""
    return str(error).partition(";")[0][:300]
