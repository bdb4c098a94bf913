"""How much of each cell of one grid lies in each cell of another, by true area."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
from affine import Affine

from altiflow.errors import InputError
from altiflow.gridding.grids.crs import transformer_between
from altiflow.gridding.grids.grid import Grid

__all__ = ["Overlap", "choose_cuts", "overlap_cells"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ACROSS = 8
"""Pieces that should lie side by side across a cell of the target."""

_LEAST = 2
"""Least number of pieces along the side of a source cell, where the grids share no lattice."""

_MOST = 200
"""Most pieces along the side of a source cell, where the grids share no lattice."""

_BLOCK = 1 << 21
"""Pieces taken at a time."""


@dataclass(frozen=True)
class Overlap:
    """True areas that m source cells share with n target cells.

    Attributes
    ----------
    area
        Shared area [m2], sparse (n, m).
    cells
        Flat numbers of the source cells, shape (m,).
    source_area
        True area of the source cells [m2], shape (m,), inside the target or not.
    """

    area: Any
    cells: Ints
    source_area: Floats

    def integrate(self, values: Floats) -> Floats:
        """Return integrals (n, k) over the target cells of values (m, k) of the source cells; NaN counts nothing."""
        return np.asarray(self.area @ np.where(np.isfinite(values), values, 0.0))

    def share(self, sums: Floats) -> Floats:
        """Return sums (n, k) that the target cells get of sums (m, k), by area; NaN counts nothing."""
        shares = self.area.copy()
        shares.data = shares.data / self.source_area[shares.indices]
        return np.asarray(shares @ np.where(np.isfinite(sums), sums, 0.0))

    def cover(self, values: Floats) -> Floats:
        """Return the area (n, k) [m2] of the target cells that lies under a finite value of (m, k)."""
        return np.asarray(self.area @ np.isfinite(values).astype(float))

    def average(self, values: Floats) -> Floats:
        """Return area means (n, k) of values (m, k), NaN where there is none."""
        cover = self.cover(values)
        mean = np.divide(self.integrate(values), cover, out=np.full(cover.shape, np.nan), where=cover > 0)
        # Rounding takes the mean of equal values past them.
        finite = np.where(np.isfinite(values), values, np.nan)
        low = np.min(finite, axis=0, initial=np.inf, where=np.isfinite(finite))
        high = np.max(finite, axis=0, initial=-np.inf, where=np.isfinite(finite))
        return np.where(cover > 0, np.clip(mean, low, np.maximum(low, high)), np.nan)

    def spread(self, values: Floats, mean: Floats) -> Floats:
        """Return area means (n, k) of the squared distance of values (m, k) from their target's mean (n, k)."""
        pairs = self.area.tocoo()
        result = np.full(mean.shape, np.nan)
        for layer in range(values.shape[1]):
            away = values[pairs.col, layer] - mean[pairs.row, layer]
            weight = np.where(np.isfinite(away), pairs.data, 0.0)
            squares = np.bincount(pairs.row, weight * np.where(np.isfinite(away), away, 0.0) ** 2, len(mean))
            total = np.bincount(pairs.row, weight, len(mean))
            np.divide(squares, total, out=result[:, layer], where=total > 0)
        return result

    def lowest(self, values: Floats) -> Floats:
        """Return the smallest (n, k) of the values (m, k) that reach into each target cell; NaN without one."""
        result = np.full((self.area.shape[0], values.shape[1]), np.nan)
        filled = np.flatnonzero(np.diff(self.area.indptr))
        if filled.size:
            reached = np.where(np.isfinite(values), values, np.inf)[self.area.indices]
            found = np.minimum.reduceat(reached, self.area.indptr[filled], axis=0)
            result[filled] = np.where(np.isfinite(found), found, np.nan)
        return result


def choose_cuts(source: Grid, target: Grid) -> tuple[int, int]:
    """Return the (rows, cols) of pieces that a cell of `source` is cut into.

    On one lattice with cells in whole ratio the pieces are whole cells of the finer grid, so nothing is approximate.
    Else they are such that eight lie side by side across a target cell.

    Raises
    ------
    InputError
        If that would take more than 200 x 200 pieces of a cell.

    Examples
    --------
    >>> coarse, fine = Grid.named("EASE2_N25km"), Grid.named("EASE2_N12.5km")
    >>> choose_cuts(fine, coarse), choose_cuts(coarse, fine), choose_cuts(coarse, Grid.named("NSIDC_PS_N25km"))
    ((1, 1), (2, 2), (8, 8))
    """
    ratios = [a / b for a, b in zip(source.resolution[::-1], target.resolution[::-1], strict=True)]
    if source.same_family(target):
        return max(round(ratios[0]), 1), max(round(ratios[1]), 1)
    rows, cols = (max(int(np.ceil(_ACROSS * ratio - 1e-9)), _LEAST) for ratio in ratios)
    if max(rows, cols) > _MOST:
        raise InputError(
            f"cells of {source.resolution[0]:g} m are too large to be cut for cells of {target.resolution[0]:g} m; "
            "use method='bilinear', or go by way of a finer grid on the source's lattice"
        )
    return rows, cols


