"""Where to look: matches of large chips on decimated images, and what neighbours say."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.tracking.compiled.medians import neighbour_medians
from altiflow.tracking.matching.extras import load_cv2
from altiflow.tracking.matching.frames import Frame
from altiflow.tracking.matching.surfaces import centred, matched_blocks
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
    one, two = (_decimated(cv2, image[: size[0], : size[1]]) for image in (frame.one, frame.two))
    found = np.full((len(places), 2), np.nan)
    if min(one.shape) < chip:
        return found
    near, last = -(-reach // _DECIMATION) + 1, np.array(one.shape) - chip
    corners = np.clip(places // _DECIMATION - chip // 2, 0, last).astype(np.int32)
    first, end = np.maximum(corners - near, 0), np.minimum(corners + near, last) + chip
    windows = np.stack([first[:, 0], end[:, 0], first[:, 1], end[:, 1]], axis=1).astype(np.int32)
    # All of image 2 may be matched: what lacks data there stands out from nothing.
    counts = np.empty((2, one.shape[0] + 1, one.shape[1] + 1), np.int32)
    counts[:] = np.multiply.outer(*(np.arange(each + 1, dtype=np.int32) for each in one.shape))
    cells = np.flatnonzero(_whole(frame, corners, chip))
    for block in matched_blocks(one, *centred(two, chip), counts, corners, windows, cells, chip=chip, need=0.0):
        lags = end[block.cells] - first[block.cells] - chip + 1
        stands_out = ((block.at > 0) & (block.at < lags - 1)).all(axis=1) & (block.told[:, 1] >= _LEAST_LEAD)
        moved = (block.at + first[block.cells] - corners[block.cells]) * _DECIMATION
        found[block.cells[stands_out]] = moved[stands_out][:, ::-1]
    return found


def _decimated(cv2: Any, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return means of squares of pixels."""
    shape = image.shape[1] // _DECIMATION, image.shape[0] // _DECIMATION
    return np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.float32)


def _whole(frame: Frame, corners: Ints, chip: int) -> npt.NDArray[np.bool_]:
    """Return whether most pixels of decimated chips have data, and some have texture (n,)."""
    top, left = corners.T * _DECIMATION
    bottom, right, area = top + chip * _DECIMATION, left + chip * _DECIMATION, (chip * _DECIMATION) ** 2
    seen, textured = (
        each[bottom, right] - each[top, right] - each[bottom, left] + each[top, left] for each in frame.counts_one
    )
    return np.asarray((seen >= _LEAST_VALID * area) & (textured >= LEAST_TEXTURE * area))


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
