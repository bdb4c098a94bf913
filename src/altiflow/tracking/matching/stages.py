"""The steps of tracking, one after the other, each for tile after tile in threads."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.tracking.compiled.correlation import match_near
from altiflow.tracking.compiled.refinement import refine_chips
from altiflow.tracking.matching.frames import Frame, Pair, Splines, Tile, cut_tiles, filter_margin
from altiflow.tracking.matching.full.exhaustive import full_matches
from altiflow.tracking.matching.plans import Found, Plan
from altiflow.tracking.matching.priors import (
    coarse_matches,
    coarse_step,
    field_at,
    field_strain,
    fill_from_neighbours,
    smooth_field,
    spread_nodes,
)
from altiflow.tracking.neighbours.outliers import median_outliers
from altiflow.tracking.status import AMBIGUOUS, EDGE, NO_CONVERGENCE
from altiflow.workers import map_each

__all__ = ["NEAR", "WALKS", "Stages"]

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_STEPS = 12
NEAR, _AGAIN = 3, 7
"""Radius of the fine search about a prior, and about what neighbours say [px]."""
WALKS = 3
_FAR_FROM_PEAK = 1.25
"""How far from the best whole pixel a displacement may settle [px]."""
_FAR_FROM_FIRST = 1.0
_WEAK = 0.2
"""Matches that correlate less are looked for again."""
_STRAIN = 0.1
"""Share of the difference in displacement between middle and rim of a chip that is charged to its width."""


class Stages:
    """Steps of tracking of a pair on a lattice; `found` has what they come to."""

    def __init__(self, pair: Pair, middles: tuple[Ints, Ints], plan: Plan, threads: int, *, quiet: bool = True) -> None:
        self.parameters = pair.parameters
        shape = middles[0].size, middles[1].size
        self.found = Found.nothing(shape)
        wide = max(self.parameters.chip, max(self.parameters.widths) // 2)
        margin = plan.margin + _AGAIN + wide + filter_margin(self.parameters)
        self.tiles = cut_tiles(middles, pair.first.shape[:2], margin)
        self.pair = replace(pair, tiles=self.tiles)
        self.middles, self.plan, self.threads, self.quiet = middles, plan, threads, quiet
        self.needs = np.array([self.parameters.min_valid_first, self.parameters.min_valid_second])

    def run(self) -> Found:
        """Return displacements by way of all steps."""
        if self.parameters.search == "full":
            self.search_all()
            self.refine(self.found.shift, steps=0)
            return self.found
        if self.plan.unknown.any() and self.parameters.reach > _AGAIN:
            self.look_coarsely()
        self.search_near(np.ones(self.found.status.shape, bool))
        self.search_again()
        self.refine(self.found.shift)
        if self.parameters.chips is not None:
            self.choose_chips(self.parameters.chips)
            self.refuse_far()
            self.lead_again()
        return self.found

    def look_coarsely(self) -> None:
        """Put what large chips say into the plan of the cells without a prior."""
        step = coarse_step(self.parameters.chip, self.parameters.spacing)
        shape = self.found.status.shape
        nodes = np.full((2, *(len(range(0, size, step)) for size in shape)), np.nan)

        def work(tile: Tile) -> tuple[Any, Floats] | None:
            rows, cols = (np.arange(-(-a // step) * step, b, step) for a, b in (tile.rows, tile.cols))
            if not (rows.size and cols.size):
                return None
            places = self._places(tile, rows, cols)
            found = coarse_matches(
                self.pair.frame(tile), places, chip=self.parameters.chip, reach=self.parameters.reach
            )
            return np.ix_(rows // step, cols // step), found.T.reshape(2, rows.size, cols.size)

        for done in self._each("coarse search", work):
            if done is not None:
                nodes[:, done[0][0], done[0][1]] = done[1]
        nodes[:, median_outliers(*nodes, threshold=3.0, noise=1.5)] = np.nan
        near, where = spread_nodes(fill_from_neighbours(nodes), shape, step), self.plan.unknown
        self.plan.near[where] = np.rint(near).astype(np.int32)[:, where].T
        self.plan.radius[where], self.plan.walks[where] = NEAR, WALKS

    def search_all(self) -> None:
        """Search all displacements of the plan; where there are few tiles, threads share each of them."""
        alone = self.parameters.backend != "opencv"
        shares = 1 if alone or len(self.tiles) >= 2 * self.threads else self.threads
        if shares > 1:
            # Filtered once, before several threads ask for it.
            self._each("filter", lambda tile: self.pair.frame(tile).windows(self.parameters.chip))
        parts = [(tile, part) for tile in self.tiles for part in tile.shared_out(shares)]

        def work(each: tuple[Tile, Tile]) -> Any:
            tile, part = each
            near, radius = self.plan.near[part.cells].reshape(-1, 2), self.plan.radius[part.cells].ravel()
            frame, places = self.pair.frame(tile), self._places(part, np.arange(*part.rows), np.arange(*part.cols))
            return full_matches(
                frame,
                places,
                near,
                radius,
                chip=self.parameters.chip,
                needs=self.needs,
                backend=self.parameters.backend,
                subpixel=self.parameters.subpixel,
            )

        workers = 1 if alone else self.threads
        done = map_each(work, parts, workers=workers, label="full search", quiet=self.quiet)
        for (_, part), (shift, quality, status) in zip(parts, done, strict=True):
            shape = self.found.status[part.cells].shape
            self.found.shift[part.cells], self.found.quality[part.cells] = (
                each.reshape(*shape, -1) for each in (shift, quality)
            )
            self.found.status[part.cells] = status.reshape(shape)

    def search_near(self, wanted: Mask) -> None:
        """Search about the plan in the cells that are wanted, whatever was found there before."""

        def work(tile: Tile) -> Any:
            picked = wanted[tile.cells].ravel()
            count = int(picked.sum())
            shift, quality = np.zeros((count, 2), np.int32), np.full((count, 5), np.nan)
            status = np.zeros(count, np.uint8)
            if count:
                frame, plan = self.pair.frame(tile), self.plan
                places = self._places(tile, np.arange(*tile.rows), np.arange(*tile.cols))[picked]
                near = plan.near[tile.cells].reshape(-1, 2)[picked]
                near_x, near_y = np.ascontiguousarray(near.T)
                radius, reach, walks = (
                    each[tile.cells].ravel()[picked] for each in (plan.radius, plan.reach, plan.walks)
                )
                two, norms = frame.windows(self.parameters.chip)
                match_near(
                    frame.one, two, norms, frame.counts_one, frame.counts_two, places, near_x, near_y, radius,
                    reach, walks, self.parameters.chip, self.needs, shift, quality, status,
                )  # fmt: skip
            return shift, quality, status

        for tile, (shift, quality, status) in zip(self.tiles, self._each("search", work), strict=True):
            at = np.zeros(wanted.shape, bool)
            at[tile.cells] = wanted[tile.cells]
            self.found.shift[at] = np.where(np.isnan(quality[:, :1]), np.nan, shift)
            self.found.quality[at], self.found.status[at] = quality, status

    def search_again(self) -> None:
        """Search the cells that failed once more, about what their neighbours say."""
        found, before = self.found, self.found.status
        seen = np.isfinite(found.quality[..., 0])
        shift = np.where((before == 0)[..., None], found.shift, np.nan)
        failed = median_outliers(shift[..., 0], shift[..., 1], noise=0.6) | (found.quality[..., 0] < _WEAK)
        failed = self.plan.soft & seen & (failed | (before == EDGE))
        good = (before == 0) & ~failed
        if not failed.any() or not good.any():
            return
        near = fill_from_neighbours(np.moveaxis(np.where(good[..., None], found.shift, np.nan), -1, 0))
        kept = Found(found.shift.copy(), found.quality.copy(), before.copy(), found.fine, found.chip)
        self.plan.near[failed] = np.rint(near[:, failed].T).astype(np.int32)
        self.plan.radius[failed], self.plan.walks[failed] = _AGAIN, 1
        self.search_near(failed)
        worse = failed & (found.status != 0)
        for now, old in ((found.shift, kept.shift), (found.quality, kept.quality), (found.status, kept.status)):
            now[worse] = old[worse]

    def refine(self, starts: Floats, *, steps: int = _STEPS) -> None:
        """Find displacements between pixels from `starts` (rows, cols, 2)."""

        def work(tile: Tile) -> Any:
            frame, splines = self.pair.prepared(tile)
            return self._settle(tile, frame, splines, starts, (self.parameters.chip,), _FAR_FROM_PEAK, None, steps)

        self._put(self._each("between pixels", work), np.isfinite(starts[..., 0]))

    def choose_chips(self, chips: tuple[int, ...]) -> None:
        """Refine once more with the width of chip that suits each cell, on image 2 drawn back along a smooth field.

        What is found first, without outliers and smoothed, takes most of the strain out of the chips; what is left of
        it, with the error of each width, decides among the widths.
        """
        dx, dy = self.found.moved
        outlier = median_outliers(dx, dy)
        first = fill_from_neighbours(np.stack([np.where(outlier, np.nan, each) for each in (dx, dy)]))
        smooth = smooth_field(first)
        bend = _STRAIN / 2 * field_strain(first - smooth, self.parameters.spacing)
        starts = np.moveaxis(first - smooth, 0, -1)
        self.found.fine[outlier] = np.nan

        def work(tile: Tile) -> Any:
            frame, splines = self.pair.warped(tile, smooth, self.middles)
            return self._settle(tile, frame, splines, starts, chips, _FAR_FROM_FIRST, bend, _STEPS)

        done = self._each("widths of chip", work)
        for tile, (fine, _) in zip(self.tiles, done, strict=True):
            fine[:, :2] += field_at(smooth, tile.cells, fine[:, :2], self.parameters.spacing)
        self._put(done, np.isin(self.found.status, (0, NO_CONVERGENCE)))

    def lead_again(self) -> None:
        """Find the lead and ratio of displacements that settled elsewhere than at the match whose lead is known.

        Both are NaN where another displacement within 7 px correlates better.
        """
        found = self.found
        with np.errstate(invalid="ignore"):
            elsewhere = np.abs(found.fine[..., :2] - found.shift).max(axis=-1) > _FAR_FROM_PEAK
        elsewhere &= found.status == 0
        if not elsewhere.any():
            return
        beside, shape = copy(self), found.status.shape
        beside.found, beside.plan = Found.nothing(shape), Plan.about(shape, radius=_AGAIN, reach=2**30, walks=0)
        beside.plan.near[elsewhere] = np.rint(found.fine[elsewhere, :2]).astype(np.int32)
        beside.search_near(elsewhere)
        with np.errstate(invalid="ignore"):
            same = np.abs(found.fine[..., :2] - beside.found.shift).max(axis=-1) <= _FAR_FROM_PEAK
        found.quality[elsewhere, 1:] = np.where(same[..., None], beside.found.quality[..., 1:], np.nan)[elsewhere]

    def refuse_far(self) -> None:
        """Flag what settled farther from the plan than may be looked in the cells whose radius must not be left."""
        found, far = self.found, self.plan.radius + _FAR_FROM_PEAK
        apart = np.abs(found.fine[..., :2] - self.plan.near).max(axis=-1)
        with np.errstate(invalid="ignore"):
            refused = ~self.plan.soft & (apart > far)
        found.status[refused] |= AMBIGUOUS
        found.fine[refused], found.quality[refused], found.chip[refused] = np.nan, np.nan, 0

    def _settle(
        self,
        tile: Tile,
        frame: Frame,
        splines: Splines,
        starts: Floats,
        chips: tuple[int, ...],
        far: float,
        bend: Floats | None,
        steps: int,
    ) -> tuple[Floats, npt.NDArray[np.uint16]]:
        """Return displacements, errors, correlation and covariance (n, 6) of a tile, and widths of chip (n,)."""
        places = self._places(tile, np.arange(*tile.rows), np.arange(*tile.cols))
        tried = np.isin(self.found.status[tile.cells], (0, NO_CONVERGENCE))[..., None]
        begin = np.ascontiguousarray(np.where(tried, starts[tile.cells], np.nan).reshape(-1, 2))
        loss = np.zeros(len(places)) if bend is None else bend[tile.cells].ravel()
        fine, chosen = np.full((len(places), 6), np.nan), np.zeros(len(places), np.uint16)
        counts = np.stack([frame.counts_one[0], frame.counts_two[0]])
        refine_chips(
            frame.one, splines.slopes, frame.valid_one, splines.coefficients, frame.valid_two, counts, self.needs,
            places, begin, np.array(chips, np.int64), far, loss, steps, fine, chosen,
        )  # fmt: skip
        return fine, chosen

    def _put(self, done: list[Any], tried: Mask) -> None:
        """Take displacements that settled; flag the cells that were tried and have none, now or before."""
        found = self.found
        tried &= np.isin(found.status, (0, NO_CONVERGENCE))
        for tile, (fine, chosen) in zip(self.tiles, done, strict=True):
            settled = (chosen > 0).reshape(found.status[tile.cells].shape)
            found.fine[tile.cells][settled] = fine[chosen > 0]
            found.chip[tile.cells][settled] = chosen[chosen > 0]
        found.status[tried] = np.where(np.isfinite(found.fine[..., 0][tried]), 0, NO_CONVERGENCE)

    def _each(self, label: str, work: Callable[[Tile], Any]) -> list[Any]:
        """Return what comes of all tiles, in order."""
        return map_each(work, self.tiles, workers=self.threads, label=label, quiet=self.quiet)

    def _places(self, tile: Tile, rows: npt.NDArray[Any], cols: npt.NDArray[Any]) -> Ints:
        """Return row and column behind the middles of chips (n, 2), in the window of a tile."""
        grid = np.meshgrid(self.middles[0][rows] - tile.top, self.middles[1][cols] - tile.left, indexing="ij")
        return np.stack([each.ravel() for each in grid], axis=1).astype(np.int32)
