"""More ways to leave out displacements: what stands out of a smooth field, what touches nothing like it, thin parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.errors import InputError
from altiflow.tracking.neighbours.outliers import shape_of

__all__ = ["lonely_cells", "residual_outliers", "thin_parts"]

Mask = npt.NDArray[np.bool_]

_TO_SIGMA = 1.4826
_LEAST_SPREAD = 0.02
"""Residuals that scatter by less are rounding [px]."""
_LEAST_WEIGHT = 0.05


def residual_outliers(
    dx: npt.NDArray[Any], dy: npt.NDArray[Any], *, threshold: float = 4.0, sigma: float = 3.0
) -> Mask:
    """Return True where a displacement stands out of its Gaussian mean (rows, cols).

    The residual is the displacement less the mean of those around it by a Gaussian, itself left out and cells without a
    displacement counting for nothing (normalised convolution); it stands out if it is beyond `threshold` times the NMAD
    of all residuals along that axis, as CARST masks by the residual of a Gaussian filter.

    Parameters
    ----------
    dx, dy
        Displacements (rows, cols) [px]; NaN where there is none.
    threshold
        In standard deviations of the residuals.
    sigma
        Of the Gaussian [cells].

    Raises
    ------
    InputError
        If shapes differ, or threshold or sigma are not above 0.

    Examples
    --------
    >>> dx, dy = np.ones((9, 9)), np.zeros((9, 9))
    >>> dx[4, 4] = 1.7
    >>> np.argwhere(residual_outliers(dx, dy)).tolist()
    [[4, 4]]
    """
    if threshold <= 0 or sigma <= 0:
        raise InputError(f"threshold={threshold}, sigma={sigma}: both must be above 0")
    outlier = np.zeros(shape_of(dx, dy), bool)
    known = np.isfinite(dx) & np.isfinite(dy)
    peak = np.zeros((2 * int(4 * sigma + 0.5) + 1,) * 2)
    peak[peak.shape[0] // 2, peak.shape[1] // 2] = 1
    own = float(scipy.ndimage.gaussian_filter(peak, sigma).max())
    weight = scipy.ndimage.gaussian_filter(known.astype(float), sigma, mode="constant") - own * known
    believed = known & (weight > _LEAST_WEIGHT)
    for values in (dx, dy):
        filled = np.where(known, values, 0.0).astype(float)
        around = scipy.ndimage.gaussian_filter(filled, sigma, mode="constant") - own * filled
        rest = filled - np.divide(around, weight, out=np.zeros_like(filled), where=believed)
        middle = float(np.median(rest[believed])) if believed.any() else 0.0
        spread = _TO_SIGMA * float(np.median(np.abs(rest[believed] - middle))) if believed.any() else 0.0
        outlier |= believed & (np.abs(rest - middle) > threshold * max(spread, _LEAST_SPREAD))
    return outlier


def lonely_cells(dx: npt.NDArray[Any], dy: npt.NDArray[Any], *, tolerance: float = 1.0, least: int = 3) -> Mask:
    """Return True where fewer than `least` of the eight cells that touch one have nearly its displacement (rows, cols).

    A 3 x 3 test as Fahnestock and others (2016, doi:10.1016/j.rse.2015.11.023) use one: cells at the rim of what is
    known, which have fewer than eight about them, need their half.

    Parameters
    ----------
    dx, dy
        Displacements (rows, cols) [px]; NaN where there is none.
    tolerance
        What these may differ by along each axis [px].
    least
        How many must agree, of eight.

    Raises
    ------
    InputError
        If shapes differ, tolerance is not above 0, or `least` is not from 1 to 8.

    Examples
    --------
    >>> dx = np.zeros((3, 3))
    >>> dx[1, 1] = 2.0
    >>> int(lonely_cells(dx, 0 * dx).sum())
    1
    """
    if tolerance <= 0 or not 1 <= least <= 8:
        raise InputError(f"tolerance={tolerance}, least={least}: use a tolerance above 0, and 1 to 8 of the neighbours")
    rows, cols = shape_of(dx, dy)
    agree, there = np.zeros((rows, cols), int), np.zeros((rows, cols), int)
    wide = [np.pad(np.asarray(each, float), 1, constant_values=np.nan) for each in (dx, dy)]
    with np.errstate(invalid="ignore"):
        for i in range(3):
            for j in range(3):
                if (i, j) != (1, 1):
                    near = [each[i : i + rows, j : j + cols] for each in wide]
                    there += np.isfinite(near[0]) & np.isfinite(near[1])
                    agree += (np.abs(near[0] - dx) <= tolerance) & (np.abs(near[1] - dy) <= tolerance)
    needed = np.where(there == 8, least, np.minimum(least, np.maximum((there + 1) // 2, 1)))
    return np.asarray(np.isfinite(dx) & (agree < needed))


def thin_parts(kept: Mask, *, width: int) -> Mask:
    """Return True for cells that no square of `width` cells which are all kept covers (rows, cols): an opening.

    Raises
    ------
    InputError
        If the width is below 1.

    Examples
    --------
    >>> kept = np.zeros((4, 5), bool)
    >>> kept[:2, :2] = kept[3] = True
    >>> thin_parts(kept, width=2).sum(axis=1).tolist()
    [0, 0, 0, 5]
    """
    if width < 1:
        raise InputError(f"width={width} is below 1; use a number of cells, 1 for all")
    opened = scipy.ndimage.binary_opening(np.pad(kept, width), np.ones((width, width), bool))
    return np.asarray(kept & ~opened[width:-width, width:-width])
