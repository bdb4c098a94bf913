"""Ground tracks of an ICESat-2-like orbit: where each beam is, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["BEAM_OFFSETS", "Pass", "argument_at", "beam_positions", "distance_along", "find_passes"]

Floats = npt.NDArray[np.float64]

_INCLINATION = np.radians(92.0)
_PERIOD = 91 * 86_400.0 / 1387
"""Orbital period [s]: 1387 orbits repeat in 91 days (ICESat-2 mission design)."""
_SPIN = 2 * np.pi / 86_400.0
"""Rotation of the Earth below the plane of the orbit [rad/s]: 91 turns in 1387 orbits, so that tracks repeat."""
_EARTH_RADIUS = 6_371_228.0

BEAM_OFFSETS = {"gt1l": -3345.0, "gt1r": -3255.0, "gt2l": -45.0, "gt2r": 45.0, "gt3l": 3255.0, "gt3r": 3345.0}
"""Distance [m] of each ground track to the right of the reference track: pairs 3.3 km apart, 90 m within."""


@dataclass(frozen=True)
class Pass:
    """One crossing of the region.

    Attributes
    ----------
    orbit
        Orbit number from 0.
    first, last
        Argument of latitude [rad] where the crossing begins and ends.
    """

    orbit: int
    first: float
    last: float

    @property
    def rgt(self) -> int:
        """Reference ground track, 1 ... 1387."""
        return self.orbit % 1387 + 1

    @property
    def seconds(self) -> tuple[float, float]:
        """Start and end [s] since the simulation's start."""
        turn = 2 * np.pi
        return (self.orbit + self.first / turn) * _PERIOD, (self.orbit + self.last / turn) * _PERIOD


def beam_positions(argument: npt.ArrayLike, orbit: int, offset: float) -> tuple[Floats, Floats, Floats]:
    """Return longitude, latitude [degrees] and time [s since the start], each (n,).

    Parameters
    ----------
    argument
        Argument of latitude (n,) [rad] from the ascending node.
    orbit
        Orbit number from 0.
    offset
        Distance [m] to the right of the reference track.
    """
    u = np.asarray(argument, float)
    seconds = (orbit + u / (2 * np.pi)) * _PERIOD
    along = np.stack([np.cos(u), np.sin(u) * np.cos(_INCLINATION), np.sin(u) * np.sin(_INCLINATION)])
    normal = np.array([0.0, -np.sin(_INCLINATION), np.cos(_INCLINATION)])
    tilt = offset / _EARTH_RADIUS
    x, y, z = along * np.cos(tilt) - normal[:, None] * np.sin(tilt)
    longitude = np.degrees(np.arctan2(y, x) - _SPIN * seconds)
    return (longitude + 180.0) % 360.0 - 180.0, np.degrees(np.arcsin(z)), seconds


def find_passes(longitude: float, latitude: float, radius: float, *, days: float) -> list[Pass]:
    """Return the crossings of a disc of `radius` [m] around a point within `days` days, in order of time."""
    target = np.radians([longitude, latitude])
    samples = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    found = []
    for orbit in range(int(days * 86_400.0 / _PERIOD)):
        lon, lat, _ = beam_positions(samples, orbit, 0.0)
        cosine = np.sin(np.radians(lat)) * np.sin(target[1]) + np.cos(np.radians(lat)) * np.cos(target[1]) * np.cos(
            np.radians(lon) - target[0]
        )
        inside = np.flatnonzero(np.arccos(np.clip(cosine, -1, 1)) * _EARTH_RADIUS < radius)
        if inside.size > 20:
            found.append(Pass(orbit, float(samples[inside[0]]), float(samples[inside[-1]])))
    return found


def distance_along(argument: npt.ArrayLike) -> Floats:
    """Return the distance (n,) [m] along the track from the equator crossing."""
    return np.asarray(argument, float) * _EARTH_RADIUS


def argument_at(distance: npt.ArrayLike) -> Floats:
    """Return the argument of latitude (n,) [rad] at a distance [m] from the equator crossing."""
    return np.asarray(distance, float) / _EARTH_RADIUS
