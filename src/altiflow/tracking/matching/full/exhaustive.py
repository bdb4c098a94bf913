"""The full search: every displacement within a radius, and the peak of a spline through the best of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.errors import InputError
from altiflow.tracking.matching.extras import load_cv2, require_numba
from altiflow.tracking.matching.frames import Frame
from altiflow.tracking.matching.full.batched import Surfaces, batch_peaks
from altiflow.tracking.matching.full.subpixel import chip_shift, patch_peak, peak_curvature
from altiflow.tracking.parameters import Backend, Subpixel
from altiflow.tracking.status import EDGE, FLAT, LEAST_TEXTURE, NODATA

__all__ = ["full_matches", "peak_between", "surface_peak"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

Match = tuple[int, int, tuple[int, int], Sequence[float]]
"""Cell, why it has none (0 if it has), place of the best in the surface, and correlation, lead and ratio."""

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
    frame: Frame,
    places: Ints,
    near: Ints,
    radii: Ints,
    *,
    chip: int,
    needs: Floats,
    backend: Backend = "opencv",
    subpixel: Subpixel = "spline",
) -> tuple[Floats, Floats, npt.NDArray[np.uint8]]:
    """Return displacements (n, 2) [px], what is known of the match (n, 5), and status (n,) of chips.

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
    backend
        What finds the correlations and the best of them.
    subpixel
        Where the peak between pixels is taken to be.

    Raises
    ------
    InputError
        If the backend is not at hand.

    Notes
    -----
    Known are the correlation, its lead, its ratio, and its second differences along x and y. The lead is that over the
    best correlation, at least 0, outside the 7 x 7 displacements about the peak, the ratio that to the root mean square
    of every second of these within 7 px. A peak less than 3 px from the rim of what was searched has none: EDGE; nor
    has one less than 3 px from a place without data, where there is nothing to put a spline through: NODATA.
    """
    from altiflow.tracking.compiled.peaks import spline_peak

    pieces, work, half = _pieces(), np.empty((2, 4, 2, 4)), _SIDE // 2
    shift, quality = np.full((len(places), 2), np.nan), np.full((len(places), 5), np.nan)
    corners, patch = places - chip // 2, np.empty((_SIDE, _SIDE))
    status = _unfit(frame, corners, chip, needs[0])
    windows = _windows(corners, near, radii, chip, frame.one.shape)
    down, right = windows[:, 1] - windows[:, 0] - chip + 1, windows[:, 3] - windows[:, 2] - chip + 1
    status[(status == 0) & (np.minimum(down, right) < _SIDE)] = EDGE
    search = _one_by_one if backend == "opencv" else partial(_in_batches, device=backend.removeprefix("torch-"))
    for n, why, (i, j), told in search(frame, corners, windows, np.flatnonzero(status == 0), chip, needs[1], patch):
        status[n] = why
        if why:
            continue
        quality[n, :3] = told
        if np.isnan(patch[0, 0]):
            inside = half <= i < down[n] - half and half <= j < right[n] - half
            status[n] = NODATA if inside else EDGE
            continue
        quality[n, 3:] = peak_curvature(patch)
        if subpixel == "spline":
            fine_y, fine_x, _ = spline_peak(patch, pieces, work)
        elif subpixel == "dft":
            fine_x, fine_y = chip_shift(*_matched(frame, corners[n], windows[n], (i, j), chip))
        else:
            fine_x, fine_y = patch_peak(patch, subpixel)
        shift[n] = j + fine_x, i + fine_y
    return shift + (windows[:, [2, 0]] - corners[:, [1, 0]]), quality, status


def _matched(frame: Frame, corner: Ints, window: Ints, at: tuple[int, int], chip: int) -> tuple[Any, Any]:
    """Return a chip and its match."""
    row, col, top, left = *corner, window[0] + at[0], window[2] + at[1]
    return frame.one[row : row + chip, col : col + chip], frame.two[top : top + chip, left : left + chip]


def _windows(corners: Ints, near: Ints, radii: Ints, chip: int, shape: tuple[int, ...]) -> Ints:
    """Return top, bottom, left and right of what chips are compared with (n, 4)."""
    row, col = corners[:, 0] + near[:, 1], corners[:, 1] + near[:, 0]
    edges = [
        (np.maximum(at - radii, 0), np.minimum(at + radii + chip, size))
        for at, size in zip((row, col), shape, strict=True)
    ]
    return np.stack([each for pair in edges for each in pair], axis=1).astype(np.int32)


def _one_by_one(
    frame: Frame, corners: Ints, windows: Ints, cells: npt.NDArray[Any], chip: int, need: float, patch: Floats
) -> Iterator[Match]:
    """Yield the match of each of some cells, by OpenCV; the patch is filled with what lies about it."""
    two, norms = _centred(frame.two, chip)
    places = zip(cells.tolist(), corners[cells].tolist(), windows[cells].tolist(), strict=True)
    for n, (row, col), (top, bottom, left, right) in places:
        norm = norms[top : bottom - chip + 1, left : right - chip + 1]
        found = _correlations(frame.one[row : row + chip, col : col + chip], two[top:bottom, left:right], norm)
        why = _bar_unfit(found, frame.counts_two, top, left, chip, need)
        i, j, *told = (0, 0) if why else surface_peak(found, patch)
        yield n, why, (i, j), told


def _in_batches(
    frame: Frame,
    corners: Ints,
    windows: Ints,
    cells: npt.NDArray[Any],
    chip: int,
    need: float,
    patch: Floats,
    *,
    device: str,
) -> Iterator[Match]:
    """Yield the match of each of some cells, by torch; the patch is filled with what lies about it."""
    from altiflow.tracking.compiled.peaks import peak_patch

    two, norms = _centred(frame.two, chip)
    surfaces = Surfaces.of_tile(frame.one, two, norms, frame.counts_two, chip=chip, need=need)
    for peaks in batch_peaks(surfaces, corners[cells], windows[cells], device=device):
        middle = peaks.near.shape[1] // 2
        for k, n in enumerate(cells[peaks.cells].tolist()):
            why = (NODATA if peaks.lacking[k] else FLAT) if peaks.barred[k] else 0
            ratio = peak_patch(peaks.near[k], middle, middle, patch)
            best = float(peaks.best[k])
            yield n, why, (int(peaks.row[k]), int(peaks.col[k])), [best, best - float(peaks.second[k]), ratio]


def _centred(image: npt.NDArray[np.float32], chip: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return an image without its mean, and the norms of its windows.

    Correlations do not know the mean, and products of small numbers are more exact.
    """
    made = image - image.mean(dtype=np.float64).astype(np.float32)
    return made, _window_norms(made, chip)


