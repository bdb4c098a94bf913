"""The truth behind the sample of image pairs: an outlet glacier whose speed has a season and a trend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["GLACIER", "Glacier"]

Floats = npt.NDArray[np.float64]

_DAY = np.timedelta64(86_400_000_000, "us")
_YEAR = 365.25


@dataclass(frozen=True)
class Glacier:
    """A bent trough of fast ice: a ring segment about a centre, along which the ice flows.

    The speed at distance d from the middle of the trough and time t, in years of 365.25 days since 2015-01-01, is
    ``slow + (fast - slow) exp(-(d / width)²) (1 + trend t + season cos(2π (t - phase)))``.

    Attributes
    ----------
    crs
        Map that the truth is given on, EPSG code.
    centre
        Of the bend, x and y [m].
    radius
        Of the middle of the trough [m].
    width
        Distance at which the excess speed has fallen to 1/e [m].
    fast, slow
        Speeds in the middle, at the mean of the season, and outside [m of the map per year of 365.25 days].
    season
        Amplitude of the season, a share of the speed.
    phase
        Time of the year of the fastest flow [year].
    trend
        Acceleration, a share of the speed per year.
    """

    crs: int = 3031
    centre: tuple[float, float] = (-1_600_000.0, -262_000.0)
    radius: float = 20_000.0
    width: float = 1_500.0
    fast: float = 2_000.0
    slow: float = 20.0
    season: float = 0.15
    phase: float = 0.1
    trend: float = 0.03

    def velocity(
        self, x: npt.ArrayLike, y: npt.ArrayLike, start: np.datetime64, end: np.datetime64
    ) -> tuple[Floats, Floats]:
        """Return the mean (vx, vy) between two moments at map points x, y [m], in `crs` and m of its map per year."""
        across, up = np.asarray(x, float) - self.centre[0], np.asarray(y, float) - self.centre[1]
        distance = np.hypot(across, up)
        profile = np.exp(-(((distance - self.radius) / self.width) ** 2))
        speed = self.slow + (self.fast - self.slow) * profile * self._factor(start, end)
        return speed * -up / distance, speed * across / distance

    def _factor(self, start: np.datetime64, end: np.datetime64) -> float:
        """Return the mean of the factor in time between two moments, by its integral."""
        first, last = (
            float((np.asarray(moment).astype("datetime64[us]") - np.datetime64("2015-01-01", "us")) / _DAY / _YEAR)
            for moment in (start, end)
        )
        waves = [np.sin(2 * np.pi * (moment - self.phase)) / (2 * np.pi) for moment in (first, last)]
        return float(1 + self.trend * (first + last) / 2 + self.season * (waves[1] - waves[0]) / (last - first))


GLACIER = Glacier()
"""The glacier of the sample, on the map of Antarctica near Pine Island Bay: not a measurement of any glacier."""
