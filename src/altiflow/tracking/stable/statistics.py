"""Statistics of displacements that should be nought: count, median, scatter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError

__all__ = ["MAD_TO_SIGMA", "StableStatistics", "nmad", "stable_statistics"]

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StableStatistics:
    """Displacement of stable ground along both axes of the image [px].

    Attributes
    ----------
    count
        Cells with a displacement.
    share
        These, of all cells with a displacement.
    median, nmad, mean, std
        (right, down); nmad is the median absolute deviation from the median times 1.4826. NaN without a cell.
    """

    count: int
    share: float
    median: tuple[float, float]
    nmad: tuple[float, float]
    mean: tuple[float, float]
    std: tuple[float, float]


def stable_statistics(dx: npt.ArrayLike, dy: npt.ArrayLike, stable: npt.ArrayLike) -> StableStatistics:
    """Return the statistics of displacements (rows, cols) [px] on stable ground (rows, cols).

    Raises
    ------
    InputError
        If the shapes differ.

    Examples
    --------
    >>> found = stable_statistics([[0.1, 0.3, 0.2, 9.0]], [[0.0, 0.0, 0.0, 5.0]], [[True, True, True, False]])
    >>> found.count, found.share, found.median, found.nmad
    (3, 0.75, (0.2, 0.0), (0.14826, 0.0))
    """
    right, down = np.asarray(dx, float), np.asarray(dy, float)
    ground = np.asarray(stable, bool)
    if not right.shape == down.shape == ground.shape:
        raise InputError(f"dx, dy and stable have shapes {right.shape}, {down.shape} and {ground.shape}; make them one")
    known = np.isfinite(right) & np.isfinite(down)
    used = known & ground
    count = int(used.sum())
    if count == 0:
        nothing = (float("nan"), float("nan"))
        return StableStatistics(0, 0.0, nothing, nothing, nothing, nothing)
    parts = right[used], down[used]
    return StableStatistics(
        count,
        count / int(known.sum()),
        _both(np.median, parts),
        _both(nmad, parts),
        _both(np.mean, parts),
        _both(np.std, parts),
    )


def nmad(values: npt.ArrayLike) -> float:
    """Return the normalised median absolute deviation of finite values; NaN without any."""
    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    if found.size == 0:
        return float("nan")
    # Rounded, so that the doctests of those who use it are the same on every machine.
    return float(round(MAD_TO_SIGMA * float(np.median(np.abs(found - np.median(found)))), 12))


def _both(function: Callable[[Floats], Any], parts: tuple[Floats, Floats]) -> tuple[float, float]:
    return float(function(parts[0])), float(function(parts[1]))
