"""Normalised cross-correlation of chips at integer displacements near a prior."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["match_near", "surface_of"]

Image = npt.NDArray[np.float32]

_RIVALS = 7
"""Rivals of the best are looked for at least so far from it [px]."""


def match_near(
    one: Image,
    two: Image,
    norms: Image,
    counts_1: npt.NDArray[np.int32],
    counts_2: npt.NDArray[np.int32],
    places: npt.NDArray[np.int32],
    near_x: npt.NDArray[np.int32],
    near_y: npt.NDArray[np.int32],
    radii: npt.NDArray[np.int32],
    reach: npt.NDArray[np.int32],
    walks: npt.NDArray[np.int32],
    chip: int,
    needs: npt.NDArray[np.float64],
    shift: npt.NDArray[np.int32],
    quality: npt.NDArray[np.float64],
    status: npt.NDArray[np.uint8],
) -> None:
    """Fill `shift` (n, 2), `quality` (n, 5) and `status` (n,) with the best integer matches of chips.

    Parameters
    ----------
    one, two
        Images of a tile, both of one frame; image 2 without its mean.
    norms
        One over the root of the sum of squares, less their mean, of the window that begins at each pixel of image 2.
    counts_1, counts_2
        Running sums (2, rows + 1, cols + 1) of valid and of textured pixels.
    places
        Row and column behind the middle of each chip (n, 2).
    near_x, near_y, radii
        What to look about, and how far (n,) [px].
    reach
        Largest displacement (n,) [px]; a walk does not go beyond.
    walks
        How often the window of each chip may be moved to a best match on its rim (n,).
    needs
        Least shares of valid pixels (2,).

    Notes
    -----
    The lead is that over the best correlation, at least 0, outside the 7 x 7 displacements about the match, both in the
    window that was searched and, for every second displacement, within 7 px of the match. The third quality is the
    ratio of the match to the root mean square of the latter, the last two are its second differences along x and y.
    """
    from altiflow.tracking.compiled.loops import correlation as loops

    widest = 2 * max(int(radii.max()), _RIVALS) + 1
    loops.match_near(
        one, two, norms, counts_1, counts_2, places, near_x, near_y, radii, reach, walks, chip, needs,
        *_space(chip, widest, widest), shift, quality, status,
    )  # fmt: skip


def surface_of(template: Image, scale: float, window: Image, norms: Image) -> Image:
    """Return the correlations of a chip (n, n) without its mean at each place in a window.

    `scale` is one over the norm of the chip; the others are as :func:`match_near` takes them.
    """
    from altiflow.tracking.compiled.loops import correlation as loops

    chip, (down, right) = template.shape[0], norms.shape
    _, near, found, todo = _space(chip, down, right)
    line = np.pad(template, ((0, 0), (0, right - 1))).ravel()
    loops.fill_surface(
        window, norms, line, np.float32(scale), chip, chip + right - 1, 0, 0, down, right, 1, 0, 0, near, found, todo
    )
    return found.reshape(down, right)


def _space(chip: int, down: int, right: int) -> tuple[Image, Image, Image, npt.NDArray[np.int64]]:
    """Return room for a chip in the lines of a window, the window, its surface and the places of that."""
    wide = chip + right - 1
    # What is behind a window is multiplied by 0, and so must be a number.
    return (
        np.empty(chip * wide, np.float32),
        np.zeros((chip + down - 1) * wide, np.float32),
        np.empty(down * right, np.float32),
        np.empty(down * right, np.int64),
    )
