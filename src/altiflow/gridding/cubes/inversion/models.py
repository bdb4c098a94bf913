"""Models: what velocity may do in time, as functions whose mean over any interval is known exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import InputError
from altiflow.gridding.cubes.layers import days_since
from altiflow.gridding.periods import Times

__all__ = ["SEASON_DAYS", "Level", "Model", "ModelName", "make_model", "wave_means"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ModelName = Literal["piecewise", "annual", "seasonal", "cyclic"]
"""One velocity in each period; in each calendar year; that and an annual wave; or one in each calendar month."""

Level = Literal["annual", "constant", "trend"]
"""What an annual wave rides on: one velocity for each period, one for all of time, or a straight line."""

SEASON_DAYS = 365.25
"""Period of the annual wave [d]; its phase is counted from 2000-01-01, so that 1 January is within 0.75 d of 0."""

_NOTHING = 1e-9
"""Share of an interval, or of the wave, that is rounding."""


@dataclass(frozen=True)
class Model:
    """A sum of p known functions of time with unknown factors.

    Attributes
    ----------
    name, level
        As they were asked for.
    bins
        [start, end) of the velocities that come out (m, 2).
    edges
        Bins as days since 2000-01-01 (k, 2): those of all years where the model is cyclic.
    slot
        Which of the unknowns each of the k bins is (k,).
    unknowns
        Number p; the m velocities first, then the slope, then sine and cosine.
    """

    name: ModelName
    level: Level
    bins: Times
    edges: Floats
    slot: npt.NDArray[np.intp]
    unknowns: int

    @property
    def levels(self) -> int:
        """Number of unknown velocities in bins."""
        return len(self.bins)

    @property
    def wave(self) -> bool:
        """Whether the last two unknowns are the factors of sine and cosine."""
        return self.name == "seasonal"

    @property
    def trend(self) -> bool:
        """Whether one unknown is a slope per year of 365.25 d."""
        return self.wave and self.level == "trend"

    @property
    def middle(self) -> float:
        """Where the straight line has the velocity of its only bin, days since 2000-01-01."""
        return float(self.edges.mean())

    def means(self, start: Floats, end: Floats) -> tuple[Floats, Bools]:
        """Return the means of the functions over intervals (n,), (n, p), and whether the bins hold all of each.

        Start and end are days since 2000-01-01. An interval that is not held, or does not last, gets zeros.
        """
        near = self._near(start, end)
        edges, slot = self.edges[near], self.slot[near]
        shared = np.minimum(end[:, None], edges[:, 1]) - np.maximum(start[:, None], edges[:, 0])
        days = np.where(end > start, end - start, np.nan)
        share = shared / days[:, None]
        share[~(share > _NOTHING)] = 0.0
        held = share.sum(axis=1) > 1 - 4 * _NOTHING
        found = np.zeros((start.size, self.unknowns))
        if self.levels == len(self.edges):
            found[:, near] = share
        else:
            for place in np.unique(slot):
                found[:, place] = share[:, slot == place].sum(axis=1)
        place = self.levels
        if self.trend:
            found[:, place] = ((start + end) / 2 - self.middle) / SEASON_DAYS
        if self.wave:
            found[:, -2:] = np.stack(wave_means(start, end), axis=-1)
        found[~held] = 0.0
        return found, held

    def _near(self, start: Floats, end: Floats) -> slice:
        """Return which bins the intervals (n,) can meet; all where one has no dates."""
        first, last = start.min(initial=np.inf), end.max(initial=-np.inf)
        if not first <= last:
            return slice(None)
        return slice(int((self.edges[:, 1] <= first).sum()), int((self.edges[:, 0] < last).sum()))


def wave_means(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Return the means of sine and cosine of the year over intervals, days since 2000-01-01.

    The mean of ``sin(w t)`` over an interval is ``sin(w m) sinc(w d / 2)``, m its middle and d its length: a pair
    of a whole year sees nothing of the wave, one of 546 days sees it upside down.

    Examples
    --------
    >>> sine, _ = wave_means(np.array([0.0, 0.0]), np.array([365.25 / 2, 365.25]))
    >>> sine.round(6).tolist()
    [0.63662, 0.0]
    """
    turns = (start + end) / 2 / SEASON_DAYS
    # numpy's sinc(x) is sin(pi x) / (pi x).
    kept = np.sinc((end - start) / SEASON_DAYS)
    kept[np.abs(kept) < _NOTHING] = 0.0
    angle = 2 * np.pi * (turns - np.floor(turns))
    return np.sin(angle) * kept, np.cos(angle) * kept


def make_model(name: ModelName, bins: Times, *, level: Level = "annual") -> Model:
    """Return a model over time bins [start, end) (m, 2), in order and without overlap.

    Raises
    ------
    InputError
        If the model or level is not known, or bins overlap or are out of order.
    """
    if name not in _MAKERS:
        raise InputError(f"model must be one of {', '.join(_MAKERS)}, got {name!r}")
    if level not in ("annual", "constant", "trend"):
        raise InputError(f"level must be 'annual', 'constant' or 'trend', got {level!r}")
    if level != "annual" and name != "seasonal":
        raise InputError(f"level={level!r} goes with model='seasonal', not {name!r}")
    if (bins[1:, 0] < bins[:-1, 1]).any():
        raise InputError("the periods of a model must be in order and not overlap; sort them, or invert each alone")
    return _MAKERS[name](name, level, bins)


def _one_each(name: ModelName, level: Level, bins: Times) -> Model:
    """Return a model with a velocity in each bin."""
    return Model(name, level, bins, days_since(bins), np.arange(len(bins)), len(bins))


def _seasonal(name: ModelName, level: Level, bins: Times) -> Model:
    """Return a model with an annual wave on velocities in bins, on one for all, or on a line."""
    if level != "annual":
        bins = np.array([[bins[0, 0], bins[-1, 1]]])
    more = 3 if level == "trend" else 2
    return Model(name, level, bins, days_since(bins), np.arange(len(bins)), len(bins) + more)


def _cyclic(name: ModelName, level: Level, bins: Times) -> Model:
    """Return a model with a velocity in each calendar month, the same in all years that the bins touch."""
    first, last = pd.Timestamp(bins[0, 0]), pd.Timestamp(bins[-1, 1])
    edges = pd.date_range(first.to_period("M").start_time, last + pd.offsets.MonthBegin(1), freq="MS")
    months = np.stack([edges[:-1].to_numpy(), edges[1:].to_numpy()], axis=1).astype("datetime64[ns]")
    slot = edges[:-1].month.to_numpy().astype(np.intp) - 1
    year = (first + (last - first) / 2).year
    shown = pd.date_range(f"{year}-01-01", periods=13, freq="MS").to_numpy().astype("datetime64[ns]")
    return Model(name, level, np.stack([shown[:-1], shown[1:]], axis=1), days_since(months), slot, 12)


_MAKERS: dict[str, Callable[[ModelName, Level, Times], Model]] = {
    "piecewise": _one_each,
    "annual": _one_each,
    "seasonal": _seasonal,
    "cyclic": _cyclic,
}
