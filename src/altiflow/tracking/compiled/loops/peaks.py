"""Peaks of correlation surfaces between whole pixels."""

from __future__ import annotations

import numpy as np

from altiflow.tracking.compiled.loops.ways import entry, plain

__all__ = ["SIDE", "cut_patch", "peak_patch", "peak_ratio", "spline_peaks"]

SIDE = 7
"""Width of the patch about a peak."""
_HALF = SIDE // 2


@plain
def peak_ratio(found, down, right, row, col):  # type: ignore[no-untyped-def]
    """Return a value over the root mean square of every second one outside 7 x 7 and within 7 px of it."""
    power, count = 0.0, 0
    for i in range(row - SIDE, row + SIDE + 1, 2):
        for j in range(col - SIDE, col + SIDE + 1, 2):
            inside = 0 <= i < down and 0 <= j < right
            if inside and (abs(i - row) > _HALF or abs(j - col) > _HALF) and found[i * right + j] > -2:
                power, count = power + np.float64(found[i * right + j]) ** 2, count + 1
    return found[row * right + col] / np.sqrt(power / count) if power > 0.0 else np.nan


@plain
def cut_patch(found, down, right, row, col, patch):  # type: ignore[no-untyped-def]
    """Fill the patch (7, 7) about a place of a surface; its first value is NaN where it cannot be used."""
    top, left = row - _HALF, col - _HALF
    patch[0, 0] = np.nan
    if min(top, left) < 0 or top + SIDE > down or left + SIDE > right:
        return
    barred = False
    for i in range(SIDE):
        for j in range(SIDE):
            patch[i, j] = found[(top + i) * right + left + j]
            barred |= patch[i, j] <= -2
    if barred:
        patch[0, 0] = np.nan


@entry
def peak_patch(found, down, row, col, patch, ratio):  # type: ignore[no-untyped-def]
    """Fill `patch` and `ratio` (1,); see :func:`altiflow.tracking.compiled.peaks.peak_patch`."""
    right = found.size // down
    cut_patch(found, down, right, row, col, patch)
    ratio[0] = peak_ratio(found, down, right, row, col)


@plain
def _powers(x, order, values):  # type: ignore[no-untyped-def]
    """Fill (4,) powers of x, or their first or second derivatives."""
    if order == 0:
        values[0], values[1], values[2], values[3] = 1.0, x, x * x, x * x * x
    elif order == 1:
        values[0], values[1], values[2], values[3] = 0.0, 1.0, 2 * x, 3 * x * x
    else:
        values[0], values[1], values[2], values[3] = 0.0, 0.0, 2.0, 6 * x


@plain
def _value(coefficients, y, x, order_y, order_x, along, down):  # type: ignore[no-untyped-def]
    """Return the spline near its middle, or a derivative of it; coefficients (2, 4, 2, 4) of four squares."""
    _powers(y, order_y, down)
    _powers(x, order_x, along)
    square = coefficients[1 if y >= 0 else 0, :, 1 if x >= 0 else 0, :]
    total = 0.0
    for i in range(4):
        for j in range(4):
            total += down[i] * square[i, j] * along[j]
    return total


@plain
def _fit(patch, pieces, work):  # type: ignore[no-untyped-def]
    """Fill the coefficients (2, 4, 2, 4) of the four squares about the middle of a patch."""
    for side in range(2):
        for i in range(4):
            for other in range(2):
                for j in range(4):
                    total = 0.0
                    for k in range(SIDE):
                        line = 0.0
                        for m in range(SIDE):
                            line += patch[k, m] * pieces[other, j, m]
                        total += pieces[side, i, k] * line
                    work[side, i, other, j] = total


@plain
def _uphill(work, y, x, along, down):  # type: ignore[no-untyped-def]
    """Return the Newton step towards the peak, or a short one up the slope where there is no peak."""
    to_y, to_x = _value(work, y, x, 1, 0, along, down), _value(work, y, x, 0, 1, along, down)
    yy, xx = _value(work, y, x, 2, 0, along, down), _value(work, y, x, 0, 2, along, down)
    xy = _value(work, y, x, 1, 1, along, down)
    square = yy * xx - xy * xy
    if yy < 0 and xx < 0 and square > 0:
        return (xy * to_x - xx * to_y) / square, (xy * to_y - yy * to_x) / square
    length = np.hypot(to_y, to_x) + 1e-12
    return 0.1 * to_y / length, 0.1 * to_x / length


@entry
def spline_peaks(patches, pieces, work, spare, fine):  # type: ignore[no-untyped-def]
    """Fill `fine` (n, 3); see :func:`altiflow.tracking.compiled.peaks.spline_peaks`."""
    for n in range(patches.shape[0]):
        fine[n, 1], fine[n, 0], fine[n, 2] = _spline_peak(patches[n], pieces, work, spare)


@plain
def _spline_peak(patch, pieces, work, spare):  # type: ignore[no-untyped-def]
    """Return row and column of the peak of a spline through a patch, from its middle, and its height."""
    along, down = spare[0], spare[1]
    _fit(patch, pieces, work)
    y = x = 0.0
    height = _value(work, y, x, 0, 0, along, down)
    for _ in range(30):
        step_y, step_x = _uphill(work, y, x, along, down)
        climbed = False
        for _ in range(8):
            next_y, next_x = min(max(y + step_y, -1.0), 1.0), min(max(x + step_x, -1.0), 1.0)
            higher = _value(work, next_y, next_x, 0, 0, along, down)
            if higher >= height:
                climbed = True
                break
            step_y, step_x = step_y / 2, step_x / 2
        if not climbed:
            break
        moved = abs(next_y - y) + abs(next_x - x)
        y, x, height = next_y, next_x, higher
        if moved < 1e-4:
            break
    return y, x, height
