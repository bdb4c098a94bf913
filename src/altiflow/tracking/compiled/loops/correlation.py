"""Normalised cross-correlation of chips at integer displacements near a prior."""

from __future__ import annotations

import numpy as np

from altiflow.tracking.compiled.loops.ways import entry, fast, fast_entry, plain, plain_inside
from altiflow.tracking.status import EDGE, FLAT, LEAST_TEXTURE, NODATA

__all__ = ["count_within", "fill_surface", "match_near"]

_BLOCK = 3
"""Displacements this near the best belong to its peak."""
_RIVALS = 7
"""Rivals of the best are looked for at least so far from it [px]: a small window has room for none."""
_RIVAL_STEP = 2
"""Peaks of correlation are wider than this [px]."""


@fast
def _product(first, second):  # type: ignore[no-untyped-def]
    """Return the sum of products of two lines of one length."""
    total = np.float32(0)
    for i in range(first.size):
        total += first[i] * second[i]
    return total


@fast
def _copy_centred(image, top, left, height, width, stride, target):  # type: ignore[no-untyped-def]
    """Copy a patch less its mean into lines of `stride`; return the sum of its squares."""
    total = np.float64(0)
    for i in range(height):
        line = image[top + i, left : left + width]
        for j in range(width):
            total += np.float64(line[j])
    mean = total / (height * width)
    squares = np.float64(0)
    for i in range(height):
        line, copy = image[top + i, left : left + width], target[i * stride : i * stride + stride]
        for j in range(width):
            value = np.float32(line[j] - mean)
            copy[j] = value
            squares += value * value
        for j in range(width, stride):
            copy[j] = np.float32(0)
    return squares


@fast
def _add_line(line, sign, sums, powers):  # type: ignore[no-untyped-def]
    """Add a line and its squares to sums of columns."""
    for j in range(line.size):
        value = np.float64(line[j])
        sums[j] += sign * value
        powers[j] += sign * value * value


@fast_entry
def fill_surface(  # type: ignore[no-untyped-def]
    one, two, row, col, chip, top, left, down, right, step, padded, near, sums, found
):
    """Fill `found` with the correlations at (down, right) places of a window that begins at (top, left).

    Only every `step`-th place along both axes is looked at; the others have -2.
    The chip has the line length of the window, with zeros behind it: one product of two unbroken lines a place.
    """
    stride = chip + right - 1
    squares = _copy_centred(one, row, col, chip, chip, stride, padded)
    _copy_centred(two, top, left, chip + down - 1, stride, stride, near)
    count, length = chip * chip, (chip - 1) * stride + chip
    template = padded[:length]
    for j in range(stride):
        sums[0, j] = sums[1, j] = 0.0
    for k in range(chip):
        _add_line(near[k * stride : (k + 1) * stride], 1.0, sums[0], sums[1])
    for i in range(down):
        if i:
            _add_line(near[(i - 1) * stride : i * stride], -1.0, sums[0], sums[1])
            _add_line(near[(i + chip - 1) * stride : (i + chip) * stride], 1.0, sums[0], sums[1])
        total = power = 0.0
        for j in range(chip):
            total += sums[0, j]
            power += sums[1, j]
        for j in range(right):
            if j:
                total += sums[0, j + chip - 1] - sums[0, j - 1]
                power += sums[1, j + chip - 1] - sums[1, j - 1]
            if step > 1 and (i % step or j % step):
                found[i * right + j] = np.float32(-2)
                continue
            start = i * stride + j
            spread = squares * (power - total * total / count)
            product = _product(template, near[start : start + length])
            found[i * right + j] = product / np.sqrt(spread) if spread > 1e-9 * squares * power else np.float32(0)


@plain
def count_within(table, top, left, tall, wide):  # type: ignore[no-untyped-def]
    """Return how many pixels of a rectangle count, from running sums."""
    bottom, right = top + tall, left + wide
    return table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]


@plain
def _peak(found, top, left, down, right, chip, valid, textured, need):  # type: ignore[no-untyped-def]
    """Return place and height of the best allowed match, its lead over the others, and the flags of the others."""
    area, best, at, flags = chip * chip, -2.0, -1, 0
    tall, wide = down + chip - 1, right + chip - 1
    whole = count_within(valid, top, left, tall, wide) == tall * wide
    # What a window of which so few pixels are even cannot hold is a flat chip.
    rough = tall * wide - count_within(textured, top, left, tall, wide) < (1 - LEAST_TEXTURE) * area
    for i in range(down):
        for j in range(right):
            k = i * right + j
            if not whole and count_within(valid, top + i, left + j, chip, chip) < need * area - 1e-6:
                found[k], flags = -2.0, flags | NODATA
            elif not rough and count_within(textured, top + i, left + j, chip, chip) < LEAST_TEXTURE * area:
                found[k], flags = -2.0, flags | FLAT
            elif found[k] > best:
                best, at = found[k], k
    second, row, col = 0.0, at // right, at % right
    for i in range(down):
        for j in range(right):
            if (abs(i - row) > _BLOCK or abs(j - col) > _BLOCK) and found[i * right + j] > second:
                second = found[i * right + j]
    return at, best, best - second, flags


