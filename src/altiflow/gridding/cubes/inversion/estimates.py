"""Estimates: what a fit says of pixels, and the rows of the result that are made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.gridding.cubes.inversion.models import SEASON_DAYS
from altiflow.gridding.cubes.medians import MAD_SCALE

__all__ = ["MAX_ROUNDS", "ROUNDING", "Estimate", "Layout", "Weighing", "fill_rows"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

MAX_ROUNDS = 10
"""Most rounds of rejection."""

ROUNDING = 1e-9
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
        for name in ("n_pairs", "n_rejected", "n_without_sigma", "vx_misfit", "vy_misfit"):
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


@dataclass(frozen=True)
class Weighing:
    """How pairs weigh, and which count.

    Attributes
    ----------
    sigma
        Standard error of each row of the model (n, 1) where those of the cube do not count, else None.
    scale_known
        Whether sigmas are more than weights.
    outlier_mad
        Residuals beyond this many scaled MADs, and this many sigmas, are outliers; None keeps all.
    min_pairs
        Fewest pairs that a period needs.
    """

    sigma: Floats | None
    scale_known: bool
    outlier_mad: float | None
    min_pairs: int

    @property
    def threshold(self) -> float:
        """Medians of the residuals beyond which pairs are outliers; 0 where all are kept."""
        return 0.0 if self.outlier_mad is None else self.outlier_mad * MAD_SCALE

    @property
    def least(self) -> float:
        """Residuals below which no pair is an outlier."""
        return (self.outlier_mad or 0.0) if self.scale_known else 0.0


@dataclass(frozen=True)
class Estimate:
    """The fit of one component to m pixels.

    Attributes
    ----------
    factors
        Factors of the model's p functions (p, m).
    apart
        Whether the pairs determine each of them (p, m).
    variance
        Squared standard error of each (p, m).
    beside
        Covariance of the last two (m,), sine and cosine where the model has a wave.
    squares
        Weighted sum of squared residuals (m,).
    parameters
        Number of unknowns that the pairs, not the price of roughness, have paid for (m,).
    """

    factors: Floats
    apart: Bools
    variance: Floats
    beside: Floats
    squares: Floats
    parameters: Floats


def fill_rows(
    found: Floats,
    layout: Layout,
    estimates: tuple[Estimate, Estimate],
    *,
    count: Floats,
    pairs: npt.NDArray[Any],
    min_pairs: int,
) -> None:
    """Put velocities, waves, trends and their errors into a result (rows, m).

    Parameters
    ----------
    found
        The result, see :class:`Layout`; set in place.
    layout
        Where in it the parts lie.
    estimates
        Of vx and of vy.
    count
        Pairs that meet each period (levels, m).
    pairs
        Pairs in the fit (m,).
    min_pairs
        Periods with fewer pairs are NaN.
    """
    places, levels = layout.places(), layout.levels
    for name, one in zip(("vx", "vy"), estimates, strict=True):
        sure = one.apart[:levels] & (count >= min_pairs)
        found[places[name]] = np.where(sure, one.factors[:levels], np.nan)
        found[places[f"{name}_sigma"]] = np.sqrt(np.where(sure, one.variance[:levels], np.nan))
        freedom = pairs - one.parameters
        chi = np.divide(one.squares, freedom, out=np.full(freedom.shape, np.nan), where=freedom > 0.5)
        found[places[f"{name}_misfit"]] = np.sqrt(chi)
        if layout.trend:
            known = one.apart[levels]
            found[places[f"{name}_trend"]] = np.where(known, one.factors[levels], np.nan)
            found[places[f"{name}_trend_sigma"]] = np.sqrt(np.where(known, one.variance[levels], np.nan))
        if layout.wave:
            _fill_wave(found, places, name, one)


def _fill_wave(found: Floats, places: dict[str, slice], name: str, one: Estimate) -> None:
    """Put in amplitude and phase of the wave and their errors, by the covariance of sine and cosine."""
    sine, cosine = one.factors[-2], one.factors[-1]
    size, known = np.hypot(sine, cosine), one.apart[-2] & one.apart[-1]
    across = np.where(size > 0, size, 1.0)
    s, c = sine / across, cosine / across
    along = s**2 * one.variance[-2] + 2 * s * c * one.beside + c**2 * one.variance[-1]
    beside = c**2 * one.variance[-2] - 2 * s * c * one.beside + s**2 * one.variance[-1]
    turn = np.arctan2(sine, cosine) / (2 * np.pi)
    days = (turn - np.floor(turn)) * SEASON_DAYS
    day_sigma = np.sqrt(np.maximum(beside, 0.0)) / across * SEASON_DAYS / (2 * np.pi)
    found[places[f"{name}_amp"]] = np.where(known, size, np.nan)
    found[places[f"{name}_amp_sigma"]] = np.where(known, np.sqrt(np.maximum(along, 0.0)), np.nan)
    # A wave of no size has no day of its crest.
    told = known & (size > 0)
    found[places[f"{name}_phase"]] = np.where(told, np.where(days < SEASON_DAYS, days, 0.0), np.nan)
    found[places[f"{name}_phase_sigma"]] = np.where(told, day_sigma, np.nan)
