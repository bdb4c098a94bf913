"""Searches of a catalogue of one's own: a file, a folder, or a service that `altiflow serve` runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.collecting import collect_catalogue, granules_of_items
from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.readers.catalogue.pairs.sources import StacService, find_items
from altiflow.readers.catalogue.tables import filter_catalogue
from altiflow.readers.remote import Retries
from altiflow.region import as_region

__all__ = ["search_catalogue"]

_COLLECTION = "icesat2-granules"


def search_catalogue(
    source: str | Path,
    *,
    product: str | Iterable[str] | None = None,
    region: Any = None,
    start: Moment = None,
    end: Moment = None,
    timeout: float = 60.0,
    retries: Retries | None = None,
) -> gpd.GeoDataFrame:
    """Return the granules of a catalogue of one's own that meet a region and a period.

    Parameters
    ----------
    source
        A catalogue in a file, or a folder of granules, which are opened for their ground tracks; or the address of a
        service that ``altiflow serve`` runs.
    product, region, start, end
        As in :func:`filter_catalogue`. A service is searched in a region.
    timeout
        Longest wait for one answer of a service [s].
    retries
        How often what may pass is tried again.

    Returns
    -------
    geopandas.GeoDataFrame
        A catalogue, as :func:`search_granules` returns; ``attrs["altiflow"]["screens"]`` counts what each condition
        took.

    Raises
    ------
    InputError
        If the source is not there, or an argument means nothing.
    EmptyDataError
        If no granule meets the search.
    SearchError, LoginError
        If a service refuses, or cannot be reached.

    Examples
    --------
    >>> search_catalogue("no/such/granules.parquet", product="ATL10")
    Traceback (most recent call last):
    altiflow.errors.InputError: source 'no/such/granules.parquet': no such file or folder; ...
    """
    if str(source).startswith(("http://", "https://")):
        service = StacService(str(source), timeout, retries or Retries())
        found = _ask(service, region, start, end)
    else:
        found = collect_catalogue(source, kind="granules", footprints="read")
    kept = filter_catalogue(found, product=product, region=region, start=start, end=end)
    if kept.empty:
        left = ", ".join(f"{name} {count}" for name, count in kept.attrs["altiflow"]["screens"].items() if count)
        told = f"left out: {left}" if left else "widen the region or the period"
        raise EmptyDataError(f"no granule at {source} meets the search; {told}")
    return kept


def _ask(service: StacService, region: Any, start: Moment, end: Moment) -> gpd.GeoDataFrame:
    """Return all granules of a service in a region and a period."""
    if region is None:
        raise InputError("region is not given: a service is searched in a region; name one, such as (-50, 69, -48, 70)")
    moments = as_moment(start, "start", last=False, unit="s"), as_moment(end, "end", last=True, unit="s")
    period = "/".join(f"{moment.isoformat()}Z" if moment is not None else ".." for moment in moments)
    items = find_items(service, _COLLECTION, region=as_region(region), period=None if period == "../.." else period)
    return granules_of_items(items, service.name)
