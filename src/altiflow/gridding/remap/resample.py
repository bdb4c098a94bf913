"""Values of a regular lattice at points: nearest, bilinear, and means over larger cells.

A lattice is a set of evenly spaced cell centres; its rows and columns may run either way, and the answer does
not depend on which, to the bit. Cells cover their area: a point is on the lattice up to half a cell beyond
the outermost centres, and in that rim the outermost values hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError

__all__ = [
    "MIN_VALID",
    "Lattice",
    "PointMethod",
    "Stencil",
    "cell_points",
    "mean_of_points",
    "sample_lattice",
]

PointMethod = Literal["bilinear", "nearest"]
"""How a value between lattice points is found."""

MIN_VALID = 0.5
"""Least share of the weight that must fall on valid values, unless told otherwise."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_UNEVEN = 1e-3
"""Largest departure of the coordinates from an even spacing, in cells; float32 coordinates stay below it."""

_ROUNDING = 1e-12
"""Slack in the comparison of a sum of weights with a share."""


@dataclass(frozen=True)
class Stencil:
    """Which lattice values make up the value at each of n points: made once, applied to any number of layers.

    Attributes
    ----------
    index
        Flat positions in a layer, shape (k, n).
    weight
        Their weights, shape (k, n): they add up to one, or are all zero for a point outside the lattice.
    shape
        (rows, cols) of a layer.
    """

    index: Ints
    weight: Floats
    shape: tuple[int, int]

    def apply(self, layers: npt.ArrayLike, *, min_valid: float = MIN_VALID) -> Floats:
        """Return the values (..., n) of layers (..., rows, cols), NaN where too little of the weight is valid.

        Parameters
        ----------
        layers
            Values in the order of the axes that the lattice was made from, one layer or a stack; NaN is "no value".
        min_valid
            The least share of the weight on valid values; the weights of those are scaled to add up to one.
            1 asks for every neighbour of non-zero weight.

        Raises
        ------
        InputError
            If the layers have another shape than the lattice.
        """
        values = np.asarray(layers)
        if values.shape[-2:] != self.shape:
            raise InputError(f"the layer has shape {values.shape}, the lattice {self.shape}")
        flat, places = values.reshape(*values.shape[:-2], -1), self.index
        if places.size < flat.shape[-1]:
            # For few points only the values they need are looked at.
            flat, places = flat.take(places.ravel(), axis=-1), np.arange(places.size).reshape(places.shape)
        valid = np.isfinite(flat)
        held = np.where(valid, flat, 0.0)
        if flat.ndim > 1 and len(flat) > 1 and (valid[1:] == valid[:1]).all():
            # Parts of one vector are mostly missing together: their weights are worked out once.
            valid = valid[:1]
        total = np.zeros((*flat.shape[:-1], self.index.shape[1]))
        share = np.zeros((*valid.shape[:-1], self.index.shape[1]))
        for index, weight in zip(places, self.weight, strict=True):
            used = np.where(valid.take(index, axis=-1), weight, 0.0)
            total += held.take(index, axis=-1) * used
            share += used
        enough = (share > 0) & (share >= min_valid - _ROUNDING)
        return np.asarray(np.divide(total, share, out=np.full(total.shape, np.nan), where=enough))

    def shares(self, valid: npt.ArrayLike, *, min_valid: float = MIN_VALID) -> Floats:
        """Return the weights (k, n) that :meth:`apply` gives the cells of a layer; NaN where it gives no value.

        Parameters
        ----------
        valid
            Which cells of the layer (rows, cols) have a value.
        min_valid
            As for :meth:`apply`.
        """
        weight = np.where(np.asarray(valid, bool).reshape(-1)[self.index], self.weight, 0.0)
        share = weight.sum(axis=0)
        enough = (share > 0) & (share >= min_valid - _ROUNDING)
        return np.asarray(np.divide(weight, share, out=np.full(weight.shape, np.nan), where=enough))


