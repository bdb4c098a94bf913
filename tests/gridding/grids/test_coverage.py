"""The window that covers a region: against every cell centre, on every kind of map."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from altiflow.errors import InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.region import as_region

NORTH, SOUTH = Grid.named("EASE2_N25km"), Grid.named("EASE2_S25km")
STEREO, STEREO_SOUTH = Grid.named("NSIDC_PS_N25km"), Grid.named("NSIDC_PS_WGS84_S25km")
WORLD = Grid.named("EASE2_M36km")
UTM = Grid.from_bounds("EPSG:32633", (300e3, 7_600e3, 700e3, 9_200e3), 10e3)
TURNED = Grid.from_bounds("+proj=cea +lon_0=150 +lat_ts=30 +datum=WGS84", (-17e6, -7e6, 17e6, 7e6), 50e3)
CASES = {
    "a box": (NORTH, (-45, 60, 45, 70)),
    "a box in the south": (SOUTH, (20, -75, 100, -60)),
    "a box across the antimeridian": (NORTH, (170, 60, -170, 72)),
    "the same on a stereographic map": (STEREO, (170, 60, -170, 72)),
    "a polar cap": (NORTH, (-180, 80, 180, 90)),
    "a polar cap of the south": (STEREO_SOUTH, (-180, -90, 180, -70)),
    "three quarters of a cap": (STEREO, (-90, 75, 180, 90)),
    "a ring": (NORTH, (-180, 60, 180, 65)),
    "a box that leaves the grid": (STEREO, (120, 25, 150, 60)),
    "a ring that leaves the grid": (STEREO, (-180, 30, 180, 45)),
    "a box across the equator": (NORTH, (-30, -20, 30, 30)),
    "the tropics": (NORTH, (-180, -10, 180, 10)),
    "the northern hemisphere": (STEREO, (-180, 0, 180, 90)),
    "the Earth": (SOUTH, (-180, -90, 180, 90)),
    "the Earth on the global grid": (WORLD, (-180, -90, 180, 90)),
    "a box on the global grid": (WORLD, (-30, 10, 50, 40)),
    "an antimeridian box on the global grid": (WORLD, (160, -20, -150, 40)),
    "a cap on the global grid": (WORLD, (-180, 60, 180, 90)),
    "a box across a map's own seam": (TURNED, (-60, -40, 0, 30)),
    "a box on a transverse map": (UTM, (10, 70, 18, 80)),
    "a cap on a transverse map": (UTM, (-180, 72, 180, 90)),
    "a slanted polygon": (NORTH, shapely.Polygon([(-10, 50), (60, 55), (70, 80), (-30, 72)])),
    "a pole inside a polygon": (NORTH, gpd.GeoSeries([shapely.Point(1e5, 2e5).buffer(1.3e6)], crs="EPSG:3413")),
}


@pytest.mark.parametrize("case", CASES)
def test_the_window_holds_every_centre_in_the_region_and_at_most_a_cell_more(case):
    grid, given = CASES[case]
    found = grid.window(given)
    row, col = (int(value) for value in grid.rowcol(*found.xy(0, 0)))
    longitude, latitude = grid.lonlat()
    held = as_region(given).contains(longitude, latitude)
    rows, cols = np.flatnonzero(held.any(axis=1)), np.flatnonzero(held.any(axis=0))
    assert found.crs_name == grid.crs_name
    assert found == grid.window(slice(row, row + found.shape[0]), slice(col, col + found.shape[1]))
    for first, size, needed in ((row, found.shape[0], rows), (col, found.shape[1], cols)):
        assert needed[0] - 1 <= first <= needed[0]
        assert needed[-1] <= first + size - 1 <= needed[-1] + 1


@pytest.mark.parametrize("seed", range(20))
def test_no_point_of_a_box_is_outside_its_window(seed):
    rng = np.random.default_rng(seed)
    west, width, south = rng.uniform(-180, 180), rng.uniform(0.05, 300), rng.uniform(30, 85)
    north = south + rng.uniform(0.01, 90 - south)
    east = (west + width + 180) % 360 - 180
    share = rng.uniform(0, 1, (3000, 2))
    share[:1000, 1], share[1000:2000, 1], share[2000:, 0] = 0, 1, rng.integers(0, 2, 1000)
    for grid in (NORTH, STEREO, Grid.named("NSIDC_PS_WGS84_N6.25km")):
        x, y = grid.project(west + width * share[:, 0], south + (north - south) * share[:, 1])
        x_min, y_min, x_max, y_max = grid.bounds
        inside = (x >= x_min) & (x <= x_max) & (y >= y_min) & (y <= y_max)
        found = grid.window((west, south, east, north)).bounds
        assert inside.any()
        assert (x[inside] >= found[0] - 1e-2).all()
        assert (x[inside] <= found[2] + 1e-2).all()
        assert (y[inside] >= found[1] - 1e-2).all()
        assert (y[inside] <= found[3] + 1e-2).all()


def test_the_window_goes_to_the_cell_at_which_a_parallel_turns():
    fine = Grid.from_bounds("EPSG:6931", (-3e6, -4e6, 3e6, 0.0), 0.01e3)
    lowest = float(fine.project(0.0, 60.0)[1])
    found = fine.window((-40, 60, 37, 70)).bounds
    assert found[1] <= lowest < found[1] + 10.0
    assert found[2] - 10.0 < float(fine.project(37.0, 60.0)[0]) <= found[2]


def test_a_region_within_one_cell_and_one_on_cell_edges():
    assert NORTH.window((10.0, 70.0, 10.001, 70.001)).shape == (1, 1)
    cells = Grid.from_bounds("EPSG:6931", (1e6, 1e6, 1.008e6, 1.008e6), 1e3)
    edges = gpd.GeoSeries([shapely.box(1.002e6, 1.003e6, 1.005e6, 1.007e6)], crs="EPSG:6931")
    assert cells.window(edges).bounds == (1.002e6, 1.003e6, 1.005e6, 1.007e6)
    whole = gpd.GeoSeries([shapely.box(0.9e6, 0.9e6, 1.1e6, 1.1e6)], crs="EPSG:6931")
    assert cells.window(whole) == cells


def test_a_region_may_be_a_file_or_a_region(tmp_path):
    path = tmp_path / "fjord.geojson"
    area = shapely.Polygon([(-51, 69), (-48, 69), (-49, 70)])
    gpd.GeoSeries([area], crs="EPSG:4326").to_file(path)
    wanted = STEREO.window(area)
    assert STEREO.window(path) == STEREO.window(str(path)) == STEREO.window(as_region(area)) == wanted


def test_what_misses_the_grid_is_refused():
    for grid, region in (
        (NORTH, (-30, -60, 30, -10)),
        (STEREO, (120, 5, 150, 20)),
        (WORLD, (-180, 86, 180, 90)),
        (UTM, (-120, 40, -100, 50)),
        (NORTH.window(slice(0, 100), slice(0, 100)), (-180, -10, 180, 10)),
    ):
        with pytest.raises(InputError, match="does not meet the grid"):
            grid.window(region)
    with pytest.raises(InputError, match="rows and cols"):
        NORTH.window(slice(3, 5))
    with pytest.raises(InputError, match="is not"):
        NORTH.window(7.5)
