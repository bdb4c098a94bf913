"""Statistics of displacements that should be nought: count, median, scatter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError

__all__ = ["MAD_TO_SIGMA", "StableStatistics", "density_peak", "mode_error", "nmad", "stable_statistics"]

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

_SILVERMAN = 0.9
_SHIFTS = 100
_FINEST = 10_000
"""Widths of the kernel that the values span at most."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StableStatistics:
    """Displacement of stable ground along both axes of the image [px].

    Attributes
    ----------
    count
        Cells with a displacement.
    share
        These, of all cells with a displacement.
    median, nmad, mean, std
        (right, down); nmad is the median absolute deviation from the median times 1.4826. NaN without a cell.
    """

    count: int
    share: float
    median: tuple[float, float]
    nmad: tuple[float, float]
    mean: tuple[float, float]
    std: tuple[float, float]


def stable_statistics(dx: npt.ArrayLike, dy: npt.ArrayLike, stable: npt.ArrayLike) -> StableStatistics:
    """Return the statistics of displacements (rows, cols) [px] on stable ground (rows, cols).

    Raises
    ------
    InputError
        If the shapes differ.

    Examples
    --------
    >>> found = stable_statistics([[0.1, 0.3, 0.2, 9.0]], [[0.0, 0.0, 0.0, 5.0]], [[True, True, True, False]])
    >>> found.count, found.share, found.median, found.nmad
    (3, 0.75, (0.2, 0.0), (0.14826, 0.0))
    """
    right, down = np.asarray(dx, float), np.asarray(dy, float)
    ground = np.asarray(stable, bool)
    if not right.shape == down.shape == ground.shape:
        raise InputError(f"dx, dy and stable have shapes {right.shape}, {down.shape} and {ground.shape}; make them one")
    known = np.isfinite(right) & np.isfinite(down)
    used = known & ground
    count = int(used.sum())
    if count == 0:
        nothing = (float("nan"), float("nan"))
        return StableStatistics(0, 0.0, nothing, nothing, nothing, nothing)
    parts = right[used], down[used]
    return StableStatistics(
        count,
        count / int(known.sum()),
        _both(np.median, parts),
        _both(nmad, parts),
        _both(np.mean, parts),
        _both(np.std, parts),
    )


def nmad(values: npt.ArrayLike) -> float:
    """Return the normalised median absolute deviation of finite values; NaN without any."""
    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    if found.size == 0:
        return float("nan")
    # Rounded, so that the doctests of those who use it are the same on every machine.
    return float(round(MAD_TO_SIGMA * float(np.median(np.abs(found - np.median(found)))), 12))


def density_peak(values: npt.ArrayLike) -> float:
    """Return where the density of finite values is largest; their median where they agree, NaN without any.

    A Gaussian kernel of Silverman's width (0.9 of the lesser of the NMAD and the standard deviation times n^(-1/5)),
    from the densest place of a grid uphill by mean shifts.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> values = np.concatenate([0.7 + 0.1 * rng.normal(size=700), rng.uniform(-3, 3, 300)])
    >>> round(density_peak(values), 1)
    0.7
    """
    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    if found.size == 0:
        return float("nan")
    middle = float(np.median(found))
    width = _SILVERMAN * min(nmad(found), float(found.std())) * found.size**-0.2
    if width <= 0 or found.size < 3:
        return middle
    # Values of which most are one would have a width of nothing, and a grid without end.
    width = max(width, float(np.ptp(found)) / _FINEST)
    edges = np.arange(found.min() - 3 * width, found.max() + 4 * width, width / 2)
    counts, _ = np.histogram(found, edges)
    kernel = np.exp(-0.5 * (np.arange(-8, 9) / 2) ** 2)
    at = int(np.convolve(counts, kernel, mode="same")[: counts.size].argmax())
    peak = float(edges[at] + width / 4)
    for _ in range(_SHIFTS):
        weight = np.exp(-0.5 * ((found - peak) / width) ** 2)
        moved = float((weight * found).sum() / weight.sum())
        if abs(moved - peak) < 1e-6 * width:
            break
        peak = moved
    return peak


def mode_error(count: int) -> float:
    r"""Return the standard error of :func:`density_peak` over that of a mean, for `count` normal values.

    .. math:: \sqrt{\frac{\sqrt 2 (1 + h^2)^3}{4 h^3 (1 + h^2 / 2)^{1.5}}}, \quad h = 0.9 n^{-1/5}

    the scatter of the slope of the density, smoothed by the kernel, over its bend (Parzen, 1962,
    doi:10.1214/aoms/1177704472). A mode is the less exact, the more values there are, beside a mean.

    Examples
    --------
    >>> round(mode_error(500), 1), round(mode_error(3000), 1)
    (4.8, 8.0)
    """
    width = _SILVERMAN * max(count, 1) ** -0.2
    square = width * width
    return float(np.sqrt(np.sqrt(2) * (1 + square) ** 3 / (4 * width**3 * (1 + square / 2) ** 1.5)))


def _both(function: Callable[[Floats], Any], parts: tuple[Floats, Floats]) -> tuple[float, float]:
    return float(function(parts[0])), float(function(parts[1]))
