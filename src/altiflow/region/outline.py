"""Outlines on the globe: rings and longitudes that run across the antimeridian and over the poles."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

__all__ = ["Floats", "enclose_ring", "keep_dimension", "turn_longitudes", "wrap_longitudes"]

Floats = npt.NDArray[np.float64]

_DIGITS = 11
"""Digits of longitudes that are turned: a micrometre on the ground."""
_AT_POLE = 90.0 - 1e-9
"""Latitude [degrees] from which longitude means nothing."""


def turn_longitudes(longitude: Floats) -> Floats:
    """Return longitudes -180 to 180 [degrees]; those already there keep every bit."""
    with np.errstate(invalid="ignore"):
        return longitude - 360.0 * np.round(longitude / 360.0)


def wrap_longitudes(geometry: BaseGeometry) -> BaseGeometry:
    """Return `geometry` with longitudes -180 to 180, cut where it crosses the antimeridian.

    Parameters
    ----------
    geometry
        Anything in longitude and latitude, longitudes -540 to 540 [degrees] and continuous.
    """
    west, _, east, _ = geometry.bounds
    if west >= -180 and east <= 180:
        return geometry
    pieces = []
    for turn in (-360.0, 0.0, 360.0):
        piece = shapely.intersection(geometry, shapely.box(turn - 180, -90, turn + 180, 90))
        pieces.append(shapely.transform(piece, partial(_turned, turn=turn)))
    return keep_dimension(shapely.GeometryCollection(pieces), shapely.get_dimensions(geometry))


def _turned(xy: Floats, turn: float) -> Floats:
    """Return corners (n, 2) that much farther west, latitudes to the bit.

    Ends of a whole turn are then the same number, and leave no sliver between them in which a union is lost.
    """
    return np.column_stack([np.round(xy[:, 0] - turn, _DIGITS), xy[:, 1]])


def enclose_ring(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> BaseGeometry:
    """Return the area that a ring on the globe encloses, cut at the antimeridian.

    Parameters
    ----------
    longitude, latitude
        Corners, both (n,) [degrees], first = last; neighbours less than 180 degrees apart.

    Returns
    -------
    shapely geometry
        Polygon or MultiPolygon, longitudes -180 to 180. A ring once round the globe holds its nearer pole.

    Examples
    --------
    >>> enclose_ring([0, 90, 180, 270, 360], [70, 70, 70, 70, 70]).bounds
    (-180.0, 70.0, 180.0, 90.0)
    >>> enclose_ring([170, -170, -170, 170, 170], [70, 70, 75, 75, 70]).area
    100.0
    """
    lon, lat = _meridians_at_pole(turn_longitudes(np.asarray(longitude, float)), np.asarray(latitude, float))
    lon = np.unwrap(lon, period=360.0)
    if abs(lon[-1] - lon[0]) > 180.0:
        pole = 90.0 if lat.mean() > 0 else -90.0
        lon = np.concatenate([lon, [lon[-1], lon[0], lon[0]]])
        lat = np.concatenate([lat, [pole, pole, lat[0]]])
    lon -= 360.0 * np.round((lon.min() + lon.max()) / 720.0)
    area = shapely.make_valid(shapely.Polygon(np.column_stack([lon, lat])))
    return wrap_longitudes(keep_dimension(area, 2))


def _meridians_at_pole(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Replace each corner at a pole by two, on the meridians of its neighbours."""
    at_pole = np.abs(lat) >= _AT_POLE
    if not at_pole.any() or at_pole.all():
        return lon, lat
    # Start the ring away from the pole, so that every pole corner has a neighbour on both sides.
    start = int(np.flatnonzero(~at_pole[:-1])[0])
    lon, lat = (np.append(np.roll(values[:-1], -start), values[start]) for values in (lon, lat))
    away = np.flatnonzero(np.abs(lat) < _AT_POLE)
    index = np.arange(lon.size)
    before = away[np.searchsorted(away, index, side="right") - 1]
    after = away[np.searchsorted(away, index, side="left")]
    twice = np.repeat(index, np.where(np.abs(lat) >= _AT_POLE, 2, 1))
    second = np.append(False, twice[1:] == twice[:-1])
    return np.where(second, lon[after[twice]], lon[before[twice]]), lat[twice]


def keep_dimension(geometry: BaseGeometry, dimension: int) -> BaseGeometry:
    """Return the parts of `dimension` (2 = areas), without the lines and points that cutting leaves."""
    parts = np.atleast_1d(geometry)
    while (shapely.get_type_id(parts) > 3).any():
        parts = shapely.get_parts(parts)
    return shapely.union_all(parts[shapely.get_dimensions(parts) == dimension])
