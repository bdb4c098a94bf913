"""Image 2 drawn back along a smooth field of displacements."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["warp_back"]


def warp_back(
    coefficients: npt.NDArray[np.float32],
    valid: npt.NDArray[np.uint8],
    field: npt.NDArray[np.float64],
    start: npt.NDArray[np.float64],
    spacing: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return an image as it was before it moved (rows, cols), and 1 where it has data.

    Parameters
    ----------
    coefficients, valid
        Cubic spline of the image, and 1 where a pixel has data.
    field
        Displacements along x and y on a lattice (2, rows, cols) [px].
    start
        Row and column of the first point of the lattice [px].
    spacing
        Distance of its points [px].
    """
    from altiflow.tracking.compiled.loops import warping as loops

    made, seen = np.zeros(coefficients.shape, np.float32), np.zeros(coefficients.shape, np.uint8)
    loops.warp_back(coefficients, valid, np.ascontiguousarray(field), start, spacing, made, seen)
    return made, seen
