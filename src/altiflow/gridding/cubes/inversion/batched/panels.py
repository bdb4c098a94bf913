"""Panels: the pairs of some pixels, in whichever of two forms their sums are cheap.

Where most layers of a pixel hold a value, pixels lie side by side as (layers, pixels) and sums are matrix products.
Where few do, only the values that are there are listed, pixel after pixel. Which form a pixel takes depends on that
pixel alone, and both sum its pairs in order of time, so that it gets the same bits in any company.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.gridding.cubes.blocks import LANE
from altiflow.gridding.cubes.inversion.batched.tables import Tables
from altiflow.gridding.cubes.inversion.normals import Rows, add_products, add_rows, predict, sum_rows
from altiflow.gridding.cubes.medians import count_true, median_of_valid, sorted_median

__all__ = [
    "DENSE",
    "Lanes",
    "Listed",
    "Panel",
    "columns",
    "make_lanes",
    "make_listed",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

DENSE = 1 / 2
"""Pixels with values in at least this share of the layers lie side by side, the others are listed."""


class Panel(Protocol):
    """Pairs of m pixels. Arrays of one value for each pair have the shape of `valid`; components are 0 and 1."""

    @property
    def valid(self) -> Bools:
        """Return which pairs are there."""

    def take(self, places: Ints) -> Panel:
        """Return the panel of some pixels."""

    def pick(self, values: npt.NDArray[Any], places: Ints) -> npt.NDArray[Any]:
        """Return what belongs to some pixels, of an array of one value for each pair."""

    def put(self, values: Bools, places: Ints, new: Bools) -> None:
        """Set what belongs to some pixels, of an array of one value for each pair."""

    def count(self, used: Bools) -> Ints:
        """Return how many are used (m,)."""

    def sums(self, component: int, used: Bools) -> tuple[Floats, Floats]:
        """Return normal matrices (b + 1, p, m) and right sides (p, m) of the used pairs."""

    def deviation(self, component: int) -> Floats:
        """Return absolute differences from the median velocity of the pixel."""

    def away(self, component: int, factors: Floats) -> Floats:
        """Return absolute residuals from the model over their sigma."""

    def median(self, values: Floats, used: Bools, places: Ints) -> Floats:
        """Return the medians of the used values of some pixels; NaN where there are none."""

    def largest(self, values: Floats) -> Floats:
        """Return the largest of the values (m,), which are 0 or more."""

    def above(self, values: Floats, limit: Floats) -> Bools:
        """Return where values are above the limit (m,) of their pixel."""

    def largest_root(self, component: int) -> Floats:
        """Return at least the largest inverse of a sigma (m,)."""

    def residual_sums(self, component: int, factors: Floats, used: Bools) -> tuple[Floats, Floats]:
        """Return right sides (p, m) and sums of squares (m,) of the weighted residuals."""

    def touching(self, unknowns: Bools) -> Bools:
        """Return which pairs have part in any of the unknowns (p, m)."""

    def meetings(self, used: Bools) -> Floats:
        """Return for each bin the used pairs that it meets, then the days that they share, (2 bins, m)."""


@dataclass(frozen=True)
class Lanes:
    """Pixels side by side: velocities, precisions (layers, m) or (1 or layers, 1), in order of time."""

    rows: Rows
    support: Rows
    band: int
    velocity: tuple[Floats, Floats]
    precision: tuple[Floats, Floats]
    valid: Bools

    def take(self, places: Ints) -> Lanes:
        """Return the panel of some pixels, the last one again and again to fill the lane."""
        first, second = (one if one.shape[1] == 1 else columns(one, places) for one in self.precision)
        vx, vy = (columns(one, places) for one in self.velocity)
        return replace(self, velocity=(vx, vy), precision=(first, second), valid=columns(self.valid, places))

    def pick(self, values: npt.NDArray[Any], places: Ints) -> npt.NDArray[Any]:
        """Return columns."""
        return columns(values, places)

    def put(self, values: Bools, places: Ints, new: Bools) -> None:
        """Set columns."""
        values[:, places] = new

    def count(self, used: Bools) -> Ints:
        """Return how many are used (m,)."""
        return count_true(used)

    def sums(self, component: int, used: Bools) -> tuple[Floats, Floats]:
        """Return normal matrices (b + 1, p, m) and right sides (p, m)."""
        velocity, precision = self.velocity[component], self.precision[component]
        shape = (self.rows.columns, used.shape[1] // LANE, LANE)
        normal, right = np.zeros((self.band + 1, *shape)), np.zeros(shape)
        for one in self.rows.slices:
            some = slice(one.start, one.stop)
            if not used[some].any():
                continue
            weights = used[some] * _part(precision, some)
            add_products(normal, one, weights)
            weights *= velocity[some]
            add_rows(right, one, weights)
        return normal.reshape(*normal.shape[:2], -1), right.reshape(len(right), -1)

    def deviation(self, component: int) -> Floats:
        """Return absolute differences from the median of each column (layers, m)."""
        velocity = self.velocity[component]
        return np.asarray(np.abs(velocity - median_of_valid(velocity, self.valid)))

    def away(self, component: int, factors: Floats) -> Floats:
        """Return absolute residuals over their sigma (layers, m)."""
        velocity, root = self.velocity[component], np.sqrt(self.precision[component])
        found = np.zeros(self.valid.shape)
        for one in self.rows.slices:
            some = slice(one.start, one.stop)
            if self.valid[some].any():
                size = np.abs(velocity[some] - predict(one, factors))
                found[some] = np.multiply(size, _part(root, some), out=size)
        return found

    def median(self, values: Floats, used: Bools, places: Ints) -> Floats:
        """Return medians of some columns."""
        if places.size < used.shape[1]:
            values, used = columns(values, places), columns(used, places)
        return median_of_valid(values, used)

    def largest(self, values: Floats) -> Floats:
        """Return the largest value of each column."""
        return np.asarray(values.max(axis=0, initial=0.0))

    def above(self, values: Floats, limit: Floats) -> Bools:
        """Return where values are above the limit of their column."""
        return np.asarray(values > limit)

    def largest_root(self, component: int) -> Floats:
        """Return the largest inverse sigma of each column, or of all layers."""
        return np.asarray(np.sqrt(self.precision[component].max(axis=0)))

    def residual_sums(self, component: int, factors: Floats, used: Bools) -> tuple[Floats, Floats]:
        """Return right sides (p, m) and sums of squares (m,)."""
        velocity, precision = self.velocity[component], self.precision[component]
        right = np.zeros((len(factors), used.shape[1] // LANE, LANE))
        squares = np.zeros(used.shape[1])
        for one in self.rows.slices:
            some = slice(one.start, one.stop)
            if not used[some].any():
                continue
            left = velocity[some] - predict(one, factors)
            weighted = left * used[some]
            weighted *= _part(precision, some)
            add_rows(right, one, weighted)
            weighted *= left
            squares += weighted.sum(axis=0)
        return right.reshape(factors.shape), squares

    def touching(self, unknowns: Bools) -> Bools:
        """Return which pairs have part in any of the unknowns."""
        found = np.zeros(self.valid.shape, dtype=bool)
        for one in self.rows.slices:
            there = unknowns[one.columns]
            if there.any():
                part = replace(one, part=(one.part != 0).astype(np.float64))
                found[one.start : one.stop] = predict(part, unknowns.astype(np.float64)) > 0
        return found

    def meetings(self, used: Bools) -> Floats:
        """Return pairs and days in bins, (2 bins, m)."""
        return sum_rows(self.support, used.astype(np.float64))


@dataclass(frozen=True)
class Listed:
    """Values listed pixel after pixel, each in order of time: layer (e,), and where pixels begin and end (m + 1,)."""

    tables: Tables
    layer: Ints
    bounds: Ints
    velocity: tuple[Floats, Floats]
    precision: tuple[Floats, Floats]
    valid: Bools

    @cached_property
    def _model(self) -> Any:
        """The means of the functions for each value, apart for each pixel: (e, m p)."""
        means, pixels = self.tables.means[self.layer], np.diff(self.bounds)
        count = means.shape[1]
        pixel = np.repeat(np.arange(pixels.size) * count, pixels)
        columns = means.indices + np.repeat(pixel, np.diff(means.indptr))
        return scipy.sparse.csr_matrix(
            (means.data, columns, means.indptr), shape=(self.layer.size, pixels.size * count)
        )

    def _right(self, weighted: Floats) -> Floats:
        """Return the sums (p, m) of the functions' means times weighted values (e,)."""
        return np.ascontiguousarray((self._model.T @ weighted).reshape(self.bounds.size - 1, -1).T)

    def take(self, places: Ints) -> Listed:
        """Return the panel of some pixels, in ascending order."""
        some = self._of(places)
        bounds = np.concatenate([[0], np.cumsum(np.diff(self.bounds)[places])])
        vx, vy = (one[some] for one in self.velocity)
        first, second = (one[some] for one in self.precision)
        return Listed(self.tables, self.layer[some], bounds, (vx, vy), (first, second), self.valid[some])

    def _of(self, places: Ints) -> Bools:
        """Return which values belong to some pixels."""
        wanted = np.zeros(self.bounds.size - 1, dtype=bool)
        wanted[places] = True
        return np.repeat(wanted, np.diff(self.bounds))

    def pick(self, values: npt.NDArray[Any], places: Ints) -> npt.NDArray[Any]:
        """Return the values of some pixels."""
        return values[self._of(places)]

    def put(self, values: Bools, places: Ints, new: Bools) -> None:
        """Set the values of some pixels."""
        values[self._of(places)] = new

    def _matrix(self, values: Floats) -> Any:
        """Return one value for each pair as a sparse matrix (m, layers)."""
        shape = (self.bounds.size - 1, self.tables.means.shape[0])
        return scipy.sparse.csr_matrix((values, self.layer, self.bounds), shape=shape, copy=False)

    def count(self, used: Bools) -> Ints:
        """Return how many are used (m,)."""
        total = np.concatenate([[0], np.cumsum(used)])
        return np.asarray(total[self.bounds[1:]] - total[self.bounds[:-1]]).astype(np.intp)

    def sums(self, component: int, used: Bools) -> tuple[Floats, Floats]:
        """Return normal matrices (b + 1, p, m) and right sides (p, m)."""
        weights = used * self.precision[component]
        normal = (self._matrix(weights) @ self.tables.products).toarray()
        right = self._right(weights * self.velocity[component])
        return normal.T.reshape(-1, *right.shape), right

    def _residuals(self, component: int, factors: Floats) -> Floats:
        """Return velocities less those of the model (e,)."""
        return np.asarray(self.velocity[component] - self._model @ factors.T.ravel())

    def deviation(self, component: int) -> Floats:
        """Return absolute differences from the median of each pixel (e,)."""
        pixels = np.diff(self.bounds)
        middle = self.median(self.velocity[component], self.valid, np.arange(pixels.size))
        return np.abs(self.velocity[component] - np.repeat(middle, pixels))

    def away(self, component: int, factors: Floats) -> Floats:
        """Return absolute residuals over their sigma (e,)."""
        return np.asarray(np.abs(self._residuals(component, factors)) * np.sqrt(self.precision[component]))

    def median(self, values: Floats, used: Bools, places: Ints) -> Floats:
        """Return medians of some pixels."""
        count, some = np.diff(self.bounds)[places], self._of(places)
        found = np.full((count.size, int(count.max(initial=0))), np.inf)
        found[np.arange(found.shape[1]) < count[:, None]] = np.where(used[some], values[some], np.inf)
        found.sort(axis=1)
        return sorted_median(found, self.count(used)[places])

    def largest(self, values: Floats) -> Floats:
        """Return the largest value of each pixel, all of which have one."""
        return np.maximum.reduceat(values, self.bounds[:-1])

    def above(self, values: Floats, limit: Floats) -> Bools:
        """Return where values are above the limit of their pixel."""
        return np.asarray(values > np.repeat(limit, np.diff(self.bounds)))

    def largest_root(self, component: int) -> Floats:
        """Return the largest inverse sigma of each pixel."""
        return np.sqrt(np.maximum.reduceat(self.precision[component], self.bounds[:-1]))

    def residual_sums(self, component: int, factors: Floats, used: Bools) -> tuple[Floats, Floats]:
        """Return right sides (p, m) and sums of squares (m,)."""
        left = self._residuals(component, factors)
        weighted = used * self.precision[component] * left
        squares = self._matrix(weighted * left) @ np.ones(self.tables.means.shape[0])
        return self._right(weighted), np.asarray(squares)

    def touching(self, unknowns: Bools) -> Bools:
        """Return which pairs have part in any of the unknowns."""
        return np.asarray(abs(self._model) @ unknowns.T.ravel().astype(np.float64) > 0)

    def meetings(self, used: Bools) -> Floats:
        """Return pairs and days in bins, (2 bins, m)."""
        return np.ascontiguousarray((self._matrix(used.astype(np.float64)) @ self.tables.support).toarray().T)


