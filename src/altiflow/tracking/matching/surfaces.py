"""Correlations of chips with windows of another image, and the best of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.tracking.compiled.correlation import surface_of
from altiflow.tracking.compiled.surfaces import cut_chips, judge_surfaces, window_norms
from altiflow.tracking.matching.extras import load_cv2

__all__ = ["Block", "centred", "correlate_lags", "matched_blocks"]

Image = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

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


def matched_blocks(
    one: Image,
    two: Image,
    norms: Image,
    counts: Ints,
    corners: Ints,
    windows: Ints,
    cells: npt.NDArray[Any],
    *,
    chip: int,
    need: float,
) -> Iterator[Block]:
    """Yield the matches of some cells, with products by OpenCV, in blocks that are worked through together.

    Nothing but the products is made for one cell at a time, so that threads seldom wait for each other.

    Parameters
    ----------
    one, two, norms
        Images (rows, cols), the second without its mean, and what :func:`centred` says of its windows.
    counts
        Running sums of valid and of textured pixels of image 2 (2, rows + 1, cols + 1).
    corners
        First row and column of each chip (n, 2).
    windows
        Top, bottom, left and right of what each is compared with (n, 4).
    cells
        Which of these are wanted.
    chip, need
        Width of the chips [px], and the least share of valid pixels of image 2.
    """
    cv2 = load_cv2()
    lags = windows[:, [1, 3]] - windows[:, [0, 2]] - chip + 1
    most = int(lags.prod(axis=1, dtype=np.int64)[cells].max(initial=1))
    count = max(1, _BYTES // (4 * most))
    products, chips = np.empty((count, most), np.float32), np.empty((count, chip, chip), np.float32)
    for start in range(0, cells.size, count):
        chosen = cells[start : start + count]
        scales, block = np.empty(chosen.size, np.float32), Block.empty(chosen)
        cut_chips(one, corners[chosen], chips[: chosen.size], scales)
        limits = zip(windows[chosen].tolist(), lags[chosen].tolist(), strict=True)
        for n, ((top, bottom, left, right), (tall, wide)) in enumerate(limits):
            made = products[n, : tall * wide].reshape(tall, wide)
            cv2.matchTemplate(two[top:bottom, left:right], chips[n], cv2.TM_CCORR, made)
        judge_surfaces(
            products, scales, windows[chosen], norms, counts, chip, need,
            block.why, block.at, block.told, block.patches,
        )  # fmt: skip
        yield block


def correlate_lags(template: npt.NDArray[Any], window: npt.NDArray[Any]) -> Image:
    r"""Return the normalised correlation of a template (n, n) at each place in a window; 0 where one is flat.

    .. math:: c = \frac{\sum (t - \bar t)(w - \bar w)}{\sqrt{\sum (t - \bar t)^2 \sum (w - \bar w)^2}}

    Examples
    --------
    >>> import numpy as np
    >>> window = np.sin(np.arange(36.0) ** 2).reshape(6, 6)
    >>> found = correlate_lags(window[2:5, 1:4], window)
    >>> np.unravel_index(found.argmax(), found.shape), round(float(found.max()), 6)
    ((np.int64(2), np.int64(1)), 1.0)
    """
    width = template.shape[0]
    even, norms = centred(np.ascontiguousarray(window, np.float32), width)
    chips, scales = np.empty((1, width, width), np.float32), np.empty(1, np.float32)
    cut_chips(np.ascontiguousarray(template, np.float32), np.zeros((1, 2), np.int32), chips, scales)
    return surface_of(chips[0], float(scales[0]), even, norms)


def centred(image: npt.NDArray[np.float32], chip: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return an image without its mean, and the norms of its windows.

    Correlations do not know the mean, and products of small numbers are more exact.
    """
    made = image - image.mean(dtype=np.float64).astype(np.float32)
    return made, _window_norms(made, chip)


def _window_norms(image: Image, chip: int) -> Image:
    """Return one over the root of the sum of squares, less their mean, of the window that begins at each pixel.

    It is 0 where the window is even but for rounding. Of all chips of one width these are the same.
    """
    cv2 = load_cv2()
    sums, powers = cv2.integral2(image, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    return window_norms(sums, powers, chip)
