"""What a region can be made from: boxes, polygons, text, mappings, tables and files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape as geojson_shape
from shapely.geometry.base import BaseGeometry

from altiflow.errors import InputError
from altiflow.region.area import Region
from altiflow.region.outline import enclose_ring, keep_dimension, turn_longitudes, wrap_longitudes
from altiflow.region.phrases import region_of_phrase

__all__ = ["as_region"]

_FORMS = (
    "a region is (west, south, east, north) in degrees (west > east crosses the antimeridian), 'north of 60', "
    "'within 50 km of 10.5,78.2', a shapely Polygon or MultiPolygon in longitude and latitude, WKT, a GeoJSON "
    "mapping, a GeoDataFrame or GeoSeries with a CRS, or the path of a vector file"
)
_WKT = re.compile(r"\s*((MULTI)?(POLYGON|POINT|LINESTRING)|GEOMETRYCOLLECTION)\b", re.IGNORECASE)
_LONLAT_NAMES = re.compile(r"(:4326|CRS84)$", re.IGNORECASE)
"""Endings of the CRS names in older GeoJSON that mean longitude and latitude."""
_MAP_PIECES = 500
"""A map outline is cut into pieces of at most this fraction of its extent before it is put on the globe:
straight lines of the map are curves in longitude and latitude."""


def as_region(obj: Any) -> Region:
    """Return the region that `obj` describes.

    Parameters
    ----------
    obj
        A :class:`Region`; (west, south, east, north) [degrees], also as the text "west,south,east,north";
        "north of 60" or "south of -60" (with the pole); "within 50 km of 10.5,78.2" (longitude, latitude);
        a shapely Polygon or MultiPolygon in longitude and latitude, longitudes -180 to 180 or 0 to 360; WKT;
        a GeoJSON mapping; a GeoDataFrame or GeoSeries in any CRS; the path of a vector file (GeoJSON,
        GeoPackage, shapefile, GeoParquet ...).

    Raises
    ------
    InputError
        If `obj` is none of these, has no area, is not valid, has no CRS, or lies off the globe.

    Notes
    -----
    A box with west above east crosses the antimeridian. Edges of polygons in degrees are straight in
    longitude and latitude, whatever their length; edges in map coordinates are straight on their map.
    Nothing is simplified.

    Examples
    --------
    >>> as_region((-180, 60, 180, 90)).contains([0.0, 123.0], [90.0, 59.9]).tolist()
    [True, False]
    >>> as_region("POLYGON ((350 70, 370 70, 370 75, 350 75, 350 70))").bounds
    (-10.0, 70.0, 10.0, 75.0)
    """
    if isinstance(obj, Region):
        return obj
    for kinds, build in _BUILDERS:
        if isinstance(obj, kinds):
            return build(obj)
    _refuse(obj, "is not a region")


def _from_box(values: Iterable[Any]) -> Region:
    """Return the region of (west, south, east, north)."""
    given = tuple(values)
    try:
        west, south, east, north = (float(value) for value in given)
    except (TypeError, ValueError):
        _refuse(given, "is not four numbers")
    bounds = (west, south, east, north)
    if not (np.isfinite(bounds).all() and -360 <= min(west, east) <= max(west, east) <= 360):
        _refuse(given, "has values that are not finite, or longitudes outside -360 to 360")
    if not -90 <= south < north <= 90:
        _refuse(given, f"needs -90 <= south < north <= 90, has south {south:g} and north {north:g}")
    left, right = (float(value) for value in turn_longitudes(np.array([west, east])))
    if east - west == 360:
        left, right = -180.0, 180.0
    elif (left - right) % 360 == 0 or east - west > 360:
        _refuse(given, "has no width, or more than the 360 degrees of the globe")
    source = f"box ({west:g}, {south:g}, {east:g}, {north:g})"
    if left < right:
        return Region(shapely.box(left, south, right, north), source)
    spans = [(low, high) for low, high in ((left, 180.0), (-180.0, right)) if low < high]
    boxes = [shapely.box(low, south, high, north) for low, high in spans]
    return Region(boxes[0] if len(boxes) == 1 else shapely.MultiPolygon(boxes), source)


def _from_shapes(shapes: Sequence[BaseGeometry], source: str) -> Region:
    """Return the region of areas in longitude and latitude."""
    for shape in _check_areas(shapes, source):
        west, south, east, north = shape.bounds
        if not -90 <= south <= north <= 90:
            _refuse(source, f"has latitudes {south:g} to {north:g}, outside -90 to 90 (order: lon, lat)")
        if not (-540 <= west <= east <= 540 and east - west <= 360):
            _refuse(source, f"has longitudes {west:g} to {east:g}, more than once round the globe")
    wrapped = [wrap_longitudes(shapely.force_2d(shape)) for shape in shapes]
    return Region(wrapped[0] if len(wrapped) == 1 else shapely.union_all(wrapped), source)


def _check_areas(shapes: Sequence[BaseGeometry], source: str) -> Sequence[BaseGeometry]:
    """Return `shapes`, refused unless all are areas that can be computed with."""
    if not shapes:
        _refuse(source, "is empty")
    for shape in shapes:
        if shape.geom_type not in {"Polygon", "MultiPolygon"}:
            _refuse(source, f"holds a {shape.geom_type}, which has no area")
        if shape.is_empty or not np.isfinite(shape.bounds).all():
            _refuse(source, "is empty, or has coordinates that are not finite")
        if not shape.is_valid:
            reason = shapely.is_valid_reason(shape)
            _refuse(source, f"is no valid polygon ({reason}); see shapely.make_valid")
    return shapes


def _from_geometry(geometry: BaseGeometry) -> Region:
    """Return the region of a shapely geometry."""
    return _from_shapes([geometry], f"{str(geometry)[:60]} ...")


def _from_text(text: str) -> Region:
    """Return the region of words, of WKT, of "west,south,east,north", or of a file."""
    said = region_of_phrase(text)
    if said is not None:
        return said
    if _WKT.match(text):
        try:
            return _from_geometry(shapely.from_wkt(text))
        except shapely.GEOSException as error:
            raise InputError(f"region {text[:80]!r} is not readable WKT: {error}") from error
    numbers = text.split(",")
    return _from_box(numbers) if len(numbers) == 4 and not Path(text).exists() else _from_file(Path(text))


def _from_file(path: Path) -> Region:
    """Return the region of all areas in a vector file of one layer."""
    if not path.is_file():
        _refuse(str(path), "is no file")
    try:
        if path.suffix.lower() in {".parquet", ".geoparquet"}:
            return _from_frame(gpd.read_parquet(path), path.name)
        layers = [str(name) for name, _ in pyogrio.list_layers(path)]
        if len(layers) != 1:
            _refuse(str(path), f"has the layers {layers}; read the one you mean and pass the GeoDataFrame")
        return _from_frame(gpd.read_file(path), path.name)
    except (pyogrio.errors.DataSourceError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"region {str(path)!r} is no readable vector file: {error}") from error


def _from_mapping(mapping: Mapping[str, Any]) -> Region:
    """Return the region of a GeoJSON geometry, Feature or FeatureCollection."""
    shown = json.dumps(mapping, default=str)[:80]
    try:
        stated = mapping["crs"]["properties"]["name"] if mapping.get("crs") else ":4326"
        features = mapping.get("features", [mapping])
        shapes = [geojson_shape(feature.get("geometry", feature)) for feature in features]
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, ShapelyError) as error:
        raise InputError(f"region {shown} is not readable GeoJSON ({error!r}); {_FORMS}") from error
    if not _LONLAT_NAMES.search(stated):
        _refuse(shown, f"states the CRS {stated!r}; read it with geopandas and pass the GeoDataFrame")
    return _from_shapes(shapes, f"GeoJSON {shown}")


def _from_frame(frame: Any, source: str = "") -> Region:
    """Return the region of all areas of a GeoDataFrame or GeoSeries, in any CRS."""
    shown = source or f"{type(frame).__name__} of {len(frame)} rows"
    if not isinstance(frame, (gpd.GeoDataFrame, gpd.GeoSeries)):
        _refuse(shown, "is a table without areas")
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is None:
        _refuse(shown, "has no geometry; state its column with set_geometry")
    if frame.crs is None:
        _refuse(shown, "has no CRS; state it with set_crs")
    areas = frame.geometry[~(frame.geometry.isna() | frame.geometry.is_empty)]
    _check_areas(list(areas), shown)
    if frame.crs.is_geographic:
        return _from_shapes(list(areas.to_crs("EPSG:4326")), shown)
    return Region(_unproject(shapely.force_2d(areas.union_all()), frame.crs, shown), shown)


def _unproject(area: BaseGeometry, crs: Any, shown: str) -> BaseGeometry:
    """Return a map area in longitude and latitude, its straight map edges followed by short pieces."""
    west, south, east, north = area.bounds
    dense = shapely.segmentize(area, max(east - west, north - south, 1e-9) / _MAP_PIECES)
    globe = []
    for part in shapely.get_parts(dense):
        rings = gpd.GeoSeries([part.exterior, *part.interiors], crs=crs).to_crs("EPSG:4326")
        if not np.isfinite(shapely.get_coordinates(rings)).all():
            _refuse(shown, "has coordinates that its CRS does not put on the globe")
        outer, *holes = (enclose_ring(*np.asarray(ring.coords)[:, :2].T) for ring in rings)
        globe.append(shapely.difference(outer, shapely.union_all(holes)) if holes else outer)
    return keep_dimension(shapely.union_all(globe), 2)


def _refuse(given: Any, reason: str) -> NoReturn:
    """Raise the error that names the value, the reason and what is accepted."""
    raise InputError(f"region {given!r} {reason}; {_FORMS}")


_BUILDERS: tuple[tuple[Any, Callable[[Any], Region]], ...] = (
    (BaseGeometry, _from_geometry),
    (str, _from_text),
    (Path, _from_file),
    (Mapping, _from_mapping),
    ((gpd.GeoDataFrame, gpd.GeoSeries), _from_frame),
    ((list, tuple, np.ndarray), _from_box),
)
