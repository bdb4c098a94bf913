"""What is done pixel by pixel before tracking, compiled by numba."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["high_pass", "textured_pixels"]

_ROUNDING = np.float32(1e-6)
"""Differences below this share of the largest value are rounding of single precision."""


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def high_pass(values, low, weight, valid, made):  # type: ignore[no-untyped-def]
    """Fill `made` with values less their surroundings, which are sums `low` of weights; 0 where not valid."""
    rows, cols = values.shape
    largest = np.float32(0)
    for i in range(rows):
        for j in range(cols):
            largest = max(largest, abs(values[i, j]))
    for i in range(rows):
        for j in range(cols):
            rest = values[i, j] - (low[i, j] / weight[i, j] if weight.size > 1 else low[i, j])
            made[i, j] = rest if valid[i, j] and abs(rest) > _ROUNDING * largest else np.float32(0)


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def textured_pixels(image):  # type: ignore[no-untyped-def]
    """Return 1 where a pixel differs from its right or lower neighbour (rows, cols)."""
    rows, cols = image.shape
    made = np.empty((rows, cols), np.uint8)
    for i in range(rows):
        below = min(i + 1, rows - 1)
        for j in range(cols):
            right = min(j + 1, cols - 1)
            made[i, j] = (image[i, j] != image[i, right]) | (image[i, j] != image[below, j])
    return made
