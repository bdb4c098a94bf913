"""Normalised cross-correlation of chips at integer displacements near a prior."""

from __future__ import annotations

import numpy as np

from altiflow.tracking.compiled.loops.ways import entry, fast, fast_entry, plain, plain_inside
from altiflow.tracking.status import EDGE, FLAT, LEAST_TEXTURE, NODATA

__all__ = ["fill_surface", "match_near", "sum_within"]

_BLOCK = 3
"""Displacements this near the best belong to its peak."""
_RIVALS = 7
"""Rivals of the best are looked for at least so far from it [px]: a small window has room for none."""
_RIVAL_STEP = 2
"""Peaks of correlation are wider than this [px]."""


@fast
def _products(first, second, a, b, c, d):  # type: ignore[no-untyped-def]
    """Return the sums of products of a line with four pieces of another, each value of it being read once."""
    one, two, three, four = second[a:], second[b:], second[c:], second[d:]
    of_one = of_two = of_three = of_four = np.float32(0)
    for i in range(first.size):
        value = first[i]
        of_one += value * one[i]
        of_two += value * two[i]
        of_three += value * three[i]
        of_four += value * four[i]
    return of_one, of_two, of_three, of_four


@fast
def _pad_chip(image, row, col, chip, stride, target):  # type: ignore[no-untyped-def]
    """Copy a chip less its mean into lines of `stride`, zeros behind; return one over its norm, 0 if it is even."""
    total = np.float64(0)
    for i in range(chip):
        line = image[row + i, col : col + chip]
        for j in range(chip):
            total += np.float64(line[j])
    mean = total / (chip * chip)
    squares = np.float64(0)
    for i in range(chip):
        line, copy = image[row + i, col : col + chip], target[i * stride : i * stride + stride]
        for j in range(chip):
            value = np.float32(line[j] - mean)
            copy[j] = value
            squares += value * value
        for j in range(chip, stride):
            copy[j] = np.float32(0)
    return np.float32(1 / np.sqrt(squares)) if squares > 0.0 else np.float32(0)


@plain
def _copy_window(image, top, left, height, width, stride, target):  # type: ignore[no-untyped-def]
    """Copy a window into lines of `stride`; what is behind it is left as it is."""
    for i in range(height):
        line, copy = image[top + i, left : left + width], target[i * stride : i * stride + width]
        for j in range(width):
            copy[j] = line[j]


@plain
def _is_passed_over(i, j, step, row, col):  # type: ignore[no-untyped-def]
    """Return whether a place is none of every `step`-th, or belongs to the peak about another."""
    return step > 1 and (i % step or j % step or (abs(i - row) <= _BLOCK and abs(j - col) <= _BLOCK))


@fast_entry
def fill_surface(  # type: ignore[no-untyped-def]
    two, norms, template, scale, chip, stride, top, left, down, right, step, mid_row, mid_col, near, found, todo
):
    """Fill `found` with the correlations at (down, right) places of a window that begins at (top, left).

    With a step above 1 only every `step`-th place along both axes is looked at, and none of the peak about the middle;
    the others have -2.
    The chip has the line length of the window, with zeros behind it: one product of two unbroken lines a place.
    """
    _copy_window(two, top, left, down + chip - 1, right + chip - 1, stride, near)
    line, wanted = template[: (chip - 1) * stride + chip], 0
    for i in range(down):
        for j in range(right):
            k = i * right + j
            if _is_passed_over(i, j, step, mid_row, mid_col):
                found[k] = np.float32(-2)
            else:
                found[k], todo[wanted] = scale * norms[top + i, left + j], k
                wanted += 1
    for n in range(0, wanted, 4):
        a, b, c, d = todo[n], todo[min(n + 1, wanted - 1)], todo[min(n + 2, wanted - 1)], todo[min(n + 3, wanted - 1)]
        # A line of the window is longer than one of the surface.
        behind = stride - right
        of_a, of_b, of_c, of_d = _products(
            line, near, a + a // right * behind, b + b // right * behind, c + c // right * behind,
            d + d // right * behind,
        )  # fmt: skip
        found[a] *= of_a
        if n + 1 < wanted:
            found[b] *= of_b
        if n + 2 < wanted:
            found[c] *= of_c
        if n + 3 < wanted:
            found[d] *= of_d


@plain
def sum_within(table, top, left, tall, wide):  # type: ignore[no-untyped-def]
    """Return the sum over a rectangle, or how many of its pixels count, from running sums."""
    bottom, right = top + tall, left + wide
    return table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]


