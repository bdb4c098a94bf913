"""Displacements that disagree with their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.errors import InputError
from altiflow.tracking.compiled.medians import neighbour_medians

__all__ = ["coherent_cells", "median_outliers", "shape_of", "small_clumps"]

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_NOISE = 0.15
_LEAST = 3
"""Neighbours that a median is believed of."""


def median_outliers(
    dx: npt.NDArray[Any], dy: npt.NDArray[Any], *, threshold: float = 4.0, radius: int = 2, noise: float = _NOISE
) -> Mask:
    r"""Return True where a displacement disagrees with the median of its neighbours (rows, cols).

    .. math:: r = \frac{|u - \tilde u|}{\mathrm{median}|u_i - \tilde u| + \epsilon} > \text{threshold}

    along either axis: the normalised median test of Westerweel and Scarano (2005), doi:10.1007/s00348-005-0016-6.

    Parameters
    ----------
    dx, dy
        Displacements (rows, cols) [px]; NaN where there is none.
    threshold
        Of r.
    radius
        Neighbours are this many cells away at most; fewer than three tell nothing.
    noise
        Epsilon: what neighbours may differ by where they agree [px].

    Raises
    ------
    InputError
        If shapes differ, or threshold, radius or noise are not above 0.

    Examples
    --------
    >>> dx, dy = np.ones((5, 5)), np.zeros((5, 5))
    >>> dx[2, 2] = 1.7
    >>> np.argwhere(median_outliers(dx, dy)).tolist()
    [[2, 2]]
    """
    if threshold <= 0 or radius < 1 or noise <= 0:
        raise InputError(f"threshold={threshold}, radius={radius}, noise={noise}: all must be above 0")
    outlier = np.zeros(shape_of(dx, dy), bool)
    for values in (dx, dy):
        middle, spread, count = _neighbours(values, radius)
        with np.errstate(invalid="ignore"):
            outlier |= (np.abs(values - middle) > threshold * (spread + noise)) & (count >= _LEAST)
    return np.asarray(outlier & np.isfinite(dx))


def coherent_cells(
    dx: npt.NDArray[Any], dy: npt.NDArray[Any], *, tolerance: float = 1.0, least: int = 3, radius: int = 2
) -> Mask:
    """Return True where at least `least` neighbours have nearly the same displacement (rows, cols).

    The normalised displacement coherence of autoRIFT (Gardner and others, 2018, doi:10.5194/tc-12-521-2018).

    Parameters
    ----------
    dx, dy
        Displacements (rows, cols) [px].
    tolerance
        What neighbours may differ by along each axis [px].
    least
        How many must agree.
    radius
        Neighbours are this many cells away at most.

    Raises
    ------
    InputError
        If shapes differ, or tolerance, least or radius are not above 0.

    Examples
    --------
    >>> dx = np.array([[0.0, 0.1, 0.2, 9.0]])
    >>> coherent_cells(dx, 0 * dx, least=2)
    array([[ True,  True,  True, False]])
    """
    if tolerance <= 0 or least < 1 or radius < 1:
        raise InputError(f"tolerance={tolerance}, least={least}, radius={radius}: all must be above 0")
    rows, cols = shape_of(dx, dy)
    agree = np.zeros((rows, cols), int)
    wide = [np.pad(np.asarray(each, float), radius, constant_values=np.nan) for each in (dx, dy)]
    with np.errstate(invalid="ignore"):
        for i in range(2 * radius + 1):
            for j in range(2 * radius + 1):
                if (i, j) != (radius, radius):
                    near = [each[i : i + rows, j : j + cols] for each in wide]
                    agree += (np.abs(near[0] - dx) <= tolerance) & (np.abs(near[1] - dy) <= tolerance)
    return np.asarray(np.isfinite(dx) & (agree >= least))


def small_clumps(kept: Mask, *, least: int) -> Mask:
    """Return True for cells in groups that touch along an edge and have fewer than `least` cells (rows, cols).

    Raises
    ------
    InputError
        If `least` is below 1.

    Examples
    --------
    >>> small_clumps(np.array([[True, True, False, True]]), least=2)
    array([[False, False, False,  True]])
    """
    if least < 1:
        raise InputError(f"least={least} is below 1; use a number of cells, 1 for all")
    group, _ = scipy.ndimage.label(kept)
    return np.asarray(kept & (np.bincount(group.ravel())[group] < least))


def _neighbours(values: npt.NDArray[Any], radius: int) -> Floats:
    """Return medians, their spread and count (3, rows, cols) of neighbours."""
    found: Floats = neighbour_medians(np.ascontiguousarray(values, float), radius)
    return found


def shape_of(dx: npt.NDArray[Any], dy: npt.NDArray[Any]) -> tuple[int, int]:
    """Return the shape of two components; raise InputError unless they are of one lattice."""
    if dx.ndim != 2 or dx.shape != dy.shape:
        raise InputError(f"dx is {dx.shape} and dy {dy.shape}; use components (rows, cols) of one lattice")
    return dx.shape[0], dx.shape[1]
