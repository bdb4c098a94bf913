"""Sub-pixel displacement of chips by inverse-compositional Lucas-Kanade steps."""

from __future__ import annotations

import numpy as np

from altiflow.tracking.compiled.loops.correlation import sum_within
from altiflow.tracking.compiled.loops.ways import entry, fast, plain, plain_inside

__all__ = ["refine_chips"]

_SETTLED = 0.008
"""A step this short ends the search [px]."""
_LEAST_CORRELATION = 0.3
"""Steps are lengthened by no more than one over this."""
_BLOCKS = 5
"""Blocks along a side of the chip, whose residuals are taken to be independent."""
_CALIBRATION = 1.2
"""Variance of errors of known displacements over what the blocks say."""
_FLOOR = 0.0058
"""What interpolation itself leaves [px]: of scenes without noise, two thirds of errors are then within 1 sigma."""
_PARTS = 6
"""Rows of the work space: chip, its slopes, weights, and what is interpolated."""


@fast
def _weights(part, values, slopes):  # type: ignore[no-untyped-def]
    """Fill the four weights of a cubic B-spline at a fraction of a pixel, and those of its slope."""
    f, g = part, 1.0 - part
    values[0], values[3] = g * g * g / 6, f * f * f / 6
    values[1] = (4 - 6 * f * f + 3 * f * f * f) / 6
    values[2] = (4 - 6 * g * g + 3 * g * g * g) / 6
    slopes[0], slopes[3] = -g * g / 2, f * f / 2
    slopes[1], slopes[2] = (3 * f * f - 4 * f) / 2, (4 * g - 3 * g * g) / 2


@fast
def _level(image, row, left, width):  # type: ignore[no-untyped-def]
    """Return the mean of a piece of a line: sums of squares of what lies far from zero would lose the texture."""
    total = np.float64(0)
    for j in range(left, left + width):
        total += np.float64(image[row, j])
    return np.float32(total / width)


@fast
def _across(coefficients, top, left, chip, weights, level, lines):  # type: ignore[no-untyped-def]
    """Fill `lines` with (chip + 3) lines interpolated along x, less a level."""
    a, b = np.float32(weights[0]), np.float32(weights[1])
    c, d = np.float32(weights[2]), np.float32(weights[3])
    for i in range(chip + 3):
        line = coefficients[top + i, left : left + chip + 3]
        made = lines[i * chip : i * chip + chip]
        for j in range(chip):
            made[j] = a * line[j] + b * line[j + 1] + c * line[j + 2] + d * line[j + 3] - level


@fast
def _down(lines, chip, weights, made):  # type: ignore[no-untyped-def]
    """Fill `made` with the chip, interpolated along y."""
    a, b = np.float32(weights[0]), np.float32(weights[1])
    c, d = np.float32(weights[2]), np.float32(weights[3])
    size = chip * chip
    one, two = lines[:size], lines[chip : chip + size]
    three, four = lines[2 * chip : 2 * chip + size], lines[3 * chip : 3 * chip + size]
    for i in range(size):
        made[i] = a * one[i] + b * two[i] + c * three[i] + d * four[i]


@fast
def _moments(made, chip, to_x, to_y, weight):  # type: ignore[no-untyped-def]
    """Return the weighted sums of a chip: itself, its square, with image 1, and with the slopes of image 1."""
    total = power = both = along = down = np.float32(0)
    for i in range(made.size):
        value = made[i]
        total += weight[i] * value
        power += weight[i] * value * value
        both += chip[i] * value
        along += to_x[i] * value
        down += to_y[i] * value
    return total, power, both, along, down


