"""Surfaces of correlations, many at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["cut_chips", "judge_surfaces", "window_norms"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


def cut_chips(image: Singles, corners: Ints, chips: Singles, scales: Singles) -> None:
    """Fill chips (n, chip, chip) of an image, less their mean, and one over the roots of their sums of squares (n,).

    The scale is 0 of a chip that is even. Corners (n, 2) are the first row and column of each.
    """
    from altiflow.tracking.compiled.loops import surfaces as loops

    loops.cut_chips(image, corners, chips, scales)


def judge_surfaces(
    products: Singles,
    scales: Singles,
    windows: Ints,
    norms: Singles,
    counts: Ints,
    chip: int,
    need: float,
    why: npt.NDArray[np.uint8],
    at: npt.NDArray[np.int64],
    told: Floats,
    patches: Floats,
) -> None:
    """Make products of chips with windows of image 2 correlations, and find the best of each.

    Parameters
    ----------
    products
        Each line (n, most) begins with those of a chip at all places of its window; correlations afterwards.
    scales
        One over the norm of each chip (n,).
    windows
        Top, bottom, left and right of what each chip is compared with (n, 4).
    norms
        One over the root of the sum of squares, less their mean, of the window that begins at each pixel of image 2.
    counts
        Running sums of valid and of textured pixels of image 2 (2, rows + 1, cols + 1).
    chip, need
        Width of the chips [px], and the least share of valid pixels.
    why
        Filled with what keeps a chip from having a match (n,), 0 if nothing does.
    at
        Filled with row and column of the best in its surface (n, 2).
    told
        Filled with its correlation, its lead over the best, at least 0, outside 7 x 7 about it, and its ratio to the
        root mean square of every second one of these within 7 px (n, 3).
    patches
        Filled with what lies about it (n, 7, 7); where that passes the rim or has barred places (-2) the first is NaN.
    """
    from altiflow.tracking.compiled.loops import surfaces as loops

    tall = int((windows[:, 1] - windows[:, 0]).max(initial=0)) + 1
    loops.judge_surfaces(
        products, scales, windows, norms, counts, chip, need, np.empty(tall, np.float32), why, at, told, patches
    )


def window_norms(sums: Floats, powers: Floats, chip: int) -> Singles:
    """Return one over the root of the sum of squares, less their mean, of the window that begins at each pixel.

    Of running sums (rows + 1, cols + 1) of values and their squares; 0 where the window is even but for rounding.
    """
    from altiflow.tracking.compiled.loops import surfaces as loops

    norms = np.empty((sums.shape[0] - chip, sums.shape[1] - chip), np.float32)
    loops.fill_norms(sums, powers, chip, norms)
    return norms
