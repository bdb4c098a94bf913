"""Peaks of correlation surfaces between whole pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["peak_patch", "spline_peaks"]

Floats = npt.NDArray[np.float64]


def peak_patch(found: npt.NDArray[Any], row: int, col: int, patch: Floats) -> float:
    """Fill the patch (7, 7) about a value of a surface, and return its ratio to what lies about it.

    The ratio is that to the root mean square of every second place outside 7 x 7 and within 7 px. Where the patch
    passes the rim or has barred places (-2) its first value is NaN.
    """
    from altiflow.tracking.compiled.loops import peaks as loops

    ratio = np.empty(1)
    loops.peak_patch(np.ascontiguousarray(found, np.float32).ravel(), found.shape[0], row, col, patch, ratio)
    return float(ratio[0])


def spline_peaks(patches: Floats, pieces: Floats) -> Floats:
    """Return column and row of the peaks of splines through patches, from their middles, and their heights (n, 3).

    Parameters
    ----------
    patches
        Values (n, 7, 7), the largest in the middle.
    pieces
        What gives the cubic pieces before and behind the middle from seven values (2, 4, 7).

    Notes
    -----
    Newton steps, halved while they do not climb; a peak a pixel or more from the middle is taken at one.
    """
    from altiflow.tracking.compiled.loops import peaks as loops

    fine = np.empty((len(patches), 3))
    loops.spline_peaks(patches, pieces, np.empty((2, 4, 2, 4)), np.empty((2, 4)), fine)
    return fine
