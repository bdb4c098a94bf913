"""The choice: at most so many pairs a year, taken by a named strategy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs.table import check_pairs, screened

__all__ = ["STRATEGIES", "Strategy", "cap_per_year"]

Strategy = Literal["first", "spread", "coverage", "random"]
STRATEGIES: tuple[Strategy, ...] = ("first", "spread", "coverage", "random")

Places = npt.NDArray[np.intp]


def cap_per_year(
    pairs: gpd.GeoDataFrame,
    count: int,
    *,
    strategy: Strategy = "first",
    seed: int | None = None,
    first_month: int = 1,
) -> gpd.GeoDataFrame:
    """Return at most `count` pairs of each year, in the order of the table.

    Parameters
    ----------
    pairs
        A pair catalogue.
    count
        Most pairs of one year of the middle.
    strategy
        "first" takes the first rows of the table: in a table sorted by time, the earliest of the year, which biases
        a mean. "spread" takes pairs evenly over the part of the year that has any. "coverage" takes those with the
        most valid pixels, the earlier of two alike. "random" draws with `seed`; the draw does not depend on the
        order of the rows.
    seed
        Of strategy "random"; the same seed gives the same pairs.
    first_month
        Month in which a year begins: with 7, the winter from November to January is one year, and not two.

    Returns
    -------
    geopandas.GeoDataFrame
        The number left out is in ``attrs["altiflow"]["screens"]["cap_per_year"]``.

    Raises
    ------
    InputError
        If the table is no pair catalogue, or an argument means nothing.

    Examples
    --------
    >>> from altiflow.readers.catalogue.pairs.table import pairs_from_names
    >>> form = "LC08_L1TP_009011_2019{0:02d}08_20200913_02_T1_X_LC08_L1TP_009011_2019{0:02d}24_20200905_02_T1"
    >>> monthly = pairs_from_names(form.format(month) + "_G0120V02_P078" for month in range(1, 13))
    >>> cap_per_year(monthly, 3)["mid"].dt.month.tolist()
    [1, 2, 3]
    >>> cap_per_year(monthly, 3, strategy="spread")["mid"].dt.month.tolist()
    [3, 7, 10]
    """
    check_pairs(pairs)
    _check(count, strategy, seed, first_month)
    years = pairs["mid"].dt.year.to_numpy() - (pairs["mid"].dt.month.to_numpy() < first_month)
    kept = np.zeros(len(pairs), dtype=bool)
    for year in np.unique(years):
        places = np.flatnonzero(years == year)
        if places.size > count:
            places = _choose(pairs, places, count, strategy, np.random.default_rng([seed or 0, abs(int(year))]))
        kept[places] = True
    return screened(pairs, kept, "cap_per_year")


def _check(count: int, strategy: str, seed: int | None, first_month: int) -> None:
    """Raise unless the arguments mean something."""
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise InputError(f"count is a whole number from 1 on, got {count!r}; leave the cap out to keep all")
    if strategy not in STRATEGIES:
        raise InputError(f"strategy={strategy!r} means nothing; use {', '.join(map(repr, STRATEGIES))}")
    if strategy == "random" and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
        raise InputError(f"strategy 'random' needs a seed, a whole number from 0 on, got {seed!r}")
    if first_month not in range(1, 13):
        raise InputError(f"first_month is 1 to 12, got {first_month!r}")


def _choose(
    pairs: gpd.GeoDataFrame, places: Places, count: int, strategy: Strategy, generator: np.random.Generator
) -> Places:
    """Return which of the rows at `places` are taken."""
    if strategy == "first":
        return places[:count]
    rows = pairs.iloc[places]
    keys: dict[str, Callable[[], list[pd.Series]]] = {
        "coverage": lambda: [-rows["percent_valid"].fillna(-1.0), rows["mid"], rows["granule"]],
        "spread": lambda: [rows["mid"], -rows["percent_valid"].fillna(-1.0), rows["granule"]],
        "random": lambda: [rows["granule"]],
    }
    frame = pd.concat(keys[strategy](), axis=1).set_axis(range(len(keys[strategy]())), axis=1)
    order: Places = places[frame.reset_index(drop=True).sort_values(list(frame.columns)).index.to_numpy()]
    if strategy == "coverage":
        return order[:count]
    if strategy == "random":
        drawn: Places = generator.choice(order, count, replace=False)
        return drawn
    return np.asarray(order[_spread(pairs["mid"].iloc[order].to_numpy(), count)])


def _spread(moments: npt.NDArray[np.datetime64], count: int) -> Places:
    """Return `count` places of rising moments (n,), near the middles of as many equal parts of their span.

    Every middle has a moment of its own, and the sum of squared distances is least.
    """
    days = (moments - moments[0]) / np.timedelta64(1, "D")
    middles = (np.arange(count) + 0.5) / count * days[-1]
    chosen = scipy.optimize.linear_sum_assignment((middles[:, None] - days[None, :]) ** 2)[1]
    return np.sort(chosen)
