"""The world of the experiment: how the ice really moves, and the freeboard that it carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr
from pyproj import Transformer
from scipy.ndimage import fourier_gaussian, map_coordinates

from altiflow import build_field
from altiflow.fusion.trajectories.motion import EPOCH, TimeRule, motion_of
from altiflow.fusion.trajectories.steps import Parcels, advance

__all__ = [
    "CENTRE",
    "ERROR",
    "HALF",
    "SEASON",
    "TARGET",
    "WINDOW_DAYS",
    "World",
    "make_world",
    "seconds_of",
    "start_of",
    "transported",
]

Floats = npt.NDArray[np.float64]

TARGET = np.datetime64("2018-03-01", "ns")
WINDOW_DAYS = 15
SEASON = tuple(
    np.datetime64(day, "ns") for day in ("2018-01-20", "2018-02-10", "2018-03-01", "2018-03-20", "2018-04-10")
)
"""Targets of the winter whose months come one after the other."""
CENTRE = (-160.0, 78.5)
"""Longitude and latitude of the middle [degrees]: Beaufort and Chukchi Seas, and north of them."""
HALF = 750e3
"""Half a side of the square whose cells are scored [m]."""
_REACH = 1_500e3
"""Half a side of the square in which the ice moves [m]."""

ERROR = 2.1
"""1-sigma of the known motion along an axis [km/d]: that of daily products in winter."""
ERROR_LENGTH = 200e3
"""The errors of two places r apart are correlated by exp(-r²/2L²) with this L [m]."""
SHEAR = 0.6
"""1-sigma of motion at scales below the grid of the product, along an axis [km/d]; free of divergence."""
SHEAR_LENGTH = 15e3
"""Its stream function is correlated by exp(-r²/2L²) with this L [m]."""
SHEAR_RHO = 0.5
"""Correlation of it from one day to the next."""

LEVEL = 0.30
PATTERN = {50e3: 0.08, 12.5e3: 0.06}
"""1-sigma [m] of the parts of the freeboard by the L [m] of their correlation: features of 100 and of 25 km (2 L)."""

STEP = 12 * 3600.0
"""Longest step of the true motion [s]."""

_FINE = 4
"""Cells of the true motion along a cell of the product."""


@dataclass(frozen=True)
class World:
    """One truth.

    Attributes
    ----------
    motion
        How the ice moves: a velocity field of days.
    target
        The moment that is mapped.
    pattern
        Freeboard at the start (rows, cols) [m], rows along y.
    origin, step
        First node (x, y) and spacing of the pattern [m, CRS of the motion].
    """

    motion: xr.Dataset
    target: np.datetime64
    pattern: Floats
    origin: tuple[float, float]
    step: float

    @property
    def start(self) -> np.datetime64:
        """First moment of the window: the freeboard is laid out then."""
        return start_of(self.target)

    def carried(self, x: Floats, y: Floats, moment: Floats) -> Floats:
        """Return the freeboard (n,) [m] of the ice that is at x, y (n,) [m] at moments (n,) [s]; NaN if unknown."""
        back = transported(self.motion, x, y, moment, np.full(x.size, seconds_of(self.start)))
        return np.where(back.status == 0, self.at_start(back.x, back.y), np.nan)

    def at_start(self, x: Floats, y: Floats) -> Floats:
        """Return the freeboard (n,) [m] laid out at places x, y (n,) [m] at the start."""
        places = np.stack([(y - self.origin[1]) / self.step, (x - self.origin[0]) / self.step])
        return np.asarray(map_coordinates(self.pattern, places, order=1, mode="constant", cval=np.nan))


def start_of(target: np.datetime64) -> np.datetime64:
    """Return the first moment of the window about a target."""
    return target - np.timedelta64(WINDOW_DAYS, "D")


def make_world(known: xr.Dataset, rho: float, rng: np.random.Generator, target: np.datetime64 = TARGET) -> World:
    """Return a world whose motion is the known one, plus errors correlated by `rho` from day to day, plus shear.

    The errors are added to the known field to get the truth: what a user corrects with is the known field as it is.
    """
    x0, y0 = middle_of(known)
    near = known.sel(x=slice(x0 - _REACH, x0 + _REACH), y=slice(y0 - _REACH, y0 + _REACH))
    days = np.arange(start_of(target), target + np.timedelta64(WINDOW_DAYS, "D"), np.timedelta64(1, "D"))
    x, y = (_refined(near[axis].values) for axis in ("x", "y"))
    step, shape = float(x[1] - x[0]), (y.size, x.size)
    daily = near[["vx", "vy"]].interp(time=days + np.timedelta64(12, "h")).interp(x=x, y=y) * 0.864
    vx, vy = daily["vx"].values, daily["vy"].values
    error, swirl = np.zeros((2, *shape)), np.zeros(shape)
    for day in range(days.size):
        fresh = np.stack([random_field(shape, ERROR_LENGTH / step, rng) for _ in range(2)])
        turn = random_field(shape, SHEAR_LENGTH / step, rng)
        error = fresh if day == 0 else rho * error + np.sqrt(1 - rho**2) * fresh
        swirl = turn if day == 0 else SHEAR_RHO * swirl + np.sqrt(1 - SHEAR_RHO**2) * turn
        down, across = np.gradient(swirl * SHEAR * SHEAR_LENGTH / step)
        vx[day] += ERROR * error[0] - down
        vy[day] += ERROR * error[1] + across
    motion = build_field(
        vx,
        vy,
        x=x,
        y=y,
        time_bnds=np.stack([days, days + np.timedelta64(1, "D")], axis=1),
        crs=known.attrs["crs"],
        units="km/d",
        velocity_metric="map",
        metric_source="user",
        source=f"truth: {known.attrs['source']} + errors of {ERROR} km/d, rho {rho}, + shear",
    )
    half = step / 2
    size = (2 * y.size - 1, 2 * x.size - 1)
    pattern = LEVEL + sum(sigma * random_field(size, length / half, rng) for length, sigma in PATTERN.items())
    return World(motion, target, pattern, (float(x[0]), float(y[0])), half)


def middle_of(known: xr.Dataset) -> tuple[float, float]:
    """Return the middle of the experiment on the map of the motion [m]."""
    x, y = Transformer.from_crs("EPSG:4326", known.attrs["crs"], always_xy=True).transform(*CENTRE)
    return float(x), float(y)


def random_field(shape: tuple[int, int], length: float, rng: np.random.Generator) -> Floats:
    """Return Gaussian noise (rows, cols) of unit variance, correlated by exp(-r²/2L²) with L `length` [cells]."""
    width = length / np.sqrt(2.0)
    smooth = fourier_gaussian(np.fft.rfft2(rng.standard_normal(shape)), width, n=shape[1])
    # White noise through a Gaussian of this width keeps 1 / (4 pi width²) of its variance.
    return np.asarray(np.fft.irfft2(smooth, shape) * 2 * np.sqrt(np.pi) * width)


def transported(field: xr.Dataset, x: Floats, y: Floats, moment: Floats, until: Floats) -> Parcels:
    """Return where parcels at places (n,) [m, the field's CRS] and moments (n,) [s] are at others (n,) [s]."""
    rule: TimeRule = "constant" if field.attrs["source"].startswith("truth") else "linear"
    parcels = Parcels.at(x, y, moment)
    advance(motion_of(field, time_rule=rule), parcels, until, dt=STEP, scheme="rk4")
    return parcels


def seconds_of(moment: npt.ArrayLike) -> Floats:
    """Return moments [s since 2000]."""
    return np.asarray((np.asarray(moment, "M8[ns]") - EPOCH) / np.timedelta64(1, "s"), np.float64)


def _refined(axis: Floats) -> Floats:
    """Return nodes with more between them."""
    return np.linspace(axis[0], axis[-1], (axis.size - 1) * _FINE + 1)
