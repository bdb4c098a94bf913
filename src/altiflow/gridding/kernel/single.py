"""Polar projections in single precision: twice as fast, and how near the edge of a cell they can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
from affine import Affine
from numpy.polynomial import Chebyshev, Polynomial

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel.projection import REACH, PolarProjection

__all__ = ["BLOCK", "TURNS", "SinglePolynomials", "single_polynomials"]

Singles = npt.NDArray[np.float32]

BLOCK = 32_768
"""Points projected at a time: few enough to stay in the cache of one core."""

TURNS = 3
"""Half turns of longitude up to which single precision has the digits that its margin asks for."""

_SAFETY = 2.5
"""The margin of single precision, in units of the largest error found in a trial."""
_MARGIN_LIMIT = 0.02
"""Widest margin [cells] at which single precision still decides most points."""


class SinglePolynomials:
    """Polynomials in single precision, and how near an edge their answer is in doubt [cells]."""

    def __init__(self, grid: Grid, projection: PolarProjection) -> None:
        self.pole, self.origin = projection.pole, np.float32(projection.origin)
        self.radius, self.sine, self.cosine = _polynomials(projection)
        width, height = grid.resolution
        self.scale = np.float32(1 / width), np.float32(-self.pole / height)
        self.offset = np.float32(-grid.transform.c / width), np.float32(grid.transform.f / height)
        self._room: dict[str, npt.NDArray[Any]] = {}
        self.margin = np.float32(0.0)

    def indices(
        self, longitude: npt.NDArray[Any], latitude: npt.NDArray[Any]
    ) -> tuple[Singles, Singles, tuple[float, float, float]]:
        """Return column and row (n,) as fractions, least and greatest colatitude, and the most half turns of longitude.

        n is at most BLOCK.

        The arrays are overwritten by the next call. Four of them are all the work space there is, so that it stays in
        the cache.
        """
        one, two, three, four = (self.room(name, longitude.size) for name in ("one", "two", "three", "four"))
        np.copyto(one, latitude, casting="same_kind")
        np.multiply(one, np.float32(-self.pole), out=one)
        np.add(one, np.float32(90.0), out=one)
        nearest, furthest = float(one.min()), float(one.max())
        reach = np.multiply(_horner(self.radius, np.multiply(one, one, out=two), three), one, out=three)
        np.copyto(one, longitude, casting="same_kind")
        np.subtract(one, self.origin, out=one)
        np.rint(np.multiply(one, np.float32(1 / 180), out=two), out=two)
        rest = np.subtract(one, np.multiply(two, np.float32(180.0), out=four), out=one)
        # An odd number of half turns changes the sign of both coordinates; a block is mostly on one side.
        turned = False
        least, most = float(two.min()), float(two.max())
        span = nearest, furthest, max(-least, most)
        if least == most and abs(least) <= TURNS:
            turned = bool(int(least) & 1)
        else:
            np.multiply(two, np.float32(0.5), out=two)
            np.abs(np.subtract(two, np.rint(two, out=four), out=two), out=two)
            np.multiply(reach, np.add(np.multiply(two, np.float32(-4.0), out=two), np.float32(1.0), out=two), out=reach)
        square = np.multiply(rest, rest, out=two)
        sine = np.multiply(_horner(self.sine, square, four), rest, out=four)
        cosine = _horner(self.cosine, square, one)
        np.multiply(square, np.float32(-1 / REACH**2), out=square)
        np.multiply(cosine, np.add(square, np.float32(1.0), out=square), out=cosine)
        across, down = (-scale if turned else scale for scale in self.scale)
        np.multiply(sine, np.multiply(reach, across, out=two), out=sine)
        np.multiply(cosine, np.multiply(reach, down, out=reach), out=cosine)
        return np.add(sine, self.offset[0], out=sine), np.subtract(self.offset[1], cosine, out=cosine), span

    def room(self, name: str, size: int, dtype: Any = np.float32) -> npt.NDArray[Any]:
        """Return work space (size,)."""
        held = self._room.get(name)
        if held is None or held.size < size:
            held = self._room[name] = np.empty(max(size, BLOCK), dtype)
        return held[:size]


def single_polynomials(grid: Grid, projection: PolarProjection) -> SinglePolynomials | None:
    """Return single-precision polynomials with the margin they need, or None for cells too small for them."""
    single = SinglePolynomials(grid, projection)
    error, resolution = _trial_error(projection), min(grid.resolution)
    # Indices of a large grid are themselves rounded: two roundings of half a unit in the last place each.
    rounding = max(grid.shape) * float(np.finfo(np.float32).eps) + abs(single.offset[0]) * 1.2e-7
    offset = max(abs(float(single.offset[0])), abs(float(single.offset[1]))) * float(np.finfo(np.float32).eps)
    single.margin = np.float32(_SAFETY * (error / resolution + rounding + offset))
    return single if single.margin < _MARGIN_LIMIT else None


@lru_cache(maxsize=32)
def _trial_error(projection: PolarProjection) -> float:
    """Return the largest error of a position in single precision [m], by a trial on 32 768 points."""
    # A grid of one-metre cells about the pole, so that indices are metres; its CRS is not looked at.
    metres = Grid(pyproj.CRS("EPSG:6931"), Affine(1.0, 0.0, 0.0, 0.0, -1.0, 0.0), (1, 1))
    single = SinglePolynomials(metres, projection)
    step = np.arange(BLOCK)
    longitude = -180.0 + 360.0 * ((step * 0.6180339887498949) % 1.0)
    latitude = projection.pole * (90.0 - (REACH - 0.01) * np.sqrt((step + 0.5) / BLOCK))
    col, row, _ = single.indices(longitude, latitude)
    x, y = projection.project(longitude, latitude)
    return float(max(np.abs(col - x).max(), np.abs(-row - y).max()))


@lru_cache(maxsize=32)
def _polynomials(projection: PolarProjection) -> tuple[tuple[np.float32, ...], ...]:
    """Return the polynomials of radius, sine and cosine in the squared angle [degrees^2]."""
    square, angle = REACH**2, np.pi / 180
    return (
        _fit(lambda u: np.polynomial.polynomial.polyval(u, projection.radius), square),
        _fit(lambda u: np.sin(np.sqrt(u) * angle) / np.sqrt(u), square),
        _fit(lambda u: np.cos(np.sqrt(u) * angle) / (1 - u / square), square),
    )


def _fit(function: Callable[[Any], Any], top: float) -> tuple[np.float32, ...]:
    """Return the coefficients of a polynomial on [0, top], from the constant up, good to single precision."""
    nodes = top / 2 * (1.0 - np.cos(np.pi * (np.arange(200) + 0.5) / 200))
    found = Chebyshev.fit(nodes, function(nodes), 13, domain=[0.0, top], window=[-1.0, 1.0])
    terms = int(np.flatnonzero(np.abs(found.coef) > 1.5e-8 * np.abs(found.coef[0]))[-1]) + 1
    short = Chebyshev(found.coef[:terms], domain=found.domain, window=found.window)
    return tuple(np.float32(value) for value in short.convert(kind=Polynomial).coef)


def _horner(coefficients: tuple[np.float32, ...], square: Singles, out: Singles) -> Singles:
    """Return the polynomial's values, in `out`."""
    np.multiply(square, coefficients[-1], out=out)
    np.add(out, coefficients[-2], out=out)
    for coefficient in coefficients[-3::-1]:
        np.multiply(out, square, out=out)
        np.add(out, coefficient, out=out)
    return out
