"""What is drawn on a map is the region that a user saw, also at the pole and across the antimeridian."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyproj
import pytest

from altiflow.errors import InputError
from altiflow.explore.service.fields import TILE_GRIDS
from altiflow.explore.widget.maps import PLANES, as_plane, coast_of


def inside(epsg: int, corners: list[tuple[float, float]], points: np.ndarray) -> np.ndarray:
    """Return which points (n, 2) of the map lie in the polygon that is straight there, by crossing numbers."""
    to_map = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    ring = np.column_stack(to_map.transform(*np.array([*corners, corners[0]]).T))
    found = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in pairwise(ring):
        crosses = (y0 > points[:, 1]) != (y1 > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            at = x0 + (points[:, 1] - y0) / (y1 - y0) * (x1 - x0)
        found ^= crosses & (points[:, 0] < at)
    return found


@pytest.mark.parametrize(
    ("epsg", "corners"),
    [
        (3413, [(0, 80), (90, 80), (180, 80), (-90, 80)]),
        (3413, [(170, 70), (-170, 72), (-175, 78), (165, 76)]),
        (3413, [(-60, 68), (-20, 68), (-30, 82), (-55, 81)]),
        (3413, [(130, 85), (-150, 84), (-40, 86.5)]),
        (3413, [(100, 88), (-100, 88), (-80, 60), (80, 60)]),
        (3031, [(-120, -74), (-95, -74), (-80, -80), (-130, -79)]),
        (3031, [(150, -78), (-150, -78), (-160, -85), (160, -86)]),
        (3031, [(0, -70), (120, -70), (-120, -70)]),
    ],
)
def test_edges_are_straight_in_the_map(epsg: int, corners: list[tuple[float, float]]) -> None:
    plane = PLANES[epsg]
    region = plane.enclose(corners)
    xy = plane.project(*np.array(corners, float).T)
    low, high = xy.min(axis=0) - 2e5, xy.max(axis=0) + 2e5
    points = np.random.default_rng(0).uniform(low, high, (4000, 2))
    lon, lat = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True).transform(*points.T)
    wrong = region.contains(lon, lat) != inside(epsg, corners, points)
    # Edges may miss the straight line by a thousandth of the polygon: a band of some 0.5 percent of the window.
    assert wrong.mean() < 0.004
    assert region.geometry.is_valid
    assert region.bounds[0] >= -180
    assert region.bounds[2] <= 180


def test_a_polygon_around_the_pole_holds_it() -> None:
    assert PLANES[3413].enclose([(0, 80), (90, 80), (180, 80), (-90, 80)]).contains([0.0], [90.0]).all()
    assert PLANES[3031].enclose([(0, -70), (120, -70), (-120, -70)]).contains([33.0], [-90.0]).all()
    assert not PLANES[3413].enclose([(0, 80), (60, 80), (30, 85)]).contains([0.0], [90.0]).any()


def test_straight_edges_differ_from_straight_degrees() -> None:
    # Half way along a chord of 90 degrees at 70 N the map is at 76 N, and not at 70.
    region = PLANES[3413].enclose([(-90, 70), (0, 70), (-45, 85)])
    assert not region.contains([-45.0], [72.0]).any()


@pytest.mark.parametrize("turns", [-2, -1, 0, 1, 2])
def test_a_world_that_was_turned_is_the_same(turns: int) -> None:
    corners = [(170 + 360 * turns, 60), (190 + 360 * turns, 60), (190 + 360 * turns, 70), (170 + 360 * turns, 70)]
    region = PLANES[3857].enclose(corners)
    assert region.bounds == pytest.approx((170, 60, -170, 70), abs=1e-4)
    assert region.geometry.area == pytest.approx(200, rel=1e-9)


def test_mercator_polygons_may_be_wider_than_half_the_globe() -> None:
    region = PLANES[3857].enclose([(-150, 60), (150, 60), (150, 70), (-150, 70)])
    assert region.contains([0.0, 179.0, -179.0], [65.0] * 3).tolist() == [True, False, False]


def test_mercator_edges_are_straight_in_mercator() -> None:
    corners = [(-40, 40), (40, 80), (40, 40)]
    points = np.random.default_rng(1).uniform([-4.6e6, 4.8e6], [4.6e6, 1.6e7], (3000, 2))
    region = PLANES[3857].enclose(corners)
    lon, lat = pyproj.Transformer.from_crs(3857, 4326, always_xy=True).transform(*points.T)
    assert (region.contains(lon, lat) != inside(3857, corners, points)).mean() < 0.002


@pytest.mark.parametrize(
    ("corners", "told"),
    [
        ([(0, 70), (1, 71)], "three corners"),
        ([(0, 70), (0, 70), (0, 70), (1, 71)], "three corners"),
        ([(0, 70), (1, 95), (2, 70)], "in degrees"),
        ([(0, 70), (np.nan, 71), (2, 70)], "in degrees"),
        ([(-45, 70), (-45, 75), (-45, 80)], "no area"),
    ],
)
def test_what_is_no_polygon_is_refused(corners: list[tuple[float, float]], told: str) -> None:
    with pytest.raises(InputError, match=told):
        PLANES[3413].enclose(corners)


def test_a_bow_tie_is_both_its_sides() -> None:
    region = PLANES[3413].enclose([(-50, 69), (-48, 70), (-48, 69), (-50, 70)])
    assert region.geometry.is_valid
    assert region.geometry.area == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("epsg", [3413, 3031, 3857])
def test_the_tile_matrix_is_that_of_the_service(epsg: int) -> None:
    plane, grid = PLANES[epsg], TILE_GRIDS[epsg]
    for zoom in (0, 3):
        x_min, _, x_max, _ = grid.bounds(zoom, 0, 0)
        assert plane.resolution(zoom) * plane.tile_pixels == pytest.approx(x_max - x_min, rel=1e-12)
        assert x_min == -plane.half
    crs = plane.leaflet_crs()
    if epsg != 3857:
        assert crs["resolutions"][:3] == [16384.0, 8192.0, 4096.0]
        assert crs["origin"] == [-4194304.0, 4194304.0]
        # The text that the browser projects with means the same as the code.
        here = pyproj.Transformer.from_crs(4326, crs["proj4def"], always_xy=True).transform(
            -100.0, -75 if epsg == 3031 else 75
        )
        assert here == pytest.approx(tuple(plane.project([-100.0], [-75 if epsg == 3031 else 75])[0]), abs=1e-6)


def test_land_is_where_the_map_has_it() -> None:
    coast = coast_of(3031)["geometry"]["coordinates"]
    corners = np.array(max((part[0] for part in coast), key=len))
    xy = PLANES[3031].project(*corners.T)
    area = 0.5 * abs(np.dot(xy[:, 0], np.roll(xy[:, 1], 1)) - np.dot(xy[:, 1], np.roll(xy[:, 0], 1)))
    # Antarctica without its ice shelves has 12.3 million km2; polar stereographic shrinks the middle by 5 percent.
    assert area / 1e12 == pytest.approx(12.0, abs=0.7)


def test_an_unknown_map_is_refused() -> None:
    with pytest.raises(InputError, match="3413, 3031, 3857"):
        as_plane(32633)


@pytest.mark.parametrize("epsg", [3413, 3031])
@pytest.mark.parametrize(("wide", "high"), [(690e3, 460e3), (500e3, 500e3), (333e3, 777e3)])
def test_a_rectangle_around_a_pole_is_whole_wherever_its_ring_begins(epsg: int, wide: float, high: float) -> None:
    plane = PLANES[epsg]
    corners = np.array([[-wide, high], [wide, high], [wide, -high], [-wide, -high]])
    places = np.random.default_rng(0).uniform(-1e6, 1e6, (500, 2))
    # Edges are straight but for a thousandth.
    edge = np.minimum(np.abs(np.abs(places[:, 0]) - wide), np.abs(np.abs(places[:, 1]) - high))
    places = places[edge > 5e3]
    inside = (np.abs(places[:, 0]) < wide) & (np.abs(places[:, 1]) < high)
    for start in range(4):
        for turned in (corners, corners[::-1]):
            ring = [tuple(corner) for corner in plane.locate(np.roll(turned, start, axis=0))]
            region = plane.enclose(ring)
            assert region.bounds[::2] == (-180.0, 180.0)
            assert np.array_equal(region.contains(*plane.locate(places).T), inside)
