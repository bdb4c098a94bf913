"""Fits: weighted least squares of a model to all pairs of each pixel, with outliers taken out and errors told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.gridding.cubes.blocks import LANE, Samples
from altiflow.gridding.cubes.inversion.bands import Factors, factorise
from altiflow.gridding.cubes.inversion.models import SEASON_DAYS, Model
from altiflow.gridding.cubes.inversion.normals import Rows, add_products, add_rows, predict, sum_rows
from altiflow.gridding.cubes.medians import MAD_SCALE, median_of_valid

__all__ = ["MAX_ROUNDS", "Layout", "PixelFits"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

MAX_ROUNDS = 10
"""Most rounds of rejection."""

_ROUNDING = 1e-9
"""Residuals below this share of the largest fitted velocity are rounding, and no outliers."""


@dataclass(frozen=True)
class Layout:
    """Where in the rows of a result the parts lie, for m velocities."""

    levels: int
    wave: bool
    trend: bool

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield the name of each part and its number of rows, in order."""
        for name in ("vx", "vy", "vx_sigma", "vy_sigma", "count", "overlap_days"):
            yield name, self.levels
        for name in ("n_pairs", "n_rejected", "vx_misfit", "vy_misfit"):
            yield name, 1
        for component in ("vx", "vy"):
            for part in (*(("trend",) if self.trend else ()), *(("amp", "phase") if self.wave else ())):
                yield f"{component}_{part}", 1
                yield f"{component}_{part}_sigma", 1

    @property
    def rows(self) -> int:
        """Number of rows in all."""
        return sum(count for _, count in self.names())

    def places(self) -> dict[str, slice]:
        """Return the rows of each part."""
        found, at = {}, 0
        for name, count in self.names():
            found[name] = slice(at, at + count)
            at += count
        return found


@dataclass
class _Sums:
    """Sums over the pairs of one component that decide its fit: normal matrices (b + 1, p, n), right sides (p, n)."""

    velocity: Floats
    precision: Floats
    normal: Floats
    right: Floats

    def of(self, places: Ints) -> Floats:
        """Return velocities of some pixels (layers, places)."""
        return _take(self.velocity, places)


