"""The search for pairs: one set of words, whether a service or a local index answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.moments import Moment
from altiflow.readers.catalogue.pairs.choosing.choice import Strategy, cap_per_year
from altiflow.readers.catalogue.pairs.choosing.filters import PeriodRule, filter_pairs
from altiflow.readers.catalogue.pairs.choosing.words import Months
from altiflow.readers.catalogue.pairs.request import PairSearch, make_search
from altiflow.readers.catalogue.pairs.sources import (
    GRANULES,
    StacService,
    find_items,
    pair_filter,
    read_index,
    read_item,
)
from altiflow.readers.catalogue.pairs.table import build_pairs
from altiflow.readers.remote import Retries

__all__ = ["run_search", "search_pairs"]


def search_pairs(
    region: Any = None,
    *,
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
    timeout: float = 60.0,
    retries: Retries | None = None,
    on_short: Literal["raise", "warn"] = "raise",
) -> gpd.GeoDataFrame:
    """Return the ITS_LIVE image pairs that meet a region and a period, sorted by their middle.

    Parameters
    ----------
    region
        Anything :func:`altiflow.region.as_region` takes; None for everywhere, of a local index.
    start, end
        First and last moment (UTC); None leaves that side open. A day, month or year without a time of day is
        meant whole.
    period_rule
        Which pairs belong to the period: "middle" (their middle lies in it), "inside" (both images), "touching"
        (any moment between the images).
    percent_valid_pixels
        Least share of valid pixels [percent].
    min_separation, max_separation
        Least and most days between the images, limits included.
    mission, satellite, version, months
        As in :func:`filter_pairs`.
    cap, strategy, seed
        Most pairs a year and how they are chosen, as in :func:`cap_per_year`.
    source
        Address of a STAC service (by default that of ITS_LIVE, https://stac.itslive.cloud), or a local index:
        GeoParquet, stac-geoparquet or GeoJSON, a file or a folder in partitions.
    timeout
        Longest wait for one answer [s].
    retries
        How often what may pass is tried again.
    on_short
        What to do if a service sends fewer items than it announced.

    Returns
    -------
    geopandas.GeoDataFrame
        A pair catalogue: granule, url, start, end, mid, separation_days [d], time_resolution, mission, satellite,
        percent_valid [percent], version, epsg, geometry (EPSG:4326). ``attrs["altiflow"]`` holds the search, how
        many rows each screen left out, and how many stood there twice. Pairs with the same middle are all kept.

    Raises
    ------
    InputError
        If an argument means nothing, or a service is to be searched without a region.
    EmptyDataError
        If no pair meets the search.
    SearchError, LoginError
        If a service refuses, cannot be reached, or does not answer as it should.
    UnsupportedFormatError
        If a local index cannot be read.

    Examples
    --------
    >>> search_pairs((-50, 69, -48, 70), start="2019", max_separation=64, source="no/such/index.parquet")
    Traceback (most recent call last):
    altiflow.errors.InputError: source 'no/such/index.parquet': no such file or folder, ...
    """
    search = make_search(
        region=region,
        start=start,
        end=end,
        period_rule=period_rule,
        percent_valid_pixels=percent_valid_pixels,
        min_separation=min_separation,
        max_separation=max_separation,
        mission=mission,
        satellite=satellite,
        version=version,
        months=months,
        cap=cap,
        strategy=strategy,
        seed=seed,
        source=source,
    )
    return run_search(search, timeout=timeout, retries=retries, on_short=on_short)


def run_search(
    search: PairSearch,
    *,
    timeout: float = 60.0,
    retries: Retries | None = None,
    on_short: Literal["raise", "warn"] = "raise",
) -> gpd.GeoDataFrame:
    """Return the pairs of a search that is a value; see :func:`search_pairs`."""
    if on_short not in ("raise", "warn"):
        raise InputError(f"on_short={on_short!r} means nothing; use 'raise' or 'warn'")
    if search.source.startswith(("http://", "https://")):
        service = StacService(search.source, timeout, retries or Retries(), on_short)
        found = build_pairs(_ask(search, service), search=_told(search, service.name))
    else:
        found = build_pairs(read_index(search.source, search), search=_told(search, search.source))
    kept = _screen(found, search)
    if len(kept) == 0:
        raise EmptyDataError(_explain_nothing(search, kept))
    return kept


def _ask(search: PairSearch, service: StacService) -> list[dict[str, Any]]:
    """Return the rows of all items of a service that may be wanted."""
    if search.region is None:
        raise InputError("region is not given: a service is searched in a region; name one, such as (-50, 69, -48, 70)")
    period = None
    if search.start or search.end:
        period = "/".join(f"{moment}Z" if moment else ".." for moment in (search.start, search.end))
    items = find_items(service, GRANULES, region=search.region, period=period, filters=pair_filter(search))
    return [read_item(item) for item in items]


def _told(search: PairSearch, source: str) -> dict[str, Any]:
    """Return the search for the provenance, its source without secrets."""
    return {**search.to_dict(), "source": source}


def _screen(found: gpd.GeoDataFrame, search: PairSearch) -> gpd.GeoDataFrame:
    """Return the rows that pass every test of a search."""
    kept = filter_pairs(
        found,
        region=search.region,
        start=search.start,
        end=search.end,
        period_rule=search.period_rule,
        months=search.months or None,
        min_separation=search.min_separation,
        max_separation=search.max_separation,
        percent_valid_pixels=search.percent_valid_pixels or None,
        mission=search.mission or None,
        satellite=search.satellite or None,
        version=search.version or None,
    )
    return kept if search.cap is None else cap_per_year(kept, search.cap, strategy=search.strategy, seed=search.seed)


def _explain_nothing(search: PairSearch, kept: gpd.GeoDataFrame) -> str:
    """Return the message for a search without results."""
    told = kept.attrs["altiflow"]
    dropped = ", ".join(f"{name} {count}" for name, count in told["screens"].items() if count)
    text = (
        f"no image pair from {search.start or 'the beginning'} to {search.end or 'now'} in "
        f"{'the whole index' if search.region is None else search.region} at {told['search']['source']}"
    )
    return f"{text}; left out: {dropped}" if dropped else f"{text}; widen the region, the period or the limits"