@plain_inside
def _beside(one, two, counts, row, col, shift, best, chip, need, padded, near, sums, found):  # type: ignore[no-untyped-def]
    """Return the lead of a match over the best allowed one beside it, and its ratio to their root mean square."""
    rows, cols = two.shape
    y, x = row + shift[1], col + shift[0]
    top, left = max(y - _RIVALS, 0), max(x - _RIVALS, 0)
    down, right = min(y + _RIVALS, rows - chip) - top + 1, min(x + _RIVALS, cols - chip) - left + 1
    fill_surface(one, two, row, col, chip, top, left, down, right, np.int64(_RIVAL_STEP), padded, near, sums, found)
    second, least, power, count = 0.0, need * chip * chip - 1e-6, 0.0, 0
    for i in range(0, down, _RIVAL_STEP):
        for j in range(0, right, _RIVAL_STEP):
            if abs(top + i - y) <= _BLOCK and abs(left + j - x) <= _BLOCK:
                continue
            if count_within(counts[0], top + i, left + j, chip, chip) >= least:
                value = found[i * right + j]
                second, power, count = max(second, value), power + value * value, count + 1
    return best - second, best / np.sqrt(power / count) if power > 0.0 else np.nan


@plain
def _bend(best, before, behind):  # type: ignore[no-untyped-def]
    """Return the second difference of three correlations; NaN where one of them is barred."""
    return before + behind - 2 * best if before > -2 and behind > -2 else np.nan


@entry
def match_near(  # type: ignore[no-untyped-def]
    one, two, counts_1, counts_2, places, near_x, near_y, radii, reach, walks, chip, needs, padded, near,
    sums, found, shift, quality, status,
):  # fmt: skip
    """Fill `shift`, `quality` and `status`; see :func:`altiflow.tracking.compiled.correlation.match_near`."""
    half, area = chip // 2, chip * chip
    rows, cols = one.shape
    for n in range(radii.size):
        row, col = places[n, 0] - half, places[n, 1] - half
        if row < 0 or col < 0 or row + chip > rows or col + chip > cols:
            status[n] = EDGE
        elif count_within(counts_1[0], row, col, chip, chip) < needs[0] * area - 1e-6:
            status[n] = NODATA
        elif count_within(counts_1[1], row, col, chip, chip) < LEAST_TEXTURE * area:
            status[n] = FLAT
        else:
            _walk(
                one, two, counts_2, row, col, near_x[n], near_y[n], radii[n], reach[n], walks[n], chip, needs[1],
                padded, near, sums, found, shift[n], quality[n], status[n : n + 1],
            )  # fmt: skip
            if status[n] == 0:
                lead, ratio = _beside(
                    one, two, counts_2, row, col, shift[n], quality[n, 0], chip, needs[1], padded, near, sums, found
                )
                quality[n, 1], quality[n, 2] = min(quality[n, 1], lead), ratio


@plain_inside
def _walk(  # type: ignore[no-untyped-def]
    one,
    two,
    counts,
    row,
    col,
    x,
    y,
    radius,
    reach,
    walks,
    chip,
    need,
    padded,
    near,
    sums,
    found,
    shift,
    quality,
    status,
):
    """Fill shift, quality and status of one chip: search a window, and move it while the best lies on its rim."""
    rows, cols = two.shape
    x, y = min(max(x, -reach), reach), min(max(y, -reach), reach)
    for turn in range(walks + 1):
        top, bottom = max(row + max(y - radius, -reach), 0), min(row + min(y + radius, reach), rows - chip)
        left, last = max(col + max(x - radius, -reach), 0), min(col + min(x + radius, reach), cols - chip)
        down, right = bottom - top + 1, last - left + 1
        if down < 1 or right < 1:
            status[0] = EDGE
            return
        fill_surface(one, two, row, col, chip, top, left, down, right, np.int64(1), padded, near, sums, found)
        at, best, lead, flags = _peak(found, top, left, down, right, chip, counts[0], counts[1], need)
        if at < 0:
            status[0] = NODATA if flags & NODATA else FLAT
            return
        i, j = at // right, at % right
        shift[0], shift[1] = left + j - col, top + i - row
        quality[0], quality[1] = best, lead
        inside = 0 < i < down - 1 and 0 < j < right - 1
        if inside:
            quality[3] = _bend(best, found[at - 1], found[at + 1])
            quality[4] = _bend(best, found[at - right], found[at + right])
        status[0] = 0 if inside else EDGE
        if inside or (shift[0] == x and shift[1] == y and turn):
            return
        x, y = shift[0], shift[1]
