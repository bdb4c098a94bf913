"""Surfaces of correlations, many at a time, compiled by numba."""

from __future__ import annotations

import numba
import numpy as np

from altiflow.tracking.compiled.correlation import sum_of
from altiflow.tracking.compiled.peaks import SIDE, peak_patch, spline_peak
from altiflow.tracking.status import FLAT, LEAST_TEXTURE, NODATA

__all__ = ["cut_chips", "judge_surfaces", "spline_peaks"]

_HALF = SIDE // 2


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def cut_chips(image, corners, chips, scales):  # type: ignore[no-untyped-def]
    """Fill chips (n, chip, chip) of an image, less their mean, and one over the roots of their sums of squares (n,).

    The scale is 0 of a chip that is even. Corners (n, 2) are the first row and column of each.
    """
    width = chips.shape[1]
    for n in range(corners.shape[0]):
        top, left, chip = corners[n, 0], corners[n, 1], chips[n].reshape(width * width)
        for k in range(chip.size):
            chip[k] = image[top + k // width, left + k % width]
        # Twice: what rounding leaves of a mean far from zero would count once for each pixel of the window.
        for _ in range(2):
            total = 0.0
            for each in chip:
                total += each
            mean = np.float32(total / chip.size)
            for k in range(chip.size):
                chip[k] -= mean
        power = 0.0
        for each in chip:
            power += np.float64(each) ** 2
        scales[n] = np.float32(1 / np.sqrt(power)) if power > 0.0 else np.float32(0)


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})  # type: ignore[untyped-decorator]
def _normalise(products, norms, scale):  # type: ignore[no-untyped-def]
    """Make products of a line correlations; return the largest."""
    best = np.float32(-2)
    for j in range(products.size):
        products[j] = scale * products[j] * norms[j]
        best = max(best, products[j])
    return best


@numba.njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})  # type: ignore[untyped-decorator]
def _largest(values):  # type: ignore[no-untyped-def]
    """Return the largest value of a line, at least 0."""
    best = np.float32(0)
    for each in values:
        best = max(best, each)
    return best


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bar_unfit(found, tops, top, left, counts, chip, need):  # type: ignore[no-untyped-def]
    """Bar the places (-2) where image 2 lacks data or texture; return why, if that leaves none."""
    down, right = found.shape
    area, tall, wide = chip * chip, down + chip - 1, right + chip - 1
    whole = sum_of(counts[0], top, left, tall, wide) == tall * wide
    # What a window of which so few pixels are even cannot hold is a flat chip.
    if whole and tall * wide - sum_of(counts[1], top, left, tall, wide) < (1 - LEAST_TEXTURE) * area:
        return 0
    some_lack, some_stay = False, False
    for i in range(down):
        tops[i] = np.float32(-2)
        for j in range(right):
            lacks = sum_of(counts[0], top + i, left + j, chip, chip) < need * area - 1e-6
            some_lack |= lacks
            if lacks or sum_of(counts[1], top + i, left + j, chip, chip) < LEAST_TEXTURE * area:
                found[i, j] = np.float32(-2)
                continue
            some_stay = True
            tops[i] = max(tops[i], found[i, j])
    if some_stay:
        return 0
    return NODATA if some_lack else FLAT


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _second(found, tops, row, col):  # type: ignore[no-untyped-def]
    """Return the largest value outside 7 x 7 about a place, at least 0; `tops` are the largest of all lines."""
    down, right = found.shape
    second = np.float32(0)
    for i in range(down):
        if abs(i - row) > _HALF:
            second = max(second, tops[i])
        else:
            second = max(second, _largest(found[i, : max(col - _HALF, 0)]))
            second = max(second, _largest(found[i, min(col + _HALF + 1, right) :]))
    return second


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def judge_surfaces(products, scales, windows, norms, counts, chip, need, why, at, told, patches):  # type: ignore[no-untyped-def]
    """Make products of chips with windows of image 2 correlations, and find the best of each.

    Parameters
    ----------
    products
        Each line (n, most) begins with those of a chip at all places of its window; correlations afterwards.
    scales
        One over the norm of each chip (n,).
    windows
        Top, bottom, left and right of what each chip is compared with (n, 4).
    norms
        One over the root of the sum of squares, less their mean, of the window that begins at each pixel of image 2.
    counts
        Running sums of valid and of textured pixels of image 2 (2, rows + 1, cols + 1).
    chip, need
        Width of the chips [px], and the least share of valid pixels.
    why
        Filled with what keeps a chip from having a match (n,), 0 if nothing does.
    at
        Filled with row and column of the best in its surface (n, 2).
    told
        Filled with its correlation, its lead over the best, at least 0, outside 7 x 7 about it, and its ratio to the
        root mean square of every second one of these within 7 px (n, 3).
    patches
        Filled with what lies about it (n, 7, 7); where that passes the rim or has barred places (-2) the first is NaN.
    """
    for n in range(windows.shape[0]):
        top, left = windows[n, 0], windows[n, 2]
        down, right = windows[n, 1] - top - chip + 1, windows[n, 3] - left - chip + 1
        found = products[n, : down * right].reshape(down, right)
        tops = np.empty(down, np.float32)
        for i in range(down):
            tops[i] = _normalise(found[i], norms[top + i, left : left + right], scales[n])
        why[n] = _bar_unfit(found, tops, top, left, counts, chip, need)
        if why[n]:
            continue
        row = np.argmax(tops)
        col = np.argmax(found[row])
        at[n, 0], at[n, 1] = row, col
        best = np.float64(tops[row])
        told[n, 0], told[n, 1] = best, best - _second(found, tops, row, col)
        told[n, 2] = peak_patch(found, row, col, patches[n])


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def spline_peaks(patches, pieces, fine):  # type: ignore[no-untyped-def]
    """Fill columns and rows (n, 2) of the peaks of splines through patches (n, 7, 7), from their middles."""
    work = np.empty((2, 4, 2, 4))
    for n in range(patches.shape[0]):
        fine[n, 1], fine[n, 0], _ = spline_peak(patches[n], pieces, work)
