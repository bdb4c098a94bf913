"""Planes: the maps that the widget shows, in which what is drawn on them has straight edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj

from altiflow.errors import InputError
from altiflow.explore.coastline import land_in
from altiflow.region import Region, enclose_ring, turn_longitudes

__all__ = ["PLANES", "Plane", "as_plane", "coast_of"]

Floats = npt.NDArray[np.float64]
Place = tuple[float, float]

_ZOOMS = 12
"""Zooms of a polar map: at the last a pixel is 8 m wide."""
_FLATNESS = 1e-3
"""An edge is cut until it misses the straight line by no more than this share of what is drawn."""
_DIGITS = 5
"""Digits of longitudes and latitudes: a metre at most."""
_DEEPEST = 9
"""Halvings of an edge at most."""


@dataclass(frozen=True)
class Plane:
    """A map of the widget.

    Attributes
    ----------
    epsg
        Code of its projection.
    title
        What users call it.
    half
        Half the side of its square [m], whose middle is the origin.
    proj4
        Its projection for the browser; empty for Web Mercator, which browsers have.
    middle
        (lon, lat) of the first look [degrees].

    Examples
    --------
    >>> PLANES[3413].resolution(0), round(PLANES[3857].resolution(0))
    (16384.0, 156543)
    """

    epsg: int
    title: str
    half: float
    proj4: str
    middle: Place

    @property
    def tile_pixels(self) -> int:
        """Pixels of the side of a tile."""
        return 512 if self.proj4 else 256

    def resolution(self, zoom: float) -> float:
        """Return the width of a pixel in the plane [m]."""
        return float(2 * self.half / self.tile_pixels / 2**zoom)

    def leaflet_crs(self) -> dict[str, Any]:
        """Return the projection as ipyleaflet takes it, with the tile matrix of the search service."""
        if not self.proj4:
            return {"name": "EPSG3857", "custom": False}
        return {
            "name": f"EPSG:{self.epsg}",
            "custom": True,
            "proj4def": self.proj4,
            "origin": [-self.half, self.half],
            "bounds": [[-self.half, -self.half], [self.half, self.half]],
            "resolutions": [self.resolution(zoom) for zoom in range(_ZOOMS)],
        }

    def project(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> Floats:
        """Return points of the plane (n, 2) [m] of longitudes and latitudes [degrees], both (n,)."""
        x, y = _transformer(self.epsg).transform(np.asarray(lon, float), np.asarray(lat, float))
        return np.column_stack([x, y])

    def locate(self, points: npt.ArrayLike) -> Floats:
        """Return longitudes and latitudes (n, 2) [degrees] of points of the plane (n, 2) [m]."""
        given = np.atleast_2d(np.asarray(points, float))
        lon, lat = _transformer(self.epsg).transform(given[:, 0], given[:, 1], direction="INVERSE")
        return np.column_stack([lon, lat])

    def enclose(self, corners: Sequence[Place]) -> Region:
        """Return the region of a polygon that was drawn on the plane, whose edges are straight there.

        Parameters
        ----------
        corners
            (lon, lat) [degrees] in order, the first not repeated or repeated. Longitudes beyond 180 are those of a
            world that was turned; on Web Mercator neighbours may be more than 180 degrees apart.

        Raises
        ------
        InputError
            If fewer than three places are told apart, or one is not on the globe.

        Notes
        -----
        Edges are cut until they miss the straight line by less than a thousandth of what is drawn. A polygon around
        the pole holds it.

        Examples
        --------
        >>> PLANES[3413].enclose([(0, 80), (90, 80), (180, 80), (-90, 80)]).contains([123.0], [90.0]).tolist()
        [True]
        """
        given = _checked(corners)
        ring = np.vstack([given, given[:1]])
        lon, lat = self._cut(ring) if self.proj4 else self._cut_mercator(ring)
        lon, lat = np.round(lon, _DIGITS), np.round(lat, _DIGITS)
        if not self.proj4:
            lon = np.asarray(lon - 360.0 * np.round((lon.min() + lon.max()) / 720.0))
        area = enclose_ring(lon, lat)
        if area.is_empty or area.area == 0:
            raise InputError(
                f"the polygon of {len(given)} corners has no area; draw one whose corners are not in a row"
            )
        return Region(area, f"polygon of {len(given)} corners drawn in EPSG:{self.epsg}")

    def _cut(self, ring: Floats) -> tuple[Floats, Floats]:
        """Return a ring (n, 2) with points on its edges, so that it is nearly straight in the plane."""
        corners = self.project(ring[:, 0], ring[:, 1])
        allowed = max(float(np.ptp(corners, axis=0).max()) * _FLATNESS, 1.0)
        points = [corners[0]]
        for start, end in pairwise(corners):
            points += [*self._halve(start, end, allowed, _DEEPEST), end]
        found = self.locate(np.array(points))
        return found[:, 0], found[:, 1]

    def _halve(self, start: Floats, end: Floats, allowed: float, depth: int) -> Iterator[Floats]:
        """Yield the points between two, where the line that is straight in degrees leaves the straight one."""
        middle = (start + end) / 2
        (west, south), (east, north) = self.locate([start, end])
        turned = west + float(turn_longitudes(np.array([east - west]))[0]) / 2
        bent = self.project([turned], [(south + north) / 2])[0]
        if depth == 0 or np.hypot(*(bent - middle)) <= allowed:
            return
        yield from self._halve(start, middle, allowed, depth - 1)
        yield middle
        yield from self._halve(middle, end, allowed, depth - 1)

    def _cut_mercator(self, ring: Floats) -> tuple[Floats, Floats]:
        """Return a ring (n, 2) with points on its edges; longitudes are kept as they are, beyond 180 too."""
        up = self.project(np.zeros(len(ring)), ring[:, 1])[:, 1]
        lon, height = [ring[:1, 0]], [up[:1]]
        for index in range(len(ring) - 1):
            # A sixteenth of 180 degrees at most: neighbours are then never taken for the other way round the globe.
            steps = max(int(np.ceil(abs(ring[index + 1, 0] - ring[index, 0]) / 11.25)), 16)
            shares = np.arange(1, steps + 1) / steps
            flat = ring[index, 1] == ring[index + 1, 1] and steps == 16
            shares = shares[-1:] if flat or ring[index, 0] == ring[index + 1, 0] else shares
            lon.append(ring[index, 0] + shares * (ring[index + 1, 0] - ring[index, 0]))
            height.append(up[index] + shares * (up[index + 1] - up[index]))
        along, tall = np.concatenate(lon), np.concatenate(height)
        return along, self.locate(np.column_stack([np.zeros(len(tall)), tall]))[:, 1]


def _checked(corners: Sequence[Place]) -> Floats:
    """Return corners (n, 2) that are told apart."""
    given = np.atleast_2d(np.asarray(corners, float))
    if given.ndim != 2 or given.shape[1] != 2 or not np.isfinite(given).all() or (np.abs(given[:, 1]) > 90).any():
        raise InputError(f"corners are (lon, lat) in degrees, got {corners!r:.80}")
    kept = given[np.append(True, (np.diff(given, axis=0) != 0).any(axis=1))]
    kept = kept[:-1] if len(kept) > 1 and (kept[0] == kept[-1]).all() else kept
    if len(kept) < 3:
        raise InputError(f"a polygon has three corners at least, got {len(kept)}; draw on and end with a double click")
    return np.asarray(kept, float)


PLANES: Mapping[int, Plane] = {
    3413: Plane(
        3413,
        "Arctic",
        4194304.0,
        "+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs",
        (-42.0, 74.0),
    ),
    3031: Plane(
        3031,
        "Antarctic",
        4194304.0,
        "+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=0 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs",
        (0.0, -90.0),
    ),
    3857: Plane(3857, "Web Mercator", float(np.pi * 6378137.0), "", (-20.0, 68.0)),
}
"""Maps of the widget by the code of their projection."""


def as_plane(epsg: int) -> Plane:
    """Return the map of a code.

    Raises
    ------
    InputError
        If the widget has no such map.
    """
    if epsg not in PLANES:
        raise InputError(f"epsg={epsg!r}: the widget has maps of EPSG:{', '.join(map(str, PLANES))}; choose one")
    return PLANES[epsg]


@lru_cache(maxsize=8)
def _transformer(epsg: int) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(4326, epsg, always_xy=True)


@lru_cache(maxsize=3)
def coast_of(epsg: int) -> dict[str, Any]:
    """Return the land of a map as GeoJSON in longitude and latitude, vertices as the map has them.

    Edges are straight in the map, so that the polygons are right where a browser draws them there, also around a
    pole, and nowhere else.
    """
    plane = as_plane(epsg)
    half = plane.half * (1 - 1e-6)
    # Web Mercator is twice as wide as its land needs to be at 60 degrees.
    land = land_in(epsg, (-half, -half, half, half)).geometry.simplify(4000.0 if plane.proj4 else 10_000.0)
    polygons = []
    for part in land:
        rings = [
            plane.locate(np.asarray(ring.coords)) for ring in (part.exterior, *part.interiors) if not ring.is_empty
        ]
        polygons.append([np.round(ring, 3).tolist() for ring in rings])
    geometry = {"type": "MultiPolygon", "coordinates": polygons}
    return {"type": "Feature", "properties": {}, "geometry": geometry}
