"""Where on a later track ice lies: feet, gaps, ends, bends, sides."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point

from altiflow.fusion.heights import eulerian_dhdt, lagrangian_dhdt
from altiflow.fusion.heights.pairing import Rules, find_spots
from altiflow.fusion.heights.passes import heights_of

RULES = Rules("all", 65.0, 100.0, 1.0)


@pytest.fixture
def track(make_pass):
    """Return the heights of one track with y ascending at x = 0 near 70 N, where map and ground are one."""

    def make(x, y, height=0.0, **columns):
        place = np.asarray(y, float) - 2_190_000.0
        return heights_of(make_pass(x, place, 0.0, height, **columns), "EPSG:3413")

    return make


def spots(heights, x, y):
    place = np.stack([np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float)) - 2_190_000.0])
    return find_spots(heights, heights.epochs[0], place, RULES)


def test_height_is_linear_between_the_two_neighbours_and_not_the_nearest(track) -> None:
    heights = track(0.0, np.arange(0, 200, 20.0), np.arange(10.0) ** 2)
    found = spots(heights, [10.0, -10.0, 0.0], [25.0, 46.0, 60.0])
    assert found.between(heights.height) == pytest.approx([1 + 0.25 * 3, 4 + 0.3 * 5, 9.0])


def test_offset_is_positive_to_the_left_of_flight(track) -> None:
    up, down = track(0.0, np.arange(0, 200, 20.0)), track(0.0, np.arange(180, -20, -20.0))
    assert spots(up, [-10.0, 10.0], 50.0 + np.zeros(2)).offset == pytest.approx([10.0, -10.0], rel=2e-3)
    assert spots(down, [-10.0, 10.0], 50.0 + np.zeros(2)).offset == pytest.approx([-10.0, 10.0], rel=2e-3)


def test_neither_a_gap_nor_the_end_of_a_track_has_a_height(track) -> None:
    heights = track(0.0, np.append(np.arange(0, 200, 20.0), np.arange(320, 400, 20.0)))
    found = spots(heights, np.zeros(6), [-30.0, 200.0, 250.0, 320.0, 390.0, 500.0])
    assert found.found.tolist() == [False, False, False, True, False, False]
    assert found.close.tolist() == [True, True, False, True, True, False]


def test_the_far_side_of_the_distance_is_not_matched(track) -> None:
    heights = track(0.0, np.arange(0, 200, 20.0))
    assert spots(heights, [64.0, 66.0, -64.0, -66.0], 50.0 + np.zeros(4)).found.tolist() == [True, False, True, False]


def test_a_lone_point_has_a_height_where_it_is_and_nowhere_else(track) -> None:
    heights = track(0.0, np.array([0.0]), 7.0)
    found = spots(heights, [0.0, 1.0], [0.0, 0.0])
    assert found.found.tolist() == [True, False]
    assert found.between(heights.height)[0] == 7.0


def test_outside_of_a_bend_the_point_itself_counts(track) -> None:
    heights = track(np.abs(np.arange(-5, 6)) * 10.0, np.arange(-5, 6) * 20.0, np.abs(np.arange(-5.0, 6)))
    found = spots(heights, [-30.0], [0.0])
    assert found.found[0]
    assert found.between(heights.height)[0] == 0.0
    assert abs(found.offset[0]) == pytest.approx(30.0, rel=2e-3)


def test_of_several_tracks_the_nearest_counts(make_pass, joined) -> None:
    y = np.arange(0, 400, 20.0) - 2_190_000.0
    left = make_pass(0.0, y, 1.0, 1.0, granule="b", beam="gt1l")
    right = make_pass(60.0, y, 1.0, 2.0, granule="b", beam="gt1r")
    early = [make_pass(x, y[5:15], 0.0, 0.0, granule=f"a{x}") for x in (20.0, 40.0)]
    for order in ((left, right), (right, left)):
        found = eulerian_dhdt(joined(*early, *order), min_days=30)
        late = found[found["granule2"] == "b"]
        assert set(zip(late["granule1"], late["beam2"], strict=True)) == {("a20.0", "gt1l"), ("a40.0", "gt1r")}


def test_orientation_may_flip_because_tracks_are_matched_by_place(make_pass, joined) -> None:
    y = np.arange(0, 400, 20.0) - 2_190_000.0
    tracks = {"gt1l": 0.0, "gt1r": 90.0}
    forward = [
        make_pass(x, y, 0.0, 5.0, granule="a", beam=b, spot=s) for (b, x), s in zip(tracks.items(), (6, 5), strict=True)
    ]
    backward = [
        make_pass(x, y, 1.0, 4.0, granule="b", beam=b, spot=s) for (b, x), s in zip(tracks.items(), (1, 2), strict=True)
    ]
    found = eulerian_dhdt(joined(*forward, *backward))
    assert len(found) == 40
    assert (found["beam1"] == found["beam2"]).all()
    assert (found["spot1"] != found["spot2"]).all()


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:6931", "EPSG:32622"])
def test_distances_are_those_on_the_ground_whatever_the_map(make_pass, joined, crs) -> None:
    # On EPSG:6931 at 60 N a metre to the east is 1.035 m, one to the north 0.966 m.
    there = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32622", always_xy=True).transform(-49.0, 60.0)
    y = np.arange(0, 1000, 20.0) + there[1]
    early = make_pass(there[0] + 63.5, y, 0.0, 0.0, crs="EPSG:32622")
    late = make_pass(there[0], y, 1.0, 0.0, crs="EPSG:32622")
    found = eulerian_dhdt(joined(early, late), crs=crs)
    scale = pyproj.Proj("EPSG:32622").get_factors(-49.0, 60.0).meridional_scale
    assert len(found) == y.size
    assert found["offset"].to_numpy() == pytest.approx(-63.5 / scale, rel=2e-4)


def test_slope_across_the_track_carries_the_later_height_to_the_place(make_pass, joined) -> None:
    def plane(x, y, years):
        return 0.03 * x + 0.02 * (y + 2_190_000.0) - years

    y = np.arange(0, 400, 20.0) - 2_190_000.0
    scale = pyproj.Proj("EPSG:3413").get_factors(-45.0, 70.0).meridional_scale
    # Flown towards +y, -x is to the left.
    slopes = {"dh_fit_dx": 0.02 * scale, "dh_fit_dy": -0.03 * scale}
    table = joined(make_pass(0.0, y, 0.0, plane, **slopes), make_pass(25.0, y, 1.0, plane, **slopes))
    told, left = eulerian_dhdt(table), eulerian_dhdt(table, across="none")
    assert told["dhdt"].to_numpy() == pytest.approx(-1.0, abs=1e-3)
    assert told["correction"].to_numpy() == pytest.approx(-0.75, abs=1e-3)
    assert left["dhdt"].to_numpy() == pytest.approx(-0.25, abs=1e-3)
    assert left["correction"].isna().all()
    unknown = table.assign(dh_fit_dy=np.nan)
    unknown.attrs = table.attrs
    found = eulerian_dhdt(unknown)
    assert found["dhdt"].to_numpy() == pytest.approx(-0.25, abs=1e-3)
    assert found.attrs["altiflow"]["height_change"]["pairs_without_correction"] == len(found)


def test_east_and_north_slopes_do_the_same(make_pass, joined) -> None:
    y = np.arange(0, 400, 20.0) - 2_190_000.0
    # At 45 W the axes of EPSG:3413 are east and north.
    slopes = {"slope_east": 0.03, "slope_north": 0.02}
    table = joined(make_pass(0.0, y, 0.0, 0.0, **slopes), make_pass(25.0, y, 1.0, 0.0, **slopes))
    assert eulerian_dhdt(table)["correction"].to_numpy() == pytest.approx(-0.75, rel=2e-3)


def test_crossing_tracks_are_matched_where_they_cross(make_pass, joined) -> None:
    along = np.arange(-2000, 2000, 20.0)
    early = make_pass(along, -2_190_000.0 + 0.3 * along, 0.0, lambda x, y, t: 1e-3 * x)
    late = make_pass(-along, -2_190_000.0 + 0.7 * along, 0.5, lambda x, y, t: 1e-3 * x + 1.0)
    found = eulerian_dhdt(joined(early, late))
    assert 0 < len(found) < 20
    assert np.abs(found["offset"]).max() <= 65.0
    assert np.abs(found["dhdt"] - 2.0).max() < 2 * 1e-3 * 65.0


def test_the_later_place_is_where_the_row_is(make_pass, joined, uniform) -> None:
    y = np.arange(0, 2000, 20.0) - 2_190_000.0
    table = joined(make_pass(0.0, y, 0.0, 0.0), make_pass(10.0, y, 1.0, 0.0))
    field = uniform(0.0, 500.0, centre=(0.0, -2_190_000.0), cell=500.0, reach=10e3)
    found = lagrangian_dhdt(table, field)
    there = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True)
    x_found, y_found = there.transform(found.geometry.x.to_numpy(), found.geometry.y.to_numpy())
    assert x_found == pytest.approx(10.0, abs=1e-6)
    assert y_found == pytest.approx(y[found["row1"]] + 500.0, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_feet_are_those_of_a_line_in_plane_geometry(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.cumsum(rng.normal(0, 0.1, 40)), np.arange(40) * 20.0 + rng.normal(0, 3.0, 40)
    place = gpd.points_from_xy(x, y - 2_190_000.0)
    table = gpd.GeoDataFrame(
        {
            "granule": "a",
            "beam": "gt1l",
            "time": np.datetime64("2020-01-01", "us"),
            "x_atc": y,
            "height": rng.normal(size=40),
        },
        geometry=place,
        crs="EPSG:3413",
    )
    heights = heights_of(table, "EPSG:3413")
    parcels = np.stack([rng.uniform(-90, 90, 30), rng.uniform(30, 740, 30)])
    found = spots(heights, *parcels)
    line = LineString(np.stack([x, y], axis=-1))
    along = np.array([line.project(Point(one)) for one in parcels.T])
    distance = np.array([line.distance(Point(one)) for one in parcels.T])
    scale = pyproj.Proj("EPSG:3413").get_factors(-45.0, 70.0).meridional_scale
    expected = np.interp(along, np.append(0, np.cumsum(np.hypot(np.diff(x), np.diff(y)))), table["height"])
    near = distance < 63.0
    assert np.array_equal(found.found[near], np.ones(near.sum(), bool))
    # Where a track bends, another piece than that of the nearest point may be nearer by centimetres.
    assert np.abs(found.offset[near]) == pytest.approx(distance[near] / scale, rel=1e-4, abs=0.02)
    assert np.median(np.abs(found.between(heights.height)[near] - expected[near])) < 1e-6
