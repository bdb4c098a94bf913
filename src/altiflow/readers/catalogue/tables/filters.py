"""Filters of a catalogue as pure functions: by track, cycle, hemisphere, product, place and time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import InputError
from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.readers.catalogue.names import Hemisphere
from altiflow.readers.catalogue.pairs.table import screened
from altiflow.readers.catalogue.tables.columns import check_catalogue
from altiflow.region import as_region

__all__ = ["filter_catalogue"]


def filter_catalogue(
    catalogue: gpd.GeoDataFrame,
    *,
    product: str | Iterable[str] | None = None,
    cycle: int | Iterable[int] | None = None,
    rgt: int | Iterable[int] | None = None,
    hemisphere: Hemisphere | None = None,
    region: Any = None,
    start: Moment = None,
    end: Moment = None,
) -> gpd.GeoDataFrame:
    """Return the rows of a catalogue that meet every condition given, in their order.

    Parameters
    ----------
    catalogue
        What :func:`search_granules` or :func:`as_catalogue` returns.
    product
        Short name, or several; in capitals or not.
    cycle, rgt
        Repeat cycle and reference ground track, one or several (a range too).
    hemisphere
        "north" or "south".
    region
        Rows whose footprint meets it; anything :func:`altiflow.as_region` takes.
    start, end
        Rows whose period meets this one, as in :func:`search_granules`.

    Returns
    -------
    geopandas.GeoDataFrame
        ``attrs["altiflow"]["screens"]`` counts what each condition took. Rows that do not tell what a condition asks
        for (no track, no footprint, no time) are taken by it.

    Raises
    ------
    InputError
        If an argument means nothing.

    Examples
    --------
    >>> from altiflow.readers.catalogue.tables import build_catalogue
    >>> rows = [{"granule": f"g{cycle}", "product": "ATL10", "cycle": cycle} for cycle in (3, 4, 5)]
    >>> kept = filter_catalogue(build_catalogue(rows), cycle=range(4, 9))
    >>> kept["cycle"].tolist(), kept.attrs["altiflow"]["screens"]
    ([4, 5], {'cycle': 1})
    """
    kept = check_catalogue(catalogue)
    if hemisphere not in (None, "north", "south"):
        raise InputError(f"hemisphere is 'north' or 'south', got {hemisphere!r}")
    if product is not None:
        names = {name.upper() for name in _listed(product, "product", str)}
        kept = screened(kept, kept["product"].str.upper().isin(names).to_numpy(bool), "product")
    for name, asked in (("cycle", cycle), ("rgt", rgt)):
        if asked is not None:
            wanted = kept[name].isin(_listed(asked, name, int)).fillna(False)
            kept = screened(kept, wanted.to_numpy(bool), name)
    if hemisphere is not None:
        kept = screened(kept, (kept["hemisphere"] == hemisphere).to_numpy(bool), "hemisphere")
    if region is not None:
        kept = screened(kept, as_region(region).meets(kept.geometry.to_numpy()), "region")
    if start is not None or end is not None:
        kept = screened(kept, _in_period(kept, start, end), "period")
    return kept


def _listed(asked: Any, name: str, kind: type) -> list[Any]:
    """Return one value or several as a list."""
    single = isinstance(asked, (str, int, np.integer))
    values = [asked] if single else list(asked) if isinstance(asked, Iterable) else [None]
    accepted = (int, np.integer) if kind is int else (str,)
    if not values or not all(isinstance(value, accepted) and not isinstance(value, bool) for value in values):
        raise InputError(f"{name} is one {kind.__name__} or several, got {asked!r}")
    return values


def _in_period(table: gpd.GeoDataFrame, start: Moment, end: Moment) -> npt.NDArray[np.bool_]:
    """Return which rows meet a period; a row without an end is the moment of its start."""
    first, last = as_moment(start, "start", last=False), as_moment(end, "end", last=True)
    if first and last and first > last:
        raise InputError(f"start {first} is after end {last}")
    begins, ends = row_periods(table)
    inside = begins.notna()
    if first is not None:
        inside &= ends >= pd.Timestamp(first)
    if last is not None:
        inside &= begins <= pd.Timestamp(last)
    return inside.to_numpy(bool)


def row_periods(table: gpd.GeoDataFrame) -> tuple[pd.Series, pd.Series]:
    """Return first and last moment of rows; a row without an end is the moment of its start."""
    return table["start"], table["end"].fillna(table["start"])