@dataclass(frozen=True)
class PixelFits:
    """A fit for each pixel, as a computation for :func:`altiflow.gridding.cubes.blocks.map_pixels`.

    Attributes
    ----------
    model, rows
        The model, and the means of its functions over each layer; layers come in the order of these rows.
    support
        For each layer and bin 1 where they meet, then the days that they share.
    sigma
        Standard error of each layer's velocity (layers, 1) where those of the cube do not count, else None.
    penalty
        Band (b + 1, p) that is added to the normal matrix: the price of roughness.
    outlier_mad
        Residuals beyond this many scaled MADs are outliers; None keeps all.
    min_pairs
        Fewest pairs that a bin needs.
    """

    model: Model
    rows: Rows
    support: Rows
    sigma: Floats | None
    penalty: Floats
    outlier_mad: float | None
    min_pairs: int

    def __call__(self, samples: Samples) -> Floats:
        """Return the rows of :class:`Layout` for each pixel."""
        sigmas = (self.sigma, self.sigma) if self.sigma is not None else (samples.vx_sigma, samples.vy_sigma)
        valid = samples.valid & self.rows.held[:, None]
        precisions = []
        for sigma in sigmas:
            known = np.ones((1, 1)) if sigma is None else sigma
            good = np.isfinite(known) & (known > 0)
            precisions.append(np.divide(1.0, known**2, out=np.zeros(known.shape), where=good))
            valid &= good
        sums = []
        for velocity, precision in zip((samples.vx, samples.vy), precisions, strict=True):
            values = np.where(valid, velocity, 0.0)
            sums.append(_Sums(values, precision, *self._sum_up(values, precision, valid)))
        used = valid if self.outlier_mad is None else self._reject(sums, valid)
        return self._assess(sums, used, valid)

    def _sum_up(self, velocity: Floats, precision: Floats, used: Bools) -> tuple[Floats, Floats]:
        """Return normal matrices (b + 1, p, n) and right sides (p, n) of the used pairs."""
        shape = (self.rows.columns, used.shape[1] // LANE, LANE)
        normal, right = np.zeros((len(self.penalty), *shape)), np.zeros(shape)
        for one in self.rows.slices:
            some = slice(one.start, one.stop)
            if not used[some].any():
                continue
            weights = used[some] * _part(precision, some)
            add_products(normal, one, weights)
            weights *= velocity[some]
            add_rows(right, one, weights)
        return normal.reshape(*normal.shape[:2], -1), right.reshape(len(right), -1)

    def _factorise(self, normal: Floats) -> Factors:
        """Return the factors of the normal matrices and the penalty."""
        return factorise(normal + self.penalty[:, :, None])

    def _reject(self, sums: list[_Sums], valid: Bools) -> Bools:
        """Return the pairs (layers, n) that are no outliers, judging all of them in every round.

        Only pixels where the last round changed any are fitted again; the sums are those of the pairs returned.
        """
        used, places = valid.copy(), np.arange(valid.shape[1])
        for _ in range(MAX_ROUNDS):
            some = _whole_lanes(places, valid.shape[1])
            kept = self._judge(sums, some, _take(used, some), _take(valid, some))[:, : places.size]
            changed = (kept != _take(used, places)).any(axis=0)
            places, kept = places[changed], kept[:, changed]
            if places.size == 0:
                break
            used[:, places] = kept
            some = _whole_lanes(places, valid.shape[1])
            for one in sums:
                normal, right = self._sum_up(one.of(some), _take(one.precision, some), _take(used, some))
                one.normal[:, :, some], one.right[:, some] = normal, right
        return used

    def _judge(self, sums: list[_Sums], places: Ints, used: Bools, valid: Bools) -> Bools:
        """Return which valid pairs lie within the limit around the fit to the used ones, in both components."""
        kept = valid.copy()
        for one in sums:
            factors = self._factorise(one.normal[:, :, places]).solve(one.right[:, places])
            velocity, root = one.of(places), np.sqrt(_take(one.precision, places))
            away = np.zeros(valid.shape)
            for piece in self.rows.slices:
                some = slice(piece.start, piece.stop)
                if valid[some].any():
                    size = np.abs(velocity[some] - predict(piece, factors))
                    away[some] = np.multiply(size, _part(root, some), out=size)
            limit = (self.outlier_mad or np.inf) * MAD_SCALE * median_of_valid(away, used)
            # Pixels without a pair have no limit.
            floor = _ROUNDING * np.abs(factors).max(axis=0) * root.max(axis=0)
            kept &= ~(away > np.fmax(limit, floor))
        return kept

    def _assess(self, sums: list[_Sums], used: Bools, valid: Bools) -> Floats:
        """Return the result of the pairs that are used."""
        layout = Layout(self.model.levels, self.model.wave, self.model.trend)
        found, places = np.full((layout.rows, used.shape[1]), np.nan), layout.places()
        met = sum_rows(self.support, used.astype(np.float64))
        count, pairs = met[: layout.levels], used.sum(axis=0)
        found[places["count"]], found[places["overlap_days"]] = count, met[layout.levels :]
        found[places["n_pairs"]], found[places["n_rejected"]] = pairs, valid.sum(axis=0) - pairs
        for name, one in zip(("vx", "vy"), sums, strict=True):
            solved = self._factorise(one.normal)
            factors, squares = self._refine(solved, one, used)
            apart, covariance = solved.told_apart(), solved.inverse()
            sure = apart[: layout.levels] & (count >= self.min_pairs)
            found[places[name]] = np.where(sure, factors[: layout.levels], np.nan)
            found[places[f"{name}_sigma"]] = np.where(sure, np.sqrt(covariance[0, : layout.levels]), np.nan)
            freedom = pairs - _parameters(one.normal, covariance)
            chi = np.divide(squares, freedom, out=np.full(freedom.shape, np.nan), where=freedom > 0.5)
            found[places[f"{name}_misfit"]] = np.sqrt(chi)
            if layout.trend:
                self._tell_trend(found, places, name, factors, apart, covariance)
            if layout.wave:
                self._tell_wave(found, places, name, factors, apart, covariance)
        return found

    def _refine(self, solved: Factors, one: _Sums, used: Bools) -> tuple[Floats, Floats]:
        """Return the factors (p, n) after one step on the residuals, and the weighted sum of squares (n,).

        Residuals are exact where the normal equations are not, so that what their squared condition has cost comes
        back (Björck 1987, corrected seminormal equations).
        """
        factors = solved.solve(one.right)
        right = np.zeros((len(factors), used.shape[1] // LANE, LANE))
        squares = np.zeros(used.shape[1])
        for piece in self.rows.slices:
            some = slice(piece.start, piece.stop)
            if not used[some].any():
                continue
            left = one.velocity[some] - predict(piece, factors)
            weighted = left * used[some]
            weighted *= _part(one.precision, some)
            add_rows(right, piece, weighted)
            weighted *= left
            squares += weighted.sum(axis=0)
        step = right.reshape(factors.shape) - _times(self.penalty, factors)
        return factors + solved.solve(step), squares

    def _tell_trend(
        self, found: Floats, places: dict[str, slice], name: str, factors: Floats, apart: Bools, covariance: Floats
    ) -> None:
        """Put in the slope and its error."""
        place = self.model.levels
        found[places[f"{name}_trend"]] = np.where(apart[place], factors[place], np.nan)
        found[places[f"{name}_trend_sigma"]] = np.where(apart[place], np.sqrt(covariance[0, place]), np.nan)

    def _tell_wave(
        self, found: Floats, places: dict[str, slice], name: str, factors: Floats, apart: Bools, covariance: Floats
    ) -> None:
        """Put in amplitude and phase of the wave and their errors, by the covariance of sine and cosine."""
        sine, cosine = factors[-2], factors[-1]
        size, known = np.hypot(sine, cosine), apart[-2] & apart[-1]
        across = np.where(size > 0, size, 1.0)
        s, c = sine / across, cosine / across
        along = s**2 * covariance[0, -2] + 2 * s * c * covariance[1, -2] + c**2 * covariance[0, -1]
        beside = c**2 * covariance[0, -2] - 2 * s * c * covariance[1, -2] + s**2 * covariance[0, -1]
        turn = np.arctan2(sine, cosine) / (2 * np.pi)
        days = (turn - np.floor(turn)) * SEASON_DAYS
        day_sigma = np.sqrt(np.maximum(beside, 0.0)) / across * SEASON_DAYS / (2 * np.pi)
        found[places[f"{name}_amp"]] = np.where(known, size, np.nan)
        found[places[f"{name}_amp_sigma"]] = np.where(known, np.sqrt(np.maximum(along, 0.0)), np.nan)
        # A wave of no size has no day of its crest.
        told = known & (size > 0)
        found[places[f"{name}_phase"]] = np.where(told, np.where(days < SEASON_DAYS, days, 0.0), np.nan)
        found[places[f"{name}_phase_sigma"]] = np.where(told, day_sigma, np.nan)


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


def _whole_lanes(places: Ints, pixels: int) -> Ints:
    """Return pixels, the last one again and again to fill the lane; all of them where nearly all are wanted."""
    short = -places.size % LANE
    return np.concatenate([places, np.full(short, places[-1])]) if places.size < pixels else places


def _take(values: npt.NDArray[Any], places: Ints) -> npt.NDArray[Any]:
    """Return columns of (layers, pixels); what holds for all pixels stays as it is."""
    if values.shape[1] == 1 or np.array_equal(places, np.arange(values.shape[1])):
        return values
    return values[:, places]


def _part(values: Floats, some: slice) -> Floats:
    """Return some layers of (layers, n) or of what holds for all of them, (1, 1)."""
    return values if len(values) == 1 else values[some]
