"""Surfaces of correlations, many at a time."""

from __future__ import annotations

import numpy as np

from altiflow.tracking.compiled.loops.correlation import sum_within
from altiflow.tracking.compiled.loops.peaks import SIDE, cut_patch, peak_ratio
from altiflow.tracking.compiled.loops.ways import entry, plain, sure
from altiflow.tracking.status import FLAT, LEAST_TEXTURE, NODATA

__all__ = ["cut_chips", "fill_norms", "judge_surfaces"]

_HALF = SIDE // 2


@plain
def _less_mean(chip):  # type: ignore[no-untyped-def]
    """Take the mean of a chip from it."""
    rows, cols = chip.shape
    total = 0.0
    for i in range(rows):
        for j in range(cols):
            total += chip[i, j]
    mean = np.float32(total / (rows * cols))
    for i in range(rows):
        for j in range(cols):
            chip[i, j] -= mean


@entry
def cut_chips(image, corners, chips, scales):  # type: ignore[no-untyped-def]
    """Fill `chips` and `scales`; see :func:`altiflow.tracking.compiled.surfaces.cut_chips`."""
    width = chips.shape[1]
    for n in range(corners.shape[0]):
        top, left, chip = corners[n, 0], corners[n, 1], chips[n]
        for i in range(width):
            for j in range(width):
                chip[i, j] = image[top + i, left + j]
        # Twice: what rounding leaves of a mean far from zero would count once for each pixel of the window.
        _less_mean(chip)
        _less_mean(chip)
        power = 0.0
        for i in range(width):
            for j in range(width):
                power += np.float64(chip[i, j]) ** 2
        scales[n] = np.float32(1 / np.sqrt(power)) if power > 0.0 else np.float32(0)


@sure
def _normalise(products, norms, scale):  # type: ignore[no-untyped-def]
    """Make products of a line correlations; return the largest."""
    best = np.float32(-2)
    for j in range(products.size):
        products[j] = scale * products[j] * norms[j]
        best = max(best, products[j])
    return best


@sure
def _largest(values):  # type: ignore[no-untyped-def]
    """Return the largest value of a line, at least 0."""
    best = np.float32(0)
    for j in range(values.size):
        best = max(best, values[j])
    return best


@plain
def _bar_unfit(found, down, right, tops, top, left, counts, chip, need):  # type: ignore[no-untyped-def]
    """Bar the places (-2) where image 2 lacks data or texture; return why, if that leaves none."""
    area, tall, wide = chip * chip, down + chip - 1, right + chip - 1
    whole = sum_within(counts[0], top, left, tall, wide) == tall * wide
    # What a window of which so few pixels are even cannot hold is a flat chip.
    if whole and tall * wide - sum_within(counts[1], top, left, tall, wide) < (1 - LEAST_TEXTURE) * area:
        return 0
    some_lack, some_stay = False, False
    for i in range(down):
        tops[i] = np.float32(-2)
        for j in range(right):
            lacks = sum_within(counts[0], top + i, left + j, chip, chip) < need * area - 1e-6
            some_lack |= lacks
            if lacks or sum_within(counts[1], top + i, left + j, chip, chip) < LEAST_TEXTURE * area:
                found[i * right + j] = np.float32(-2)
                continue
            some_stay = True
            tops[i] = max(tops[i], found[i * right + j])
    if some_stay:
        return 0
    return NODATA if some_lack else FLAT


@plain
def _second(found, down, right, tops, row, col):  # type: ignore[no-untyped-def]
    """Return the largest value outside 7 x 7 about a place, at least 0; `tops` are the largest of all lines."""
    second = np.float32(0)
    for i in range(down):
        if abs(i - row) > _HALF:
            second = max(second, tops[i])
        else:
            line = found[i * right : (i + 1) * right]
            second = max(second, _largest(line[: max(col - _HALF, 0)]))
            second = max(second, _largest(line[min(col + _HALF + 1, right) :]))
    return second


@plain
def _first_best(values):  # type: ignore[no-untyped-def]
    """Return where the largest value of a line is first."""
    best = 0
    for j in range(1, values.size):
        if values[j] > values[best]:
            best = j
    return best


@entry
def judge_surfaces(  # type: ignore[no-untyped-def]
    products, scales, windows, norms, counts, chip, need, tall, why, at, told, patches
):
    """Fill `why`, `at`, `told` and `patches`; see :func:`altiflow.tracking.compiled.surfaces.judge_surfaces`."""
    for n in range(windows.shape[0]):
        top, left = windows[n, 0], windows[n, 2]
        down, right = windows[n, 1] - top - chip + 1, windows[n, 3] - left - chip + 1
        found, tops = products[n, : down * right], tall[:down]
        for i in range(down):
            line = found[i * right : (i + 1) * right]
            tops[i] = _normalise(line, norms[top + i, left : left + right], scales[n])
        why[n] = _bar_unfit(found, down, right, tops, top, left, counts, chip, need)
        if why[n]:
            continue
        row = _first_best(tops)
        col = _first_best(found[row * right : (row + 1) * right])
        at[n, 0], at[n, 1] = row, col
        best = np.float64(tops[row])
        told[n, 0], told[n, 1] = best, best - _second(found, down, right, tops, row, col)
        cut_patch(found, down, right, row, col, patches[n])
        told[n, 2] = peak_ratio(found, down, right, row, col)


@entry
def fill_norms(sums, powers, chip, norms):  # type: ignore[no-untyped-def]
    """Fill `norms`; see :func:`altiflow.tracking.compiled.surfaces.window_norms`."""
    rows, cols = norms.shape
    most, area = 0.0, chip * chip
    for i in range(rows):
        for j in range(cols):
            most = max(most, sum_within(powers, i, j, chip, chip))
    for i in range(rows):
        for j in range(cols):
            total, power = sum_within(sums, i, j, chip, chip), sum_within(powers, i, j, chip, chip)
            spread = power - total * total / area
            norms[i, j] = 1 / np.sqrt(spread) if spread > 1e-9 * power + 1e-13 * most else 0.0
