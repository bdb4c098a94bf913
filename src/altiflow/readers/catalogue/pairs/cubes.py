"""The cube catalogue: which ITS_LIVE cubes hold a point or a region, each in its own projection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.readers.catalogue.pairs.naming import CubeName, parse_velocity_name
from altiflow.readers.catalogue.pairs.request import ITS_LIVE_STAC
from altiflow.readers.catalogue.pairs.sources import StacService, find_items
from altiflow.readers.catalogue.pairs.sources.items import asset_url
from altiflow.readers.remote import Retries
from altiflow.region import Region, as_region, enclose_ring

__all__ = ["find_cubes", "read_cube_catalogue"]

Floats = npt.NDArray[np.float64]

CUBES = "itslive-cubes"
_HALF = 50_000.0
"""Half the side of a tile [m]: cubes are 100 km wide (names tell the centre)."""
_PIECES = 20
"""Pieces into which each side of a tile is cut before it is put on the globe, 5 km each: straight lines of the map
are curves in longitude and latitude; what is left are tens of metres near a pole, metres elsewhere."""
_BACK = 1e-7
"""Degrees by which a point may move there and back; more, and the projection does not reach it."""
_EDGE = 1e-3
"""Metres by which a point may miss a tile: a point on a seam is no longer exactly on it once it was projected."""
_AROUND = 0.3
"""Degrees of latitude around a point within which a service is asked for cubes."""
_COLUMNS = ["url", "epsg", "x_min", "y_min", "x_max", "y_max", "geometry"]


def read_cube_catalogue(path: str | Path | Mapping[str, Any]) -> gpd.GeoDataFrame:
    """Return the cubes of a catalogue of ITS_LIVE.

    Parameters
    ----------
    path
        GeoJSON file, or the mapping in it: features with the properties zarr_url, epsg and geometry_epsg (the
        footprint in map coordinates), the form of ``datacubes/catalog_v02.json``.

    Returns
    -------
    geopandas.GeoDataFrame
        url, epsg, x_min, y_min, x_max, y_max [m, in the projection `epsg`] and geometry (the footprint, EPSG:4326, its
        map edges followed, cut at the antimeridian).

    Raises
    ------
    InputError
        If there is no such file.
    UnsupportedFormatError
        If it is no such catalogue.
    """
    name = "the catalogue"
    if not isinstance(path, Mapping):
        source, name = Path(path), Path(path).name
        if not source.is_file():
            raise InputError(f"cube catalogue {str(path)!r}: no such file")
        try:
            path = json.loads(source.read_text())
        except ValueError as error:
            raise UnsupportedFormatError(f"{name} is no GeoJSON: {error}") from error
    try:
        features = cast("Mapping[str, Any]", path)["features"]
        rows = [_row(feature["properties"]) for feature in features]
    except (KeyError, TypeError, ValueError, shapely.GEOSException) as error:
        raise UnsupportedFormatError(f"{name} is no catalogue of ITS_LIVE cubes: {error!r}") from error
    return _as_cubes(rows)


def _row(properties: Mapping[str, Any]) -> tuple[str, int, float, float, float, float]:
    """Return address, projection and map bounds of a cube."""
    footprint = properties["geometry_epsg"]
    bounds = shape(footprint if isinstance(footprint, Mapping) else json.loads(footprint)).bounds
    west, south, east, north = (float(value) for value in bounds)
    return str(properties["zarr_url"]), int(properties["epsg"]), west, south, east, north


def _as_cubes(rows: list[tuple[str, int, float, float, float, float]]) -> gpd.GeoDataFrame:
    """Return the table of cubes, each address once, with footprints on the globe."""
    frame = pd.DataFrame(rows, columns=_COLUMNS[:-1]).drop_duplicates("url", ignore_index=True)
    outlines = np.full(len(frame), None, dtype=object)
    for epsg, cubes in frame.groupby("epsg"):
        outlines[cubes.index] = _on_globe(cubes[_COLUMNS[2:6]].to_numpy(float), int(cast("int", epsg)))
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(list(outlines), crs="EPSG:4326"))


def _on_globe(bounds: Floats, epsg: int) -> list[BaseGeometry]:
    """Return map rectangles (n, 4) as areas in longitude and latitude."""
    part = np.arange(_PIECES) / _PIECES
    u = np.concatenate([part, np.ones(_PIECES), 1 - part, np.zeros(_PIECES), [0.0]])
    v = np.concatenate([np.zeros(_PIECES), part, np.ones(_PIECES), 1 - part, [0.0]])
    x = bounds[:, [0]] + u * (bounds[:, [2]] - bounds[:, [0]])
    y = bounds[:, [1]] + v * (bounds[:, [3]] - bounds[:, [1]])
    lon, lat = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True).transform(x, y)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise ValueError(f"EPSG:{epsg} does not put every footprint on the globe")
    return [enclose_ring(*corners) for corners in zip(lon, lat, strict=True)]


def find_cubes(
    where: Any,
    catalogue: str | Path | Mapping[str, Any] | gpd.GeoDataFrame | None = None,
    *,
    timeout: float = 60.0,
    retries: Retries | None = None,
) -> gpd.GeoDataFrame:
    """Return all cubes that hold points, or meet a region, each in its own projection.

    Parameters
    ----------
    where
        A point (longitude, latitude) [degrees], several (n, 2), a GeoSeries or GeoDataFrame of points in any CRS; or
        anything else :func:`altiflow.region.as_region` takes.
    catalogue
        What :func:`read_cube_catalogue` returns or reads; an address of a STAC service; by default that of ITS_LIVE.
    timeout, retries
        Of a service, as in :func:`search_pairs`.

    Returns
    -------
    geopandas.GeoDataFrame
        The columns of :func:`read_cube_catalogue`, sorted by address. For points one row per point and cube, with
        point (its number from 0), longitude and latitude as given, and x, y in the projection of the cube [m].

    Raises
    ------
    InputError
        If where means nothing, or the catalogue is not there.
    EmptyDataError
        If no cube is found.
    UnsupportedFormatError, SearchError, LoginError
        If the catalogue cannot be read, or the service refuses.

    Notes
    -----
    Points are tested in map coordinates, edges included to the millimetre, so that a point on the seam of two cubes
    finds both, and is itself not moved. Regions are compared with footprints on the globe.
    """
    points = _as_points(where)
    region = as_region(where) if points is None else _around(points)
    if isinstance(catalogue, gpd.GeoDataFrame):
        cubes = _checked(catalogue)
    elif catalogue is None or (isinstance(catalogue, str) and catalogue.startswith(("http://", "https://"))):
        service = StacService(catalogue or ITS_LIVE_STAC, timeout, retries or Retries())
        cubes = _as_cubes([_row_of_item(item) for item in find_items(service, CUBES, region=region)])
    else:
        cubes = read_cube_catalogue(catalogue)
    if points is None:
        found = cubes[region.meets(cubes.geometry.to_numpy())].sort_values("url", ignore_index=True)
    else:
        found = _holding(cubes, points)
    if len(found) == 0:
        raise EmptyDataError(f"no cube of the catalogue holds {region if points is None else 'any of the points'}")
    return found


def _as_points(where: Any) -> Floats | None:
    """Return points (n, 2) as longitude and latitude [degrees], None if `where` is something else."""
    if isinstance(where, shapely.Point):
        where = [(where.x, where.y)]
    if isinstance(where, (gpd.GeoSeries, gpd.GeoDataFrame)) and (where.geom_type == "Point").all() and len(where):
        if where.crs is None:
            raise InputError("the points have no CRS; state it with set_crs")
        return np.asarray(shapely.get_coordinates(where.geometry.to_crs(4326)))
    try:
        values = np.asarray(where, dtype=float)
    except (TypeError, ValueError):
        return None
    if values.shape == (2,):
        values = values[None, :]
    if values.ndim != 2 or values.shape[1] != 2:
        return None
    if values.size == 0 or not np.isfinite(values).all() or (np.abs(values[:, 1]) > 90).any():
        raise InputError("points are finite (longitude, latitude) in degrees, latitude -90 to 90")
    return values


def _around(points: Floats) -> Region:
    """Return boxes of some kilometres around points: services keep footprints with straight sides in degrees."""
    boxes = []
    for lon, lat in np.unique(np.round(points, 1), axis=0):
        high = min(abs(lat) + _AROUND, 90.0)
        wide = _AROUND / max(np.cos(np.radians(high)), _AROUND / 180.0)
        sides = (lon - wide, lon + wide) if wide < 179 else (-180.0, 180.0)
        south, north = max(lat - _AROUND, -90.0), min(lat + _AROUND, 90.0)
        west, east = _turned(sides)
        boxes.append(as_region((west, south, east, north)).geometry)
    return Region(shapely.union_all(boxes), f"{len(points)} points")


def _row_of_item(item: Mapping[str, Any]) -> tuple[str, int, float, float, float, float]:
    """Return address, projection and map bounds of a STAC item of a cube."""
    url = asset_url(item.get("assets") or {})
    try:
        name = parse_velocity_name(url or "")
    except InputError as error:
        raise UnsupportedFormatError(f"item {item.get('id')} is no cube of ITS_LIVE: {error}") from error
    if url is None or not isinstance(name, CubeName):
        raise UnsupportedFormatError(f"item {item.get('id')} is no cube of ITS_LIVE, but {url}")
    return url, name.epsg, name.x - _HALF, name.y - _HALF, name.x + _HALF, name.y + _HALF


def _checked(cubes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a table of cubes, refused if it is none."""
    lacking = [name for name in _COLUMNS if name not in cubes.columns]
    if lacking:
        raise InputError(f"the cube catalogue lacks {', '.join(lacking)}; read_cube_catalogue makes one")
    return cubes


