"""Filters, facets and the choice: against loops over the rows, and the numbers of the founding notebook."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs import cap_per_year, count_by, filter_pairs, keep_where
from altiflow.readers.catalogue.pairs.choosing.facets import FACETS
from altiflow.readers.catalogue.pairs.choosing.filters import keep_months, keep_region, keep_separation, keep_windows
from altiflow.readers.catalogue.pairs.choosing.words import month_numbers
from altiflow.readers.catalogue.pairs.table import build_pairs

Table = gpd.GeoDataFrame
Maker = Callable[..., gpd.GeoDataFrame]

# Counts a year that the founding notebook prints for Pine Island Glacier: November to January, ten a year at most.
NOTEBOOK = {1997: 1, 2000: 1, 2001: 7, 2002: 10, 2003: 5, 2007: 5, 2008: 8, 2009: 7, 2010: 10, 2011: 6,
            2012: 10, 2013: 10, 2014: 10, 2015: 10, 2016: 10, 2017: 10, 2018: 10, 2019: 10}  # fmt: skip


def pine_island(pairs_at: Maker) -> Table:
    """Return 1,643 pairs which, of each year, have as many in winter as the notebook kept, or more if it kept ten."""
    generator = np.random.default_rng(0)
    winter = [(year, count + (count == 10) * int(generator.integers(0, 40))) for year, count in NOTEBOOK.items()]
    middles = []
    for year, count in winter:
        months, days = generator.choice([1, 11, 12], count), generator.integers(1, 29, count)
        middles += [datetime(year, int(month), int(day)) for month, day in zip(months, days, strict=True)]
    years = generator.integers(1985, 2020, 1643 - len(middles))
    middles += [datetime(int(year), int(generator.integers(2, 11)), 15) for year in years]
    return pairs_at(middles)


def test_the_founding_notebook_is_replayed(pairs_at: Maker) -> None:
    pairs = pine_island(pairs_at)
    assert len(pairs) == 1643
    kept = cap_per_year(filter_pairs(pairs, months=["November", "December", "January"]), 10)
    assert len(kept) == 140
    counts = count_by(kept, "year")
    assert dict(zip(counts["year"], counts["count"], strict=True)) == NOTEBOOK
    screens = kept.attrs["altiflow"]["screens"]
    assert screens["months"] + screens["cap_per_year"] + 140 == 1643
    for strategy in ("spread", "coverage", "random"):
        again = cap_per_year(filter_pairs(pairs, months="Nov-Jan"), 10, strategy=strategy, seed=1)
        assert count_by(again, "year").equals(counts)


def test_months_wrap_around_the_year(pairs_at: Maker) -> None:
    pairs = pairs_at([datetime(2020, month, 15) for month in range(1, 13)])
    assert keep_months(pairs, "Nov-Feb")["mid"].dt.month.tolist() == [1, 2, 11, 12]
    assert keep_months(pairs, [12, "feb"])["mid"].dt.month.tolist() == [2, 12]
    winter = filter_pairs(pairs, seasons=["DJF", "mam"])
    assert winter["mid"].dt.month.tolist() == [1, 2, 3, 4, 5, 12]
    assert winter.attrs["altiflow"]["screens"] == {"seasons": 6}
    assert month_numbers("March-March") == (3,)
    assert month_numbers("Feb-Jan") == tuple(range(1, 13))


@pytest.mark.parametrize("months", ["Ju", "13", 0, [], "Nivose", "Nov-", True, "winter-Mar"])
def test_months_that_mean_nothing_are_refused(months: object, pairs_at: Maker) -> None:
    with pytest.raises(InputError, match="month"):
        keep_months(pairs_at([datetime(2020, 1, 1)]), months)


def test_separation_counts_fractions_of_days(pairs_at: Maker) -> None:
    pairs = pairs_at([datetime(2020, 1, 1)], days=49.03003619)
    assert len(keep_separation(pairs, max_separation=49)) == 0
    assert len(keep_separation(pairs, min_separation=49.03, max_separation=49.0300362)) == 1
    with pytest.raises(InputError, match="above"):
        keep_separation(pairs, min_separation=5, max_separation=4)
    with pytest.raises(InputError, match="must be a number"):
        keep_separation(pairs, min_separation="six")


def test_periods_by_middle_inside_and_touching(pairs_at: Maker) -> None:
    pairs = pairs_at([datetime(2019, 12, 30), datetime(2020, 1, 3), datetime(2020, 6, 1), datetime(2021, 1, 20)])

    def found(rule: str) -> list[int]:
        kept = filter_pairs(pairs, start="2020", end="2020", period_rule=rule)
        return [pairs["granule"].tolist().index(name) for name in kept["granule"]]

    assert found("middle") == [1, 2]
    assert found("inside") == [2]
    assert found("touching") == [0, 1, 2]
    assert filter_pairs(pairs, end="2019-12-30T00:00:00")["mid"].tolist() == [pd.Timestamp("2019-12-30")]
    windows = keep_windows(pairs, [("2019-12-01", "2019-12-31"), ("2021", None)])
    assert windows["mid"].dt.year.tolist() == [2019, 2021]
    with pytest.raises(InputError, match="after end"):
        filter_pairs(pairs, start="2021", end="2020")
    with pytest.raises(InputError, match="period_rule='middle_ish'"):
        filter_pairs(pairs, start="2021", period_rule="middle_ish")
    with pytest.raises(InputError, match="windows are pairs"):
        filter_pairs(pairs, windows=["2020"])


def mixed() -> Table:
    """Return pairs of several satellites, percents, versions and places."""
    generator = np.random.default_rng(3)
    satellites = ["L8", "L7+L8", "S1A", "S1A+S1B", "S2A", "S2B", "NISAR", "L8+S2A", "unknown"]
    rows = []
    for number in range(300):
        satellite = satellites[int(generator.integers(len(satellites)))]
        words = {word[:2].replace("L7", "L").replace("L8", "L") for word in satellite.split("+")}
        names = {"L": "landsat", "S1": "sentinel1", "S2": "sentinel2", "NI": "nisar", "un": "unknown"}
        start = datetime(1984, 1, 1) + timedelta(days=float(generator.uniform(0, 14_000)))
        west = float(generator.uniform(-180, 170))
        rows.append(
            {
                "granule": f"pair{number}",
                "url": f"{number}.nc",
                "start": start,
                "end": start + timedelta(days=float(generator.uniform(0, 700))),
                "time_resolution": "instant",
                "mission": "+".join(sorted(names[word] for word in words)),
                "satellite": satellite,
                "percent_valid": None if number % 50 == 0 else float(generator.integers(0, 101)),
                "version": ["v01", "v02"][number % 2],
                "epsg": [3413, 32607, None][number % 3],
                "geometry": None if number % 40 == 0 else shapely.box(west, 60, west + 10, 70),
            }
        )
    return build_pairs(rows)


def test_every_filter_against_a_loop() -> None:
    pairs = mixed()
    kept = filter_pairs(
        pairs,
        region=(-100, 50, 60, 65),
        start="1990",
        end="2015-06",
        min_separation=20,
        max_separation=600,
        percent_valid_pixels=30,
        mission=["landsat", "S2"],
        satellite="L8,S2A,s2b",
        version=2,
    )

    def wanted(row: dict) -> bool:
        return (
            row["geometry"] is not None
            and row["geometry"].intersects(shapely.box(-100, 50, 60, 65))
            and pd.Timestamp("1990-01-01") <= row["mid"] < pd.Timestamp("2015-07-01")
            and 20 <= (row["end"] - row["start"]).total_seconds() / 86_400 <= 600
            and row["percent_valid"] >= 30
            and set(row["satellite"].split("+")) <= {"L8", "S2A", "S2B"}
            and row["version"] == "v02"
        )

    expected = [row["granule"] for row in pairs.to_dict("records") if wanted(row)]
    assert len(expected) > 3
    assert kept["granule"].tolist() == expected
    screens = kept.attrs["altiflow"]["screens"]
    assert len(kept) + sum(screens.values()) == len(pairs)
    assert list(screens) == ["no_footprint", "outside_region", "period", "separation", "percent_valid", "mission",
                             "satellite", "version"]  # fmt: skip
    assert pairs.attrs["altiflow"]["screens"] == {}


def test_a_box_across_the_antimeridian_is_the_union_of_its_halves() -> None:
    pairs = mixed()
    whole = keep_region(pairs, (170, 50, -170, 80))
    halves = set(keep_region(pairs, (170, 50, 180, 80))["granule"]) | set(
        keep_region(pairs, (-180, 50, -170, 80))["granule"]
    )
    assert len(halves) > 5
    assert set(whole["granule"]) == halves


def test_any_column_can_be_compared() -> None:
    pairs = mixed()
    assert (keep_where(pairs, "epsg", "==", "3413")["epsg"] == 3413).all()
    assert len(keep_where(pairs, "epsg", "!=", 3413)) == (pairs["epsg"].dropna() != 3413).sum()
    assert (keep_where(pairs, "mid", ">=", "2000")["mid"] >= pd.Timestamp("2000-01-01")).all()
    assert (keep_where(pairs, "mid", "<=", "2000")["mid"] < pd.Timestamp("2001-01-01")).all()
    assert set(keep_where(pairs, "satellite", "=", "S1A")["satellite"]) == {"S1A"}
    for column, op, value in (("speed", "==", 1), ("epsg", "~", 1), ("epsg", "<", "many"), ("geometry", "==", 1)):
        with pytest.raises(InputError):
            keep_where(pairs, column, op, value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"percent_valid_pixels": 101},
        {"mission": "envisat"},
        {"version": "two"},
        {"seasons": "winter"},
        {"region": (1, 2, 3)},
        {"start": "yesterday"},
    ],
)
def test_filters_that_mean_nothing_are_refused(arguments: dict) -> None:
    with pytest.raises(InputError):
        filter_pairs(mixed(), **arguments)


@pytest.mark.parametrize("facet", FACETS)
def test_facets_sum_to_the_rows(facet: str) -> None:
    pairs = mixed()
    counts = count_by(pairs, facet)
    assert counts["count"].sum() == len(pairs)
    assert list(counts.columns) == [facet, "count"]
    assert counts[facet].is_unique


def test_several_facets_at_once_against_a_loop() -> None:
    pairs = mixed()
    counts = count_by(pairs, "year", "satellite", "separation", separation_edges=[32, 64, 600])
    assert counts["count"].sum() == len(pairs)
    edges = {"below 32": (0, 32), "[32, 64)": (32, 64), "[64, 600)": (64, 600), "600 and more": (600, 1e9)}
    for row in counts.to_dict("records"):
        low, high = edges[row["separation"]]
        inside = (pairs["separation_days"] >= low) & (pairs["separation_days"] < high)
        of_kind = (pairs["mid"].dt.year == row["year"]) & (pairs["satellite"] == row["satellite"])
        assert (inside & of_kind).sum() == row["count"]
    order = count_by(pairs, "separation", separation_edges=[32, 64, 600])["separation"].tolist()
    assert order == list(edges)
    with pytest.raises(InputError, match="'glacier' is not known"):
        count_by(pairs, "glacier")
    for bad in ((), ("year", "year")):
        with pytest.raises(InputError, match="facet"):
            count_by(pairs, *bad)
    with pytest.raises(InputError, match="rising"):
        count_by(pairs, "separation", separation_edges=[2, 1])
    assert count_by(pairs.iloc[:0], "year", "month").empty


def test_spread_takes_three_seasons_of_twelve_months(pairs_at: Maker) -> None:
    pairs = pairs_at([datetime(2019, month, 15) for month in range(1, 13)])
    kept = cap_per_year(pairs, 3, strategy="spread")
    assert len(kept) == 3
    assert count_by(kept, "season")["count"].tolist() == [1, 1, 1]


def test_coverage_takes_the_best_and_the_earlier_of_equals(pairs_at: Maker) -> None:
    pairs = pairs_at([datetime(2019, month, 15) for month in range(1, 7)], [50.0, 90.0, 70.0, 90.0, 70.0, 10.0])
    assert cap_per_year(pairs, 3, strategy="coverage")["mid"].dt.month.tolist() == [2, 3, 4]


def test_random_depends_on_the_seed_and_not_on_the_order(pairs_at: Maker) -> None:
    pairs = pairs_at([datetime(2019, 1, 1) + timedelta(days=day) for day in range(300)])
    chosen = set(cap_per_year(pairs, 20, strategy="random", seed=5)["granule"])
    shuffled = pairs.sample(frac=1.0, random_state=1)
    assert set(cap_per_year(shuffled, 20, strategy="random", seed=5)["granule"]) == chosen
    assert set(cap_per_year(pairs, 20, strategy="random", seed=6)["granule"]) != chosen
    with pytest.raises(InputError, match="needs a seed"):
        cap_per_year(pairs, 20, strategy="random")


def test_a_winter_can_be_one_year(pairs_at: Maker) -> None:
    pairs = pairs_at([datetime(2018, 11, 15), datetime(2018, 12, 15), datetime(2019, 1, 15), datetime(2019, 11, 15)])
    assert len(cap_per_year(pairs, 1)) == 2
    assert cap_per_year(pairs, 2, first_month=7)["mid"].dt.month.tolist() == [11, 12, 11]


@pytest.mark.parametrize(
    "arguments", [{"count": 0}, {"count": 1.5}, {"count": True}, {"count": 1, "strategy": "best"},
                  {"count": 1, "first_month": 13}]
)  # fmt: skip
def test_a_cap_that_means_nothing_is_refused(arguments: dict, pairs_at: Maker) -> None:
    with pytest.raises(InputError):
        cap_per_year(pairs_at([datetime(2020, 1, 1)]), **arguments)


@settings(max_examples=30, deadline=None)
@given(
    days=st.lists(st.integers(0, 2000), max_size=60),
    count=st.integers(1, 8),
    strategy=st.sampled_from(["first", "spread", "coverage", "random"]),
)
def test_a_cap_keeps_as_many_as_it_may_in_the_order_of_the_table(days: list[int], count: int, strategy: str) -> None:
    rows = [
        {
            "granule": f"{number:03d}",
            "url": "a",
            "start": datetime(2015, 1, 1) + timedelta(days=day),
            "end": datetime(2015, 1, 9) + timedelta(days=day),
            "time_resolution": "day",
            "mission": "landsat",
            "satellite": "L8",
            "percent_valid": 1.0,
            "version": "v02",
            "epsg": None,
            "geometry": None,
        }
        for number, day in enumerate(days)
    ]
    pairs = build_pairs(rows)
    kept = cap_per_year(pairs, count, strategy=strategy, seed=0)
    have, want = kept["mid"].dt.year.value_counts(), pairs["mid"].dt.year.value_counts().clip(upper=count)
    assert have.to_dict() == want.to_dict()
    places = [pairs["granule"].tolist().index(name) for name in kept["granule"]]
    assert places == sorted(places)
    assert len(kept) + kept.attrs["altiflow"]["screens"]["cap_per_year"] == len(pairs)
