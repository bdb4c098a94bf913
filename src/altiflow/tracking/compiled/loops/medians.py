"""Medians of the neighbours of a cell."""

from __future__ import annotations

import numpy as np

from altiflow.tracking.compiled.loops.ways import entry, plain_inside

__all__ = ["neighbour_medians"]


@plain_inside
def _median(values, count):  # type: ignore[no-untyped-def]
    """Return the median of the first values, which are sorted in place."""
    for i in range(1, count):
        value, j = values[i], i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value
    middle = count // 2
    return values[middle] if count % 2 else (values[middle - 1] + values[middle]) / 2


@entry
def neighbour_medians(values, radius, near, result):  # type: ignore[no-untyped-def]
    """Fill `result`; see :func:`altiflow.tracking.compiled.medians.neighbour_medians`."""
    rows, cols = values.shape
    for row in range(rows):
        for col in range(cols):
            count = 0
            for i in range(max(row - radius, 0), min(row + radius + 1, rows)):
                for j in range(max(col - radius, 0), min(col + radius + 1, cols)):
                    if (i != row or j != col) and np.isfinite(values[i, j]):
                        near[count] = values[i, j]
                        count += 1
            result[2, row, col] = count
            if count:
                middle = _median(near, count)
                for k in range(count):
                    near[k] = abs(near[k] - middle)
                result[0, row, col], result[1, row, col] = middle, _median(near, count)
