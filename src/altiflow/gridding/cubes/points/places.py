"""Places: points, lines and areas as map coordinates of a field."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from altiflow.errors import InputError

__all__ = ["line_points", "place_points"]

Floats = npt.NDArray[np.float64]


def place_points(points: Any, crs: Any, target_crs: Any) -> tuple[Floats, Floats, list[str]]:
    """Return x, y (n,) [m, target] and a name for each of the points.

    Parameters
    ----------
    points
        A GeoDataFrame or GeoSeries of points with a CRS; a shapely Point or MultiPoint, or pairs (n, 2) of
        longitude and latitude (or x and y) in `crs`.
    crs
        CRS of points that have none of their own; EPSG:4326 for longitude and latitude.
    target_crs
        CRS of the field.

    Raises
    ------
    InputError
        If there is no point, one is not finite, or what is given is no points.

    Examples
    --------
    >>> x, y, _ = place_points([(-49.46, 69.11)], 4326, 3413)
    >>> x.round().tolist(), y.round().tolist()
    ([-177871.0], [-2280424.0])
    """
    if isinstance(points, (gpd.GeoDataFrame, gpd.GeoSeries)):
        source, geometry, names = points.crs or crs, points.geometry.to_numpy(), [str(name) for name in points.index]
    else:
        source, geometry = crs, _as_geometry(points)
        names = [str(number) for number in range(len(geometry))]
    if len(geometry) == 0 or not (shapely.get_type_id(geometry) == shapely.GeometryType.POINT).all():
        raise InputError(f"points must be points, at least one; got {len(geometry)} of other kinds or none")
    across, up = shapely.get_x(geometry), shapely.get_y(geometry)
    x, y = pyproj.Transformer.from_crs(source, target_crs, always_xy=True).transform(across, up)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        first = int(np.flatnonzero(~(np.isfinite(x) & np.isfinite(y)))[0])
        raise InputError(f"point {names[first]} ({across[first]}, {up[first]}) has no place on the map of the field")
    return np.asarray(x, float), np.asarray(y, float), names


def line_points(line: Any, crs: Any, target_crs: Any, spacing: float) -> tuple[Floats, Floats, Floats]:
    """Return x, y [m, target] and ground distance from the start [m], each (n,), of points along a line.

    The line is straight between its corners on the map of the field; points are `spacing` metres of that map apart,
    the last one at its end. The distance is along the ellipsoid.

    Raises
    ------
    InputError
        If it is no line, or the spacing is not positive.
    """
    geometry = line.geometry.iloc[0] if isinstance(line, (gpd.GeoDataFrame, gpd.GeoSeries)) else line
    source = (line.crs or crs) if isinstance(line, (gpd.GeoDataFrame, gpd.GeoSeries)) else crs
    if not isinstance(geometry, shapely.Geometry):
        geometry = shapely.LineString(np.asarray(geometry, float))
    if not isinstance(geometry, shapely.LineString) or geometry.length == 0:
        raise InputError(f"line must be a LineString of some length, got {type(geometry).__name__}")
    if not spacing > 0:
        raise InputError(f"spacing must be a positive number of metres, got {spacing!r}")
    corners = shapely.get_coordinates(geometry)
    moved = pyproj.Transformer.from_crs(source, target_crs, always_xy=True).transform(corners[:, 0], corners[:, 1])
    path = shapely.LineString(np.column_stack(moved))
    steps = np.append(np.arange(0.0, path.length, spacing), path.length)
    x, y = shapely.get_coordinates(shapely.line_interpolate_point(path, np.unique(steps))).T
    own = pyproj.CRS(target_crs)
    lon, lat = pyproj.Transformer.from_crs(own, own.geodetic_crs, always_xy=True).transform(x, y)
    ellipsoid: Any = own.get_geod()
    lengths = ellipsoid.line_lengths(lon, lat)
    return x, y, np.append(0.0, np.cumsum(lengths))


def _as_geometry(points: Any) -> npt.NDArray[Any]:
    """Return an array of geometries from shapely points, or from pairs of numbers."""
    if isinstance(points, shapely.Geometry):
        return np.asarray(shapely.get_parts(points))
    try:
        pairs = np.asarray(points, float)
    except (TypeError, ValueError):
        return np.asarray(list(points), dtype=object)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise InputError(f"points must be pairs (n, 2) of longitude and latitude, got shape {pairs.shape}")
    return np.asarray(shapely.points(pairs))
