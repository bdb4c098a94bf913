"""Nearby: the segments about a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import scipy
import shapely

from altiflow.errors import InputError, NoOverlapError
from altiflow.readers import read_table
from altiflow.region import as_places

__all__ = ["find_near"]

Floats = npt.NDArray[np.float64]

_ELLIPSOID = pyproj.Geod(ellps="WGS84")

_RADIUS = 6_378_137.0
_FLAT = 1.01
"""More than a distance on the ellipsoid is to one on the sphere of its equator."""


def find_near(source: gpd.GeoDataFrame | str | Path, places: Any, *, radius_m: float) -> gpd.GeoDataFrame:
    """Return the rows of a table within a radius of places, nearest place by place in order of time.

    Parameters
    ----------
    source
        A table of points with a CRS, any; or a table or data set that :func:`altiflow.read_table` reads, of which only
        the parts near a place are read.
    places
        What :func:`altiflow.as_places` takes. A row near two of them is there twice.
    radius_m
        Longest distance on the ground [m].

    Returns
    -------
    geopandas.GeoDataFrame
        The columns of the table, with ``point`` (name of the place) and ``distance_m`` (geodesic, WGS84) before them,
        sorted by place and, where it is known, time.

    Raises
    ------
    InputError
        If the radius is not above 0 m and at most 500 km, or the table has no CRS.
    NoOverlapError
        If no row lies within the radius of a place.

    Examples
    --------
    >>> table = gpd.GeoDataFrame({"height": [1.0, 2.0]}, geometry=gpd.points_from_xy([179.99, 10], [80, 80]), crs=4326)
    >>> find_near(table, {"A": (-179.99, 80)}, radius_m=500)[["point", "distance_m"]].round(1).values.tolist()
    [['A', 387.9]]
    """
    if isinstance(radius_m, bool) or not 0 < radius_m <= 500_000:
        raise InputError(f"radius_m is a distance above 0 m and at most 500 km, got {radius_m!r}")
    points = as_places(places)
    if isinstance(source, gpd.GeoDataFrame):
        return _found_near(source, points, radius_m)
    found = []
    for number in range(len(points)):
        one = points.iloc[[number]]
        try:
            found.append(_found_near(read_table(source, region=_circle(one, radius_m)), one, radius_m))
        except NoOverlapError:
            continue
    if not found:
        raise _nothing(Path(source).name, points, radius_m)
    result: gpd.GeoDataFrame = pd.concat(found, ignore_index=True)
    result.attrs = found[0].attrs
    return result


def _nothing(source: str, points: gpd.GeoSeries, radius_m: float) -> NoOverlapError:
    """Return the error for places with nothing about them."""
    named = ", ".join(map(str, points.index[:5]))
    return NoOverlapError(f"no row of {source} lies within {radius_m:g} m of {named}; take a larger radius")


def _found_near(table: gpd.GeoDataFrame, points: gpd.GeoSeries, radius_m: float) -> gpd.GeoDataFrame:
    """Return the rows of a table in memory within the radius of places."""
    if table.crs is None:
        raise InputError("the table states no CRS; set it, such as table.set_crs(4326)")
    kinds = sorted(set(table.geometry.geom_type.dropna()) - {"Point"})
    if kinds:
        raise InputError(f"the table has rows of {', '.join(kinds)}, and only points are found; give segments")
    place, row, distance = _pairs(points, table, radius_m)
    if not row.size:
        raise _nothing(f"the table ({len(table):,} rows)", points, radius_m)
    time = table["time"].to_numpy()[row] if "time" in table else row
    order = np.lexsort((distance, time, place))
    found = table.iloc[row[order]].reset_index(drop=True)
    found = found.drop(columns=[name for name in ("point", "distance_m") if name in found])
    found.insert(0, "point", pd.Series(points.index.to_numpy()[place[order]], dtype=str).to_numpy())
    found.insert(1, "distance_m", distance[order])
    found.attrs = dict(table.attrs)
    return found


def _circle(point: gpd.GeoSeries, radius_m: float) -> gpd.GeoDataFrame:
    """Return a circle, somewhat larger, about one place."""
    around = f"+proj=aeqd +lat_0={float(point.y.iloc[0])!r} +lon_0={float(point.x.iloc[0])!r} +datum=WGS84 +units=m"
    return gpd.GeoDataFrame(geometry=[shapely.Point(0, 0).buffer(_FLAT**2 * radius_m)], crs=around)


def _pairs(
    points: gpd.GeoSeries, table: gpd.GeoDataFrame, radius_m: float
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """Return place, row and distance [m] of all rows within the radius of a place, each (n,)."""
    geometry = table.geometry.to_numpy()
    there = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    to_globe = pyproj.Transformer.from_crs(table.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = (
        np.asarray(part, float) for part in to_globe.transform(shapely.get_x(geometry), shapely.get_y(geometry))
    )
    rows = np.flatnonzero(there & np.isfinite(longitude) & np.isfinite(latitude))
    tree = scipy.spatial.cKDTree(_on_sphere(longitude[rows], latitude[rows]))
    near = tree.query_ball_point(_on_sphere(points.x.to_numpy(), points.y.to_numpy()), _FLAT * radius_m)
    place = np.repeat(np.arange(len(points)), [len(one) for one in near])
    row = rows[np.array([one for many in near for one in many], dtype=np.intp)]
    _, _, distance = _ELLIPSOID.inv(
        points.x.to_numpy()[place], points.y.to_numpy()[place], longitude[row], latitude[row]
    )
    kept = np.asarray(distance) <= radius_m
    return place[kept], row[kept], np.asarray(distance, float)[kept]


def _on_sphere(longitude: Floats, latitude: Floats) -> Floats:
    """Return places (n, 3) [m] on the sphere of the equator."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    return _RADIUS * np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
