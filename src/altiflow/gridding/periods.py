"""Periods: the calendar bins of gridded results."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import InputError

__all__ = ["bin_times", "make_periods"]

# Ends of months and years are asked for as often as starts; a bin is the same either way.
_STARTS = {
    "day": "D",
    "month": "MS",
    "M": "MS",
    "ME": "MS",
    "quarter": "QS",
    "Q": "QS",
    "QE": "QS",
    "year": "YS",
    "Y": "YS",
    "A": "YS",
    "YE": "YS",
    "AS": "YS",
}


def make_periods(first: np.datetime64, last: np.datetime64, freq: str | None) -> npt.NDArray[np.datetime64]:
    """Return [start, end) of the periods (t, 2) from the one that holds `first` to the one that holds `last`.

    Parameters
    ----------
    first, last
        Earliest and latest time (UTC).
    freq
        None: one period from `first` to one microsecond after `last`. Else a pandas offset alias (or day, month,
        quarter, year): days begin at midnight UTC, months on the 1st; several days ("7D") are counted from the
        midnight before `first`.

    Raises
    ------
    InputError
        If `freq` is not an alias of a length of time.

    Examples
    --------
    >>> make_periods(np.datetime64("2019-12-31"), np.datetime64("2020-01-01"), "month").astype("M8[D]").tolist()[0]
    [datetime.date(2019, 12, 1), datetime.date(2020, 1, 1)]
    """
    if freq is None:
        return np.array([[first, last + np.timedelta64(1, "us")]], dtype="datetime64[ns]")
    try:
        offset = pd.tseries.frequencies.to_offset(_STARTS.get(freq, freq))
    except ValueError as error:
        raise InputError(
            f"freq={freq!r} is no length of time; use 'D', '7D', 'MS' (month), 'QS', 'YS' or None"
        ) from error
    if offset is None or offset.n < 1:
        raise InputError(f"freq={freq!r} must go forward in time")
    midnight = pd.Timestamp(first).normalize()
    begin = midnight if offset == pd.DateOffset(days=offset.n) else offset.rollback(midnight)
    edges = [begin]
    while edges[-1] <= pd.Timestamp(last):
        edges.append(edges[-1] + offset)
    values = np.array(edges, dtype="datetime64[ns]")
    return np.stack([values[:-1], values[1:]], axis=1)


def bin_times(time: npt.ArrayLike, periods: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    """Return the period (n,) each time falls into; -1 where in none. Periods follow one another."""
    values = np.asarray(time, dtype="datetime64[ns]")
    place = np.searchsorted(periods[:, 0], values, side="right") - 1
    inside = (place >= 0) & ~np.isnat(values) & (values < periods[np.maximum(place, 0), 1])
    return np.where(inside, place, -1).astype(np.int64)
