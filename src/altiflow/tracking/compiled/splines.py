"""Cubic B-splines of an image: coefficients and slopes, compiled by numba."""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["spline_coefficients", "spline_slopes"]

_POLE = np.float32(np.sqrt(3.0) - 2.0)
_GAIN = np.float32(6.0)
_REACH = 12
"""Terms of the start of the recursion: 0.268 to this power is below single precision."""


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _add(line, factor, other):  # type: ignore[no-untyped-def]
    """Add a multiple of another line to a line."""
    for j in range(line.size):
        line[j] += factor * other[j]


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _solve_rows(made):  # type: ignore[no-untyped-def]
    """Turn values into coefficients along each row."""
    rows, cols = made.shape
    end = _POLE / (_POLE * _POLE - 1)
    for i in range(rows):
        line = made[i]
        start, power = line[0], _POLE
        for k in range(1, min(_REACH, cols)):
            start += power * line[k]
            power *= _POLE
        line[0] = start
        for j in range(1, cols):
            line[j] += _POLE * line[j - 1]
        line[cols - 1] = end * (line[cols - 1] + _POLE * line[max(cols - 2, 0)])
        for j in range(cols - 2, -1, -1):
            line[j] = _POLE * (line[j + 1] - line[j])


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _solve_columns(made):  # type: ignore[no-untyped-def]
    """Turn values into coefficients along all columns at a time, and scale them for both axes."""
    rows, cols = made.shape
    end = _POLE / (_POLE * _POLE - 1)
    power = _POLE
    for k in range(1, min(_REACH, rows)):
        _add(made[0], power, made[k])
        power *= _POLE
    for i in range(1, rows):
        _add(made[i], _POLE, made[i - 1])
    line, before = made[rows - 1], made[max(rows - 2, 0)]
    for j in range(cols):
        line[j] = end * (line[j] + _POLE * before[j])
    for i in range(rows - 1, -1, -1):
        line = made[i]
        if i < rows - 1:
            behind = made[i + 1]
            for j in range(cols):
                line[j] = _POLE * (behind[j] - line[j])
    for i in range(rows):
        line = made[i]
        for j in range(cols):
            line[j] *= _GAIN * _GAIN


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")  # type: ignore[untyped-decorator]
def spline_coefficients(image):  # type: ignore[no-untyped-def]
    """Return the coefficients (rows, cols) of the cubic spline through an image, mirrored at its rim.

    Unser, Aldroubi and Eden (1993), B-spline signal processing: a recursion forth and back along each axis.
    """
    made = image.copy()
    _solve_rows(made)
    _solve_columns(made)
    return made


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"}, error_model="numpy")  # type: ignore[untyped-decorator]
def spline_slopes(coefficients):  # type: ignore[no-untyped-def]
    """Return the slopes along x and y (2, rows, cols) of a cubic spline at the pixels; 0 on the rim.

    Differences of the coefficients along one axis, their means with weights 1/6, 2/3 and 1/6 along the other.
    """
    rows, cols = coefficients.shape
    slopes = np.zeros((2, rows, cols), np.float32)
    side, middle = np.float32(1 / 12), np.float32(1 / 3)
    for i in range(1, rows - 1):
        above, here, below = coefficients[i - 1], coefficients[i], coefficients[i + 1]
        to_x, to_y = slopes[0, i], slopes[1, i]
        for j in range(1, cols - 1):
            left = side * (above[j - 1] + below[j - 1]) + middle * here[j - 1]
            right = side * (above[j + 1] + below[j + 1]) + middle * here[j + 1]
            to_x[j] = right - left
            up = side * (above[j - 1] + above[j + 1]) + middle * above[j]
            down = side * (below[j - 1] + below[j + 1]) + middle * below[j]
            to_y[j] = down - up
    return slopes
