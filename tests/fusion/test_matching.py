"""Pairs of rows of two tables, against brute force and drift that is known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest

from altiflow.errors import EmptyDataError, InputError, NoOverlapError
from altiflow.fusion.matching import match_tables
from altiflow.fusion.trajectories import advect_points

AXIS = np.arange(-1e6, 1.01e6, 25e3)
DAY = np.timedelta64(86_400_000_000, "us")
GEOD = pyproj.Geod(ellps="WGS84")


def table_of(x, y, times, crs="EPSG:6931", **columns):
    table = gpd.GeoDataFrame(
        {"time": np.asarray(times, "M8[us]"), **columns}, geometry=gpd.points_from_xy(x, y), crs=crs
    )
    return table.to_crs("EPSG:4326")


@pytest.fixture
def make_drift(make_field):
    def make(vx, vy, days=40, **options):
        starts = np.datetime64("2020-01-01") + np.arange(days) * np.timedelta64(1, "D")
        bounds = np.stack([starts, starts + np.timedelta64(1, "D")], axis=-1)
        stated = {"x": AXIS, "y": AXIS, "units": "km d-1", "crs": "EPSG:6931", "bounds": bounds}
        return make_field(vx, vy, **{**stated, **options})

    return make


def test_constant_drift_leaves_no_distance_between_what_was_one_place(make_drift):
    """10 km a day; the second table was made by moving the first by hand, and is in another CRS and order."""
    random = np.random.default_rng(0)
    x, y = random.uniform(-6e5, 6e5, (2, 40))
    times = np.datetime64("2020-01-10", "us") + random.integers(0, 5 * 86400, 40) * np.timedelta64(1, "s")
    later = times + random.integers(-3 * 86400, 3 * 86400, 40) * np.timedelta64(1, "s")
    moved = x + 10e3 * ((later - times) / DAY)
    turn = random.permutation(40)
    first = table_of(x, y, times, freeboard=np.arange(40.0))
    second = table_of(moved[turn], y[turn], later[turn], radar=turn * 1.0).to_crs("EPSG:3413")
    found = match_tables(first, second, field=make_drift(10.0, 0.0), max_distance_m=100.0, max_dt="3D")
    assert found["freeboard_first"].tolist() == found["radar_second"].tolist() == list(range(40))
    assert found["distance_m"].max() < 1e-2
    assert found["dt_days"].to_numpy() == pytest.approx((later - times) / DAY, abs=1e-9)
    assert found["drift_m"].to_numpy() == pytest.approx(10e3 * np.abs((later - times) / DAY), rel=5e-3)
    assert found["distance_still_m"].to_numpy() == pytest.approx(found["drift_m"].to_numpy(), abs=1e-2)
    assert found.crs == second.crs
    assert found.geometry.iloc[0] == second.geometry.iloc[found["row_second"].iloc[0]]
    still = match_tables(first, second, motion="none", max_distance_m=100.0, max_dt="3D", on_empty="keep")
    assert len(still) < 5


def brute_force(first, second, field, distance, longest):
    """Return all pairs by one advection of the whole first table for each row of the second."""
    pairs = {}
    for j, (time, point) in enumerate(zip(second["time"], second.geometry, strict=True)):
        dt = np.abs((first["time"] - time) / DAY)
        soon = np.flatnonzero(dt <= longest)
        if soon.size == 0:
            continue
        moved = first.iloc[soon] if field is None else advect_points(first.iloc[soon], field, time)
        arrived = np.ones(soon.size, bool) if field is None else (moved["status"] == "arrived").to_numpy()
        place = (np.full(soon.size, point.x), np.full(soon.size, point.y))
        away = GEOD.inv(moved.geometry.x.to_numpy(), moved.geometry.y.to_numpy(), *place)[2]
        for i in np.flatnonzero(arrived & (away <= distance)):
            pairs[int(soon[i]), j] = away[i]
    return pairs


@pytest.mark.parametrize("moving", [True, False])
@pytest.mark.parametrize(("distance", "longest"), [(40e3, "30h"), (15e3, "60h")])
def test_pairs_are_those_of_brute_force(make_drift, moving, distance, longest):
    random = np.random.default_rng(1)
    shape = (40, AXIS.size, AXIS.size)
    smooth = 20 * np.sin(np.arange(AXIS.size) / 9)
    field = make_drift(smooth[:, None] + random.normal(0, 2, shape), smooth[None, :] + random.normal(0, 2, shape))
    field["vx"][:, :, 60:] = np.nan
    x, y = random.uniform(2e5, 6e5, (2, 240))
    times = np.datetime64("2020-01-08", "us") + random.integers(0, 9 * 86400, 240) * np.timedelta64(1, "s")
    first, second = table_of(x[:220], y[:220], times[:220]), table_of(x[220:], y[220:], times[220:])
    used, days = (field if moving else None), float(np.timedelta64(longest[:-1], longest[-1]) / DAY)
    expected = brute_force(first, second, used, distance, days)
    options = {"field": used, "motion": "field" if moving else "none", "max_distance_m": distance, "max_dt": longest}
    found = match_tables(first, second, keep="all", **options)
    pairs = dict(zip(zip(found["row_first"], found["row_second"], strict=True), found["distance_m"], strict=True))
    assert len(pairs) > 5
    assert pairs.keys() == expected.keys()
    assert np.array(list(pairs.values())) == pytest.approx(np.array([expected[pair] for pair in pairs]), abs=1e-3)
    nearest = match_tables(first, second, **options)
    for i, j in zip(nearest["row_first"], nearest["row_second"], strict=True):
        assert expected[i, j] == min(away for (one, _), away in expected.items() if one == i)
    assert set(nearest["row_first"]) == {i for i, _ in expected}
    counts = nearest.attrs["altiflow"]["matching"]["counts"]
    assert counts["first"]["matched"] == len(nearest)
    assert sum(counts["first"].values()) == 220
    assert sum(counts["second"].values()) == 20


def test_blocks_do_not_show(make_drift, monkeypatch):
    random = np.random.default_rng(2)
    x, y = random.uniform(-1e5, 1e5, (2, 300))
    times = np.datetime64("2020-01-08", "us") + random.integers(0, 86400, 300) * np.timedelta64(1, "s")
    first, second = table_of(x[:220], y[:220], times[:220]), table_of(x[220:], y[220:], times[220:])
    options = {"field": make_drift(5.0, 1.0), "max_distance_m": 2e4, "max_dt": "1D", "keep": "all"}
    whole = match_tables(first, second, **options)
    monkeypatch.setattr("altiflow.fusion.matching._BLOCK", 50)
    assert whole.equals(match_tables(first, second, **options))


def test_rows_without_a_partner_are_counted_with_the_reason(make_drift):
    field = make_drift(10.0, 0.0)
    field["vx"][:, :, 50:] = np.nan
    edge = field["x"].values[49]
    first = table_of(
        [0.0, 2e5, edge - 1e3, -4e5, np.nan, 9e5],
        [0.0] * 6,
        ["2020-01-10", "2020-01-10", "2020-01-10", "2020-01-30", "2020-01-10", "2020-01-10"],
    )
    second = table_of([2e4, 5e5, 0.0], [0.0, 5e5, 0.0], ["2020-01-12", "2020-01-12", "NaT"])
    found = match_tables(first, second, field=field, max_distance_m=1e3, max_dt="3D")
    assert found[["row_first", "row_second"]].to_numpy().tolist() == [[0, 0]]
    counts = found.attrs["altiflow"]["matching"]["counts"]
    assert counts["first"] == {
        "matched": 1, "no_time_or_place": 1, "no_row_in_time": 1, "lost_on_the_way": 2, "too_far": 1,
    }  # fmt: skip
    assert counts["second"] == {
        "matched": 1, "no_time_or_place": 1, "no_row_in_time": 0, "lost_on_the_way": 0, "too_far": 1,
    }  # fmt: skip


def test_of_equally_near_rows_the_nearer_in_time_counts():
    first = table_of([0.0], [0.0], ["2020-01-10"])
    second = table_of([0.0, 0.0, 0.0], [0.0] * 3, ["2020-01-12", "2020-01-09T12", "2020-01-11"])
    found = match_tables(first, second, motion="none", max_distance_m=1e3, max_dt="3D")
    assert found["row_second"].tolist() == [1]
    assert found["dt_days"].item() == -0.5


def test_across_the_pole_and_the_antimeridian_distance_is_that_on_the_ground():
    first = gpd.GeoDataFrame(
        {"time": np.array(["2020-01-10"] * 2, "M8[us]")},
        geometry=gpd.points_from_xy([179.99, 10], [70, 89.99]),
        crs=4326,
    )
    second = gpd.GeoDataFrame(
        {"time": np.array(["2020-01-10"] * 2, "M8[us]")},
        geometry=gpd.points_from_xy([-179.99, 190], [70, 89.99]),
        crs=4326,
    )
    found = match_tables(first, second, motion="none", max_distance_m=5e3, max_dt="1D")
    assert found["row_second"].tolist() == [0, 1]
    assert found["distance_m"].to_numpy() == pytest.approx(
        GEOD.inv([179.99, 10], [70, 89.99], [-179.99, 190], [70, 89.99])[2]
    )


def test_tables_that_do_not_meet_are_refused_with_counts_or_kept():
    first, second = table_of([0.0], [0.0], ["2020-01-10"]), table_of([9e5], [0.0], ["2020-01-10"])
    with pytest.raises(NoOverlapError, match="Of the first: 1 too_far; of the second: 1 too_far"):
        match_tables(first, second, motion="none", max_distance_m=5e3, max_dt="1D")
    kept = match_tables(first, second, motion="none", max_distance_m=5e3, max_dt="1D", on_empty="keep")
    assert len(kept) == 0
    assert {"row_first", "time_first", "time_second", "geometry"} <= set(kept)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"motion": "field"}, "say motion='none'"),
        ({"motion": "still"}, "motion must be"),
        ({"keep": "best"}, "keep must be"),
        ({"on_empty": "drop"}, "on_empty must be"),
        ({"max_distance_m": 0.0}, "above 0"),
        ({"max_dt": 3}, "with its unit"),
    ],
)
def test_what_is_refused(changed, match):
    table = table_of([0.0], [0.0], ["2020-01-10"])
    with pytest.raises(InputError, match=match):
        match_tables(table, table, **{"motion": "none", "max_distance_m": 5e3, "max_dt": "1D", **changed})


def test_tables_that_cannot_be_matched_are_refused(make_drift):
    table = table_of([0.0], [0.0], ["2020-01-10"])
    with pytest.raises(EmptyDataError, match="second table has no rows"):
        match_tables(table, table.iloc[:0], motion="none", max_distance_m=5e3, max_dt="1D")
    with pytest.raises(InputError, match="leave one"):
        match_tables(table, table, motion="none", field=make_drift(1.0, 0.0), max_distance_m=5e3, max_dt="1D")
    with pytest.raises(InputError, match="'time'"):
        match_tables(table.drop(columns="time"), table, motion="none", max_distance_m=5e3, max_dt="1D")
