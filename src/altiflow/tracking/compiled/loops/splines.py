"""Cubic B-splines of an image: coefficients and slopes."""

from __future__ import annotations

import numpy as np

from altiflow.tracking.compiled.loops.ways import free_entry, free_inside

__all__ = ["solve_spline", "spline_slopes"]

_POLE = np.float32(np.sqrt(3.0) - 2.0)
_GAIN = np.float32(6.0)
_REACH = 12
"""Terms of the start of the recursion: 0.268 to this power is below single precision."""


@free_inside
def _add(line, factor, other):  # type: ignore[no-untyped-def]
    """Add a multiple of another line to a line."""
    for j in range(line.size):
        line[j] += factor * other[j]


@free_inside
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


@free_inside
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


@free_entry
def solve_spline(made):  # type: ignore[no-untyped-def]
    """Turn an image into coefficients; see :func:`altiflow.tracking.compiled.splines.spline_coefficients`."""
    _solve_rows(made)
    _solve_columns(made)


@free_entry
def spline_slopes(coefficients, slopes):  # type: ignore[no-untyped-def]
    """Fill `slopes`, but for the rim; see :func:`altiflow.tracking.compiled.splines.spline_slopes`."""
    rows, cols = coefficients.shape
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