def overlap_cells(source: Grid, target: Grid, cells: Ints, *, cuts: tuple[int, int] | None = None) -> Overlap:
    """Return what the `cells` (m,) of `source`, flat and ascending, share with the cells of `target`.

    Parameters
    ----------
    source, target
        The grids, in any CRS.
    cells
        The source cells that matter.
    cuts
        (rows, cols) of pieces per source cell; None chooses, see :func:`choose_cuts`. A piece has its true area on
        the ellipsoid of the source's CRS, and belongs to the target cell that its centre falls into.

    Examples
    --------
    >>> coarse, fine = Grid.named("EASE2_N25km"), Grid.named("EASE2_N12.5km")
    >>> overlap_cells(fine, coarse, np.array([0, 1])).area.data.tolist()
    []
    >>> middle = 720 * 1440 + 720
    >>> overlap_cells(fine, coarse, np.array([middle, middle + 1])).area.data.tolist()
    [156250000.0, 156250000.0]
    """
    rows, cols = cuts or choose_cuts(source, target)
    step = max(_BLOCK // (source.shape[1] * rows * cols), 1)
    edges = np.searchsorted(cells, np.arange(0, source.shape[0] + step, step) * source.shape[1])
    blocks, areas = [], [np.empty(0)]
    for number, (first, last) in enumerate(pairwise(edges)):
        if last == first:
            continue
        piece, area = _cut_rows(source, slice(number * step, (number + 1) * step), cells[first:last], (rows, cols))
        place = _locate(source, target, *piece)
        inside = (place >= 0) & (area > 0)
        owner = np.broadcast_to(np.arange(last - first)[:, None], area.shape)
        shape = (target.shape[0] * target.shape[1], int(last - first))
        pairs = (area[inside], (place[inside], owner[inside]))
        blocks.append(scipy.sparse.coo_array(pairs, shape=shape).tocsc())
        areas.append(area.sum(axis=1))
    if not blocks:
        empty = scipy.sparse.csr_array((target.shape[0] * target.shape[1], 0))
        return Overlap(empty, cells, np.empty(0))
    return Overlap(scipy.sparse.hstack(blocks, format="csr"), cells, np.concatenate(areas))


def _cut_rows(source: Grid, rows: slice, cells: Ints, cuts: tuple[int, int]) -> tuple[tuple[Floats, Floats], Floats]:
    """Return the centres (x, y) [m] and true areas [m2] of the pieces of some rows' cells, each (m, pieces).

    Pieces off the part of the map that shows the Earth have no area.
    """
    down, across = cuts
    t = source.transform
    fine_transform = Affine(t.a / across, 0.0, t.c, 0.0, t.e / down, t.f)
    fine = Grid(source.crs, fine_transform, (source.shape[0] * down, source.shape[1] * across))
    last = min(rows.stop, source.shape[0])
    block = fine.window(slice(rows.start * down, last * down), slice(0, fine.shape[1]))
    row, col = np.divmod(cells - rows.start * source.shape[1], source.shape[1])
    x = block.x.reshape(-1, across)[col][:, None, :]
    y = block.y.reshape(-1, down)[row][:, :, None]
    area = block.cell_area.reshape(-1, down, source.shape[1], across)[row, :, col, :]
    x, y = np.broadcast_arrays(x, y)
    shape = (cells.size, down * across)
    return (x.reshape(shape), y.reshape(shape)), np.nan_to_num(area).reshape(shape)


def _locate(source: Grid, target: Grid, x: Floats, y: Floats) -> Ints:
    """Return the flat target cells of map points of the source; -1 outside."""
    if not source.crs.equals(target.crs, ignore_axis_order=True):
        longitude, latitude = transformer_between(source.crs_name, "EPSG:4326").transform(x.ravel(), y.ravel())
        x, y = (part.reshape(x.shape) for part in target.project(longitude, latitude))
    row, col = target.rowcol(x, y)
    return np.where(row >= 0, row * target.shape[1] + col, -1)
