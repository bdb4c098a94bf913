"""The full search: every displacement within a radius, and the peak of a spline through the best of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.errors import InputError
from altiflow.tracking.matching.extras import load_cv2, require_numba
from altiflow.tracking.matching.frames import Frame
from altiflow.tracking.status import EDGE, FLAT, LEAST_TEXTURE, NODATA

__all__ = ["full_matches", "peak_between"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

_SIDE = 7


@cache
def _pieces() -> Floats:
    """Return what gives the cubics before and behind the middle of seven values (2, 4, 7), from the constant on."""
    spline = scipy.interpolate.CubicSpline(np.arange(_SIDE) - _SIDE // 2, np.eye(_SIDE), bc_type="not-a-knot")
    behind = spline.c[::-1, 3]
    # Value, slope and curvature are those of both sides at the middle; only the third derivative jumps.
    before = np.concatenate([behind[:3], spline.c[:1, 2]])
    return np.ascontiguousarray(np.stack([before, behind]))


def peak_between(patch: npt.NDArray[Any]) -> tuple[float, float, float]:
    """Return where the spline through a patch (7, 7) peaks, (x, y) from its middle [px], and how high.

    The spline is cubic along both axes, without knots at the second and the last but one value.

    Raises
    ------
    InputError
        If the patch is not (7, 7), or its middle is not its largest value.

    Examples
    --------
    >>> y, x = np.mgrid[-3:4, -3:4]
    >>> [round(each, 3) for each in peak_between(1 - 0.02 * (x - 0.3) ** 2 - 0.01 * (y + 0.25) ** 2)]
    [0.3, -0.25, 1.0]
    """
    require_numba()
    from altiflow.tracking.compiled.peaks import spline_peak

    if patch.shape != (_SIDE, _SIDE) or not patch.max() == patch[_SIDE // 2, _SIDE // 2]:
        raise InputError(f"the patch is {patch.shape}; use (7, 7) values, the largest in the middle")
    y, x, height = spline_peak(np.ascontiguousarray(patch, np.float64), _pieces(), np.empty((2, 4, 2, 4)))
    return float(x), float(y), float(height)


def full_matches(
    frame: Frame, places: Ints, near: Ints, radii: Ints, *, chip: int, needs: Floats
) -> tuple[Floats, Floats, npt.NDArray[np.uint8]]:
    """Return displacements (n, 2) [px], correlation, its lead and its ratio (n, 3), and status (n,) of chips.

    Parameters
    ----------
    frame
        The images of a tile.
    places
        Row and column behind the middle of each chip (n, 2).
    near, radii
        What to look about (n, 2), and how far (n,) [px].
    chip
        Width of the chips [px].
    needs
        Least shares of valid pixels in both images (2,).

    Notes
    -----
    The lead is that over the best correlation, at least 0, outside the 7 x 7 displacements about the peak, the ratio
    that to the root mean square of every second of these within 7 px. A peak less than 3 px from the rim of what was
    searched has none: EDGE; nor has one less than 3 px from a place without data, where there is nothing to put a
    spline through: NODATA.
    """
    from altiflow.tracking.compiled.peaks import spline_peak, surface_peak

    cv2, pieces, work = load_cv2(), _pieces(), np.empty((2, 4, 2, 4))
    shift, quality = np.full((len(places), 2), np.nan), np.full((len(places), 3), np.nan)
    status, patch = np.zeros(len(places), np.uint8), np.empty((_SIDE, _SIDE))
    rows, cols = frame.one.shape
    for n, (row, col) in enumerate((places - chip // 2).tolist()):
        status[n] = _unfit(frame, row, col, chip, needs[0])
        if status[n]:
            continue
        (x, y), radius = near[n].tolist(), int(radii[n])
        top, bottom = max(row + y - radius, 0), min(row + y + radius + chip, rows)
        left, right = max(col + x - radius, 0), min(col + x + radius + chip, cols)
        if bottom - top < chip + _SIDE - 1 or right - left < chip + _SIDE - 1:
            status[n] = EDGE
            continue
        template = frame.one[row : row + chip, col : col + chip]
        found = cv2.matchTemplate(frame.two[top:bottom, left:right], template, cv2.TM_CCOEFF_NORMED)
        status[n] = _bar_unfit(found, frame.counts_two, top, left, chip, needs[1])
        if status[n]:
            continue
        i, j, *quality[n] = surface_peak(found, patch)
        if np.isnan(patch[0, 0]):
            half = _SIDE // 2
            inside = half <= i < found.shape[0] - half and half <= j < found.shape[1] - half
            status[n] = NODATA if inside else EDGE
            continue
        fine_y, fine_x, _ = spline_peak(patch, pieces, work)
        shift[n] = left + j - col + fine_x, top + i - row + fine_y
    return shift, quality, status


def _unfit(frame: Frame, row: int, col: int, chip: int, need: float) -> int:
    """Return why a chip of image 1 cannot be looked for; 0 if it can."""
    from altiflow.tracking.compiled.correlation import sum_of

    rows, cols = frame.one.shape
    if min(row, col) < 0 or row + chip > rows or col + chip > cols:
        return EDGE
    seen, textured = (sum_of(table, row, col, chip, chip) for table in frame.counts_one)
    if seen < need * chip * chip - 1e-6:
        return NODATA
    return FLAT if textured < LEAST_TEXTURE * chip * chip else 0


def _bar_unfit(found: npt.NDArray[Any], counts: Ints, top: int, left: int, chip: int, need: float) -> int:
    """Bar the places of a surface where image 2 lacks data or texture; return why, if that leaves none."""
    from altiflow.tracking.compiled.correlation import sum_of

    down, right = found.shape
    area, tall, wide = chip * chip, down + chip - 1, right + chip - 1
    seen, textured = (sum_of(each, top, left, tall, wide) for each in counts)
    if seen == tall * wide and tall * wide - textured < (1 - LEAST_TEXTURE) * area:
        return 0
    block = counts[:, top : top + tall + 1, left : left + wide + 1]
    sums = block[:, chip:, chip:] - block[:, :-chip, chip:] - block[:, chip:, :-chip] + block[:, :-chip, :-chip]
    lacking = sums[0] < need * area - 1e-6
    barred = lacking | (sums[1] < LEAST_TEXTURE * area)
    found[barred] = -2
    if not barred.all():
        return 0
    return NODATA if lacking.any() else FLAT
