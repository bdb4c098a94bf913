"""Fits: weighted least squares of a model to all pairs of each pixel, with outliers taken out and errors told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from altiflow.gridding.cubes.blocks import LANE, Samples
from altiflow.gridding.cubes.inversion.batched.bands import Factors, factorise
from altiflow.gridding.cubes.inversion.batched.panels import (
    DENSE,
    Lanes,
    Panel,
    columns,
    make_lanes,
    make_listed,
)
from altiflow.gridding.cubes.inversion.batched.tables import Tables
from altiflow.gridding.cubes.inversion.estimates import MAX_ROUNDS, ROUNDING, Estimate, Layout, Weighing, fill_rows
from altiflow.gridding.cubes.inversion.normals import Rows
from altiflow.gridding.cubes.medians import count_true

__all__ = ["PixelFits"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Solved:
    """One component: normal matrices (b + 1, p, m) without penalty, their factors with it, and solutions (p, m)."""

    normal: Floats
    factors: Factors
    values: Floats

    def take(self, places: Ints) -> _Solved:
        """Return some pixels."""
        return _Solved(self.normal[:, :, places], self.factors.take(places), columns(self.values, places))

    def put(self, places: Ints, new: _Solved) -> None:
        """Set some pixels."""
        self.normal[:, :, places] = new.normal
        self.values[:, places] = new.values
        self.factors.put(places, new.factors)


@dataclass(frozen=True)
class PixelFits:
    """A fit for each pixel, as a computation for :func:`altiflow.gridding.cubes.blocks.map_pixels`.

    Attributes
    ----------
    layout
        Where in the result the parts lie.
    rows
        The means of the model's functions over each layer; layers come in the order of these rows.
    support
        For each layer and bin 1 where they meet, then the days that they share.
    tables
        Both as sparse matrices.
    penalty
        Band (b + 1, p) that is added to the normal matrix: the price of roughness.
    weighing
        How pairs weigh, and which count.
    """

    layout: Layout
    rows: Rows
    support: Rows
    tables: Tables
    penalty: Floats
    weighing: Weighing

    def __call__(self, samples: Samples) -> Floats:
        """Return the rows of :class:`Layout` for each pixel."""
        told = self.weighing.sigma
        sigmas = (told, told) if told is not None else (samples.vx_sigma, samples.vy_sigma)
        valid = samples.valid & self.rows.held[:, None]
        there, precision = valid.copy(), []
        for sigma in sigmas:
            known = np.ones((1, 1)) if sigma is None else np.asarray(sigma, np.float64)
            good = np.isfinite(known) & (known > 0)
            precision.append(np.divide(1.0, known**2, out=np.zeros(known.shape), where=good))
            valid &= good
        count = count_true(valid)
        layout = self.layout
        found = np.full((layout.rows, count.size), np.nan)
        for name in ("count", "overlap_days", "n_pairs", "n_rejected"):
            found[layout.places()[name]] = 0.0
        lacking = (there & ~valid).sum(axis=0)
        dense = count >= DENSE * len(valid)
        velocity, both = (samples.vx, samples.vy), (precision[0], precision[1])
        places = np.flatnonzero(dense)
        if places.size:
            panel = self._side_by_side(velocity, both, valid, _whole_lanes(places))
            found[:, places] = self._fit(panel)[:, : places.size]
        places = np.flatnonzero(~dense & (count > 0))
        if places.size:
            found[:, places] = self._fit(make_listed(self.tables, velocity, both, valid, places))
        found[layout.places()["n_without_sigma"]] = lacking
        return found

    def _side_by_side(
        self, velocity: tuple[Floats, Floats], precision: tuple[Floats, Floats], valid: Bools, places: Ints
    ) -> Panel:
        """Return the pairs of some pixels, side by side."""
        if not np.array_equal(places, np.arange(valid.shape[1])):
            valid = columns(valid, places)
            velocity = (columns(velocity[0], places), columns(velocity[1], places))
            first, second = (one if one.shape[1] == 1 else columns(one, places) for one in precision)
            precision = (first, second)
        return make_lanes(self.rows, self.support, len(self.penalty) - 1, velocity, precision, valid)

    def _fit(self, panel: Panel) -> Floats:
        """Return the rows of :class:`Layout` for the pixels of a panel."""
        threshold = self.weighing.threshold
        used = _first_guess(panel, threshold) if threshold else panel.valid
        solved = [self._solve(panel, component, used) for component in (0, 1)]
        if threshold:
            used = self._reject(panel, solved, used)
        return self._assess(panel, solved, used)

    def _solve(self, panel: Panel, component: int, used: Bools) -> _Solved:
        """Return the solution of the normal equations of one component."""
        normal, right = panel.sums(component, used)
        factors = factorise(normal + self.penalty[:, :, None])
        return _Solved(normal, factors, factors.solve(right))

    def _reject(self, panel: Panel, solved: list[_Solved], used: Bools) -> Bools:
        """Return the pairs that are no outliers, judging all of them in every round, from some to begin with.

        Only pixels where the last round changed any are fitted again; `solved` becomes that of the pairs returned.
        """
        threshold, least = self.weighing.threshold, self.weighing.least
        some, part = np.arange(solved[0].values.shape[1]), panel
        for _ in range(MAX_ROUNDS):
            before = used if part is panel else panel.pick(used, some)
            chosen = solved if part is panel else [one.take(some) for one in solved]
            kept = _judge(part, chosen, before, threshold, least)
            changed = np.unique(some[part.count(kept != before) > 0])
            if changed.size == 0:
                break
            panel.put(used, some, kept)
            if 2 * changed.size > some.size:
                # To fit some of them again for nothing is quicker than to pick the others out.
                changed = np.unique(some)
            if changed.size < solved[0].values.shape[1]:
                some = _whole_lanes(changed) if isinstance(panel, Lanes) else changed
                part = panel.take(some)
            picked = used if part is panel else panel.pick(used, some)
            for component, one in enumerate(solved):
                one.put(some, self._solve(part, component, picked))
        return used

    def _assess(self, panel: Panel, solutions: list[_Solved], used: Bools) -> Floats:
        """Return the result of the pairs that are used."""
        layout = self.layout
        pairs, places = panel.count(used), layout.places()
        found = np.full((layout.rows, pairs.size), np.nan)
        met = panel.meetings(used)
        count = met[: layout.levels]
        found[places["count"]], found[places["overlap_days"]] = count, met[layout.levels :]
        found[places["n_pairs"]], found[places["n_rejected"]] = pairs, panel.count(panel.valid) - pairs
        first, second = (self._estimate(panel, component, one, used) for component, one in enumerate(solutions))
        fill_rows(found, layout, (first, second), count=count, pairs=pairs, min_pairs=self.weighing.min_pairs)
        return found

    def _estimate(self, panel: Panel, component: int, solved: _Solved, used: Bools) -> Estimate:
        """Return what the fit says of one component."""
        factors, squares = self._refine(panel, component, solved, used)
        covariance = solved.factors.inverse()
        beside = covariance[1, -2] if len(covariance) > 1 else np.zeros(squares.shape)
        paid = _parameters(solved.normal, covariance)
        return Estimate(factors, solved.factors.told_apart(), covariance[0], beside, squares, paid)

    def _refine(self, panel: Panel, component: int, solved: _Solved, used: Bools) -> tuple[Floats, Floats]:
        """Return the factors (p, m) after one step on the residuals, and the weighted sum of squares (m,).

        Residuals are exact where the normal equations are not, so that what their squared condition has cost comes
        back (Björck 1987, corrected seminormal equations).
        """
        left, squares = panel.residual_sums(component, solved.values, used)
        return solved.values + solved.factors.solve(left - _times(self.penalty, solved.values)), squares


def _first_guess(panel: Panel, threshold: float) -> Bools:
    """Return which pairs lie within so many median deviations of the median of their pixel, in both components.

    One precise pair far off can draw a fit to itself that then rejects all others; so it begins without.
    """
    kept = panel.valid.copy()
    for component in (0, 1):
        away = panel.deviation(component)
        spread = panel.median(away, panel.valid, np.arange(panel.count(kept).size))
        kept &= ~panel.above(away, np.where(spread > 0, threshold * spread, np.inf))
    return kept


def _judge(panel: Panel, solutions: list[_Solved], used: Bools, threshold: float, least: float) -> Bools:
    """Return which valid pairs lie within `threshold` medians of the residuals of the used ones, in both components.

    Pairs that alone determine an unknown leave no residual and have no say in the median; one that the used ones do
    not predict, since it alone has part of an unknown, cannot be judged and is kept. No pair is judged by less than
    `least`, residuals being in units of their sigma.
    """
    kept, count = panel.valid.copy(), panel.count(used)
    for component, solved in enumerate(solutions):
        away = panel.away(component, solved.values)
        # If more than half of the residuals are above this share of the largest one, so is their median.
        within = panel.largest(away) * ((1 + ROUNDING) / threshold)
        doubtful = np.flatnonzero(2 * panel.count(used & panel.above(away, within)) <= count)
        if doubtful.size:
            limit = np.full(count.size, np.inf)
            floor = ROUNDING * np.abs(solved.values).max(axis=0) * panel.largest_root(component)
            free = used & panel.above(away, floor)
            # Pixels without a residual have no median.
            limit[doubtful] = np.fmax(
                threshold * panel.median(away, free, doubtful), np.maximum(floor, least)[doubtful]
            )
            kept &= ~panel.above(away, limit)
    mixed = ~(solutions[0].factors.told_apart() & solutions[1].factors.told_apart())
    # Unknowns that no pair at all has are in no row, so that looking for them finds nothing.
    if (mixed.any(axis=0) & (count < panel.count(panel.valid))).any():
        kept |= panel.valid & ~used & panel.touching(mixed)
    return kept


def _parameters(normal: Floats, covariance: Floats) -> Floats:
    """Return the trace of hat matrices (n,): the number of unknowns that the pairs, not the penalty, have paid for."""
    total = np.zeros(normal.shape[2])
    for d in range(len(normal)):
        for j in range(normal.shape[1] - d):
            total += (1 if d == 0 else 2) * normal[d, j] * covariance[d, j]
    return total


def _times(penalty: Floats, factors: Floats) -> Floats:
    """Return the product of a symmetric band matrix (b + 1, p) with vectors (p, n)."""
    found = penalty[0][:, None] * factors
    for d in range(1, len(penalty)):
        side = penalty[d, : penalty.shape[1] - d, None]
        found[:-d] += side * factors[d:]
        found[d:] += side * factors[:-d]
    return np.asarray(found)


def _whole_lanes(places: Ints) -> Ints:
    """Return pixels, the last one again and again to fill the lane."""
    return np.concatenate([places, np.full(-places.size % LANE, places[-1])])
