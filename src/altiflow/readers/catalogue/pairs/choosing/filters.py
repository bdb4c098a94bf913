"""Filters of a pair catalogue: pure functions that return the rows kept and say how many were left out by what."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from altiflow.errors import InputError
from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.readers.catalogue.pairs.choosing.kinds import columns_of
from altiflow.readers.catalogue.pairs.choosing.words import (
    Months,
    as_words,
    mission_words,
    month_numbers,
    season_months,
    version_word,
)
from altiflow.readers.catalogue.pairs.table import check_pairs, screened
from altiflow.region import as_region

__all__ = [
    "PeriodRule",
    "filter_pairs",
    "keep_missions",
    "keep_months",
    "keep_period",
    "keep_region",
    "keep_separation",
    "keep_valid",
    "keep_versions",
    "keep_where",
    "keep_windows",
]

PeriodRule = Literal["middle", "inside", "touching"]
"""Which pairs belong to a period: those with their middle, both images, or any moment between the images in it."""

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def keep_months(pairs: gpd.GeoDataFrame, months: Months) -> gpd.GeoDataFrame:
    """Return the pairs whose middle falls into `months` of any year: 11, "Nov", "Nov-Feb", or several."""
    return screened(pairs, pairs["mid"].dt.month.isin(month_numbers(months)), "months")


def keep_windows(pairs: gpd.GeoDataFrame, windows: Iterable[tuple[Moment, Moment]]) -> gpd.GeoDataFrame:
    """Return the pairs whose middle falls into any of several windows (first, last); None leaves a side open.

    Raises
    ------
    InputError
        If a window is no two dates, or ends before it begins.
    """
    kept = np.zeros(len(pairs), dtype=bool)
    for window in windows:
        if isinstance(window, str) or len(tuple(window)) != 2:
            raise InputError(f"windows are pairs of dates (first, last), got {window!r}")
        kept |= _in_period(pairs, window[0], window[1], "middle")
    return screened(pairs, kept, "windows")


def keep_period(
    pairs: gpd.GeoDataFrame, start: Moment, end: Moment, *, period_rule: PeriodRule = "middle"
) -> gpd.GeoDataFrame:
    """Return the pairs of a period; a day, month or year without a time of day is meant whole.

    Raises
    ------
    InputError
        If start or end is no date, start is after end, or the rule is not known.
    """
    return screened(pairs, _in_period(pairs, start, end, period_rule), "period")


def _in_period(pairs: gpd.GeoDataFrame, start: Moment, end: Moment, rule: PeriodRule) -> np.ndarray:
    """Return which pairs belong to a period."""
    first, last = as_moment(start, "start", last=False), as_moment(end, "end", last=True)
    if first and last and first > last:
        raise InputError(f"start {first} is after end {last}")
    sides = {"middle": ("mid", "mid"), "inside": ("start", "end"), "touching": ("end", "start")}
    if rule not in sides:
        raise InputError(f"period_rule={rule!r} means nothing; use {', '.join(map(repr, sides))}")
    early, late = sides[rule]
    kept = np.ones(len(pairs), dtype=bool)
    if first is not None:
        kept &= np.asarray(pairs[early] >= first)
    if last is not None:
        kept &= np.asarray(pairs[late] <= last)
    return kept


def keep_separation(
    pairs: gpd.GeoDataFrame, *, min_separation: float | None = None, max_separation: float | None = None
) -> gpd.GeoDataFrame:
    """Return the pairs whose images lie at least and at most so many days apart, limits included.

    Raises
    ------
    InputError
        If a limit is no number, or the lower one is above the upper.
    """
    low = _number(min_separation, "min_separation", -np.inf)
    high = _number(max_separation, "max_separation", np.inf)
    if low > high:
        raise InputError(f"min_separation {low:g} is above max_separation {high:g}")
    days = pairs["separation_days"]
    return screened(pairs, (days >= low) & (days <= high), "separation")


def keep_missions(
    pairs: gpd.GeoDataFrame,
    *,
    mission: str | Sequence[str] | None = None,
    satellite: str | Sequence[str] | None = None,
) -> gpd.GeoDataFrame:
    """Return the pairs with both images of these missions, and both of these satellites ("L8", "S2A")."""
    kept = pairs
    if mission is not None:
        kept = screened(kept, _all_among(kept["mission"], mission_words(mission)), "mission")
    if satellite is not None:
        names = tuple(word.upper() for word in as_words(satellite))
        kept = screened(kept, _all_among(kept["satellite"], names), "satellite")
    return kept


def _all_among(values: pd.Series, words: Sequence[str]) -> pd.Series:
    """Return where all words joined by "+" are among `words`."""
    wanted = set(words)
    return values.map(lambda joined: set(joined.split("+")) <= wanted).astype(bool)


def keep_valid(pairs: gpd.GeoDataFrame, percent_valid_pixels: float) -> gpd.GeoDataFrame:
    """Return the pairs of which at least so many percent are valid; those that do not tell are left out.

    Raises
    ------
    InputError
        If the limit is not a number from 0 to 100.
    """
    limit = _number(percent_valid_pixels, "percent_valid_pixels", 0.0)
    if not 0 <= limit <= 100:
        raise InputError(f"percent_valid_pixels is 0 to 100, got {percent_valid_pixels!r}")
    return screened(pairs, pairs["percent_valid"] >= limit, "percent_valid")


def keep_versions(pairs: gpd.GeoDataFrame, version: str | int | Sequence[str | int]) -> gpd.GeoDataFrame:
    """Return the pairs of a version, or several: "v02", "002" or 2."""
    given: list[str | int] = [version] if isinstance(version, (str, int)) else list(version)
    return screened(pairs, pairs["version"].isin([version_word(word) for word in given]), "version")


def keep_region(pairs: gpd.GeoDataFrame, region: Any) -> gpd.GeoDataFrame:
    """Return the pairs whose footprint meets the region; those without a footprint are left out, and counted apart.

    Raises
    ------
    InputError
        If the region means nothing.
    """
    area = as_region(region)
    told = screened(pairs, ~pairs.geometry.isna(), "no_footprint")
    return screened(told, area.meets(told.geometry.to_numpy()), "outside_region")


def keep_where(pairs: gpd.GeoDataFrame, column: str, op: str, value: Any) -> gpd.GeoDataFrame:
    """Return the rows of which a column compares so with a value: ``keep_where(pairs, "epsg", "==", 3413)``.

    Parameters
    ----------
    pairs
        A catalogue, of image pairs or of granules.
    column
        Any column but the geometry.
    op
        ``=``, ``==``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``.
    value
        A number, text or date, in the type of the column or as text. Rows without a value are left out.

    Raises
    ------
    InputError
        If column, op or value mean nothing.
    """
    there = columns_of(pairs)
    known = [name for name in there if name != "geometry"]
    if column not in known:
        raise InputError(f"column {column!r} is not one of the catalogue; it has {', '.join(known)}")
    if op not in _OPERATORS:
        raise InputError(f"op {op!r} means nothing; use {' '.join(_OPERATORS)}")
    dtype = there[column].dtype
    if dtype.startswith("datetime"):
        limit: Any = as_moment(value, column, last=op in (">", "<="))
    else:
        limit = str(value) if dtype == "str" else _number(value, column, np.nan)
    kept = _OPERATORS[op](pairs[column], limit).fillna(False) & pairs[column].notna()
    return screened(pairs, kept.astype(bool), f"{column}{op}{value}")


def filter_pairs(
    pairs: gpd.GeoDataFrame,
    *,
    region: Any = None,
    start: Moment = None,
    end: Moment = None,
    period_rule: PeriodRule = "middle",
    windows: Iterable[tuple[Moment, Moment]] | None = None,
    months: Months | None = None,
    seasons: str | Sequence[str] | None = None,
    min_separation: float | None = None,
    max_separation: float | None = None,
    percent_valid_pixels: float | None = None,
    mission: str | Sequence[str] | None = None,
    satellite: str | Sequence[str] | None = None,
    version: str | int | Sequence[str | int] | None = None,
) -> gpd.GeoDataFrame:
    """Return the pairs that pass all filters that are given, in the order of the table.

    Parameters
    ----------
    pairs
        A pair catalogue.
    region
        Anything :func:`altiflow.region.as_region` takes; footprints that meet it are kept.
    start, end
        Period (UTC); None leaves a side open.
    period_rule
        Which pairs belong to the period: "middle" (their middle lies in it), "inside" (both images), "touching"
        (any moment between the images).
    windows
        Several periods (first, last), of which the middle must fall into one.
    months
        Months of the middle: 11, "November", "Nov-Feb", or several.
    seasons
        "DJF", "MAM", "JJA", "SON", or several.
    min_separation, max_separation
        Least and most days between the images, limits included; fractions count: 49.03 days are more than 49.
    percent_valid_pixels
        Least share of valid pixels [percent].
    mission, satellite
        "landsat", "sentinel1", "sentinel2", "nisar"; "L8", "S2A" ...; both images must be of those named.
    version
        "v02", "002" or 2, or several.

    Returns
    -------
    geopandas.GeoDataFrame
        ``attrs["altiflow"]["screens"]`` has, for each filter in the order they are applied, how many rows it left
        out of those that reached it.

    Raises
    ------
    InputError
        If the table is no pair catalogue, or an argument means nothing.

    Examples
    --------
    >>> from altiflow.readers.catalogue.pairs.table import pairs_from_names
    >>> form = "LC08_L1TP_009011_{}_20200913_02_T1_X_LC08_L1TP_009011_{}_20200905_02_T1_G0120V02_P078.nc"
    >>> pairs = pairs_from_names([form.format("20191220", "20200105"), form.format("20200703", "20200820")])
    >>> winter = filter_pairs(pairs, months="Nov-Feb", max_separation=32)
    >>> len(winter), winter.attrs["altiflow"]["screens"]
    (1, {'months': 1, 'separation': 0})
    """
    kept = check_pairs(pairs)
    if region is not None:
        kept = keep_region(kept, region)
    if start is not None or end is not None:
        kept = keep_period(kept, start, end, period_rule=period_rule)
    if windows is not None:
        kept = keep_windows(kept, windows)
    if months is not None:
        kept = keep_months(kept, months)
    if seasons is not None:
        kept = screened(kept, kept["mid"].dt.month.isin(season_months(seasons)), "seasons")
    if min_separation is not None or max_separation is not None:
        kept = keep_separation(kept, min_separation=min_separation, max_separation=max_separation)
    if percent_valid_pixels is not None:
        kept = keep_valid(kept, percent_valid_pixels)
    kept = keep_missions(kept, mission=mission, satellite=satellite)
    return kept if version is None else keep_versions(kept, version)


def _number(value: Any, argument: str, absent: float) -> float:
    """Return a number, `absent` for None."""
    if value is None:
        return absent
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if np.isnan(number):
        raise InputError(f"{argument} must be a number, got {value!r}")
    return number
