"""Growth: how fast a value changes with time in a cell that moves with the ice, fitted or given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.fusion.drift.carrying import Arrival, Cargo
from altiflow.fusion.drift.laid import Laid
from altiflow.gridding.kernel import run_starts

__all__ = ["Growth", "GrowthChoice", "check_growth", "find_growth"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

GrowthChoice = Literal["fit"] | float | None
"""A line through the parcels of each cell, a rate [unit of the value per day], or no correction."""

MIN_DAYS = 3
"""Fewest days with parcels through which a line is laid."""

MAX_RATE = 0.25
"""Steepest line that is taken for growth [unit of the value per day]: freeboard in metres (Ricker et al. 2025)."""


_PAUSE = 1 / 24
"""Pieces in a cell with no longer pause between them are of one crossing, by one beam or several [days]."""


@dataclass(frozen=True)
class Growth:
    """How fast the value changes.

    Attributes
    ----------
    rate, sigma
        Rate of each cell of the grid and its 1-sigma (rows * cols,) [unit of the value per day]; NaN where none.
    """

    rate: Floats
    sigma: Floats


def check_growth(growth: GrowthChoice) -> GrowthChoice:
    """Return how growth is corrected.

    Raises
    ------
    InputError
        If it is neither "fit", a finite rate nor None.
    """
    if growth is None or growth == "fit":
        return growth
    if isinstance(growth, bool) or not isinstance(growth, int | float) or not np.isfinite(growth):
        raise InputError(f"growth must be None, 'fit' or a rate per day, got {growth!r}")
    return float(growth)


def find_growth(growth: str | float, cargo: Cargo, arrival: Arrival) -> Growth:
    """Return the growth between the parcels of an arrival and its target.

    Parameters
    ----------
    growth
        "fit", or a rate.
    cargo, arrival
        The parcels, and where they are at the target.

    Notes
    -----
    The line of a cell is that of least squares, weighted by the weights of the parcels, of their mean values against
    their times of measurement. It needs parcels of ``MIN_DAYS`` days, is cut at ``MAX_RATE``, and no line is no growth.
    Parcels that cross a cell together share errors, so that the scatter is one of crossings. A given rate is taken as
    known.
    """
    size = cargo.grid.shape[0] * cargo.grid.shape[1]
    if growth != "fit":
        rate = np.full(size, float(growth))
        return Growth(rate, np.zeros(size))
    here = np.flatnonzero(arrival.here)
    laid = cargo.lay(arrival.chosen[here], arrival.dx[here], arrival.dy[here])
    crossings = _crossings(laid, -arrival.age[np.searchsorted(arrival.chosen, laid.parcel)])
    return Growth(*_fit(*crossings, size))


def _crossings(laid: Laid, time: Floats) -> tuple[Ints, Floats, Floats, Floats]:
    """Return cell, time [days], weight and mean (k,) of pieces with times (n,) put together by cell and crossing."""
    order = np.lexsort((time, laid.cell))
    cell, time, weight, mean = laid.cell[order], time[order], laid.weight[order], laid.mean[order]
    starts = run_starts((cell[1:] != cell[:-1]) | (time[1:] - time[:-1] > _PAUSE))
    if cell.size == 0:
        return cell, time, weight, mean
    whole = np.add.reduceat(weight, starts)
    # From differences to the first of each, so that equal values stay equal.
    parts = [np.repeat(part[starts], np.diff(starts, append=cell.size)) for part in (time, mean)]
    offsets = [
        np.add.reduceat(weight * (part - first), starts) for part, first in zip((time, mean), parts, strict=True)
    ]
    return cell[starts], time[starts] + offsets[0] / whole, whole, mean[starts] + offsets[1] / whole


def _fit(cell: Ints, time: Floats, weight: Floats, values: Floats, size: int) -> tuple[Floats, Floats]:
    """Return slope and 1-sigma of values (k,) against times [days] in each cell (size,)."""
    cells, group = np.unique(cell, return_inverse=True)

    def total(part: npt.ArrayLike) -> Floats:
        return np.bincount(group, np.asarray(part, np.float64), minlength=cells.size).astype(np.float64)

    whole = total(weight)
    middle, mean = total(weight * time) / whole, total(weight * values) / whole
    away, value = time - middle[group], values - mean[group]
    spread = total(weight * away**2)
    days = _days(group, np.floor(time).astype(np.int64), cells.size)
    enough = (days >= MIN_DAYS) & (spread > 0)
    slope = np.divide(total(weight * away * value), spread, out=np.full(cells.size, np.nan), where=enough)
    pieces = total(np.ones(group.size))
    # They count by their weight as a share of the mean weight, so that the scatter is one of crossings.
    rest = total(weight * (value - np.where(enough, slope, 0.0)[group] * away) ** 2)
    freedom = np.where(pieces > 2, pieces - 2, np.nan)
    sigma = np.sqrt(rest / whole * pieces / freedom / np.where(enough, spread / whole * pieces, np.nan))
    rates, sigmas = np.full(size, np.nan), np.full(size, np.nan)
    rates[cells], sigmas[cells] = np.clip(slope, -MAX_RATE, MAX_RATE), sigma
    return rates, sigmas


def _days(group: Ints, day: Ints, size: int) -> Ints:
    """Return how many different days each group has, of groups and days in order (k,)."""
    starts = run_starts((group[1:] != group[:-1]) | (day[1:] != day[:-1]))
    return np.bincount(group[starts[: group.size]], minlength=size).astype(np.int64)
