"""The full search: every displacement within a radius, and the peak of a spline through the best of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.errors import InputError
from altiflow.tracking.compiled.peaks import peak_patch, spline_peaks
from altiflow.tracking.compiled.surfaces import cut_chips, judge_surfaces
from altiflow.tracking.matching.extras import load_cv2, require_numba
from altiflow.tracking.matching.frames import Frame
from altiflow.tracking.matching.full.batched import Surfaces, batch_peaks
from altiflow.tracking.matching.full.subpixel import chip_shift, patch_peak, peak_curvature
from altiflow.tracking.parameters import Backend, Subpixel
from altiflow.tracking.status import EDGE, FLAT, LEAST_TEXTURE, NODATA

__all__ = ["full_matches", "peak_between"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

_SIDE = 7
_BYTES = 2**20
"""Of the surfaces that are held at a time."""


@dataclass(frozen=True)
class Block:
    """Matches of some cells.

    Attributes
    ----------
    cells
        Which they are (n,).
    why
        Why each has none (n,), 0 if it has.
    at
        Row and column of the best in its surface (n, 2).
    told
        Its correlation, lead and ratio (n, 3).
    patches
        What lies about it (n, 7, 7); the first value is NaN where no spline can be put through.
    """

    cells: npt.NDArray[Any]
    why: npt.NDArray[np.uint8]
    at: npt.NDArray[np.int64]
    told: Floats
    patches: Floats

    @classmethod
    def empty(cls, cells: npt.NDArray[Any]) -> Block:
        """Return a block to fill."""
        n = cells.size
        return cls(
            cells, np.zeros(n, np.uint8), np.zeros((n, 2), np.int64), np.full((n, 3), np.nan), np.zeros((n, 7, 7))
        )


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
    if patch.shape != (_SIDE, _SIDE) or not patch.max() == patch[_SIDE // 2, _SIDE // 2]:
        raise InputError(f"the patch is {patch.shape}; use (7, 7) values, the largest in the middle")
    x, y, height = spline_peaks(np.asarray(patch, np.float64)[None], _pieces())[0]
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
    half = _SIDE // 2
    shift, quality = np.full((len(places), 2), np.nan), np.full((len(places), 5), np.nan)
    corners = places - chip // 2
    status = _unfit(frame, corners, chip, needs[0])
    windows = _windows(corners, near, radii, chip, frame.one.shape)
    lags = windows[:, [1, 3]] - windows[:, [0, 2]] - chip + 1
    status[(status == 0) & (lags.min(axis=1, initial=_SIDE) < _SIDE)] = EDGE
    search = _by_opencv if backend == "opencv" else partial(_by_torch, device=backend.removeprefix("torch-"))
    for block in search(frame, corners, windows, np.flatnonzero(status == 0), chip, needs[1]):
        cells, at = block.cells, block.at
        inside = ((at >= half) & (at < lags[cells] - half)).all(axis=1)
        bare = np.isnan(block.patches[:, 0, 0])
        status[cells] = np.where(block.why > 0, block.why, np.where(bare, np.where(inside, NODATA, EDGE), 0))
        quality[cells[block.why == 0], :3] = block.told[block.why == 0]
        good = (block.why == 0) & ~bare
        kept, patches = cells[good], block.patches[good]
        quality[kept, 3:] = np.stack(peak_curvature(patches), axis=1)
        if subpixel == "spline":
            fine = spline_peaks(patches, _pieces())[:, :2]
        elif subpixel == "dft":
            matched = (
                _matched(frame, corners[n], windows[n], place, chip) for n, place in zip(kept, at[good], strict=True)
            )
            fine = np.array([chip_shift(*pair) for pair in matched]).reshape(-1, 2)
        else:
            fine = np.array([patch_peak(patch, subpixel) for patch in patches]).reshape(-1, 2)
        shift[kept] = at[good][:, ::-1] + fine
    return shift + (windows[:, [2, 0]] - corners[:, [1, 0]]), quality, status


def _matched(frame: Frame, corner: Ints, window: Ints, at: Ints, chip: int) -> tuple[Any, Any]:
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


def _by_opencv(
    frame: Frame, corners: Ints, windows: Ints, cells: npt.NDArray[Any], chip: int, need: float
) -> Iterator[Block]:
    """Yield the matches of some cells, with products by OpenCV.

    Nothing but these is done for one cell at a time, so that threads seldom wait for each other.
    """
    cv2 = load_cv2()
    two, norms = _centred(frame.two, chip)
    lags = windows[:, [1, 3]] - windows[:, [0, 2]] - chip + 1
    most = int(lags.prod(axis=1, dtype=np.int64)[cells].max(initial=1))
    count = max(1, _BYTES // (4 * most))
    products, chips = np.empty((count, most), np.float32), np.empty((count, chip, chip), np.float32)
    for start in range(0, cells.size, count):
        chosen = cells[start : start + count]
        size, scales, block = chosen.size, np.empty(chosen.size, np.float32), Block.empty(chosen)
        cut_chips(frame.one, corners[chosen], chips[:size], scales)
        limits = zip(windows[chosen].tolist(), lags[chosen].tolist(), strict=True)
        for n, ((top, bottom, left, right), (tall, wide)) in enumerate(limits):
            made = products[n, : tall * wide].reshape(tall, wide)
            cv2.matchTemplate(two[top:bottom, left:right], chips[n], cv2.TM_CCORR, made)
        judge_surfaces(
            products, scales, windows[chosen], norms, frame.counts_two, chip, need,
            block.why, block.at, block.told, block.patches,
        )  # fmt: skip
        yield block


def _by_torch(
    frame: Frame,
    corners: Ints,
    windows: Ints,
    cells: npt.NDArray[Any],
    chip: int,
    need: float,
    *,
    device: str,
) -> Iterator[Block]:
    """Yield the matches of some cells, by torch."""
    two, norms = _centred(frame.two, chip)
    surfaces = Surfaces.of_tile(frame.one, two, norms, frame.counts_two, chip=chip, need=need)
    for peaks in batch_peaks(surfaces, corners[cells], windows[cells], device=device):
        block, middle = Block.empty(cells[peaks.cells]), peaks.near.shape[1] // 2
        block.why[:] = np.where(peaks.barred, np.where(peaks.lacking, NODATA, FLAT), 0)
        block.at[:, 0], block.at[:, 1] = peaks.row, peaks.col
        block.told[:, 0] = peaks.best
        block.told[:, 1] = block.told[:, 0] - peaks.second
        for n, near in enumerate(peaks.near):
            block.told[n, 2] = peak_patch(near, middle, middle, block.patches[n])
        yield block


def _centred(image: npt.NDArray[np.float32], chip: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return an image without its mean, and the norms of its windows.

    Correlations do not know the mean, and products of small numbers are more exact.
    """
    made = image - image.mean(dtype=np.float64).astype(np.float32)
    return made, _window_norms(made, chip)


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
