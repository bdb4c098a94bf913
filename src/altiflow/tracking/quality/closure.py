"""Closure: whether the displacements between three images add up, which needs no truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from altiflow.errors import EmptyDataError, GridMismatchError
from altiflow.gridding.remap.resample import Lattice
from altiflow.tracking.displacements import Offsets
from altiflow.tracking.stable.statistics import nmad

__all__ = ["Closure", "close_triplet"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Closure:
    """What is left of displacements from image 1 to 2, from 2 to 3, and back from 3 to 1.

    Attributes
    ----------
    dx, dy
        Misclosure (rows, cols) [px], right and down; NaN where a displacement is missing.
    count
        Cells where it is known.
    median, nmad
        (right, down) [px]. A median that is not nought tells of a tracker that is drawn to whole pixels; the scatter is
        that of three measurements, so about 1.7 times that of one.
    """

    dx: Floats
    dy: Floats
    count: int
    median: tuple[float, float]
    nmad: tuple[float, float]


def close_triplet(first_second: Offsets, second_third: Offsets, first_third: Offsets) -> Closure:
    """Return how far displacements between three images fail to add up.

    Parameters
    ----------
    first_second, second_third, first_third
        Displacements on one lattice.

    Raises
    ------
    GridMismatchError
        If the lattices differ.
    EmptyDataError
        If no cell has all three.

    Notes
    -----
    ``d12(p) + d23(p + d12(p)) - d13(p)``: what was at p in image 1 is at p + d12 in image 2, so the second displacement
    is taken there, bilinearly.
    """
    for other in (second_third, first_third):
        if not (np.array_equal(first_second.row, other.row) and np.array_equal(first_second.column, other.column)):
            raise GridMismatchError(
                "the three displacements lie on different lattices; track with one spacing and window"
            )
    column, row = np.meshgrid(first_second.column, first_second.row)
    lattice = Lattice.from_axes(first_second.column, first_second.row)
    dx, dy = (np.asarray(part, float) for part in (first_second.dx, first_second.dy))
    known = np.isfinite(dx) & np.isfinite(dy)
    stencil = lattice.stencil((column + dx)[known], (row + dy)[known], "bilinear")
    left = []
    for start, onward, direct in (
        (dx, second_third.dx, first_third.dx),
        (dy, second_third.dy, first_third.dy),
    ):
        found = np.full(dx.shape, np.nan)
        found[known] = start[known] + stencil.apply(np.asarray(onward, float)) - np.asarray(direct, float)[known]
        left.append(found)
    both = np.isfinite(left[0]) & np.isfinite(left[1])
    if not both.any():
        raise EmptyDataError("no cell has a displacement in all three pairs")
    right, down = left[0][both], left[1][both]
    return Closure(
        np.where(both, left[0], np.nan),
        np.where(both, left[1], np.nan),
        int(both.sum()),
        (float(np.median(right)), float(np.median(down))),
        (nmad(right), nmad(down)),
    )
