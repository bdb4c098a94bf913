"""Spread of pairs of numbers about their most frequent value, from a density that outliers do not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.errors import EmptyDataError, InputError
from altiflow.tracking.stable.statistics import nmad

__all__ = ["Spread", "measure_spread"]

Floats = npt.NDArray[np.float64]

_REACH = 10.0
_STEP = 0.04
"""The density is worked out to this many NMAD from the median, in such steps."""

_SILVERMAN = 2.40
"""Width of an Epanechnikov kernel in two dimensions, for normal data: 2.40 sigma n^(-1/6) (Silverman 1986, p. 87)."""

_LEAST = 10


@dataclass(frozen=True)
class Spread:
    """Where pairs of numbers gather, and how closely.

    Attributes
    ----------
    count
        Pairs that were measured.
    peak
        Most frequent value (first, second): the bias, where the truth is nought.
    half_width
        Half of the width, along each axis, of the region where the density is at least ``exp(-z²/2)`` of its peak. For
        normal scatter it is z standard deviations, so about **two** with z = 2, and not one.
    sigma
        ``half_width / z``: what compares with a standard deviation.
    outside
        Share of pairs outside of the region: wrong matches, and exp(-z²/2) = 0.135 of good ones with z = 2.
    z
        Height at which the region is cut.
    """

    count: int
    peak: tuple[float, float]
    half_width: tuple[float, float]
    sigma: tuple[float, float]
    outside: float
    z: float


def measure_spread(first: npt.ArrayLike, second: npt.ArrayLike, *, z: float = 2.0) -> Spread:
    """Return the spread of pairs (n,), NaN left out.

    Raises
    ------
    InputError
        If the shapes differ, or z is not above 0.
    EmptyDataError
        If there are fewer than 10 pairs.

    Notes
    -----
    After GLAFT (Zheng et al. 2023): a kernel density with Epanechnikov kernels, here on axes scaled by their NMAD. The
    variance that the kernel adds, a sixth of its squared width along each axis, is taken off.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = measure_spread(3 + 0.1 * rng.normal(size=20_000), 0.2 * rng.normal(size=20_000))
    >>> [round(value, 1) for value in (*found.peak, *found.half_width, *found.sigma)]
    [3.0, 0.0, 0.2, 0.4, 0.1, 0.2]
    """
    one, two = np.asarray(first, float).ravel(), np.asarray(second, float).ravel()
    if one.shape != two.shape:
        raise InputError(f"first and second have {one.size} and {two.size} values; they must be pairs")
    if not 0 < z < 6:
        raise InputError(f"z must be above 0 and below 6, got {z!r}")
    known = np.isfinite(one) & np.isfinite(two)
    one, two = one[known], two[known]
    if one.size < _LEAST:
        raise EmptyDataError(f"{one.size} pairs of numbers are too few for a density; {_LEAST} are needed")
    middle, scale = (float(np.median(one)), float(np.median(two))), (nmad(one), nmad(two))
    if 0 in scale:
        same = (one == middle[0]) & (two == middle[1])
        return Spread(one.size, middle, scale, (scale[0] / z, scale[1] / z), float(1 - same.mean()), z)
    points = np.stack([(one - middle[0]) / scale[0], (two - middle[1]) / scale[1]])
    width = _SILVERMAN * one.size ** (-1 / 6)
    density, centres = _density(points, width)
    within = density >= density.max() * np.exp(-(z**2) / 2)
    peak = np.unravel_index(int(density.argmax()), density.shape)
    halves = []
    for axis in (0, 1):
        cells = np.flatnonzero(within.any(axis=1 - axis))
        raw = (cells[-1] - cells[0] + 1) * _STEP / 2
        halves.append(np.sqrt(max(raw**2 - (z * width) ** 2 / 6, 0.0)) * scale[axis])
    places = np.clip(np.round((points + _REACH) / _STEP - 0.5).astype(int), 0, centres.size - 1)
    inside = within[places[0], places[1]] & (np.abs(points) < _REACH).all(axis=0)
    top = [float(middle[axis] + centres[peak[axis]] * scale[axis]) for axis in (0, 1)]
    return Spread(
        one.size,
        (top[0], top[1]),
        (float(halves[0]), float(halves[1])),
        (float(halves[0] / z), float(halves[1] / z)),
        float(1 - inside.mean()),
        z,
    )


def _density(points: Floats, width: float) -> tuple[Floats, Floats]:
    """Return the density of points (2, n) on a square of cells, and the centres of these along an axis."""
    cells = round(2 * _REACH / _STEP)
    edges = np.linspace(-_REACH, _REACH, cells + 1)
    counts, _, _ = np.histogram2d(points[0], points[1], bins=[edges, edges])
    reach = int(np.ceil(width / _STEP))
    offset = np.arange(-reach, reach + 1) * _STEP
    kernel = np.maximum(1 - (offset[:, None] ** 2 + offset[None, :] ** 2) / width**2, 0.0)
    return np.asarray(scipy.signal.fftconvolve(counts, kernel, mode="same"), float), (edges[:-1] + edges[1:]) / 2