def _holding(cubes: gpd.GeoDataFrame, points: Floats) -> gpd.GeoDataFrame:
    """Return the cubes that hold points, a row for each point and cube."""
    found = []
    for epsg, some in cubes.groupby("epsg"):
        x, y = _project(points, int(cast("int", epsg)))
        bounds = some[_COLUMNS[2:6]].to_numpy(float)
        inside = (
            (x[:, None] >= bounds[:, 0] - _EDGE)
            & (y[:, None] >= bounds[:, 1] - _EDGE)
            & (x[:, None] <= bounds[:, 2] + _EDGE)
            & (y[:, None] <= bounds[:, 3] + _EDGE)
        )
        number, place = np.nonzero(inside)
        if number.size == 0:
            continue
        rows = some.iloc[place].reset_index(drop=True)
        lon, lat = points[number].T
        told = {"point": number, "longitude": lon, "latitude": lat, "x": x[number], "y": y[number]}
        found.append(rows.assign(**told))
    if not found:
        return cubes.iloc[:0]
    table = pd.concat(found, ignore_index=True).sort_values(["point", "url"], ignore_index=True)
    return table[["point", "longitude", "latitude", "x", "y", *_COLUMNS]]


def _project(points: Floats, epsg: int) -> tuple[Floats, Floats]:
    """Return points in map coordinates [m], NaN where the projection does not reach."""
    turn = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    x, y = turn.transform(*points.T)
    lon, lat = turn.transform(x, y, direction="INVERSE")
    with np.errstate(invalid="ignore"):
        off = np.abs((lon - points[:, 0] + 180.0) % 360.0 - 180.0) * np.cos(np.radians(points[:, 1]))
        lost = ~((off < _BACK) & (np.abs(lat - points[:, 1]) < _BACK))
    return np.where(lost, np.nan, x), np.where(lost, np.nan, y)


def _turned(sides: tuple[float, float]) -> tuple[float, float]:
    """Return west and east from -180 to 180."""
    west, east = ((side + 180.0) % 360.0 - 180.0 if abs(side) > 180 else side for side in sides)
    return west, east