def make_lanes(
    rows: Rows,
    support: Rows,
    band: int,
    velocity: tuple[Floats, Floats],
    precision: tuple[Floats, Floats],
    valid: Bools,
) -> Lanes:
    """Return pixels side by side; velocities (layers, m) may be anything where not valid."""
    # In the precision that they are stored in: each is widened, without loss, where it meets the first float64.
    clean = (
        np.where(valid, velocity[0], velocity[0].dtype.type(0)),
        np.where(valid, velocity[1], velocity[1].dtype.type(0)),
    )
    return Lanes(rows, support, band, clean, precision, valid)


def make_listed(
    tables: Tables,
    velocity: tuple[Floats, Floats],
    precision: tuple[Floats, Floats],
    valid: Bools,
    places: Ints,
) -> Listed:
    """Return the valid values of some pixels (layers, m), each with at least one, listed pixel after pixel."""
    there = np.ascontiguousarray(valid.T)[places]
    pixel, layer = np.divmod(np.flatnonzero(there), there.shape[1])
    column = places[pixel]
    bounds = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    vx, vy = (one[layer, column].astype(np.float64) for one in velocity)
    first, second = (np.broadcast_to(one, valid.shape)[layer, column] for one in precision)
    return Listed(tables, layer, bounds, (vx, vy), (first, second), np.ones(layer.size, dtype=bool))


def _part(values: Floats, some: slice) -> Floats:
    """Return some layers of (layers, n) or of what holds for all of them, (1, 1)."""
    return values if len(values) == 1 else values[some]


def columns(values: npt.NDArray[Any], places: Ints) -> npt.NDArray[Any]:
    """Return columns in row-major order, whose sums over rows go row by row; plain indexing would turn them round."""
    return np.take(values, places, axis=1)
