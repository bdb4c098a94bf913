"""The search as a value: what pairs are wanted, ready for JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args

import shapely

from altiflow.errors import InputError
from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.readers.catalogue.pairs.choosing.choice import STRATEGIES, Strategy
from altiflow.readers.catalogue.pairs.choosing.filters import PeriodRule
from altiflow.readers.catalogue.pairs.choosing.words import (
    Months,
    as_words,
    mission_words,
    month_numbers,
    version_word,
)
from altiflow.region import Region, as_region

__all__ = ["ITS_LIVE_STAC", "PairSearch", "make_search"]

ITS_LIVE_STAC = "https://stac.itslive.cloud"
"""The STAC service of ITS_LIVE."""


@dataclass(frozen=True)
class PairSearch:
    """What pairs are wanted; :func:`make_search` makes one from anything a person would write.

    Attributes
    ----------
    region
        Where; None for everywhere.
    start, end
        Period, ISO 8601 (UTC); None leaves a side open. Nothing is assumed: records begin in 1982.
    period_rule
        "middle", "inside" or "touching".
    percent_valid_pixels
        Least share of valid pixels [percent].
    min_separation, max_separation
        Least and most days between the images.
    mission, satellite, version, months
        Those wanted; empty for all.
    cap, strategy, seed
        Most pairs a year (None for no limit), and how they are chosen.
    source
        Address of a STAC service, or path of an index.

    Examples
    --------
    >>> search = make_search(region=(170, -80, -170, -75), start="2019", mission="S1")
    >>> search.start, search.mission, PairSearch.from_json(search.to_json()) == search
    ('2019-01-01T00:00:00', ('sentinel1',), True)
    >>> PairSearch.from_json('{"min_interval": 6}')
    Traceback (most recent call last):
    altiflow.errors.InputError: a pair search has no 'min_interval'; it has region, start, end, period_rule, ...
    """

    region: Region | None = None
    start: str | None = None
    end: str | None = None
    period_rule: PeriodRule = "middle"
    percent_valid_pixels: float = 0.0
    min_separation: float | None = None
    max_separation: float | None = None
    mission: tuple[str, ...] = ()
    satellite: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    months: tuple[int, ...] = ()
    cap: int | None = None
    strategy: Strategy = "first"
    seed: int | None = None
    source: str = ITS_LIVE_STAC

    def to_dict(self) -> dict[str, Any]:
        """Return the search as plain values, ready for JSON."""
        plain = asdict(replace(self, region=None))
        plain["region"] = None if self.region is None else {"source": self.region.source, "wkt": self.region.wkt}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}

    def to_json(self) -> str:
        """Return the search as JSON; :meth:`from_json` reads it."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PairSearch:
        """Return the search that :meth:`to_dict` wrote, checked.

        Raises
        ------
        InputError
            If a key is not known, or a value means nothing.
        """
        given = dict(values)
        known = [field.name for field in fields(cls)]
        unknown = [key for key in given if key not in known]
        if unknown:
            raise InputError(f"a pair search has no {', '.join(map(repr, unknown))}; it has {', '.join(known)}")
        region = given.pop("region", None)
        if isinstance(region, Mapping) and "wkt" in region:
            checked = as_region(str(region["wkt"]))
            # The geometry as written: checking may reorder its parts.
            region = Region(shapely.from_wkt(str(region["wkt"])), str(region.get("source", checked.source)))
        return make_search(region=region, **given)

    @classmethod
    def from_json(cls, text: str) -> PairSearch:
        """Return the search that :meth:`to_json` wrote, checked.

        Raises
        ------
        InputError
            If it is no JSON object, a key is not known, or a value means nothing.
        """
        try:
            values = json.loads(text)
        except (TypeError, ValueError) as error:
            raise InputError(f"a pair search is a JSON object, got {str(text)[:60]!r} ({error})") from error
        if not isinstance(values, dict):
            raise InputError(f"a pair search is a JSON object, got {text[:60]!r}")
        return cls.from_dict(values)


def make_search(
    *,
    region: Any = None,
    start: Moment = None,
    end: Moment = None,
    period_rule: PeriodRule = "middle",
    percent_valid_pixels: float = 0.0,
    min_separation: float | None = None,
    max_separation: float | None = None,
    mission: str | Sequence[str] | None = None,
    satellite: str | Sequence[str] | None = None,
    version: str | int | Sequence[str | int] | None = None,
    months: Months | None = None,
    cap: int | None = None,
    strategy: Strategy = "first",
    seed: int | None = None,
    source: str | Path | None = None,
) -> PairSearch:
    """Return a search; its arguments are those of :func:`search_pairs`.

    Raises
    ------
    InputError
        If an argument means nothing.
    """
    first, last = as_moment(start, "start", last=False), as_moment(end, "end", last=True)
    if first and last and first > last:
        raise InputError(f"start {first} is after end {last}")
    if period_rule not in get_args(PeriodRule):
        raise InputError(f"period_rule={period_rule!r} means nothing; use {', '.join(get_args(PeriodRule))}")
    if strategy not in STRATEGIES:
        raise InputError(f"strategy={strategy!r} means nothing; use {', '.join(STRATEGIES)}")
    low, high = _days(min_separation, "min_separation"), _days(max_separation, "max_separation")
    if low is not None and high is not None and low > high:
        raise InputError(f"min_separation {low:g} is above max_separation {high:g}")
    versions: list[str | int] = [] if version is None else [version] if isinstance(version, (str, int)) else [*version]
    return PairSearch(
        region=None if region is None else as_region(region),
        start=None if first is None else first.isoformat(),
        end=None if last is None else last.isoformat(),
        period_rule=period_rule,
        percent_valid_pixels=_percent(percent_valid_pixels),
        min_separation=low,
        max_separation=high,
        mission=mission_words(mission or ()),
        satellite=tuple(sorted({word.upper() for word in as_words(satellite or ())})),
        version=tuple(sorted({version_word(word) for word in versions})),
        months=month_numbers(months) if months is not None and months != [] and months != () else (),
        cap=_cap(cap, strategy, seed),
        strategy=strategy,
        seed=seed,
        source=str(source or ITS_LIVE_STAC),
    )


def _days(value: Any, argument: str) -> float | None:
    """Return a number of days, None as it is."""
    if value is None:
        return None
    try:
        days = float(value)
    except (TypeError, ValueError):
        days = -1.0
    if not 0 <= days < float("inf"):
        raise InputError(f"{argument} is a number of days from 0 on, got {value!r}")
    return days


def _percent(value: Any) -> float:
    """Return a share, None as 0."""
    try:
        share = float(0.0 if value is None else value)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 100:
        raise InputError(f"percent_valid_pixels is 0 to 100, got {value!r}")
    return share


def _cap(cap: Any, strategy: str, seed: int | None) -> int | None:
    """Return the most pairs a year; a random choice needs a seed."""
    if cap is None:
        return None
    if isinstance(cap, bool) or not isinstance(cap, int) or cap < 1:
        raise InputError(f"cap is a whole number of pairs a year from 1 on, or None, got {cap!r}")
    if strategy == "random" and seed is None:
        raise InputError("strategy 'random' needs a seed, a whole number, so that the choice can be made again")
    return cap
