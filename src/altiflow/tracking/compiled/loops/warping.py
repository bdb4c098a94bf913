"""Image 2 drawn back along a smooth field of displacements."""

from __future__ import annotations

import numpy as np

from altiflow.tracking.compiled.loops.ways import free_entry, plain

__all__ = ["warp_back"]


@plain
def _between(field, row, col):  # type: ignore[no-untyped-def]
    """Return both displacements at a place of the lattice, bilinear; beyond its rim those of the rim."""
    _, rows, cols = field.shape
    row, col = min(max(row, 0.0), rows - 1.0), min(max(col, 0.0), cols - 1.0)
    top, left = int(row), int(col)
    below, right = min(top + 1, rows - 1), min(left + 1, cols - 1)
    down, along = row - top, col - left
    x = (1 - down) * ((1 - along) * field[0, top, left] + along * field[0, top, right])
    x += down * ((1 - along) * field[0, below, left] + along * field[0, below, right])
    y = (1 - down) * ((1 - along) * field[1, top, left] + along * field[1, top, right])
    y += down * ((1 - along) * field[1, below, left] + along * field[1, below, right])
    return x, y


@free_entry
def warp_back(coefficients, valid, field, start, spacing, made, seen):  # type: ignore[no-untyped-def]
    """Fill `made` and `seen`; see :func:`altiflow.tracking.compiled.warping.warp_back`."""
    rows, cols = coefficients.shape
    for i in range(rows):
        for j in range(cols):
            x, y = _between(field, (i - start[0]) / spacing, (j - start[1]) / spacing)
            x, y = x + j, y + i
            left, top = int(np.floor(x)), int(np.floor(y))
            if left < 1 or top < 1 or left > cols - 3 or top > rows - 3:
                continue
            f, e = np.float32(x - left), np.float32(y - top)
            g, h = np.float32(1) - f, np.float32(1) - e
            sixth, four, three = np.float32(1 / 6), np.float32(4), np.float32(3)
            a, d = g * g * g * sixth, f * f * f * sixth
            b, c = (
                (four - three * f * f * (np.float32(1) + g)) * sixth,
                (four - three * g * g * (np.float32(1) + f)) * sixth,
            )
            total = np.float32(0)
            for k in range(4):
                line = coefficients[top + k - 1]
                value = a * line[left - 1] + b * line[left] + c * line[left + 1] + d * line[left + 2]
                if k == 0:
                    total += h * h * h * sixth * value
                elif k == 1:
                    total += (four - three * e * e * (np.float32(1) + h)) * sixth * value
                elif k == 2:
                    total += (four - three * h * h * (np.float32(1) + e)) * sixth * value
                else:
                    total += e * e * e * sixth * value
            seen[i, j] = valid[int(np.rint(y)), int(np.rint(x))]
            made[i, j] = total if seen[i, j] else np.float32(0)