@plain
def _peak(found, top, left, down, right, chip, valid, textured, need):  # type: ignore[no-untyped-def]
    """Return place and height of the best allowed match, its lead over the others, and the flags of the others."""
    area, best, at, flags = chip * chip, -2.0, -1, 0
    tall, wide = down + chip - 1, right + chip - 1
    whole = sum_within(valid, top, left, tall, wide) == tall * wide
    # What a window of which so few pixels are even cannot hold is a flat chip.
    rough = tall * wide - sum_within(textured, top, left, tall, wide) < (1 - LEAST_TEXTURE) * area
    for i in range(down):
        for j in range(right):
            k = i * right + j
            if not whole and sum_within(valid, top + i, left + j, chip, chip) < need * area - 1e-6:
                found[k], flags = -2.0, flags | NODATA
            elif not rough and sum_within(textured, top + i, left + j, chip, chip) < LEAST_TEXTURE * area:
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
def _beside(  # type: ignore[no-untyped-def]
    two, norms, counts, row, col, shift, best, chip, need, template, scale, stride, near, found, todo
):
    """Return the lead of a match over the best allowed one beside it, and its ratio to their root mean square."""
    rows, cols = two.shape
    y, x = row + shift[1], col + shift[0]
    top, left = max(y - _RIVALS, 0), max(x - _RIVALS, 0)
    down, right = min(y + _RIVALS, rows - chip) - top + 1, min(x + _RIVALS, cols - chip) - left + 1
    fill_surface(
        two, norms, template, scale, chip, stride, top, left, down, right, np.int64(_RIVAL_STEP), y - top, x - left,
        near, found, todo,
    )  # fmt: skip
    second, least, power, count = 0.0, need * chip * chip - 1e-6, 0.0, 0
    for i in range(0, down, _RIVAL_STEP):
        for j in range(0, right, _RIVAL_STEP):
            if abs(top + i - y) <= _BLOCK and abs(left + j - x) <= _BLOCK:
                continue
            if sum_within(counts[0], top + i, left + j, chip, chip) >= least:
                value = found[i * right + j]
                second, power, count = max(second, value), power + value * value, count + 1
    return best - second, best / np.sqrt(power / count) if power > 0.0 else np.nan


@plain
def _bend(best, before, behind):  # type: ignore[no-untyped-def]
    """Return the second difference of three correlations; NaN where one of them is barred."""
    return before + behind - 2 * best if before > -2 and behind > -2 else np.nan


@entry
def match_near(  # type: ignore[no-untyped-def]
    one, two, norms, counts_1, counts_2, places, near_x, near_y, radii, reach, walks, chip, needs, template, near,
    found, todo, shift, quality, status,
):  # fmt: skip
    """Fill `shift`, `quality` and `status`; see :func:`altiflow.tracking.compiled.correlation.match_near`."""
    half, area = chip // 2, chip * chip
    rows, cols = one.shape
    for n in range(radii.size):
        row, col = places[n, 0] - half, places[n, 1] - half
        if row < 0 or col < 0 or row + chip > rows or col + chip > cols:
            status[n] = EDGE
        elif sum_within(counts_1[0], row, col, chip, chip) < needs[0] * area - 1e-6:
            status[n] = NODATA
        elif sum_within(counts_1[1], row, col, chip, chip) < LEAST_TEXTURE * area:
            status[n] = FLAT
        else:
            stride = chip + 2 * max(radii[n], _RIVALS)
            scale = _pad_chip(one, row, col, chip, stride, template)
            _walk(
                two, norms, counts_2, row, col, near_x[n], near_y[n], radii[n], reach[n], walks[n], chip, needs[1],
                template, scale, stride, near, found, todo, shift[n], quality[n], status[n : n + 1],
            )  # fmt: skip
            if status[n] == 0:
                if radii[n] > _RIVALS:
                    stride = chip + 2 * _RIVALS
                    scale = _pad_chip(one, row, col, chip, stride, template)
                lead, ratio = _beside(
                    two, norms, counts_2, row, col, shift[n], quality[n, 0], chip, needs[1], template, scale, stride,
                    near, found, todo,
                )  # fmt: skip
                quality[n, 1], quality[n, 2] = min(quality[n, 1], lead), ratio


@plain_inside
def _walk(  # type: ignore[no-untyped-def]
    two, norms, counts, row, col, x, y, radius, reach, walks, chip, need, template, scale, stride, near, found, todo,
    shift, quality, status,
):  # fmt: skip
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
        fill_surface(
            two, norms, template, scale, chip, stride, top, left, down, right, np.int64(1), np.int64(0), np.int64(0),
            near, found, todo,
        )  # fmt: skip
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
