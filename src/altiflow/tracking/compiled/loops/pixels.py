"""What is done pixel by pixel before tracking."""

from __future__ import annotations

import numpy as np

from altiflow.tracking.compiled.loops.ways import entry

__all__ = ["high_pass"]

_ROUNDING = np.float32(1e-6)
"""Differences below this share of the largest value are rounding of single precision."""


@entry
def high_pass(values, low, weight, valid, made):  # type: ignore[no-untyped-def]
    """Fill `made`; see :func:`altiflow.tracking.compiled.pixels.high_pass`."""
    rows, cols = values.shape
    largest = np.float32(0)
    for i in range(rows):
        for j in range(cols):
            largest = max(largest, abs(values[i, j]))
    for i in range(rows):
        for j in range(cols):
            rest = values[i, j] - (low[i, j] / weight[i, j] if weight.size > 1 else low[i, j])
            made[i, j] = rest if valid[i, j] and abs(rest) > _ROUNDING * largest else np.float32(0)
