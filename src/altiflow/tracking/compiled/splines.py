"""Cubic B-splines of an image: coefficients and slopes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["spline_coefficients", "spline_slopes"]

Image = npt.NDArray[np.float32]


def spline_coefficients(image: Image) -> Image:
    """Return the coefficients (rows, cols) of the cubic spline through an image, mirrored at its rim.

    Unser, Aldroubi and Eden (1993), B-spline signal processing: a recursion forth and back along each axis.
    """
    from altiflow.tracking.compiled.loops import splines as loops

    made = image.copy()
    loops.solve_spline(made)
    return made


def spline_slopes(coefficients: Image) -> Image:
    """Return the slopes along x and y (2, rows, cols) of a cubic spline at the pixels; 0 on the rim.

    Differences of the coefficients along one axis, their means with weights 1/6, 2/3 and 1/6 along the other.
    """
    from altiflow.tracking.compiled.loops import splines as loops

    made = np.zeros((2, *coefficients.shape), np.float32)
    loops.spline_slopes(coefficients, made)
    return made