@dataclass(frozen=True)
class Lattice:
    """Evenly spaced cell centres, whichever way the axes run.

    Attributes
    ----------
    origin
        The lowest x and the lowest y [m].
    step
        Cell width and height [m], both positive.
    shape
        Number of (rows, cols).
    descending
        Whether (y, x) run from high to low in the arrays.

    Examples
    --------
    >>> lattice = Lattice.from_axes(np.array([0.0, 10.0, 20.0]), np.array([10.0, 0.0]))
    >>> lattice.stencil(np.array([5.0]), np.array([0.0])).apply([[1.0, 1, 1], [2, 4, 8]]).tolist()
    [3.0]
    """

    origin: tuple[float, float]
    step: tuple[float, float]
    shape: tuple[int, int]
    descending: tuple[bool, bool]

    @classmethod
    def from_axes(cls, x: npt.ArrayLike, y: npt.ArrayLike) -> Lattice:
        """Return the lattice of the centres x (cols,) and y (rows,) [m], each in either order.

        Raises
        ------
        InputError
            If an axis has fewer than two centres or is not evenly spaced.
        """
        low_x, width, cols, x_down = _axis(x, "x")
        low_y, height, rows, y_down = _axis(y, "y")
        return cls((low_x, low_y), (width, height), (rows, cols), (y_down, x_down))

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Outer edges of the cells (x_min, y_min, x_max, y_max) [m]."""
        (x, y), (width, height), (rows, cols) = self.origin, self.step, self.shape
        return x - width / 2, y - height / 2, x + (cols - 0.5) * width, y + (rows - 0.5) * height

    def contains(self, x: npt.ArrayLike, y: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return whether each point (n,) [m] lies on a cell of the lattice."""
        x_min, y_min, x_max, y_max = self.bounds
        across, up = np.asarray(x, float), np.asarray(y, float)
        return np.asarray((across >= x_min) & (across <= x_max) & (up >= y_min) & (up <= y_max))

    def window(self, x: npt.ArrayLike, y: npt.ArrayLike, *, margin: int = 2) -> tuple[slice, slice] | None:
        """Return the (rows, cols) of the array that points (n,) [m] need; None if all are off the lattice.

        At least two rows and two columns come back, so that the window is a lattice again.
        """
        inside = self.contains(x, y)
        if not inside.any():
            return None
        slices = []
        for axis, (points, size) in enumerate(((y, self.shape[0]), (x, self.shape[1]))):
            place = self._place(np.asarray(points, float)[inside], 1 - axis)
            first = max(int(np.floor(place.min())) - margin, 0)
            last = min(int(np.ceil(place.max())) + margin, size - 1)
            if self.descending[axis]:
                first, last = size - 1 - last, size - 1 - first
            slices.append(slice(first, last + 1))
        return slices[0], slices[1]

    def stencil(self, x: npt.ArrayLike, y: npt.ArrayLike, method: PointMethod = "bilinear") -> Stencil:
        """Return the :class:`Stencil` of points x, y (n,) [m].

        Raises
        ------
        InputError
            If the method is neither "bilinear" nor "nearest".
        """
        if method not in ("bilinear", "nearest"):
            raise InputError(f"method must be 'bilinear' or 'nearest', got {method!r}")
        across, up = np.asarray(x, float).ravel(), np.asarray(y, float).ravel()
        inside = self.contains(across, up)
        col = np.clip(np.where(inside, self._place(across, 0), 0.0), 0.0, self.shape[1] - 1.0)
        row = np.clip(np.where(inside, self._place(up, 1), 0.0), 0.0, self.shape[0] - 1.0)
        if method == "nearest":
            cells = self._flat(np.floor(row + 0.5), np.floor(col + 0.5))
            return Stencil(cells[None], inside[None].astype(float), self.shape)
        low_row = np.minimum(np.floor(row), self.shape[0] - 2.0)
        low_col = np.minimum(np.floor(col), self.shape[1] - 2.0)
        right, above = col - low_col, row - low_row
        corners = [
            (self._flat(low_row + i, low_col + j), (above if i else 1 - above) * (right if j else 1 - right))
            for i in (0, 1)
            for j in (0, 1)
        ]
        index, weight = np.stack([c[0] for c in corners]), np.stack([c[1] for c in corners])
        return Stencil(index, np.where(inside, weight, 0.0), self.shape)

    def _place(self, points: Floats, axis: int) -> Floats:
        """Return positions in cells from the lowest centre, along x (axis 0) or y (axis 1)."""
        return (points - self.origin[axis]) / self.step[axis]

    def _flat(self, row: Floats, col: Floats) -> Ints:
        """Return flat array positions of rows and columns counted from the lowest centre."""
        rows, cols = self.shape
        y_down, x_down = self.descending
        line = rows - 1 - row if y_down else row
        place = cols - 1 - col if x_down else col
        return (line * cols + place).astype(np.intp)


