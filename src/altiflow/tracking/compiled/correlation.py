"""Normalised cross-correlation of chips at integer displacements near a prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["correlate_lags", "match_near", "sum_of"]

_RIVALS = 7
"""Rivals of the best are looked for at least so far from it [px]."""


def correlate_lags(template: npt.NDArray[Any], window: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
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
    from altiflow.tracking.compiled.loops import correlation as loops

    width = template.shape[0]
    down, right = (size - width + 1 for size in window.shape)
    one, two = np.ascontiguousarray(template, np.float32), np.ascontiguousarray(window, np.float32)
    found = np.empty(down * right, np.float32)
    padded, near = np.empty(width * two.shape[1], np.float32), np.empty(two.size, np.float32)
    loops.fill_surface(one, two, 0, 0, width, 0, 0, down, right, 1, padded, near, np.empty((2, two.shape[1])), found)
    return found.reshape(down, right)


def sum_of(table: npt.NDArray[Any], top: int, left: int, tall: int, wide: int) -> int:
    """Return how many pixels of a rectangle count, from running sums."""
    bottom, right = top + tall, left + wide
    return int(table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left])


def match_near(
    one: npt.NDArray[np.float32],
    two: npt.NDArray[np.float32],
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
        Images of a tile, both of one frame.
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
    stride = chip + widest - 1
    padded, near = np.empty(chip * stride, np.float32), np.empty(stride * stride, np.float32)
    sums, found = np.empty((2, stride)), np.empty(widest * widest, np.float32)
    loops.match_near(
        one, two, counts_1, counts_2, places, near_x, near_y, radii, reach, walks, chip, needs, padded, near, sums,
        found, shift, quality, status,
    )  # fmt: skip
