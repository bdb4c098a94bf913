"""Where to look: matches of large chips on decimated images, and what neighbours say."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.tracking.compiled.correlation import sum_of
from altiflow.tracking.compiled.medians import neighbour_medians
from altiflow.tracking.matching.extras import load_cv2
from altiflow.tracking.matching.frames import Frame
from altiflow.tracking.status import LEAST_TEXTURE

__all__ = [
    "coarse_matches",
    "coarse_step",
    "field_at",
    "field_strain",
    "fill_from_neighbours",
    "smooth_field",
    "spread_nodes",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

_DECIMATION = 2
_LEAST_VALID = 0.7
_LEAST_LEAD = 0.02
"""A coarse match must exceed the next peak by this."""
_OWN = 3
_SMOOTH = 2.0
"""Sigma of a smooth field [cells]."""


def coarse_step(chip: int, spacing: int) -> int:
    """Return how many cells apart coarse chips lie, which are twice as wide as the others."""
    return max(1, 2 * chip // spacing)


def coarse_matches(frame: Frame, places: Ints, *, chip: int, reach: int) -> Floats:
    """Return displacements (n, 2) of large chips [px], to a decimated pixel; NaN where none stands out.

    Parameters
    ----------
    frame
        The images of a tile.
    places
        Row and column behind the middle of each chip (n, 2), in the frame.
    chip
        Width of the chips of the fine search [px]; these are twice as wide.
    reach
        Largest displacement [px].
    """
    cv2 = load_cv2()
    size = tuple(each // _DECIMATION * _DECIMATION for each in frame.one.shape)
    small = [_decimated(cv2, image[: size[0], : size[1]]) for image in (frame.one, frame.two)]
    found = np.full((len(places), 2), np.nan)
    rows, cols = small[0].shape
    near = -(-reach // _DECIMATION) + 1
    if min(rows, cols) < chip:
        return found
    for n, (row, col) in enumerate(places // _DECIMATION):
        top, left = min(max(row - chip // 2, 0), rows - chip), min(max(col - chip // 2, 0), cols - chip)
        if not _whole(frame, top, left, chip):
            continue
        above, before = max(top - near, 0), max(left - near, 0)
        window = small[1][above : top + near + chip, before : left + near + chip]
        best = _stands_out(
            cv2.matchTemplate(window, small[0][top : top + chip, left : left + chip], cv2.TM_CCOEFF_NORMED)
        )
        if best is not None:
            found[n] = (best[1] + before - left) * _DECIMATION, (best[0] + above - top) * _DECIMATION
    return found


def _decimated(cv2: Any, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return means of squares of pixels."""
    shape = image.shape[1] // _DECIMATION, image.shape[0] // _DECIMATION
    return np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.float32)


def _whole(frame: Frame, top: int, left: int, chip: int) -> bool:
    """Return whether most pixels of a decimated chip have data, and some have texture."""
    place = top * _DECIMATION, left * _DECIMATION, chip * _DECIMATION, chip * _DECIMATION
    area = (chip * _DECIMATION) ** 2
    return bool(
        sum_of(frame.counts_one[0], *place) >= _LEAST_VALID * area
        and sum_of(frame.counts_one[1], *place) >= LEAST_TEXTURE * area
    )


def _stands_out(found: npt.NDArray[np.float32]) -> tuple[int, int] | None:
    """Return row and column of the peak of a surface; None where another is nearly as high, or it is on the rim."""
    row, col = divmod(int(found.argmax()), found.shape[1])
    best = found[row, col]
    if not (0 < row < found.shape[0] - 1 and 0 < col < found.shape[1] - 1) or not np.isfinite(best):
        return None
    found[max(row - _OWN, 0) : row + _OWN + 1, max(col - _OWN, 0) : col + _OWN + 1] = -1
    return (row, col) if best - max(float(found.max()), 0.0) >= _LEAST_LEAD else None


def fill_from_neighbours(values: Floats, radius: int = 2) -> Floats:
    """Return values (..., rows, cols) with NaN replaced by medians of neighbours, else by the nearest value.

    All is 0 where nothing is known at all.
    """
    made = np.array(values, float)
    for layer in made.reshape(-1, *made.shape[-2:]):
        missing = np.isnan(layer)
        if missing.all():
            layer[...] = 0
        elif missing.any():
            layer[missing] = neighbour_medians(layer, radius)[0][missing]
            missing = np.isnan(layer)
            if missing.any():
                nearest = scipy.ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
                layer[missing] = layer[tuple(nearest[:, missing])]
    return made


def spread_nodes(nodes: Floats, shape: tuple[int, int], step: int) -> Floats:
    """Return values (2, rows, cols) of a lattice between nodes that are `step` cells apart, bilinear."""
    made = nodes
    # By hand: to import scipy.ndimage takes a third of a second, and a search with one width of chip needs it not.
    for axis, size in enumerate(shape, start=1):
        last = made.shape[axis] - 1
        at = np.minimum(np.arange(size) / step, last)
        low = at.astype(int)
        part = (at - low)[:, None] if axis == 1 else at - low
        made = made.take(low, axis) * (1 - part) + made.take(np.minimum(low + 1, last), axis) * part
    return made


def field_strain(values: Floats, spacing: int) -> Floats:
    """Return the size of the gradient of displacements (2, rows, cols) [px / px], smoothed over three cells.

    Examples
    --------
    >>> ramp = np.tile(np.arange(6.0), (6, 1))
    >>> field_strain(np.stack([ramp, 0 * ramp]), 10)[2, 2].item()
    0.1
    """
    squares = np.zeros(values.shape[1:])
    for each in values:
        smooth = scipy.ndimage.uniform_filter(scipy.ndimage.median_filter(each, 3, mode="nearest"), 3, mode="nearest")
        for axis in (0, 1):
            if smooth.shape[axis] > 1:
                squares += (np.gradient(smooth, axis=axis) / spacing) ** 2
    return np.sqrt(squares)


def smooth_field(values: Floats) -> Floats:
    """Return displacements (2, rows, cols) without their noise: medians of 3 x 3 cells, then Gaussian means.

    What the mean takes off a curve is put back once, so that a parabola stays what it is.
    """
    made = np.empty_like(values)
    for each, smooth in zip(values, made, strict=True):
        middle = scipy.ndimage.median_filter(each, 3, mode="nearest")
        smooth[...] = scipy.ndimage.gaussian_filter(middle, _SMOOTH, mode="nearest")
        smooth += scipy.ndimage.gaussian_filter(middle - smooth, _SMOOTH, mode="nearest")
    return made


def field_at(values: Floats, cells: tuple[slice, slice], beside: Floats, spacing: int) -> Floats:
    """Return a field (2, rows, cols) at places `beside` the cells of a block (n, 2) [px], bilinear (n, 2)."""
    grid = np.meshgrid(*(np.arange(each.start, each.stop) for each in cells), indexing="ij")
    row, col = (each.ravel() + np.nan_to_num(beside[:, 1 - k]) / spacing for k, each in enumerate(grid))
    return np.stack(
        [scipy.ndimage.map_coordinates(each, [row, col], order=1, mode="nearest") for each in values], axis=1
    )