def sample_lattice(
    values: npt.ArrayLike,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    at_x: npt.ArrayLike,
    at_y: npt.ArrayLike,
    method: PointMethod = "bilinear",
    min_valid: float = MIN_VALID,
) -> Floats:
    """Return the values (..., n) of lattice layers (..., rows, cols) at n points.

    Parameters
    ----------
    values
        One layer or many; NaN is "no value".
    x, y
        Cell centres (cols,), (rows,) [m], each in either order.
    at_x, at_y
        The points (n,) [m], in the CRS of the lattice.
    method
        "bilinear" between the four centres around a point, or "nearest".
    min_valid
        Least share of the weight on valid values, see :meth:`Stencil.apply`.

    Raises
    ------
    InputError
        If the axes are not evenly spaced, the shapes do not fit or the method is not known.

    Examples
    --------
    A missing neighbour does not spoil a point that hardly leans on it:

    >>> layer = [[0.0, 1.0], [np.nan, 1.0]]
    >>> sample_lattice(layer, [0, 1], [0, 1], at_x=[0.5, 0.0], at_y=[0.1, 0.9]).round(3).tolist()
    [0.526, nan]
    """
    layers = np.asarray(values)
    stencil = Lattice.from_axes(x, y).stencil(at_x, at_y, method)
    if layers.ndim < 2 or layers.shape[-2:] != stencil.shape:
        raise InputError(f"values has shape {layers.shape}, but y and x are {stencil.shape}")
    stack = layers.reshape((-1, *stencil.shape))
    found = [stencil.apply(layer, min_valid=min_valid) for layer in stack]
    return np.stack(found).reshape((*layers.shape[:-2], stencil.index.shape[1]))


def cell_points(x: npt.ArrayLike, y: npt.ArrayLike, cell: tuple[float, float], count: int) -> tuple[Floats, Floats]:
    """Return count x count points evenly spread over each cell: x and y, each (count², n) [m].

    Parameters
    ----------
    x, y
        Cell centres (n,) [m].
    cell
        Cell width and height [m].
    count
        Points along each side of a cell; 1 is the centre.

    Examples
    --------
    >>> cell_points([0.0], [0.0], (4.0, 4.0), 2)[0].ravel().tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    offset = (np.arange(count) + 0.5) / count - 0.5
    up, across = (part.reshape(-1, 1) for part in np.meshgrid(offset, offset, indexing="ij"))
    return np.asarray(x, float) + across * cell[0], np.asarray(y, float) + up * cell[1]


def mean_of_points(values: Floats, *, min_valid: float = MIN_VALID) -> Floats:
    """Return the mean (..., n) over the k of (..., k, n), NaN where less than `min_valid` of the k are valid."""
    valid = np.isfinite(values)
    total = np.where(valid, values, 0.0).sum(axis=-2)
    share = valid.sum(axis=-2)
    enough = (share > 0) & (share >= min_valid * values.shape[-2] - _ROUNDING)
    return np.asarray(np.divide(total, share, out=np.full(total.shape, np.nan), where=enough))


def _axis(values: npt.ArrayLike, name: str) -> tuple[float, float, int, bool]:
    """Return (lowest centre, step, number, whether it descends) of an axis."""
    centres = np.asarray(values, float)
    if centres.ndim != 1 or centres.size < 2:
        raise InputError(f"{name} needs at least two cell centres on one axis, got shape {centres.shape}")
    low, high = float(centres.min()), float(centres.max())
    step = (high - low) / (centres.size - 1)
    descending = bool(centres[0] > centres[-1])
    even = low + step * np.arange(centres.size)
    found = centres[::-1] if descending else centres
    if not (np.isfinite(centres).all() and step > 0 and np.abs(found - even).max() <= _UNEVEN * step):
        raise InputError(f"{name} is not evenly spaced: it runs from {centres[0]} to {centres[-1]}")
    return low, step, centres.size, descending