@fast
def _load(image, slopes, valid_1, valid_2, row, col, to_row, to_col, chip, work):  # type: ignore[no-untyped-def]
    """Fill the work space with chip, slopes and weights, less their weighted means; return their sums of products."""
    size = chip * chip
    count, level = np.float32(0), _level(image, row + chip // 2, col, chip)
    mean = mean_x = mean_y = np.float32(0)
    for i in range(chip):
        sure, seen = valid_1[row + i, col : col + chip], valid_2[to_row + i, to_col : to_col + chip]
        line, along, down = image[row + i, col:], slopes[0, row + i, col:], slopes[1, row + i, col:]
        k = i * chip
        for j in range(chip):
            weight = np.float32(sure[j] & seen[j])
            work[3, k + j] = weight
            value = weight * (line[j] - level)
            work[0, k + j], work[1, k + j], work[2, k + j] = value, weight * along[j], weight * down[j]
            count += weight
            mean += value
            mean_x += weight * along[j]
            mean_y += weight * down[j]
    if count < 0.25 * size:
        return count, np.float32(0), np.float32(0), np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    mean, mean_x, mean_y = mean / count, mean_x / count, mean_y / count
    squares = xx = xy = yy = tx = ty = np.float32(0)
    for k in range(size):
        weight = work[3, k]
        value, along, down = work[0, k] - weight * mean, work[1, k] - weight * mean_x, work[2, k] - weight * mean_y
        work[0, k], work[1, k], work[2, k] = value, along, down
        squares += value * value
        xx += along * along
        xy += along * down
        yy += down * down
        tx += along * value
        ty += down * value
    return count, squares, xx, xy, yy, tx, ty


@fast
def _sandwich(work, chip, gain, mean, slopes, out):  # type: ignore[no-untyped-def]
    """Fill 1-sigma errors (2, 3) and covariance (5) from the scores of blocks; `slopes` are the score's (2, 2)."""
    block = chip // _BLOCKS
    across = (chip + block - 1) // block
    xx = xy = yy = np.float64(0)
    for top in range(across):
        for left in range(across):
            along = down = np.float32(0)
            for i in range(top * block, min(chip, (top + 1) * block)):
                for j in range(left * block, min(chip, (left + 1) * block)):
                    k = i * chip + j
                    rest = gain * (work[4, k] - mean) * work[3, k] - work[0, k]
                    along += work[1, k] * rest
                    down += work[2, k] * rest
            xx += along * along
            xy += along * down
            yy += down * down
    spare = _CALIBRATION * across * across / max(across * across - 1.0, 1.0)
    a, b, c, d = slopes[0], slopes[1], slopes[2], slopes[3]
    square = (a * d - b * c) ** 2
    out[2] = np.sqrt(spare * (d * d * xx - 2 * b * d * xy + b * b * yy) / square + _FLOOR**2)
    out[3] = np.sqrt(spare * (c * c * xx - 2 * a * c * xy + a * a * yy) / square + _FLOOR**2)
    out[5] = spare * ((a * d + b * c) * xy - c * d * xx - a * b * yy) / square


@fast
def _drawn(coefficients, row, col, chip, x, y, spare, work, lines):  # type: ignore[no-untyped-def]
    """Draw image 2, less its level, where the chip lies; return its moments, all 0 where that passes the image."""
    size, zero = chip * chip, np.float32(0)
    if min(row, col) < 1 or row + chip + 2 > coefficients.shape[0] or col + chip + 2 > coefficients.shape[1]:
        return zero, zero, zero, zero, zero
    values, slopes = spare[0], spare[1]
    _weights(x, values, slopes)
    level = _level(coefficients, row + chip // 2, col - 1, chip + 3)
    _across(coefficients, row - 1, col - 1, chip, values, level, lines)
    _weights(y, values, slopes)
    _down(lines, chip, values, work[4, :size])
    return _moments(work[4, :size], work[0, :size], work[1, :size], work[2, :size], work[3, :size])


@fast
def _slopes_of_score(coefficients, top, left, chip, x, y, gain, spare, work, lines, slopes):  # type: ignore[no-untyped-def]
    """Fill how the scores change with the displacement (2, 2), from the slopes of image 2 where the chip lies."""
    x_values, x_slopes, y_values, y_slopes = spare[0], spare[1], spare[2], spare[3]
    _weights(x, x_values, x_slopes)
    _weights(y, y_values, y_slopes)
    size = chip * chip
    made = work[5, :size]
    _across(coefficients, top, left, chip, x_slopes, np.float32(0), lines)
    _down(lines, chip, y_values, made)
    _, _, _, along, down = _moments(made, work[0, :size], work[1, :size], work[2, :size], work[3, :size])
    slopes[0], slopes[2] = gain * along, gain * down
    level = _level(coefficients, top + 1 + chip // 2, left, chip + 3)
    _across(coefficients, top, left, chip, x_values, level, lines)
    _down(lines, chip, y_slopes, made)
    _, _, _, along, down = _moments(made, work[0, :size], work[1, :size], work[2, :size], work[3, :size])
    slopes[1], slopes[3] = gain * along, gain * down


@plain
def _has_data(counts, needs, row, col, to_row, to_col, chip):  # type: ignore[no-untyped-def]
    """Return whether a chip and its match lie in the images and have data enough."""
    rows, cols = counts.shape[1] - 1, counts.shape[2] - 1
    if min(row, col, to_row, to_col) < 0 or max(row, to_row) + chip > rows or max(col, to_col) + chip > cols:
        return False
    least = chip * chip - 1e-6
    enough = sum_within(counts[0], row, col, chip, chip) >= needs[0] * least
    return enough and sum_within(counts[1], to_row, to_col, chip, chip) >= needs[1] * least


@plain_inside
def _settle(  # type: ignore[no-untyped-def]
    one,
    slopes,
    valid_1,
    coefficients,
    valid_2,
    counts,
    needs,
    row,
    col,
    chip,
    start,
    far,
    steps,
    spare,
    work,
    lines,
    out,
):
    """Fill displacement, errors, correlation and covariance (6,); return whether the steps settled near the start."""
    to_row, to_col = row + int(np.rint(start[1])), col + int(np.rint(start[0]))
    if not _has_data(counts, needs, row, col, to_row, to_col, chip):
        return False
    count, squares, xx, xy, yy, tx, ty = _load(one, slopes, valid_1, valid_2, row, col, to_row, to_col, chip, work)
    square = xx * yy - xy * xy
    if not (squares > 0.0 and square > 1e-6 * xx * yy):
        return False
    x, y, settled, correlation, gain, mean = start[0], start[1], steps == 0, 0.0, 0.0, 0.0
    for _ in range(steps + 1):
        left, top = int(np.floor(x)), int(np.floor(y))
        total, power, both, along, down = _drawn(
            coefficients, row + top, col + left, chip, x - left, y - top, spare, work, lines
        )
        mean, spread = total / count, power - total * total / count
        if not spread > 0.0:
            return False
        gain = np.sqrt(squares / spread)
        correlation = gain * both / squares
        lift = square * max(correlation, _LEAST_CORRELATION)
        score_x, score_y = gain * along - tx, gain * down - ty
        step_x, step_y = (yy * score_x - xy * score_y) / lift, (xx * score_y - xy * score_x) / lift
        settled = settled or (abs(step_x) < _SETTLED and abs(step_y) < _SETTLED)
        if steps:
            x, y = x - step_x, y - step_y
        if settled:
            break
        if not (abs(x - start[0]) <= far and abs(y - start[1]) <= far):
            return False
    if not settled:
        return False
    change = spare[4]
    _slopes_of_score(
        coefficients, row + top - 1, col + left - 1, chip, x - left, y - top, gain, spare, work, lines, change
    )
    _sandwich(work, chip, np.float32(gain), np.float32(mean), change, out)
    if steps == 0:
        out[2], out[3], out[5] = np.hypot(out[2], step_x), np.hypot(out[3], step_y), out[5] + step_x * step_y
    out[0], out[1], out[4] = x, y, correlation
    return np.isfinite(out[2]) and np.isfinite(out[3])


@entry
def refine_chips(  # type: ignore[no-untyped-def]
    one,
    slopes,
    valid_1,
    coefficients,
    valid_2,
    counts,
    needs,
    places,
    starts,
    chips,
    far,
    bend,
    steps,
    spare,
    work,
    lines,
    found,
    chosen,
):
    """Fill `found` and `chosen`; see :func:`altiflow.tracking.compiled.refinement.refine_chips`."""
    trial = spare[5]
    for n in range(places.shape[0]):
        best = np.inf
        if not (np.isfinite(starts[n, 0]) and np.isfinite(starts[n, 1])):
            continue
        # From the widest on, while the cost falls.
        for k in range(chips.size - 1, -1, -1):
            chip = chips[k]
            row, col = places[n, 0] - chip // 2, places[n, 1] - chip // 2
            if not _settle(
                one, slopes, valid_1, coefficients, valid_2, counts, needs, row, col, chip, starts[n], far, steps,
                spare, work, lines, trial,
            ):  # fmt: skip
                continue
            loss = (bend[n] * chip) ** 2
            cost = (trial[2] ** 2 + trial[3] ** 2) / 2 + loss
            if cost >= best:
                break
            best, chosen[n] = cost, chip
            for part in range(6):
                found[n, part] = trial[part]
            found[n, 2], found[n, 3] = np.hypot(trial[2], np.sqrt(loss)), np.hypot(trial[3], np.sqrt(loss))
