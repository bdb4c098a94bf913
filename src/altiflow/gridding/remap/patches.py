"""Patches: layers of a field turned to a grid's axes and resampled, a piece of the grid at a time.

Vectors are turned on the source lattice first, then their components are resampled (only a constant rotation
would commute with that). A patch is small enough that neither the source window nor its matrices fill the
memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.grids.crs import transformer_between
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.layers import has_errors, read_covariance, read_layer
from altiflow.gridding.remap.resample import Lattice, PointMethod, Stencil, cell_points, mean_of_points
from altiflow.gridding.vectors import apply_matrix, transfer_matrix
from altiflow.readers.field import Metric

__all__ = ["AlignMethod", "Patch", "PatchMethod", "choose_method", "cut_patches", "reached_window", "turn_covariance"]

Floats = npt.NDArray[np.float64]

AlignMethod = Literal["auto", "bilinear", "nearest", "area"]
"""How a field comes onto a grid; "auto" is "area" for target cells over twice the source cells, else "bilinear"."""

_COARSER = 2.0
"""Ratio of target to source cell beyond which a value between centres no longer stands for the target cell."""

_SUPERSAMPLE = (4, 16)
"""Fewest and most points along each side of a target cell for its area mean."""

_PATCH_POINTS = 2000
"""Source cells, or points, along each side of a patch."""

_KEPT_POINTS = 1 << 18
"""Points of a grid that are kept in the CRS of a source, 4 MB."""

_MATRIX_SPACING = 2000.0
"""Spacing [m] of the nodes at which matrices are worked out for finer fields. They vary over the radius of
the Earth: between the nodes linear interpolation is right to (2 km / 6371 km)² / 8 = 1e-8, as good as the
nodes themselves."""


@dataclass(frozen=True)
class PatchMethod:
    """How cells get their values: the stencil at a point, and points along each side of a cell (1: its centre)."""

    point: PointMethod
    points: int


@dataclass(frozen=True)
class Patch:
    """A piece of the target grid and how to fill it from any layer of the field.

    Attributes
    ----------
    rows, cols
        The piece of the target grid.
    source_rows, source_cols
        The window of the field that it needs.
    matrix
        What turns the vectors of that window, shape (rows, cols, 2, 2); None if the CRS is the same.
    stencil
        Which values of the window make up each point.
    points
        Points per cell.
    """

    rows: slice
    cols: slice
    source_rows: slice
    source_cols: slice
    matrix: Floats | None
    stencil: Stencil
    points: int

    def resample(self, field: xr.Dataset, layer: int) -> Floats:
        """Return vx, vy, their variances and covariance along the axes of the grid, (5, rows, cols), NaN where invalid.

        The covariance matrix turns with the vectors, before either is resampled.
        """
        window = (self.source_rows, self.source_cols)
        values = read_layer(field, layer, *window)
        covariance = np.where(np.isfinite(values[2]), read_covariance(field, layer, *window), np.nan)
        known = [*values[:2]] if not has_errors(field) else [*values, covariance]
        found = self.resample_stack(np.stack(known)[:, None])[:, 0]
        return np.concatenate([found, np.full((5 - len(found), *found.shape[1:]), np.nan)])

    def resample_stack(self, values: Floats) -> Floats:
        """Return a stack of layers of the window along the axes of the grid: (parts, n, rows, cols) of both.

        The parts are vx, vy, and where there are five their variances and covariance as well.
        """
        if self.matrix is not None:
            turned = np.stack(apply_matrix(self.matrix, values[0], values[1]))
            errors = [turn_covariance(self.matrix, values[2:])] if len(values) > 2 else []
            values = np.concatenate([turned, *errors])
        shape = (*values.shape[:2], self.rows.stop - self.rows.start, self.cols.stop - self.cols.start)
        found = self.stencil.apply(values)
        if self.points == 1:
            return found.reshape(shape)
        return mean_of_points(found.reshape(*values.shape[:2], self.points, -1)).reshape(shape)


def turn_covariance(matrix: Floats, parts: Floats) -> Floats:
    """Return var_x, var_y and their covariance (3, ...) of vectors that a matrix (..., 2, 2) turns: T cov Tᵀ."""
    a, b, c, d = (matrix[..., i, j] for i in (0, 1) for j in (0, 1))
    var_x, var_y, cov = parts
    return np.stack(
        [
            a * a * var_x + 2 * a * b * cov + b * b * var_y,
            c * c * var_x + 2 * c * d * cov + d * d * var_y,
            a * c * var_x + (a * d + b * c) * cov + b * d * var_y,
        ]
    )


def choose_method(method: AlignMethod, grid: Grid, lattice: Lattice) -> PatchMethod:
    """Return how cells of `grid` get values from a lattice of another resolution.

    An area mean takes 4 x 4 points per cell, and up to 16 x 16 where the source is finer than that.

    Raises
    ------
    InputError
        If the method is not known.
    """
    ratio = max(grid.resolution) / min(lattice.step)
    if method == "auto":
        method = "area" if ratio > _COARSER else "bilinear"
    if method == "area":
        return PatchMethod("bilinear", int(np.clip(np.ceil(ratio), *_SUPERSAMPLE)))
    if method not in ("bilinear", "nearest"):
        raise InputError(f"method must be 'auto', 'bilinear', 'nearest' or 'area', got {method!r}")
    return PatchMethod("nearest" if method == "nearest" else "bilinear", 1)


def cut_patches(field: xr.Dataset, grid: Grid, method: PatchMethod) -> Iterator[Patch]:
    """Yield the pieces of `grid` that a checked field reaches."""
    lattice = Lattice.from_axes(field["x"].values, field["y"].values)
    source = pyproj.CRS(field.attrs["crs"])
    window = reached_window(lattice, source, grid)
    if window is None:
        return
    # Image pairs of one map need the same points again and again; large patches would fill the memory.
    points_of = _cached_points if grid.shape[0] * grid.shape[1] * method.points**2 <= _KEPT_POINTS else _points
    ratio = max(grid.resolution) / min(lattice.step)
    size = int(np.clip(_PATCH_POINTS / max(ratio, method.points, 4), 4, 500))
    row_range, col_range = window
    for top in range(row_range.start, row_range.stop, size):
        for left in range(col_range.start, col_range.stop, size):
            rows = slice(top, min(top + size, row_range.stop))
            cols = slice(left, min(left + size, col_range.stop))
            x, y = points_of(grid, (rows.start, rows.stop, cols.start, cols.stop), method.points, source.to_wkt())
            needed = lattice.window(x, y)
            if needed is None:
                continue
            part = Lattice.from_axes(field["x"].values[needed[1]], field["y"].values[needed[0]])
            matrix = None
            if source != grid.crs:
                matrix = _window_matrix(lattice, needed, source, grid.crs, field.attrs["velocity_metric"])
            yield Patch(rows, cols, *needed, matrix, part.stencil(x, y, method.point), method.points**2)


def _points(grid: Grid, edges: tuple[int, int, int, int], count: int, source: str) -> tuple[Floats, Floats]:
    """Return x, y (count² x cells,) [m, source] of the points of the cells between (top, bottom, left, right)."""
    centres = np.meshgrid(grid.x[edges[2] : edges[3]], grid.y[edges[0] : edges[1]])
    spread = cell_points(centres[0].ravel(), centres[1].ravel(), grid.resolution, count)
    moved = transformer_between(grid.crs.to_wkt(), source).transform(*spread)
    x, y = (np.asarray(part, float).ravel() for part in moved)
    return x, y


_cached_points = lru_cache(maxsize=32)(_points)


def reached_window(lattice: Lattice, source: pyproj.CRS, grid: Grid) -> tuple[slice, slice] | None:
    """Return the (rows, cols) of the grid that hold the lattice; None if they do not meet."""
    x_min, y_min, x_max, y_max = lattice.bounds
    x, y = np.meshgrid(np.linspace(x_min, x_max, 129), np.linspace(y_min, y_max, 129))
    moved = pyproj.Transformer.from_crs(source, grid.crs, always_xy=True).transform(x.ravel(), y.ravel())
    known = np.isfinite(moved[0]) & np.isfinite(moved[1])
    if not known.any():
        return None
    col, row = ~grid.transform @ (moved[0][known], moved[1][known])
    slices = []
    for place, size in ((row, grid.shape[0]), (col, grid.shape[1])):
        margin = 2 + int((place.max() - place.min()) / 64)
        first, last = int(np.floor(place.min())) - margin, int(np.ceil(place.max())) + margin
        slices.append(slice(max(first, 0), min(last, size)))
    if any(part.stop <= part.start for part in slices):
        return None
    return slices[0], slices[1]


def _window_matrix(
    lattice: Lattice, window: tuple[slice, slice], source: pyproj.CRS, target: pyproj.CRS, metric: Metric
) -> Floats:
    """Return the matrices (rows, cols, 2, 2) that turn the vectors of a window of the lattice.

    The nodes between which they are interpolated are fixed to the lattice, so that the matrices depend
    neither on the window nor on the order of the axes.
    """
    stride = max(1, int(_MATRIX_SPACING // max(lattice.step)))
    nodes, places = [], []
    for axis in (0, 1):
        index = np.arange(lattice.shape[axis])[window[axis]]
        if lattice.descending[axis]:
            index = lattice.shape[axis] - 1 - index
        node = np.arange(index.min() // stride, index.max() // stride + 2)
        nodes.append(lattice.origin[1 - axis] + node * stride * lattice.step[1 - axis])
        places.append(index / stride - node[0])
    matrix = transfer_matrix(source, target, *np.meshgrid(nodes[1], nodes[0]), metric=metric)
    for axis, place in enumerate(places):
        low = np.floor(place).astype(np.intp)
        first = np.take(matrix, low, axis=axis)
        if stride > 1:
            share = np.expand_dims(place - low, tuple(i for i in range(4) if i != axis))
            first = (1 - share) * first + share * np.take(matrix, low + 1, axis=axis)
        matrix = first
    return matrix
