"""The sample's known truth: a gyre that turns a freeboard pattern, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyproj

__all__ = ["GYRES", "ROSS_SEA", "Gyre", "Hemisphere"]

Floats = npt.NDArray[np.float64]
Hemisphere = Literal["north", "south"]

_DAY = 86_400.0
_START = np.datetime64("2019-01-01T00:00:00", "us")


@dataclass(frozen=True)
class Gyre:
    """Solid-body rotation about a point of an EASE-Grid map, its rate modulated in time.

    All positions are map coordinates [m] of `crs`; times are datetime64, counted from `start`.

    Attributes
    ----------
    hemisphere
        "north" or "south".
    crs
        The motion product's CRS.
    longitude, latitude
        The centre [degrees].
    radius
        Radius [m] of the disc of ice, free of land.
    rate
        Mean angular rate [rad/s], positive anticlockwise on the map.
    modulation
        Relative amplitude of the rate's oscillation of period `period_days`.
    start
        Time at which the pattern stands unturned.
    """

    hemisphere: Hemisphere
    crs: str
    longitude: float
    latitude: float
    radius: float
    rate: float
    modulation: float = 0.05
    period_days: float = 60.0
    start: np.datetime64 = _START

    @property
    def centre(self) -> tuple[float, float]:
        """The centre (x, y) [m]."""
        x, y = self.project(self.longitude, self.latitude)
        return float(x), float(y)

    def project(self, longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return map coordinates (x, y) [m], each (n,), of WGS84 longitudes and latitudes [degrees]."""
        x, y = _from_lonlat(self.crs).transform(longitude, latitude)
        return np.asarray(x, float), np.asarray(y, float)

    def angle(self, time: npt.ArrayLike) -> Floats:
        """Return the angle (n,) [rad] turned since `start`: the integral of the rate."""
        seconds = (np.asarray(time, dtype="datetime64[us]") - self.start) / np.timedelta64(1, "s")
        pulse = 2 * np.pi / (self.period_days * _DAY)
        swing = self.modulation / pulse * (1 - np.cos(pulse * seconds))
        return np.asarray(self.rate * (seconds + swing), dtype=float)

    def velocity(self, x: npt.ArrayLike, y: npt.ArrayLike, time: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return (vx, vy), each (n,) [cm/s], along the map's axes at one instant."""
        seconds = (np.asarray(time, dtype="datetime64[us]") - self.start) / np.timedelta64(1, "s")
        pulse = 2 * np.pi / (self.period_days * _DAY)
        return self._turning(x, y, self.rate * (1 + self.modulation * np.sin(pulse * seconds)))

    def mean_velocity(
        self, x: npt.ArrayLike, y: npt.ArrayLike, start: np.datetime64, end: np.datetime64
    ) -> tuple[Floats, Floats]:
        """Return (vx, vy), each (n,) [cm/s], averaged at fixed points over [start, end)."""
        turned = float(self.angle(end) - self.angle(start))
        return self._turning(x, y, turned / float((end - start) / np.timedelta64(1, "s")))

    def _turning(self, x: npt.ArrayLike, y: npt.ArrayLike, rate: npt.ArrayLike) -> tuple[Floats, Floats]:
        x0, y0 = self.centre
        per_second = np.asarray(rate, float) * 100.0
        return -per_second * (np.asarray(y, float) - y0), per_second * (np.asarray(x, float) - x0)

    def freeboard(self, x: npt.ArrayLike, y: npt.ArrayLike, time: npt.ArrayLike) -> Floats:
        """Return the freeboard (n,) [m] of the pattern, carried round with the gyre."""
        x0, y0 = self.centre
        dx, dy = (np.asarray(x, float) - x0) / self.radius, (np.asarray(y, float) - y0) / self.radius
        angle = np.arctan2(dy, dx) - self.angle(time)
        r = np.hypot(dx, dy)
        arms = 0.16 * np.sin(3 * angle + 5 * r) * np.exp(-(((r - 0.55) / 0.3) ** 2))
        return np.asarray(0.30 + arms + 0.06 * np.cos(angle) * r, dtype=float)

    def inside(self, x: npt.ArrayLike, y: npt.ArrayLike, *, margin: float = 0.0) -> npt.NDArray[np.bool_]:
        """Return whether points (n,) lie in the disc, widened by `margin` [m]."""
        x0, y0 = self.centre
        away = np.hypot(np.asarray(x, float) - x0, np.asarray(y, float) - y0)
        return np.asarray(away <= self.radius + margin)


@cache
def _from_lonlat(crs: str) -> pyproj.Transformer:
    # Looking a transformation up takes pyproj longer than a beam takes us.
    return pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)


GYRES: dict[Hemisphere, Gyre] = {
    "north": Gyre("north", "EPSG:3408", -170.0, 80.5, 900_000.0, -1.6e-7),
    "south": Gyre("south", "EPSG:3409", -30.0, -66.5, 750_000.0, -2.0e-7),
}
"""Discs of sea free of land: in the western Arctic Ocean and the Weddell Sea."""

ROSS_SEA = Gyre(
    "south", "EPSG:3409", -175.0, -73.0, 450_000.0, -2.0e-7, start=np.datetime64("2019-07-01T00:00:00", "us")
)
"""A disc in the Ross Sea, across the antimeridian, from the first of July 2019; free of land."""
