"""Where a map is valid and how large its cells are on the ground, against geodesic polygons and the projection."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.grids.named import GRID_NAMES

COARSE = [name for name in GRID_NAMES if max(Grid.named(name).shape) <= 1500]
UTM = Grid.from_bounds("EPSG:32607", (400e3, 6_600e3, 700e3, 6_900e3), 25e3)
ALBERS = Grid.from_bounds("EPSG:5070", (-2e6, 3e5, 2e6, 3e6), 1e5)
CONIC = Grid.from_bounds("ESRI:102027", (-2e6, 1e6, 2e6, 5e6), 5e4)


def geodesic_area(grid: Grid, row: int, col: int, pieces: int = 200) -> float:
    """Area [m2] of a cell on the ellipsoid of the map, its edges straight on the map."""
    width, height = grid.resolution
    x, y = (float(value) for value in grid.xy(row, col))
    along = np.arange(pieces) / pieces - 0.5
    half = np.full(pieces, 0.5)
    across = x + width * np.concatenate([along, half, -along, -half])
    down = y + height * np.concatenate([-half, along, half, -along])
    longitude, latitude = pyproj.Proj(grid.crs)(across, down, inverse=True)
    ellipsoid = grid.crs.ellipsoid
    geod = pyproj.Geod(a=ellipsoid.semi_major_metre, b=ellipsoid.semi_minor_metre)
    return abs(geod.polygon_area_perimeter(longitude, latitude)[0])


@pytest.mark.parametrize(
    "grid",
    [
        *map(Grid.named, ("EASE2_N25km", "EASE2_S100km", "EASE2_M36km", "EASE_Nl25km", "EASE_Sa25km")),
        *map(Grid.named, ("NSIDC_PS_N25km", "NSIDC_PS_S12.5km", "NSIDC_PS_WGS84_N6.25km", "NSIDC_PS_WGS84_S25km")),
        Grid.from_bounds("EPSG:3031", (-3e6, -3e6, 3e6, 3e6), 1e5),
        UTM,
        ALBERS,
        CONIC,
    ],
    ids=lambda grid: f"{grid.name} {grid.crs.name}",
)
def test_cells_are_as_large_as_their_geodesic_polygons(grid):
    rng = np.random.default_rng(5)
    area, valid = grid.cell_area, grid.valid
    rows, cols = (np.append(rng.integers(0, size, 12), [0, size - 1]) for size in grid.shape)
    if not grid.bounds[0] * grid.bounds[2] > 0 and grid.bounds[1] * grid.bounds[3] < 0:
        pole = grid.rowcol(0.0, 0.0)
        rows, cols = np.append(rows, [pole[0], pole[0] + 3]), np.append(cols, [pole[1] + 1, pole[1] - 4])
    assert area.dtype == np.float64
    for row, col in zip(rows, cols, strict=True):
        if valid[row, col]:
            assert area[row, col] == pytest.approx(geodesic_area(grid, row, col), rel=1e-6)
        else:
            assert np.isnan(area[row, col])


def test_the_areas_of_stereographic_cells_are_those_published_scales_say():
    grid = Grid.named("NSIDC_PS_WGS84_N6.25km")
    square = 6250.0**2 / grid.cell_area
    for latitude, expected in ((90.0, 0.9406), (70.0, 1.0), (60.0, 1.0801)):
        row, col = grid.rowcol(*grid.project(-100.0, latitude))
        assert square[row, col] == pytest.approx(expected, abs=2.5e-3 if latitude < 90 else 5e-5)


def test_the_cells_about_a_pole_have_the_same_area():
    grid = Grid.named("NSIDC_PS_WGS84_S25km")
    row, col = (int(value) for value in grid.rowcol(0.0, 0.0))
    area = grid.cell_area
    ring = [area[row - 1, col - 1], area[row - 1, col], area[row, col - 1], area[row, col]]
    assert np.ptp(ring) < 1e-9 * ring[0]


@pytest.mark.parametrize("name", ["EASE2_N25km", "EASE2_S25km", "EASE_Nl25km", "EASE_Sl25km"])
def test_a_polar_equal_area_grid_is_valid_up_to_the_equator(name):
    grid = Grid.named(name)
    x, y = np.meshgrid(grid.x, grid.y)
    latitude = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)[1]
    near = np.isfinite(latitude) & (np.sign(latitude) == (1 if "_N" in name else -1))
    assert np.array_equal(grid.valid, near)
    assert 0.78 < grid.valid.mean() < 0.80
    if name.startswith("EASE2"):
        assert np.array_equal(grid.valid, np.hypot(x, y) < 9_009_964.76)
    longitude, found = grid.lonlat()
    assert np.array_equal(np.isnan(found), ~near)
    assert np.array_equal(np.isnan(longitude), ~near)
    assert np.array_equal(found[near], latitude[near])
    assert np.array_equal(np.isnan(grid.cell_area), ~near)


@pytest.mark.parametrize("name", COARSE)
def test_valid_cells_are_those_a_point_at_the_centre_falls_into(name):
    grid = Grid.named(name)
    longitude, latitude = grid.lonlat()
    valid = grid.valid
    rows, cols = np.indices(grid.shape)
    found = grid.rowcol(*grid.project(longitude[valid], latitude[valid]))
    assert np.array_equal(found[0], rows[valid])
    assert np.array_equal(found[1], cols[valid])
    assert np.array_equal(np.isfinite(longitude), valid)
    if "PS" in name or "_M" in name:
        assert valid.all()


def test_a_global_map_ends_at_the_poles_and_at_its_seam():
    grid = Grid.from_bounds("EPSG:6933", (-18e6, -7.5e6, 18e6, 7.5e6), 1e5)
    across, down = np.abs(grid.x) < 17_367_530.445, np.abs(grid.y) < 7_342_230.136
    assert np.array_equal(grid.valid, down[:, None] & across)
    assert np.array_equal(np.isnan(grid.lonlat()[0]), ~grid.valid)
    assert float(np.nansum(grid.cell_area)) == pytest.approx(5.1e14, rel=0.01)


def test_the_valid_cells_of_a_hemisphere_add_up_to_it():
    grid = Grid.from_bounds("EPSG:6931", (-9.1e6, -9.1e6, 9.1e6, 9.1e6), 25e3)
    geod = pyproj.Geod(ellps="WGS84")
    cap = abs(geod.polygon_area_perimeter(np.arange(0, 360, 0.1), np.full(3600, 1e-9))[0])
    hemisphere = np.pi * 9_009_964.76**2
    assert hemisphere == pytest.approx(cap, rel=1e-6)
    assert float(np.nansum(grid.cell_area)) == pytest.approx(hemisphere, rel=1e-4)
