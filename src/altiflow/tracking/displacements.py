"""Displacements: where the chips of one image lie in another, on a lattice of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Offsets"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Offsets:
    """Displacements of image 2 against image 1, on a lattice of (rows, cols) cells.

    Attributes
    ----------
    row, column
        Centres of the chips in pixel coordinates (rows,), (cols,): the centre of the first pixel is 0, so a chip of 20
        about the corner of four pixels lies at a half.
    dx, dy
        Where a chip of image 1 is found in image 2, less where it was [px]: right and down are positive; NaN without.
    dx_error, dy_error
        1-sigma of these [px].
    corr
        Normalised correlation of the chip with its match, -1 to 1.
    del_corr
        Its lead over the best correlation outside the 7 x 7 displacements about it, in the window that was searched and
        (every second displacement) within 7 px of the match; NaN where one within 7 px correlates better.
    chip
        Width of the chip that was chosen [px]; 0 without.
    radius
        Displacements that were looked through about the prior, or in all [px].
    status
        Flags, see :data:`altiflow.tracking.STATUS`.
    interpolated
        True where the displacement comes from neighbours.
    snr
        Correlation over the root mean square of those at every second displacement within 7 px, without the 7 x 7 about
        it; NaN where `del_corr` is, or where nothing was looked at there.
    dxy_covariance
        Covariance of the errors of dx and dy [px²]; NaN without.
    curvature_x, curvature_y
        Second differences of the correlation along the two axes at the best whole displacement [1/px²]: the more below
        0, the sharper the peak; NaN where it has no neighbours there, or where `del_corr` is.
    """

    row: Floats
    column: Floats
    dx: npt.NDArray[np.float32]
    dy: npt.NDArray[np.float32]
    dx_error: npt.NDArray[np.float32]
    dy_error: npt.NDArray[np.float32]
    corr: npt.NDArray[np.float32]
    del_corr: npt.NDArray[np.float32]
    chip: npt.NDArray[np.uint16]
    radius: npt.NDArray[np.uint16]
    status: npt.NDArray[np.uint8]
    interpolated: npt.NDArray[np.bool_]
    snr: npt.NDArray[np.float32]
    dxy_covariance: npt.NDArray[np.float32]
    curvature_x: npt.NDArray[np.float32]
    curvature_y: npt.NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the lattice."""
        return self.row.size, self.column.size