def _correlations(
    template: npt.NDArray[np.float32], window: npt.NDArray[np.float32], norm: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the normalised correlation of a template at each place in a window, of which the norms are known."""
    cv2 = load_cv2()
    # Twice: what rounding leaves of a mean far from zero would count once for each pixel of the window.
    even = cv2.subtract(template, cv2.mean(template)[0])
    even = cv2.subtract(even, cv2.mean(even)[0])
    length = cv2.norm(even)
    products = cv2.matchTemplate(window, even, cv2.TM_CCORR)
    # A chip that the filter left nothing of correlates with nothing.
    return np.asarray(cv2.multiply(products, norm, dst=products, scale=1 / length if length else 0.0))


def _window_norms(image: npt.NDArray[np.float32], chip: int) -> npt.NDArray[np.float32]:
    """Return one over the root of the sum of squares, less their mean, of the window that begins at each pixel.

    It is 0 where the window is even but for rounding. Of all chips of one width these are the same.
    """
    cv2 = load_cv2()
    sums, powers = (
        each[chip:, chip:] - each[:-chip, chip:] - each[chip:, :-chip] + each[:-chip, :-chip]
        for each in cv2.integral2(image, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    )
    spread = powers - sums * sums / (chip * chip)
    even = spread <= 1e-9 * powers + 1e-13 * powers.max(initial=0.0)
    spread[even] = np.inf
    return np.asarray(1 / np.sqrt(spread), np.float32)


def surface_peak(found: npt.NDArray[np.float32], patch: Floats) -> tuple[int, int, float, float, float]:
    """Return row, column and height of the best of a surface, its lead and its ratio to what lies about it.

    The lead is that over the best outside 7 x 7 about it, at least 0; the ratio that to the root mean square of every
    second place of these within 7 px. The patch (7, 7) about the best is filled; where it passes the rim or has barred
    places (-2) its first value is NaN.
    """
    from altiflow.tracking.compiled.peaks import peak_patch

    half = _SIDE // 2
    row, col = divmod(int(found.argmax()), found.shape[1])
    best = float(found[row, col])
    ratio = peak_patch(found, row, col, patch)
    near = found[max(row - half, 0) : row + half + 1, max(col - half, 0) : col + half + 1]
    kept = near.copy()
    near[:] = 0
    second = max(float(found.max()), 0.0)
    near[:] = kept
    return row, col, best, best - second, ratio


def _unfit(frame: Frame, corners: Ints, chip: int, need: float) -> npt.NDArray[np.uint8]:
    """Return why chips of image 1 that begin at (n, 2) cannot be looked for (n,); 0 if they can."""
    row, col = corners.T
    rows, cols = frame.one.shape
    inside = (row >= 0) & (col >= 0) & (row + chip <= rows) & (col + chip <= cols)
    top, left = np.where(inside, row, 0), np.where(inside, col, 0)
    low, right = np.minimum(top + chip, rows), np.minimum(left + chip, cols)
    seen, textured = (
        each[low, right] - each[top, right] - each[low, left] + each[top, left] for each in frame.counts_one
    )
    area = chip * chip
    why = [~inside, seen < need * area - 1e-6, textured < LEAST_TEXTURE * area]
    return np.select(why, [EDGE, NODATA, FLAT], 0).astype(np.uint8)


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
