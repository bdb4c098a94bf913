"""The region: an area on the globe, and which points lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from altiflow.region.outline import Floats, turn_longitudes

__all__ = ["Box", "Region"]

Box = tuple[float, float, float, float]
"""(west, south, east, north) [degrees], west below east."""


@dataclass(frozen=True)
class Region:
    """An area on the globe; its edges are straight in longitude and latitude.

    Attributes
    ----------
    geometry
        Polygon or MultiPolygon, EPSG:4326, longitude -180 to 180 [degrees]; cut at the antimeridian.
    source
        What the region was made from, in words.

    Examples
    --------
    >>> from altiflow.region import as_region
    >>> strait = as_region((170, 60, -170, 72))
    >>> strait.contains([175, -175, 185, 0], [65, 65, 65, 65]).tolist()
    [True, True, True, False]
    >>> strait.bboxes
    ((170.0, 60.0, 180.0, 72.0), (-180.0, 60.0, -170.0, 72.0))
    """

    geometry: shapely.Polygon | shapely.MultiPolygon
    source: str

    @cached_property
    def bboxes(self) -> tuple[Box, ...]:
        """Boxes (west, south, east, north) that hold the region: one, or two if it is narrower that way."""
        parts = sorted(shapely.get_parts(self.geometry), key=lambda part: part.bounds)
        reach, first = parts[0].bounds[2], 0
        gap = parts[0].bounds[0] + 360.0 - max(part.bounds[2] for part in parts)
        for index, part in enumerate(parts):
            if part.bounds[0] - reach > gap:
                gap, first = part.bounds[0] - reach, index
            reach = max(reach, part.bounds[2])
        sides = [parts[first:], parts[:first]] if first else [parts]
        return tuple(shapely.MultiPolygon(side).bounds for side in sides)

    @property
    def bounds(self) -> Box:
        """(west, south, east, north) [degrees]; west above east where the region crosses the antimeridian."""
        south, north = min(box[1] for box in self.bboxes), max(box[3] for box in self.bboxes)
        return self.bboxes[0][0], south, self.bboxes[-1][2], north

    @property
    def wkt(self) -> str:
        """The geometry as WKT with every digit."""
        return str(shapely.to_wkt(self.geometry, rounding_precision=-1))

    def contains(self, longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which points lie in the region, edges included.

        Parameters
        ----------
        longitude, latitude
            Points, both (n,) [degrees]; longitudes -180 to 180 or 0 to 360. NaN lies nowhere.

        Returns
        -------
        numpy.ndarray
            (n,) bool.
        """
        lon, lat = np.broadcast_arrays(turn_longitudes(np.asarray(longitude, float)), np.asarray(latitude, float))
        inside = self._holds(lon, lat)
        # The antimeridian is one line with two longitudes.
        seam = np.abs(lon) == 180.0
        inside[seam] |= self._holds(-lon[seam], lat[seam])
        return inside

    def _holds(self, lon: Floats, lat: Floats) -> npt.NDArray[np.bool_]:
        """Return which points (n,), longitudes -180 to 180, lie in the geometry as it is drawn."""
        near = np.zeros(lon.shape, dtype=bool)
        for west, south, east, north in self.bboxes:
            near |= (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        shapely.prepare(self.geometry)
        near[near] = shapely.intersects_xy(self.geometry, lon[near], lat[near])
        return near

    def meets(self, shapes: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which shapes meet the region, edges included; a missing one meets nothing.

        Parameters
        ----------
        shapes
            Geometries (n,), EPSG:4326, longitudes -180 to 180 [degrees].

        Returns
        -------
        numpy.ndarray
            (n,) bool.

        Examples
        --------
        >>> from altiflow.region import as_region
        >>> as_region((-180, 60, -170, 72)).meets([shapely.box(170, 60, 180, 72), shapely.box(170, 60, 179, 72)])
        array([ True, False])
        """
        given = np.asarray(shapes, dtype=object)
        found = np.asarray(shapely.intersects(given, self.geometry))
        # The antimeridian is one line with two longitudes.
        for turn in (-360.0, 360.0):
            turned = shapely.transform(self.geometry, lambda corners, by=turn: corners + np.array([by, 0.0]))
            found |= shapely.intersects(given, turned)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return what provenance records: source, bounds [degrees] and WKT, ready for JSON."""
        return {"source": self.source, "bounds": list(self.bounds), "wkt": self.wkt}

    def __str__(self) -> str:
        """Return the source and the bounds, short enough for a message."""
        return f"{self.source}, bounds ({', '.join(f'{value:g}' for value in self.bounds)})"
