"""The full search: every displacement within a radius, and the peak of a spline through the best of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.errors import InputError
from altiflow.tracking.compiled.peaks import peak_patch, spline_peaks
from altiflow.tracking.matching.extras import require_numba
from altiflow.tracking.matching.frames import Frame
from altiflow.tracking.matching.full.batched import Surfaces, batch_peaks
from altiflow.tracking.matching.full.subpixel import chip_shift, patch_peak, peak_curvature
from altiflow.tracking.matching.surfaces import Block, matched_blocks
from altiflow.tracking.parameters import Backend, Subpixel
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
    """Yield the matches of some cells, with products by OpenCV."""
    even, norms = frame.windows(chip)
    return matched_blocks(frame.one, even, norms, frame.counts_two, corners, windows, cells, chip=chip, need=need)


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
    two, norms = frame.windows(chip)
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
