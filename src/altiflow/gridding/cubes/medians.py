"""Medians: of the valid values of each pixel, which may be few among many layers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["MAD_SCALE", "gather", "median_of_valid", "sorted_median"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MAD_SCALE = 1.4826
"""Turns the median absolute deviation into the standard deviation of a normal distribution: 1 / Φ⁻¹(3/4)."""


def gather(values: Floats, valid: Bools, fill: float = np.inf) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return the valid values (layers, n) of each column side by side, (n, most), in order, and how many (n,)."""
    count = valid.sum(axis=0)
    found = np.full((valid.shape[1], int(count.max(initial=0))), fill)
    found[np.arange(found.shape[1]) < count[:, None]] = values.T[valid.T]
    return found, count


def sorted_median(ordered: Floats, count: npt.NDArray[np.intp]) -> Floats:
    """Return medians (n,) of the first `count` values of sorted rows (n, most); NaN where there are none."""
    found = np.full(count.size, np.nan)
    some = np.flatnonzero(count)
    low = ordered[some, (count[some] - 1) // 2]
    found[some] = low + (ordered[some, count[some] // 2] - low) / 2
    return found


def median_of_valid(values: Floats, valid: Bools) -> Floats:
    """Return the medians (n,) of the valid values (layers, n) of each column; NaN where there are none.

    Examples
    --------
    >>> median_of_valid(np.array([[1.0, 5.0], [3.0, 7.0]]), np.array([[True, False], [True, True]])).tolist()
    [2.0, 7.0]
    """
    count = valid.sum(axis=0)
    if 2 * count.sum() > valid.size:
        found = np.where(valid, values, np.inf).T.copy()
    else:
        found, count = gather(values, valid)
    found.sort(axis=1)
    return sorted_median(found, count)
