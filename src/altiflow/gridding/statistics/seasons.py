"""Months and seasons: which one a period is, and of which year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError

__all__ = ["SEASONS", "Cycle", "Slots", "cycle_bounds", "find_slots"]

Cycle = Literal["month", "season"]
"""What a year is divided into."""

SEASONS = ("DJF", "MAM", "JJA", "SON")
"""The seasons in order; the December of a DJF belongs to the year of its January and February."""

Times = npt.NDArray[np.datetime64]
Ints = npt.NDArray[np.int64]

_HELP = "grid with freq='month'"


@dataclass(frozen=True)
class Slots:
    """Where each of t periods belongs.

    Attributes
    ----------
    place
        The month (0 to 11) or season (0 to 3), shape (t,).
    year
        The year, shape (t,).
    months
        Months in the period, shape (t,): 1, or 3 for a whole season.
    """

    place: Ints
    year: Ints
    months: Ints


def find_slots(bounds: Times, by: Cycle) -> Slots:
    """Return the month or season of each period [start, end) of `bounds` (t, 2).

    Raises
    ------
    InputError
        If `by` is not known, a period is neither a calendar month nor, for seasons, a whole season, or if two
        periods overlap.

    Examples
    --------
    >>> december = find_slots(np.array([["2019-12-01", "2020-01-01"]], "datetime64[ns]"), "season")
    >>> int(december.place[0]), int(december.year[0])
    (0, 2020)
    """
    _check_cycle(by)
    edges = bounds.astype("datetime64[M]")
    first = edges[:, 0].astype(np.int64)
    months = edges[:, 1].astype(np.int64) - first
    whole = (edges.astype("datetime64[ns]") == bounds).all(axis=1)
    fits = whole & (months == 1)
    if by == "season":
        fits |= whole & (months == 3) & ((first + 1) % 3 == 0)
    if not fits.all():
        start, end = bounds[np.flatnonzero(~fits)[0]].astype("datetime64[s]")
        wanted = "calendar months" if by == "month" else "calendar months or seasons"
        other = "" if by == "month" else " or 'QS-DEC'"
        raise InputError(f"by={by!r} needs periods of {wanted}, got {start} to {end}; {_HELP}{other}")
    _refuse_overlap(first, months)
    if by == "month":
        return Slots(first % 12, first // 12 + 1970, months)
    shifted = first + 1
    return Slots(shifted % 12 // 3, shifted // 12 + 1970, months)


def cycle_bounds(by: Cycle, years: tuple[int, int]) -> Times:
    """Return the climatological bounds (12 or 4, 2): from the start in the first year to the end in the last.

    Examples
    --------
    >>> cycle_bounds("season", (2019, 2021))[0].astype("datetime64[D]").tolist()
    [datetime.date(2018, 12, 1), datetime.date(2021, 3, 1)]
    """
    _check_cycle(by)
    first, last = ((year - 1970) * 12 for year in years)
    starts = np.arange(12) if by == "month" else np.arange(4) * 3 - 1
    length = 1 if by == "month" else 3
    months = np.stack([first + starts, last + starts + length], axis=1)
    return months.astype("datetime64[M]").astype("datetime64[ns]")


def _check_cycle(by: str) -> None:
    if by not in ("month", "season"):
        raise InputError(f"by must be 'month' or 'season', got {by!r}")


def _refuse_overlap(first: Ints, months: Ints) -> None:
    """Refuse periods that overlap: a year would weigh by how often it was gridded."""
    covered = np.concatenate([np.arange(start, start + n) for start, n in zip(first, months, strict=True)])
    numbers, times = np.unique(covered, return_counts=True)
    if (times > 1).any():
        month = np.datetime64(int(numbers[times > 1][0]), "M")
        raise InputError(f"{month} is in more than one period; give each month once (Dataset.drop_duplicates('time'))")
