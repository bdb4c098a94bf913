"""Grids: which cell a point is in, where cells are, and the same grid after every way around."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow.errors import InputError
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.grids.named import GRID_NAMES

DAY = [["2020-01-01", "2020-01-02"]]


def test_upper_and_left_edges_belong_to_a_cell_lower_and_right_ones_do_not(grid):
    x = [10e3, 10e3 - 1e-6, 15e3, 15e3 - 1e-6, 11e3, 12e3, 12e3, 12e3]
    y = [22e3, 22e3, 22e3, 22e3, 24e3, 24e3 + 1e-6, 20e3, 20e3 + 1e-6]
    row, col = grid.rowcol(x, y)
    assert row.tolist() == [2, -1, -1, 2, 0, -1, -1, 3]
    assert col.tolist() == [0, -1, -1, 4, 1, -1, -1, 2]


@pytest.mark.parametrize("name", GRID_NAMES)
def test_corner_cells_of_every_named_grid_go_around(name):
    grid = Grid.named(name)
    rows, cols = grid.shape
    row, col = np.array([0, 0, rows - 1, rows - 1, rows // 2]), np.array([0, cols - 1, 0, cols - 1, cols // 3])
    x, y = grid.xy(row, col)
    found = grid.rowcol(x, y)
    assert np.array_equal(found[0], row)
    assert np.array_equal(found[1], col)
    assert x.tolist() == grid.x[col].tolist()
    assert y.tolist() == grid.y[row].tolist()
    width, height = grid.resolution
    beyond = grid.rowcol([x[0] - width, x[0], x[3] + width, x[3]], [y[0], y[0] + height, y[3], y[3] - height])
    assert np.unique(beyond).tolist() == [-1]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_centres_of_any_cell_of_any_named_grid_go_around(data):
    grid = Grid.named(data.draw(st.sampled_from(GRID_NAMES)))
    row, col = (data.draw(st.integers(0, size - 1)) for size in grid.shape)
    found = grid.rowcol(*grid.xy(row, col))
    assert (int(found[0]), int(found[1])) == (row, col)


def test_points_that_are_nowhere_are_outside(grid):
    row, col = grid.rowcol([np.nan, np.inf, 12e3], [22e3, 22e3, -np.inf])
    assert np.unique([row, col]).tolist() == [-1]


@pytest.mark.parametrize("name", GRID_NAMES)
def test_a_dataset_gives_back_its_grid_to_the_last_digit(name):
    part = Grid.named(name).window(slice(3, 30), slice(5, 41))
    frame = make_frame(part, DAY)
    assert Grid.from_dataset(frame) == part
    assert Grid.from_dataset(frame).signature == part.signature
    assert Grid.from_dataset(frame.sortby("y")) == part
    assert Grid.from_dataset(frame.isel(y=slice(2, 9), x=slice(4, 5))) == part.window(slice(2, 9), slice(4, 5))


def test_a_dataset_without_the_lattice_gives_its_grid_from_the_centres(grid):
    frame = make_frame(grid, DAY)
    frame["crs"].attrs.pop("GeoTransform")
    assert Grid.from_dataset(frame) == grid
    with pytest.raises(InputError, match="at least two"):
        Grid.from_dataset(frame.isel(x=[2]))
    with pytest.raises(InputError, match="grid mapping"):
        Grid.from_dataset(frame.drop_vars("crs"))
    frame["crs"].attrs = {}
    with pytest.raises(InputError, match="crs_wkt"):
        Grid.from_dataset(frame)


def test_coordinates_off_the_stated_lattice_speak_for_themselves(grid):
    frame = make_frame(grid, DAY)
    moved = frame.assign_coords(x=frame.x + 300.0)
    assert Grid.from_dataset(moved).transform == Affine.translation(300.0, 0.0) @ grid.transform
    with pytest.raises(InputError, match="evenly"):
        Grid.from_dataset(frame.isel(x=[0, 1, 3]))


def test_rows_in_no_order_are_no_grid(grid):
    frame = make_frame(grid, DAY)
    for order in ([2, 0, 1, 3], [0, 2, 1, 3], [0, 0, 1, 2]):
        with pytest.raises(InputError, match="evenly"):
            Grid.from_dataset(frame.isel(y=order))


@pytest.mark.parametrize(
    ("crs", "name"),
    [
        ("+proj=utm +zone=33 +ellps=intl", None),
        ("+proj=utm +zone=33 +ellps=bessel", None),
        ("+proj=laea +lat_0=90 +lon_0=0 +x_0=100 +datum=WGS84", None),
        ("+proj=utm +zone=33 +datum=WGS84", "EPSG:32633"),
        ("+proj=laea +lat_0=90 +lon_0=0 +R=6371228", "EPSG:3408"),
    ],
)
def test_a_crs_has_the_name_of_none_that_only_looks_like_it(crs, name):
    grid = Grid.from_bounds(crs, (0, 0, 5e3, 5e3), 1e3)
    assert grid.crs_name == (name or pyproj.CRS(crs).to_wkt())
    wanted = pyproj.Transformer.from_crs("EPSG:4326", pyproj.CRS(crs), always_xy=True).transform(15.0, 70.0)
    assert grid.project(15.0, 70.0) == pytest.approx(wanted, abs=1e-6)


def test_a_window_lies_on_the_lattice_of_its_grid():
    whole = Grid.named("EASE2_N25km")
    part = whole.window(slice(300, 310), slice(400, 420))
    assert part.shape == (10, 20)
    assert np.array_equal(part.x, whole.x[400:420])
    assert np.array_equal(part.y, whole.y[300:310])
    assert part.signature != whole.signature
    with pytest.raises(InputError, match="no cell"):
        whole.window(slice(720, 730), slice(0, 5))


@pytest.mark.parametrize("resolution", [250, 250.0, np.int64(250), np.float32(250), (250, 250)])
def test_bounds_and_any_number_make_a_grid(resolution):
    grid = Grid.from_bounds("EPSG:3413", (0, 0, 1000, 600), resolution)
    assert grid.shape == (3, 4)
    assert grid.bounds == (0.0, -150.0, 1000.0, 600.0)


@pytest.mark.parametrize(
    ("crs", "bounds", "resolution", "message"),
    [
        ("EPSG:3413", (0, 0, 10, 10), 0, "positive"),
        ("EPSG:3413", (0, 0, 10, 10), np.inf, "positive and finite"),
        ("EPSG:3413", (0, 0, 10, 10), (1, np.nan), "positive"),
        ("EPSG:3413", (10, 0, 0, 10), 1, "min below max"),
        ("EPSG:3413", (0, 0, np.inf, 10), 1, "min below max"),
        ("EPSG:4326", (0, 0, 10, 10), 1, "projected CRS in metres"),
        ("EPSG:2225", (0, 0, 10, 10), 1, "projected CRS in metres"),
        ("EPSG:999999", (0, 0, 10, 10), 1, "crs must be .*EPSG:999999"),
        ("polar", (0, 0, 10, 10), 1, "crs must be .*'polar'"),
        (None, (0, 0, 10, 10), 1, "crs must be .*None"),
        ([1, 2, 3], (0, 0, 10, 10), 1, "crs must be"),
        ("EPSG:3413", (0, 0, 10), 1, "x_min, y_min, x_max, y_max"),
    ],
)
def test_what_is_no_grid_is_refused(crs, bounds, resolution, message):
    with pytest.raises(InputError, match=message):
        Grid.from_bounds(crs, bounds, resolution)


def test_every_maker_names_a_crs_that_is_none():
    with pytest.raises(InputError, match="crs must be"):
        Grid.from_centres("nonsense", [0.0, 1.0], [0.0, 1.0])
    with pytest.raises(InputError, match="crs must be"):
        Grid.its_live("nonsense", bounds=(0, 0, 1e3, 1e3))


@pytest.mark.parametrize(("name", "near"), [("EASE2_N25km", 1), ("EASE2_S25km", -1), ("EASE_Nl25km", 1)])
def test_the_other_hemisphere_is_outside_a_polar_equal_area_grid(name, near):
    grid = Grid.named(name)
    longitude = np.arange(-180.0, 180.0, 5.0)
    for latitude, inside in ((84.63, True), (0.5, True), (-0.5, False), (-84.63, False)):
        row, _ = grid.rowcol(*grid.project(longitude, np.full(longitude.size, near * latitude)))
        assert (row >= 0).any() == inside
    corner = gpd.GeoDataFrame(geometry=gpd.points_from_xy([-8.99e6, 1e6], [8.99e6, 1e6]), crs=grid.crs)
    assert (grid.locate(corner)[0] >= 0).tolist() == [False, True]


def test_places_off_the_earth_are_in_no_cell():
    first, stereographic = Grid.named("EASE_Nl25km"), Grid.named("NSIDC_PS_N25km")
    corner = gpd.GeoDataFrame(geometry=gpd.points_from_xy([-9.03e6, 9.03e6], [9.03e6, -9.03e6]), crs=first.crs)
    assert np.unique(first.locate(corner)).tolist() == [-1]
    beyond = gpd.GeoDataFrame(geometry=gpd.points_from_xy([13e6, 0, np.inf], [13e6, 1e5, 0]), crs="EPSG:6931")
    for grid in (stereographic, first, Grid.named("EASE2_N25km"), Grid.named("EASE2_M36km")):
        assert (grid.locate(beyond)[0][[0, 2]] == -1).all(), grid.name
    unreachable = gpd.GeoDataFrame(geometry=gpd.points_from_xy([np.inf, 1e5], [0, 1e5]), crs=stereographic.crs)
    assert (stereographic.locate(unreachable)[0] >= 0).tolist() == [False, True]
    assert np.isinf(stereographic.project([0.0, np.inf], [np.nan, np.inf])).any()


def test_the_other_hemisphere_is_on_the_global_grid():
    grid = Grid.named("EASE2_M36km")
    row, col = grid.rowcol(*grid.project([-180.0, 0.01, 180.0, 0.01, 0.01], [60.0, 0.01, -60.0, -84.0, -86.0]))
    assert col.tolist() == [0, 482, 963, 482, -1]
    assert (row >= 0).tolist() == [True, True, True, True, False]
    assert row[1] == 202


def test_points_in_any_crs_fall_into_the_same_cell():
    grid = Grid.named("NSIDC_PS_WGS84_N25km")
    rng = np.random.default_rng(3)
    lonlat = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(rng.uniform(-180, 180, 500), rng.uniform(40, 89, 500)), crs="EPSG:4326"
    )
    expected = grid.locate(lonlat)
    assert (expected[0] >= 0).sum() > 400
    for crs in ("EPSG:3413", "EPSG:6931", "OGC:CRS84", "EPSG:32633"):
        found = grid.locate(lonlat.to_crs(crs))
        assert np.array_equal(found[0], expected[0]), crs
        assert np.array_equal(found[1], expected[1]), crs


def test_points_in_the_crs_of_the_grid_keep_their_edges(grid):
    edge = gpd.GeoDataFrame(geometry=gpd.points_from_xy([10e3, 11e3, 15e3, 12e3], [24e3, 23e3, 22e3, 20e3]), crs=6931)
    row, col = grid.locate(edge)
    assert row.tolist() == [0, 1, -1, -1]
    assert col.tolist() == [0, 1, -1, -1]


def test_missing_points_are_outside(grid):
    table = gpd.GeoDataFrame(geometry=[None, *gpd.points_from_xy([12e3], [22e3])], crs=6931)
    for crs in (6931, 3413, 4326):
        assert (grid.locate(table.to_crs(crs))[0] >= 0).tolist() == [False, True]


def test_a_table_that_says_not_where_it_is_is_refused(grid):
    points = gpd.points_from_xy([12e3], [22e3])
    with pytest.raises(InputError, match="no CRS"):
        grid.locate(gpd.GeoDataFrame(geometry=points))
    with pytest.raises(InputError, match="no geometry"):
        grid.locate(pd.DataFrame({"longitude": [0.0]}))
    with pytest.raises(InputError, match="Polygon"):
        grid.locate(gpd.GeoDataFrame(geometry=gpd.GeoSeries(points, crs=6931).buffer(5)))
