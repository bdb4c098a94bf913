"""Regions in words: caps of the poles, and circles around a point."""

from __future__ import annotations

import re

import numpy as np
import pyproj
import shapely

from altiflow.errors import InputError
from altiflow.region.area import Region
from altiflow.region.outline import enclose_ring

__all__ = ["region_of_phrase"]

_NUMBER = r"[-+]?\d+(?:\.\d*)?"
_CAP = re.compile(rf"\s*(?P<pole>north|south)\s+of\s+(?P<latitude>{_NUMBER})\s*", re.IGNORECASE)
_CIRCLE = re.compile(
    rf"\s*within\s+(?P<radius>{_NUMBER})\s*km\s+of\s+(?P<longitude>{_NUMBER})\s*,\s*(?P<latitude>{_NUMBER})\s*",
    re.IGNORECASE,
)
_CORNERS = 1440
"""Corners of a circle: its sides then miss it by 2.4e-6 of its radius at most."""
_WIDEST = 5000.0
"""Longest radius [km]: a circle much wider than this would reach over both poles."""


def region_of_phrase(text: str) -> Region | None:
    """Return the region of words, None if the text is none of the known ones.

    Parameters
    ----------
    text
        "north of 60" or "south of -60": everything from that latitude [degrees] to the pole, and the pole; or
        "within 50 km of 10.5,78.2": points at most that far, along the WGS84 ellipsoid, from longitude and latitude.

    Raises
    ------
    InputError
        If the numbers mean nothing.

    Examples
    --------
    >>> region_of_phrase("south of -60").contains([0, 123], [-90, -59.9]).tolist()
    [True, False]
    >>> region_of_phrase("within 300 km of 0,88").contains([180, 90], [90, 89]).tolist()
    [True, True]
    """
    cap = _CAP.fullmatch(text)
    if cap:
        return _cap(cap["pole"].lower(), float(cap["latitude"]))
    circle = _CIRCLE.fullmatch(text)
    if circle:
        return _circle(*(float(circle[name]) for name in ("longitude", "latitude", "radius")))
    return None


def _cap(pole: str, latitude: float) -> Region:
    """Return everything from a latitude to a pole."""
    if not -90 < latitude < 90:
        raise InputError(f"region '{pole} of {latitude:g}': the latitude is between -90 and 90")
    low, high = (latitude, 90.0) if pole == "north" else (-90.0, latitude)
    return Region(shapely.box(-180.0, low, 180.0, high), f"{pole} of {latitude:g}")


def _circle(longitude: float, latitude: float, radius: float) -> Region:
    """Return what is near a point."""
    said = f"within {radius:g} km of {longitude:g},{latitude:g}"
    if not (-360 <= longitude <= 360 and -90 <= latitude <= 90 and 0 < radius <= _WIDEST):
        raise InputError(f"region {said!r}: needs longitude -360 to 360, latitude -90 to 90, radius 0 to {_WIDEST:g}")
    bearing = np.linspace(360.0, 0.0, _CORNERS + 1)
    ones = np.ones(_CORNERS + 1)
    lon, lat, _ = pyproj.Geod(ellps="WGS84").fwd(longitude * ones, latitude * ones, bearing, radius * 1000.0 * ones)
    lon[-1], lat[-1] = lon[0], lat[0]
    return Region(enclose_ring(lon, lat), said)
