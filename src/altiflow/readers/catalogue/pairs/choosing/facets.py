"""Facets: how many pairs or granules there are by year, month, satellite, separation, cycle ..."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs.choosing.kinds import columns_of, is_catalogue

__all__ = ["FACETS", "GRANULE_FACETS", "SEPARATION_EDGES", "Facet", "count_by"]

Facet = Literal[
    "year",
    "month",
    "season",
    "satellite",
    "mission",
    "separation",
    "version",
    "percent_valid",
    "product",
    "cycle",
    "rgt",
    "hemisphere",
    "orientation",
]
FACETS: tuple[Facet, ...] = (
    "year",
    "month",
    "season",
    "satellite",
    "mission",
    "separation",
    "version",
    "percent_valid",
)
GRANULE_FACETS: tuple[Facet, ...] = (
    "year",
    "month",
    "season",
    "product",
    "version",
    "cycle",
    "rgt",
    "hemisphere",
    "orientation",
)
SEPARATION_EDGES = (0.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
"""Edges of the bins of separation [d] where none are given; what lies beyond them has bins of its own."""

_SEASON_OF_MONTH = np.array(["DJF", "DJF", "MAM", "MAM", "MAM", "JJA", "JJA", "JJA", "SON", "SON", "SON", "DJF"])


def count_by(
    pairs: gpd.GeoDataFrame, *facets: Facet, separation_edges: Sequence[float] = SEPARATION_EDGES
) -> pd.DataFrame:
    """Return how many pairs or granules there are by one facet, or by several at once.

    Parameters
    ----------
    pairs
        A catalogue, of image pairs or of granules.
    facets
        "year", "month" (1 to 12), "season", and "version"; of pairs those of the middle, "satellite", "mission",
        "separation" (bins that hold their lower edge) and "percent_valid" (tens); of granules those of the start,
        "product", "cycle", "rgt", "hemisphere" and "orientation".
    separation_edges
        Edges of the bins of separation [d], rising.

    Returns
    -------
    pandas.DataFrame
        A column for each facet and ``count``; a row for each combination there is, sorted. The counts sum to the
        number of rows: pairs beyond the edges, or without a value, are counted too.

    Raises
    ------
    InputError
        If the table is no catalogue, or a facet is not one of its kind.

    Examples
    --------
    >>> from altiflow.readers.catalogue.pairs.table import pairs_from_names
    >>> form = "LC08_L1TP_009011_{}_20200913_02_T1_X_LC08_L1TP_009011_{}_20200905_02_T1_G0120V02_P078.nc"
    >>> pairs = pairs_from_names([form.format("20191220", "20200105"), form.format("20200703", "20200820")])
    >>> count_by(pairs, "year", "separation").values.tolist()
    [[2019, '[16, 32)', 1], [2020, '[32, 64)', 1]]
    """
    columns_of(pairs)
    known = GRANULE_FACETS if is_catalogue(pairs) else FACETS
    unknown = [name for name in facets if name not in known]
    if unknown or not facets:
        raise InputError(
            f"facet {', '.join(map(repr, unknown)) or 'of no name'} is not known; known are {', '.join(known)}"
        )
    if len(set(facets)) < len(facets):
        raise InputError(f"facets {', '.join(facets)}: each can be named once")
    columns = {name: _values(pairs, name, separation_edges) for name in facets}
    frame = pd.DataFrame(columns, index=pairs.index)
    counted = frame.groupby(list(facets), dropna=False, observed=True, sort=True).size()
    table = counted.rename("count").reset_index()
    return table.astype({name: "str" for name in facets if isinstance(table[name].dtype, pd.CategoricalDtype)})


def _values(pairs: gpd.GeoDataFrame, facet: Facet, edges: Sequence[float]) -> Any:
    """Return the value of a facet for each row."""
    if facet in ("year", "month", "season"):
        moments = pairs["start" if is_catalogue(pairs) else "mid"].dt
        if facet == "season":
            return moments.month.map(dict(enumerate(_SEASON_OF_MONTH, 1)))
        numbers = moments.year if facet == "year" else moments.month
        return numbers.astype("Int64") if numbers.isna().any() else numbers
    if facet == "separation":
        return _bins(pairs["separation_days"], edges, "separation_edges")
    if facet == "percent_valid":
        return _bins(pairs["percent_valid"], range(0, 101, 10), "percent_valid")
    return pairs[facet]


def _bins(values: Any, edges: Sequence[float], argument: str) -> Any:
    """Return the bin of each value in words, in rising order; values beyond the edges have open bins."""
    limits = np.asarray(edges, dtype=float)
    if limits.size < 1 or not (np.isfinite(limits).all() and (np.diff(limits) > 0).all()):
        raise InputError(f"{argument} are rising numbers, got {list(edges)!r}")
    middle = [f"[{low:g}, {high:g})" for low, high in pairwise(limits)]
    names = [f"below {limits[0]:g}", *middle, f"{limits[-1]:g} and more", "not told"]
    place = np.searchsorted(limits, values.to_numpy(float), side="right")
    place = np.where(values.isna(), len(names) - 1, place).astype(np.intp)
    return pd.Series(pd.Categorical.from_codes(place.tolist(), pd.Index(names), ordered=True), index=values.index)
