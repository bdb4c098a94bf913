"""Where each cell of the lattice is looked for, and what was found: arrays that the steps of tracking share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.tracking.status import EDGE

__all__ = ["Found", "Plan"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass
class Plan:
    """Where to look, on the lattice.

    Attributes
    ----------
    near
        Displacements to look about (rows, cols, 2) [px].
    radius
        How far (rows, cols) [px].
    reach
        Largest displacement that a walk may come to (rows, cols) [px].
    walks
        How often the window may follow a best match on its rim (rows, cols).
    unknown
        True where nothing is known beforehand.
    soft
        True where a second look may go beyond the radius.
    """

    near: Ints
    radius: Ints
    reach: Ints
    walks: Ints
    unknown: Mask
    soft: Mask

    @classmethod
    def about(cls, shape: tuple[int, int], *, radius: int, reach: int, walks: int) -> Plan:
        """Return a plan that looks about no displacement everywhere."""
        near, far, often = (np.full(shape, value, np.int32) for value in (radius, reach, walks))
        return cls(np.zeros((*shape, 2), np.int32), near, far, often, np.ones(shape, bool), np.ones(shape, bool))

    def look_about(self, prior: Floats, where: Mask, radius: Ints, walks: Ints) -> None:
        """Look about a prior (rows, cols, 2) in some cells; no farther than `radius` (rows, cols) without walks."""
        self.near[where], self.radius[where] = np.rint(prior[where]).astype(np.int32), radius[where]
        farthest = np.abs(self.near).max(axis=-1) + self.radius * (walks + 1)
        self.reach[where], self.walks[where] = farthest[where], walks[where]
        self.unknown[where], self.soft[where] = False, walks[where] > 0

    @property
    def margin(self) -> int:
        """Largest displacement that any cell may come to [px]."""
        return int(max(self.reach.max(), (np.abs(self.near).max(axis=-1) + self.radius).max()))


@dataclass
class Found:
    """What was found, on the lattice.

    Attributes
    ----------
    shift
        Displacements of the integer search, or of the full search (rows, cols, 2) [px]; NaN without.
    quality
        Correlation, its lead, its ratio to those beside it, and its second differences along x and y (rows, cols, 5).
    status
        Flags (rows, cols).
    fine
        Displacement, errors, correlation and covariance of the sub-pixel step (rows, cols, 6); NaN without.
    chip
        Width of chip (rows, cols) [px].
    """

    shift: Floats
    quality: Floats
    status: npt.NDArray[np.uint8]
    fine: Floats
    chip: npt.NDArray[np.uint16]

    @classmethod
    def nothing(cls, shape: tuple[int, int]) -> Found:
        """Return a lattice on which nothing was found, as nothing was looked for."""
        shift, quality, fine = (np.full((*shape, size), np.nan) for size in (2, 5, 6))
        return cls(shift, quality, np.full(shape, EDGE, np.uint8), fine, np.zeros(shape, np.uint16))

    @property
    def moved(self) -> tuple[Any, Any]:
        """Displacements along x and y, NaN where a flag is set."""
        return tuple(np.where(self.status == 0, self.fine[..., axis], np.nan) for axis in (0, 1))  # type: ignore[return-value]
