"""Sub-pixel displacement of chips by inverse-compositional Lucas-Kanade steps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["refine_chips"]

_PARTS, _SPARE = 6, 6
"""Rows of the work space, and lines of a few numbers."""


def refine_chips(
    one: npt.NDArray[np.float32],
    slopes: npt.NDArray[np.float32],
    valid_1: npt.NDArray[np.uint8],
    coefficients: npt.NDArray[np.float32],
    valid_2: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.int32],
    needs: npt.NDArray[np.float64],
    places: npt.NDArray[np.int32],
    starts: npt.NDArray[np.float64],
    chips: npt.NDArray[np.int64],
    far: float,
    bend: npt.NDArray[np.float64],
    steps: int,
    found: npt.NDArray[np.float64],
    chosen: npt.NDArray[np.uint16],
) -> None:
    """Fill `found` (n, 6) with displacement, errors, correlation and covariance, `chosen` (n,) with the chip's width.

    Parameters
    ----------
    one, slopes, valid_1
        Image 1 of a tile, its slopes along x and y, and 1 where they may be used.
    coefficients, valid_2
        Spline coefficients of image 2 in the same frame, and 1 where they may be used.
    counts, needs
        Running sums of valid pixels of both images (2, rows + 1, cols + 1), and their least shares (2,).
    places
        Row and column behind the middle of each chip (n, 2).
    starts
        Displacements to start from (n, 2) [px]; NaN leaves a cell out.
    chips
        Widths to choose from, ascending [px].
    far
        How far from its start a displacement may settle [px].
    bend
        What a chip of one pixel loses to the strain of its cell (n,) [px / px].
    steps
        Steps at most; 0 takes the start as it is and adds what the first step would be to its error.
    """
    from altiflow.tracking.compiled.loops import refinement as loops

    largest = int(chips[-1])
    work, lines = np.empty((_PARTS, largest * largest), np.float32), np.empty((largest + 3) * largest, np.float32)
    loops.refine_chips(
        one, slopes, valid_1, coefficients, valid_2, counts, needs, places, starts, chips, far, bend, steps,
        np.empty((_SPARE, 6)), work, lines, found, chosen,
    )  # fmt: skip
