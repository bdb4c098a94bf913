# mypy: disable-error-code="no-untyped-def, untyped-decorator"
"""Bands: one symmetric system, unknown by unknown, compiled; the steps are those of the bands of many pixels.

Row j of an upper band (p, b + 1) holds elements (j, j) to (j, j + b); what lies beyond the matrix is not looked at.
"""

from __future__ import annotations

import numba
import numpy as np

from altiflow.gridding.cubes.inversion.batched.bands import MIXED, PROBES, SINGULAR

__all__ = ["factorise", "invert", "solve", "tell_apart"]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def factorise(lower, inverse_pivot, scale):
    """Turn a positive semidefinite matrix into its factors in place, and fill 1 / D and 1 / S of ``S L D L.T S``.

    Element (j, s) of `lower` becomes row j + s of column j of L; its first column is of no further use.
    """
    count, wide = lower.shape
    for j in range(count):
        scale[j] = 1.0 / np.sqrt(lower[j, 0]) if lower[j, 0] > 0 else 0.0
    for j in range(count):
        for d in range(min(wide, count - j)):
            lower[j, d] *= scale[j] * scale[j + d]
    for j in range(count):
        row, reach = lower[j], min(wide, count - j)
        inverse_pivot[j] = 1.0 / row[0] if row[0] > SINGULAR else 0.0
        for s in range(1, reach):
            share, below = row[s] * inverse_pivot[j], lower[j + s]
            # A wave on many periods makes a wide band that is empty but for its edges.
            if share == 0:
                continue
            for t in range(reach - s):
                below[t] -= share * row[s + t]
        for s in range(1, reach):
            row[s] *= inverse_pivot[j]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def solve(lower, inverse_pivot, scale, right, found):
    """Fill the solution (p,) for a right side (p,); 0 for unknowns that depend on those before them."""
    count, wide = lower.shape
    for j in range(count):
        found[j] = right[j] * scale[j]
    for j in range(count):
        for s in range(1, min(wide, count - j)):
            found[j + s] -= lower[j, s] * found[j]
    for j in range(count):
        found[j] *= inverse_pivot[j]
    for j in range(count - 1, -1, -1):
        for s in range(1, min(wide, count - j)):
            found[j] -= lower[j, s] * found[j + s]
    for j in range(count):
        found[j] *= scale[j]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def tell_apart(lower, inverse_pivot, vector, apart):
    """Fill which unknowns (p,) the data determine: those that no vector of the null space changes."""
    count, wide = lower.shape
    whole = True
    for j in range(count):
        apart[j] = inverse_pivot[j] > 0
        whole &= apart[j]
    for probe in range(1, 1 if whole else PROBES + 1):
        for j in range(count - 1, -1, -1):
            # The fractions keep two lost unknowns from cancelling in a third.
            lost = 1.0 + (probe * (j + 1) * 0.6180339887498949) % 1.0
            vector[j] = 0.0 if inverse_pivot[j] > 0 else lost
            for s in range(1, min(wide, count - j)):
                vector[j] -= lower[j, s] * vector[j + s]
        for j in range(count):
            apart[j] &= np.abs(vector[j]) < MIXED


@numba.njit(cache=True, nogil=True, error_model="numpy")
def invert(lower, inverse_pivot, scale, found):
    """Fill the upper band (p, b + 1) of the inverse, by the recurrences of Takahashi et al. (1973).

    Rows and columns of unknowns that depend on those before them are 0.
    """
    count, wide = lower.shape
    for j in range(count - 1, -1, -1):
        row, new, reach = lower[j], found[j], min(wide, count - j)
        new[:] = 0.0
        for s in range(1, reach):
            # What is known of the inverse is symmetric, and only one side of it is kept.
            share = row[s]
            if share == 0:
                continue
            for t in range(1, s):
                new[t] -= share * found[j + t, s - t]
            for t in range(s, reach):
                new[t] -= share * found[j + s, t - s]
        corner = inverse_pivot[j]
        for s in range(1, reach):
            corner -= row[s] * new[s]
        new[0] = corner
    for j in range(count):
        for d in range(min(wide, count - j)):
            found[j, d] *= scale[j] * scale[j + d]
