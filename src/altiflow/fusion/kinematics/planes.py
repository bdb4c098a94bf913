"""Value and gradient of a layer at its cells: least-squares planes through windows, or differences of neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import scipy

__all__ = ["Fit", "Planes", "Window", "fit_layer"]

Fit = Literal["plane", "central"]
"""A least-squares plane through all cells of a window, or the differences of the cells on either side."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_POWERS = ((0, 0), (1, 0), (0, 1))
"""Powers of (x, y) of the three terms of a plane."""

_ROUNDING = 1e-9
"""Slack in the comparison of a count with a share of the window."""


@dataclass(frozen=True)
class Window:
    """What a gradient is taken over.

    Attributes
    ----------
    rows, cols
        Cells of the window, odd.
    step
        Cell width and height [m].
    fit
        How; "central" takes 3 x 3 cells and uses five of them.
    min_valid
        Least share of the window's cells that must be valid.
    """

    rows: int
    cols: int
    step: tuple[float, float]
    fit: Fit
    min_valid: float

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns on either side of the cell."""
        return self.rows // 2, self.cols // 2

    @property
    def size(self) -> int:
        """Number of cells in the window."""
        return self.rows * self.cols


@dataclass(frozen=True)
class Planes:
    """Planes ``value + slope_x (x - x_cell) + slope_y (y - y_cell)`` at k cells of a layer.

    Attributes
    ----------
    terms
        (value, slope along x, slope along y) for each layer quantity, (2, k, 3); slopes per metre.
    covariance
        Of the three terms, (2, k, 3, 3), for independent errors of the cells; None where none are known.
    """

    terms: Floats
    covariance: Floats | None


def fit_layer(values: Floats, variances: Floats | None, window: Window) -> tuple[Ints, npt.NDArray[np.int32], Planes]:
    """Return the planes of two components where the window holds enough valid cells.

    Parameters
    ----------
    values, variances
        vx and vy, and their variances or None, (2, rows, cols), rows from low to high y; NaN where invalid. A cell
        counts if both components are there.
    window
        The window.

    Returns
    -------
    index, count, planes
        Flat positions (k,) of the cells with a gradient, the number of valid cells in the window of every cell
        (rows, cols), and the planes at `index`. The cell itself must be valid.
    """
    valid = np.asarray(np.isfinite(values).all(axis=0))
    mask = valid.astype(float)
    sums = _moments(mask, window)
    count = np.rint(sums[..., 0, 0]).astype(np.int32)
    if window.fit == "central":
        index = np.flatnonzero(valid & _all_beside(valid))
        return index, count, _central(values, variances, index, window)
    usable = valid & (count >= window.min_valid * window.size - _ROUNDING)
    index = np.flatnonzero(usable)
    inverse = _inverse_normal(sums.reshape(-1, 3, 3)[index], count.ravel()[index], window)
    scale = np.array([1.0, 1 / window.step[0], 1 / window.step[1]])
    terms = []
    for component in values:
        right = _term_sums(np.where(valid, component, 0.0), window).reshape(-1, 3)[index]
        terms.append(np.einsum("kij,kj->ki", inverse, right) * scale)
    if variances is None:
        return index, count, Planes(np.stack(terms), None)
    covariance = []
    for variance in variances:
        spread = _moments(np.where(valid, variance, 0.0), window).reshape(-1, 3, 3)[index]
        covariance.append(inverse @ spread @ inverse * (scale[:, None] * scale))
    return index, count, Planes(np.stack(terms), np.stack(covariance))


def _term_sums(weight: Floats, window: Window) -> Floats:
    """Return the sums (rows, cols, 3) over each window of weight times 1, x and y, in cells."""
    offsets = [np.arange(-reach, reach + 1.0) for reach in window.reach]
    sums = []
    for power_x, power_y in _POWERS:
        across = scipy.ndimage.correlate1d(weight, offsets[1] ** power_x, axis=1, mode="constant")
        sums.append(scipy.ndimage.correlate1d(across, offsets[0] ** power_y, axis=0, mode="constant"))
    return np.stack(sums, axis=-1)


def _moments(weight: Floats, window: Window) -> Floats:
    """Return the sums (rows, cols, 3, 3) over each window of weight times the products of (1, x, y), in cells."""
    offsets = [np.arange(-reach, reach + 1.0) for reach in window.reach]
    found: dict[tuple[int, int], Floats] = {}
    for power_x in range(3):
        across = scipy.ndimage.correlate1d(weight, offsets[1] ** power_x, axis=1, mode="constant")
        for power_y in range(3 - power_x):
            found[power_x, power_y] = scipy.ndimage.correlate1d(across, offsets[0] ** power_y, axis=0, mode="constant")
    table = [[found[a[0] + b[0], a[1] + b[1]] for b in _POWERS] for a in _POWERS]
    return np.moveaxis(np.array(table), (0, 1), (-2, -1))


def _inverse_normal(normal: Floats, count: npt.NDArray[np.int32], window: Window) -> Floats:
    """Return the inverses (k, 3, 3) of the normal matrices; that of a whole window is diagonal."""
    result = np.zeros_like(normal)
    for place in range(3):
        result[:, place, place] = 1 / normal[:, place, place]
    holed = count < window.size
    if holed.any():
        result[holed] = np.linalg.inv(normal[holed])
    return result


def _all_beside(valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return whether the four neighbours of each cell are there and valid."""
    padded = np.pad(valid, 1)
    return np.asarray(padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:])


def _central(values: Floats, variances: Floats | None, index: Ints, window: Window) -> Planes:
    """Return value and central differences at cells whose four neighbours are valid."""
    beside = ((1, window.step[0]), (values.shape[2], window.step[1]))
    flat = values.reshape(2, -1)
    slopes = [(flat[:, index + away] - flat[:, index - away]) / (2 * step) for away, step in beside]
    terms = np.stack([flat[:, index], *slopes], axis=-1)
    if variances is None:
        return Planes(terms, None)
    spread = variances.reshape(2, -1)
    covariance = np.zeros((2, index.size, 3, 3))
    covariance[..., 0, 0] = spread[:, index]
    for place, (away, step) in enumerate(beside, start=1):
        covariance[..., place, place] = (spread[:, index + away] + spread[:, index - away]) / (2 * step) ** 2
    return Planes(terms, covariance)
