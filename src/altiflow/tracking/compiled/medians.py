"""Medians of the neighbours of a cell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["neighbour_medians"]


def neighbour_medians(values: npt.NDArray[np.float64], radius: int) -> npt.NDArray[np.float64]:
    """Return median of the finite neighbours, median of their distances from it, and their number (3, rows, cols).

    The cell itself does not count; where no neighbour has a value the medians are NaN.
    """
    from altiflow.tracking.compiled.loops import medians as loops

    made = np.full((3, *values.shape), np.nan)
    loops.neighbour_medians(np.ascontiguousarray(values), radius, np.empty((2 * radius + 1) ** 2), made)
    return made
