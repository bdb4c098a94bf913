"""Displacements between two images, on a lattice of cells: their value, and the call that finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.status import STATUS

__all__ = ["STATUS", "Offsets", "track_offsets"]

Floats = npt.NDArray[np.float64]
Images = npt.NDArray[Any]


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
        Its lead over the best correlation outside the 7 x 7 displacements about it, in the window that was searched.
    chip
        Width of the chip that was chosen [px]; 0 without.
    radius
        Displacements that were looked through about the prior, or in all [px].
    status
        Flags, see :data:`STATUS`.
    interpolated
        True where the displacement comes from neighbours.
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

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the lattice."""
        return self.row.size, self.column.size


def lattice_centres(size: int, spacing: int) -> Floats:
    """Return the centres of chips along an axis of `size` pixels (n,), in pixel coordinates.

    Cells of `spacing` pixels tile the image from its first pixel, so the lattice has the corner of the image. The
    centre of an even chip is the corner of a pixel: in cells of an odd width it lies half a pixel before the middle.

    Examples
    --------
    >>> lattice_centres(65, 20).tolist()
    [9.5, 29.5, 49.5]
    """
    return np.arange(size // spacing) * float(spacing) + spacing // 2 - 0.5


def track_offsets(
    first: Images,
    second: Images,
    *,
    valid_first: npt.NDArray[np.bool_] | None = None,
    valid_second: npt.NDArray[np.bool_] | None = None,
    parameters: TrackParameters = TrackParameters(),  # noqa: B008
    prior: tuple[Floats, Floats] | None = None,
    prior_radius: int | npt.NDArray[Any] | None = None,
) -> Offsets:
    """Return the displacements that carry image 1 into image 2.

    Parameters
    ----------
    first, second
        Images (rows, cols) of one shape, of any number type; NaN is nodata.
    valid_first, valid_second
        False where a pixel is nodata (rows, cols).
    parameters
        How to look.
    prior
        Displacements (dx, dy) on the output lattice [px] to look about; where they are NaN, the whole radius is
        searched.
    prior_radius
        How far from the prior to look [px], everywhere or in each cell; None is 3.

    Raises
    ------
    InputError
        If shapes differ, an image is not two-dimensional or not of numbers, it is smaller than a chip or a cell, or
        the prior is not on the lattice.
    """
    from altiflow.tracking.matching.slow import track_slowly

    row, column = (lattice_centres(size, parameters.spacing) for size in first.shape)
    found: Offsets = track_slowly(first, second, valid_first, valid_second, parameters, row, column)
    return found
