"""Periods: the calendar bins of gridded results, and how long layers share with them.

A layer is an interval [start, end), never its middle. Days are of 86400 s.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pandas.tseries import offsets
from pandas.tseries.frequencies import to_offset

from altiflow.errors import InputError

__all__ = ["Times", "bin_times", "layer_bounds", "make_periods", "overlap_days", "parse_offset", "time_bins"]

Times = npt.NDArray[np.datetime64]
Floats = npt.NDArray[np.float64]

_DAY = np.timedelta64(86_400_000_000_000, "ns")

_MONTHS = ("M", "ME", "month", "months")
_QUARTERS = ("Q", "QE", "quarter", "quarters")
_YEARS = ("Y", "A", "YE", "AS", "year", "years")
# Ends of months and years are asked for as often as starts; the bins between them are the same. Pandas has
# withdrawn some of these spellings, so they are never handed on.
_STARTS = {
    **dict.fromkeys(("d", "day", "days"), "D"),
    **dict.fromkeys(("H", "hour", "hours"), "h"),
    **dict.fromkeys(("w", "week", "weeks"), "W"),
    **dict.fromkeys(_MONTHS, "MS"),
    **dict.fromkeys(_QUARTERS, "QS"),
    **dict.fromkeys(_YEARS, "YS"),
}
_HELP = "use 'D', '7D', 'MS' (month), 'QS', 'YS' or None"


def make_periods(first: np.datetime64, last: np.datetime64, freq: str | None) -> Times:
    """Return [start, end) of the periods (t, 2) from the one that holds `first` to the one that holds `last`.

    Parameters
    ----------
    first, last
        Earliest and latest time (UTC).
    freq
        None: one period from `first` to one microsecond after `last`; NaT to NaT is one undated period. Else a
        pandas offset alias or day, month, quarter, year: days begin at midnight UTC, weeks ("W") on Sunday, months on
        the 1st; several days ("7D") or hours are counted from the midnight before `first`, several months from the
        month of `first`.

    Raises
    ------
    InputError
        If `freq` is not an alias of a length of time, or there is no `first` and `last` to begin and end with.

    Examples
    --------
    >>> make_periods(np.datetime64("2019-12-31"), np.datetime64("2020-01-01"), "month").astype("M8[D]").tolist()[0]
    [datetime.date(2019, 12, 1), datetime.date(2020, 1, 1)]
    """
    if freq is None:
        return np.array([[first, last + np.timedelta64(1, "us")]], dtype="datetime64[ns]")
    offset = parse_offset(freq)
    begin, end = pd.Timestamp(first), pd.Timestamp(last)
    if pd.isna(begin) or pd.isna(end):
        raise InputError(f"freq={freq!r} needs the times of the data, and they are NaT; use freq=None")
    begin = begin.normalize()
    if not isinstance(offset, (offsets.Tick, offsets.Day)):
        begin = offset.rollback(begin)
    starts = pd.date_range(begin, end, freq=offset)
    edges = np.array([*starts, starts[-1] + offset], dtype="datetime64[ns]")
    return np.stack([edges[:-1], edges[1:]], axis=1)


def bin_times(time: npt.ArrayLike, periods: Times) -> npt.NDArray[np.int64]:
    """Return the period (n,) each time falls into; -1 where in none. Periods follow one another."""
    values = np.asarray(time, dtype="datetime64[ns]")
    place = np.searchsorted(periods[:, 0], values, side="right") - 1
    inside = (place >= 0) & ~np.isnat(values) & (values < periods[np.maximum(place, 0), 1])
    return np.where(inside, place, -1).astype(np.int64)


def parse_offset(freq: str) -> offsets.BaseOffset:
    """Return the offset from the start of one period to the next."""
    found = re.fullmatch(r"\s*(-?\d*)\s*(\S+)\s*", str(freq))
    if found is None:
        raise InputError(f"freq={freq!r} is no length of time; {_HELP}")
    number, word = found.groups()
    try:
        # A spelling that pandas is about to withdraw is refused as one that it has: the same on every pandas.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            offset = to_offset(number + _STARTS.get(word, word))
    except (ValueError, Warning) as error:
        raise InputError(f"freq={freq!r} is no length of time; {_HELP}") from error
    if offset.n < 1:
        raise InputError(f"freq={freq!r} must go forward in time")
    if isinstance(offset, (offsets.MonthEnd, offsets.QuarterEnd, offsets.YearEnd)):
        raise InputError(f"freq={freq!r} counts ends, and periods are told by their starts; {_HELP}")
    return offset


def layer_bounds(field: xr.Dataset) -> Times:
    """Return the [start, end) of every layer, shape (layers, 2), datetime64[ns]; NaT where undated."""
    return np.asarray(field["time_bnds"].values).astype("datetime64[ns]")


def time_bins(time: Any) -> Times:
    """Return time bins [start, end) as (bins, 2) datetime64[ns].

    Parameters
    ----------
    time
        A gridded Dataset (its ``time_bnds``), an array (bins, 2), a :class:`pandas.IntervalIndex`, or the
        edges (bins + 1,) of bins that follow each other (such as ``pandas.date_range``).

    Raises
    ------
    InputError
        If that gives no bins, a bin without a date or one that does not end after it starts.

    Examples
    --------
    >>> time_bins(pd.date_range("2020-01-01", periods=3, freq="MS")).astype("M8[D]").tolist()[1]
    [datetime.date(2020, 2, 1), datetime.date(2020, 3, 1)]
    """
    if isinstance(time, xr.Dataset):
        if "time_bnds" not in time.variables:
            raise InputError("time is a Dataset without time_bnds: pass one that was gridded with time bins")
        edges = np.asarray(time["time_bnds"].values)
    elif isinstance(time, pd.IntervalIndex):
        edges = np.stack([np.asarray(time.left), np.asarray(time.right)], axis=-1)
    else:
        edges = np.asarray(time)
    try:
        bins = edges.astype("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise InputError(f"time must hold dates (UTC, without a time zone), got {edges.dtype}") from error
    if bins.ndim == 1:
        bins = np.stack([bins[:-1], bins[1:]], axis=-1)
    if bins.ndim != 2 or bins.shape[1] != 2 or len(bins) == 0:
        raise InputError(f"time must be bins (n, 2) or at least two edges, got shape {edges.shape}")
    if np.isnat(bins).any() or (bins[:, 1] <= bins[:, 0]).any():
        raise InputError("every time bin needs a start and an end after it (was it gridded without dates?)")
    return bins


def overlap_days(bounds: npt.ArrayLike, bins: npt.ArrayLike) -> Floats:
    """Return the days (layers, bins) that each layer [start, end) shares with each bin [start, end).

    Examples
    --------
    >>> pairs = np.array([["2020-01-01", "2020-01-21"], ["2020-01-11", "2020-02-10"]], "M8[ns]")
    >>> overlap_days(pairs, np.array([["2020-01-01", "2020-02-01"]], "M8[ns]")).ravel().tolist()
    [20.0, 21.0]
    """
    layers, edges = np.asarray(bounds)[:, None], np.asarray(bins)[None]
    shared = np.minimum(layers[..., 1], edges[..., 1]) - np.maximum(layers[..., 0], edges[..., 0])
    return np.asarray(np.nan_to_num(np.maximum(shared / _DAY, 0.0), nan=0.0))
