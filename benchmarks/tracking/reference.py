"""The plain loop that tracking is compared with: one chip at a time, all displacements, a spline and a hill climb.

Written from the description of what trackers of this kind do; it is no one's program.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import gaussian_filter

__all__ = ["Plain", "track_plainly"]

Floats = npt.NDArray[np.float64]

_SIDE = 7
_HALF = _SIDE // 2


@dataclass(frozen=True)
class Plain:
    """Displacements (rows, cols) [px], whole displacements, correlation and its lead; NaN where there is none."""

    dx: Floats
    dy: Floats
    whole_x: Floats
    whole_y: Floats
    corr: Floats
    del_corr: Floats


def track_plainly(first: Any, second: Any, middles: tuple[Any, Any], *, chip: int, radius: int) -> Plain:
    """Return the displacements of chips about pixel corners `middles`, rows and columns.

    Both images lose their Gaussian mean (sigma 3); chips of image 1 with a pixel of 0 are left out; each is compared
    with image 2 at all displacements within the radius; the peak of a cubic spline through 7 x 7 correlations about
    the best is climbed to in steps of 0.1 and then of 0.01 px.
    """
    cv2: Any = import_module("cv2")
    one, two = (each.astype(np.float32) for each in (first, second))
    one, two = (each - gaussian_filter(each, 3) for each in (one, two))
    made = [np.full((middles[0].size, middles[1].size), np.nan) for _ in range(6)]
    half, wide = chip // 2, chip // 2 + radius
    rows, cols = first.shape
    for i, row in enumerate(middles[0]):
        for j, col in enumerate(middles[1]):
            if min(row, col) < wide or row + wide > rows or col + wide > cols:
                continue
            if (first[row - half : row + half, col - half : col + half] == 0).any():
                continue
            window = two[row - wide : row + wide, col - wide : col + wide]
            found = cv2.matchTemplate(
                window, one[row - half : row + half, col - half : col + half], cv2.TM_CCOEFF_NORMED
            )
            for layer, value in zip(made, _peak(found, radius), strict=True):
                layer[i, j] = value
    return Plain(*made)


def _peak(found: Any, radius: int) -> tuple[float, ...]:
    """Return displacement, whole displacement, correlation and its lead."""
    row, col = np.unravel_index(found.argmax(), found.shape)
    best = float(found[row, col])
    rest = found.copy()
    rest[max(row - _HALF, 0) : row + _HALF + 1, max(col - _HALF, 0) : col + _HALF + 1] = 0
    lead = best - float(max(rest.max(), 0))
    x, y = float(col - radius), float(row - radius)
    if min(row, col) < _HALF or max(row, col) >= found.shape[0] - _HALF:
        return x, y, x, y, best, lead
    down, right = _climb(found[row - _HALF : row + _HALF + 1, col - _HALF : col + _HALF + 1])
    return x + right, y + down, x, y, best, lead


def _climb(patch: Any) -> tuple[float, float]:
    """Return where the spline through a patch peaks, from its middle."""
    at = np.arange(_SIDE) - _HALF
    spline = RectBivariateSpline(at, at, patch, kx=3, ky=3)
    row = col = 0.0
    for step in (0.1, 0.01):
        while True:
            rows, cols = row + step * np.arange(-1, 2), col + step * np.arange(-1, 2)
            near = spline(rows, cols)
            down, right = np.unravel_index(near.argmax(), near.shape)
            if (down, right) == (1, 1) or max(abs(rows[down]), abs(cols[right])) > _HALF:
                break
            row, col = float(rows[down]), float(cols[right])
    return row, col
