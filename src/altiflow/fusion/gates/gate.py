"""Gates: lines that ice flows through, cut into pieces with a width and a normal on the ground."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from altiflow.errors import InputError
from altiflow.gridding.grids.crs import as_crs, ellipsoid_of, ground_steps, name_crs, transformer_between
from altiflow.gridding.vectors import convert_metric

__all__ = ["Gate", "GatePieces"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GatePieces:
    """The n pieces of a gate on a map.

    Attributes
    ----------
    crs
        The map.
    x, y
        Middles of the pieces (n,) [m].
    longitude, latitude
        The same [degrees], WGS 84.
    distance
        Their distance along the gate from its start, on the ground (n,) [m].
    length
        Lengths of the pieces on the ground (n,) [m].
    normal
        Unit normals (n, 2) on the ground, along the axes of the map, to the right of the way along the gate: flow from
        its left to its right is positive.
    """

    crs: str
    x: Floats
    y: Floats
    longitude: Floats
    latitude: Floats
    distance: Floats
    length: Floats
    normal: Floats


@dataclass(frozen=True)
class Gate:
    """A line through which flux is positive from its left to its right, as one goes from its start to its end.

    A closed gate that runs anticlockwise on the ground seen from above has positive flux outward.

    Attributes
    ----------
    line
        The line; each leg between two vertices is straight on the map of `crs`, or the shortest way on the ground (a
        geodesic) where `crs` is in degrees (longitude, latitude).
    crs
        Authority string or WKT of the line's CRS.
    spacing
        Length of the pieces on the ground [m], at most; no piece goes round a vertex.

    Raises
    ------
    InputError
        If the line has no length, the CRS is not known, or the spacing is not a length.

    Examples
    --------
    On the map of EPSG:3413 at 60 N a gate of 104 km is 100 km of ground; north is to the right on the way west:

    >>> x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True).transform(-45.0, 60.0)
    >>> gate = Gate(shapely.LineString([(x + 52e3, y), (x - 52e3, y)]), "EPSG:3413", 1e3)
    >>> round(gate.length / 1e3, 1), gate.pieces("EPSG:3413").normal[50].round(6).tolist()
    (100.1, [0.0, 1.0])
    """

    line: shapely.LineString
    crs: str
    spacing: float

    def __post_init__(self) -> None:
        """Check the line, the CRS and the spacing."""
        if not (isinstance(self.spacing, int | float) and np.isfinite(self.spacing) and self.spacing > 0):
            raise InputError(f"spacing is the length of a piece of the gate [m], above 0, got {self.spacing!r}")
        as_crs(self.crs)
        if not isinstance(self.line, shapely.LineString) or self.line.is_empty:
            raise InputError(f"line must be a LineString that is not empty, got {type(self.line).__name__}")
        places = shapely.get_coordinates(self.line)
        if not np.isfinite(places).all() or not (np.diff(places, axis=0) != 0).any():
            raise InputError("the gate has no length, or places that are not finite; give two different ones")

    @classmethod
    def of(cls, line: Any, *, spacing: float, crs: Any = None) -> Gate:
        """Return the gate along a line, or round a polygon.

        Parameters
        ----------
        line
            A LineString, LinearRing or Polygon without holes (its rim anticlockwise on the map, so that flux out of it
            is positive) with `crs`; or a table of one, with a CRS.
        spacing
            Length of the pieces on the ground [m].
        crs
            CRS of a bare geometry, or the one that a table must be in where not given.

        Raises
        ------
        InputError
            If it is no line or polygon, several, or has no CRS.
        """
        if isinstance(line, gpd.GeoDataFrame | gpd.GeoSeries):
            if line.crs is None or len(line) != 1:
                raise InputError(f"the table must hold one gate and a CRS, it has {len(line)} rows and CRS {line.crs}")
            line, crs = line.geometry.iloc[0], line.crs
        if crs is None:
            raise InputError("the gate has no CRS; pass crs= (EPSG:4326 for longitude and latitude)")
        if isinstance(line, shapely.MultiLineString) and len(line.geoms) == 1:
            line = line.geoms[0]
        if isinstance(line, shapely.Polygon) and not line.interiors:
            line = shapely.geometry.polygon.orient(line).exterior
        if isinstance(line, shapely.LinearRing):
            line = shapely.LineString(line.coords)
        return cls(line, name_crs(as_crs(crs)), spacing)

    def reverse(self) -> Gate:
        """Return the gate the other way: its flux has the opposite sign."""
        return Gate(self.line.reverse(), self.crs, self.spacing)

    @property
    def length(self) -> float:
        """Length on the ground [m], that of the CRS's own ellipsoid."""
        return float(ground_steps(*_xy(self._nodes()[::2]), self.crs).sum())

    def pieces(self, crs: Any) -> GatePieces:
        """Return the pieces of the gate on a map.

        Lengths are those of geodesics between the ends of the pieces on the map's own ellipsoid; normals are at right
        angles on the ground to the way from end to end.

        Raises
        ------
        InputError
            If the CRS is not a map in metres, or the gate leaves it.
        """
        name = name_crs(as_crs(crs))
        nodes = self._nodes()
        x, y = (np.asarray(part, float) for part in transformer_between(self.crs, name).transform(*nodes.T))
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise InputError(f"the gate leads off the map of {as_crs(crs).name!r}; give one that lies on it")
        step_x, step_y = np.diff(x[::2]), np.diff(y[::2])
        along = convert_metric(step_x, step_y, x[1::2], y[1::2], crs=name, source="map", target="ground")
        tangent = np.stack(along, axis=-1) / np.hypot(*along)[:, None]
        if not np.isfinite(tangent).all():
            raise InputError(f"the gate crosses a seam of the map of {as_crs(crs).name!r}; give one that does not")
        length = ground_steps(x[::2], y[::2], name)
        longitude, latitude = transformer_between(name, "EPSG:4326").transform(x[1::2], y[1::2])
        normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=-1)
        middle = np.cumsum(length) - length / 2
        return GatePieces(name, x[1::2], y[1::2], longitude, latitude, middle, length, normal)

    def _nodes(self) -> Floats:
        """Return ends and middles of the pieces in turn (2n + 1, 2), in the gate's CRS."""
        places = shapely.get_coordinates(self.line)
        places = places[np.append(True, (np.diff(places, axis=0) != 0).any(axis=1))]
        crs = as_crs(self.crs)
        lengths = ground_steps(*_xy(places), self.crs)
        if not np.isfinite(lengths).all():
            raise InputError(f"the gate leads off the map of {crs.name!r}; give one that lies on it")
        nodes = []
        for (start, end), length in zip(pairwise(places), lengths, strict=True):
            halves = 2 * max(1, int(np.ceil(length / self.spacing - 1e-9)))
            share = np.arange(halves) / halves
            straight = start + share[:, None] * (end - start)
            nodes.append(_geodesic(crs, start, end, share) if crs.is_geographic else straight)
        return np.concatenate([*nodes, places[-1:]])


def _xy(places: Floats) -> tuple[Floats, Floats]:
    """Return both columns of places (n, 2)."""
    return places[:, 0], places[:, 1]


def _geodesic(crs: pyproj.CRS, start: Floats, end: Floats, share: Floats) -> Floats:
    """Return longitudes and latitudes (k, 2) at shares (k,) of the shortest way between two places."""
    geod = ellipsoid_of(crs)
    azimuth, _, length = geod.inv(*start, *end)
    same = np.ones(share.size)
    longitude, latitude, _ = geod.fwd(start[0] * same, start[1] * same, azimuth * same, length * share)
    return np.stack([longitude, latitude], axis=-1)
