"""Lattices: windows of a grid that holds the data, grids that nest, and what is said of those that do not."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
import zarr

from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.grids.lattice import check_same_grid, explain_difference, window_with_data
from altiflow.gridding.grids.named import GRID_NAMES

WHOLE = Grid.named("EASE2_N25km")

# Cell sizes of the published families, each family in a unit of its own.
METRES = {"100": 100000, "36": 36000, "25": 25000, "24": 24000, "12.5": 12500, "10": 10000, "9": 9000, "6.25": 6250,
          "5": 5000, "3.125": 3125, "3": 3000, "1.5625": 1562.5, "1": 1000}  # fmt: skip
GLOBAL_36 = {"36": 36, "24": 24, "9": 9, "8": 8, "3": 3, "1": 1}
HALVES = {"25": 16, "12.5": 8, "6.25": 4, "3.125": 2, "1.5625": 1}
FAMILIES = {
    "EASE2_N": METRES,
    "EASE2_S": METRES,
    "EASE2_M 36": GLOBAL_36,
    "EASE2_M 25": HALVES,
    "NSIDC_PS_N": {km: HALVES[km] for km in ("25", "12.5", "6.25")},
    "NSIDC_PS_S": {km: HALVES[km] for km in ("25", "12.5", "6.25")},
    "NSIDC_PS_WGS84_N": {km: HALVES[km] for km in ("25", "12.5", "6.25")},
    "NSIDC_PS_WGS84_S": {km: HALVES[km] for km in ("25", "12.5", "6.25")},
}
PAIRS = [
    (f"{family.split()[0]}{fine}km", f"{family.split()[0]}{coarse}km", sizes[coarse] / sizes[fine])
    for family, sizes in FAMILIES.items()
    for fine in sizes
    for coarse in sizes
    if sizes[coarse] > sizes[fine]
]


def test_the_window_reaches_margin_cells_beyond_the_data(make_table):
    table = make_table([12.5e3, 87.5e3], [-12.5e3, -37.5e3], [0.1, 0.2])
    for margin in (0, 1, 2):
        found = window_with_data(table, WHOLE, margin=margin)
        assert found == WHOLE.window(slice(360 - margin, 362 + margin), slice(360 - margin, 364 + margin))
    assert window_with_data(table, WHOLE) == window_with_data(table, WHOLE, margin=2)


def test_the_window_ends_where_the_grid_does(make_table, grid):
    table = make_table([10.5e3, 14.5e3], [23.5e3, 20.5e3], [0.1, 0.2])
    assert window_with_data(table, grid) == grid


def test_points_outside_and_missing_points_do_not_stretch_the_window(make_table, grid):
    table = make_table([12.5e3, 0.0, 99e3, 12.5e3], [21.5e3, 0.0, 99e3, 99e3], [0.1, 0.2, 0.3, 0.4])
    missing = table.set_geometry(gpd.GeoSeries([table.geometry[0], None, None, None], crs=table.crs))
    assert window_with_data(table, grid, margin=0) == grid.window(slice(2, 3), slice(2, 3))
    assert window_with_data(missing, grid, margin=0).shape == (1, 1)


def test_gridding_into_the_window_is_cutting_the_window_out(make_table):
    rng = np.random.default_rng(8)
    table = make_table(rng.uniform(1e5, 4e5, 300), rng.uniform(-6e5, -3e5, 300), rng.normal(0.3, 0.1, 300))
    part = window_with_data(table, WHOLE, margin=1)
    found = grid_segments(table, part, value="freeboard")
    row, col = WHOLE.rowcol(*part.xy(0, 0))
    expected = grid_segments(table, WHOLE, value="freeboard").isel(
        y=slice(int(row), int(row) + part.shape[0]), x=slice(int(col), int(col) + part.shape[1])
    )
    assert found.attrs["segments_outside_grid"] == 0
    for name in set(expected.data_vars) - {"crs"}:
        assert np.array_equal(found[name], expected[name], equal_nan=True), name
    assert np.array_equal(found.x, expected.x)
    assert np.array_equal(found.y, expected.y)


def test_a_table_elsewhere_has_no_window(make_table, grid):
    with pytest.raises(EmptyDataError, match=r"none of the 2 segments lies in the grid custom"):
        window_with_data(make_table(0.0, 0.0, [0.1, 0.2]), grid)
    with pytest.raises(InputError, match="no geometry"):
        window_with_data(make_table(0.0, 0.0, [0.1]).drop(columns="geometry"), grid)


@pytest.mark.parametrize(("fine", "coarse", "ratio"), PAIRS)
def test_grids_of_whole_ratio_nest_and_coarsen_into_the_published_ones(fine, coarse, ratio):
    small, large = Grid.named(fine), Grid.named(coarse)
    assert small.same_family(large) == large.same_family(small) == (ratio == round(ratio))
    if ratio != round(ratio):
        return
    found = small.coarsen(int(ratio))
    assert found == large
    assert found.signature == large.signature
    assert found.name == coarse


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("EASE2_M36km", "EASE2_M25km", False),
        ("EASE2_M9km", "EASE2_M12.5km", False),
        ("EASE2_M1km", "EASE2_M1.5625km", False),
        ("EASE2_N25km", "EASE2_S25km", False),
        ("NSIDC_PS_N25km", "NSIDC_PS_WGS84_N25km", False),
        ("EASE_Nl25km", "EASE2_N25km", False),
        ("EASE_Nl25km", "EASE_Na25km", True),
        ("EASE_Sl25km", "EASE_Sa25km", True),
        ("NSIDC_PS_WGS84_N25km", "NSIDC_PS_WGS84_N25km", True),
    ],
)
def test_other_grids_are_one_family_or_not(first, second, expected):
    a, b = Grid.named(first), Grid.named(second)
    assert a.same_family(b) == b.same_family(a) == expected


def test_families_are_told_to_a_millionth_of_a_cell():
    base = Grid.from_bounds("EPSG:3413", (0, 0, 1e6, 1e6), 1e3)
    for shift, expected in ((5e-4, True), (2e-3, False), (500.0, False), (7000.0, True), (-3e6, True)):
        moved = Grid.from_bounds("EPSG:3413", (shift, 0, shift + 1e5, 1e5), 2e3)
        assert base.same_family(moved) == moved.same_family(base) == expected, shift
    for cell, expected in ((500.0, True), (1e3 + 5e-7, True), (1e3 + 2e-6, False), (750.0, False)):
        other = Grid.from_bounds("EPSG:3413", (0, 0, cell * 1000, cell * 1000), cell)
        assert base.same_family(other) == other.same_family(base) == expected, cell
    oblong = Grid.from_bounds("EPSG:3413", (0, 0, 1e6, 1e6), (500.0, 2e3))
    assert not base.same_family(oblong)
    assert base.same_family(Grid.from_bounds("EPSG:3413", (0, 0, 1e6, 1e6), (2e3, 3e3)))
    same = Grid.from_bounds(pyproj.CRS("EPSG:3413").to_wkt(), (0, 0, 1e6, 1e6), 5e3)
    assert base.same_family(same)


def test_coarse_cells_hold_whole_fine_cells():
    fine = Grid.named("EASE2_N6.25km").window(slice(1000, 1060), slice(1204, 1304))
    coarse = fine.coarsen(4)
    assert coarse == Grid.named("EASE2_N25km").window(slice(250, 265), slice(301, 326))
    assert coarse.bounds == fine.bounds
    rows, cols = np.indices(fine.shape)
    found = coarse.rowcol(*fine.xy(rows, cols))
    assert np.array_equal(found, np.stack([rows // 4, cols // 4]))
    assert fine.coarsen(1) == fine
    off = Grid.named("EASE2_N6.25km").window(slice(1001, 1061), slice(1204, 1304)).coarsen(4)
    assert off.name == "custom"
    assert off.same_family(fine)


@pytest.mark.parametrize(
    ("n", "message"),
    [(4, "2, 3, 6 would do"), (0, "whole number"), (-2, "whole number"), (2.5, "whole number"), ("2", "whole number")],
)
def test_what_does_not_divide_the_grid_is_refused(n, message):
    with pytest.raises(InputError, match=message):
        WHOLE.window(slice(0, 12), slice(0, 18)).coarsen(n)
    with pytest.raises(InputError, match="no number above 1 does"):
        WHOLE.window(slice(0, 7), slice(0, 4)).coarsen(2)


def apart(first: str, second: str, latitude: float) -> float:
    """Largest distance [m] on the map between the places of one longitude and latitude."""
    longitude = np.arange(-180.0, 180.0, 7.0)
    one, two = (
        np.array(
            pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude + 0 * longitude)
        )
        for crs in (first, second)
    )
    return float(np.hypot(*(one - two)).max())


@pytest.mark.parametrize(
    ("first", "second", "distances", "word"),
    [
        ("EPSG:3411", "EPSG:3413", {85: (11, "11 m"), 80: (23, "23 m"), 70: (46, "46 m"), 60: (70, "70 m")}, "Hughes"),
        ("EPSG:3412", "EPSG:3976", {85: (11, "11 m"), 80: (23, "23 m"), 70: (46, "46 m"), 60: (70, "70 m")}, "Hughes"),
        ("EPSG:3976", "EPSG:3031", {85: (1600, "1.6 km"), 80: (3300, "3.3 km"), 70: (6600, "6.6 km")}, "71 S"),
        ("EPSG:3412", "EPSG:3031", {85: (1600, "1.6 km"), 70: (6500, "6.5 km"), 60: (9900, "9.9 km")}, "71 S"),
        ("EPSG:3408", "EPSG:6931", {85: (2500, "2.5 km"), 70: (9000, "9 km"), 50: (13000, "13 km")}, "sphere"),
        ("EPSG:3409", "EPSG:6932", {85: (2500, "2.5 km"), 70: (9000, "9 km"), 50: (13000, "13 km")}, "sphere"),
    ],
)
def test_crs_that_look_alike_are_told_apart_with_the_distance_between_them(first, second, distances, word):
    one, two = (Grid.from_bounds(crs, (-1e6, -1e6, 1e6, 1e6), 25e3) for crs in (first, second))
    for text in (explain_difference(one, two), two.explain_difference(one)):
        assert word in text
        assert f"{first} " in text
        assert f"{second} " in text
        assert one.signature in text
        assert two.signature in text
        assert "reproject" in text
        for latitude, (expected, written) in distances.items():
            signed = latitude if first in ("EPSG:3411", "EPSG:3408") else -latitude
            assert apart(first, second, signed) == pytest.approx(expected, rel=0.04)
            assert written in text


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (Grid.named("EASE2_M36km"), Grid.named("EASE2_M25km"), "global EASE-Grids 2.0 .* share no lattice: resample"),
        (WHOLE, Grid.named("NSIDC_PS_WGS84_N25km"), "different maps; reproject"),
        (WHOLE, Grid.named("EASE2_S25km"), "different maps; reproject"),
        (WHOLE, Grid.named("EASE2_N12.5km"), "2 times as large: coarsen the finer one by 2"),
        (WHOLE, Grid.named("EASE2_N24km"), "share no lattice, so cells of one straddle"),
        (WHOLE.window(slice(0, 5), slice(0, 9)), WHOLE.window(slice(0, 9), slice(0, 5)), r"rows \(y\) .* swapped"),
        (WHOLE.window(slice(0, 5), slice(0, 9)), WHOLE.window(slice(1, 6), slice(0, 9)), "0 m in x and -25000 m in y"),
        (WHOLE, WHOLE.window(slice(0, 9), slice(0, 9)), "different parts of one lattice"),
    ],
)
def test_grids_that_differ_are_refused_with_the_reason(first, second, message):
    with pytest.raises(GridMismatchError, match=message) as caught:
        check_same_grid(first, second)
    assert str(caught.value) == first.explain_difference(second)
    for grid in (first, second):
        for part in (grid.name, grid.crs_name, grid.signature, f"{grid.shape[0]} rows x {grid.shape[1]} cols"):
            assert part in str(caught.value)
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize("name", GRID_NAMES)
def test_a_grid_is_the_same_as_itself_and_as_its_coordinates_say(name):
    grid = Grid.named(name).window(slice(3, 40), slice(7, 50))
    check_same_grid(grid, Grid.from_centres(grid.crs.to_wkt(), grid.x, grid.y[::-1]))
    assert "the same cells" in grid.explain_difference(grid)


GRANULES = {
    "itslive/granule/LE07_L1GT_001113_20121118_20161127_01_T2_X_LE07_L1GT_232113_20121104_20161127_01_T2_G0240V01_P059"
    ".nc": 240,
    "itslive/granule/LT05_L1GS_219121_19841206_20200918_02_T2_X_LT05_L1GS_226120_19850124_20200918_02_T2_G0120V02_P000"
    ".nc": 120,
}


@pytest.mark.parametrize("name", GRANULES)
def test_real_granules_lie_on_the_its_live_lattice(name, data):
    cell = GRANULES[name]
    with xr.open_dataset(data(name), engine="h5netcdf", decode_times=False, mask_and_scale=False) as granule:
        found = Grid.from_centres("EPSG:3031", granule["x"].to_numpy(), granule["y"].to_numpy())
    assert found.resolution == (cell, cell)
    lattice = Grid.its_live(3031, bounds=found.bounds, cell=cell)
    check_same_grid(found, lattice)
    x_min, y_min, x_max, y_max = found.bounds
    inward = (x_min + 1.0, y_min + cell - 1.0, x_max - cell + 1.0, y_max - 1.0)
    assert Grid.its_live(3031, bounds=inward, cell=cell) == lattice
    outward = Grid.its_live(3031, bounds=(x_min - 1.0, y_min, x_max, y_max + 1.0), cell=cell)
    assert outward.shape == (found.shape[0] + 1, found.shape[1] + 1)
    assert outward.same_family(found)


def test_a_real_cube_and_a_real_mosaic_lie_on_it_too(data):
    with rasterio.open(data("itslive/mosaic/crop_ALA_G0120_0000_vx.tif")) as mosaic:
        found = Grid(pyproj.CRS(mosaic.crs.to_wkt()), mosaic.transform, mosaic.shape)
    check_same_grid(found, Grid.its_live(3413, bounds=found.bounds))
    cube = zarr.open_group(data("itslive/cube/single_glacier_itslive.zarr"), mode="r")
    found = Grid.from_centres(cube["mapping"].attrs["crs_wkt"], cube["x"][:], cube["y"][:])
    assert found.shape == (37, 40)
    check_same_grid(found, Grid.its_live(32646, bounds=found.bounds))


def test_the_its_live_lattices_nest_and_are_named():
    fine = Grid.its_live(3413, bounds=(-2e5, -2.3e6, -1.5e5, -2.2e6))
    coarse = Grid.its_live(3413, bounds=(-2e5, -2.3e6, -1.5e5, -2.2e6), cell=240)
    assert fine.same_family(coarse)
    assert (fine.name, coarse.name) == ("ITS_LIVE_120m", "ITS_LIVE_240m")
    x_min, y_min, x_max, y_max = fine.bounds
    assert -2e5 - 120 < x_min <= -2e5
    assert -1.5e5 <= x_max < -1.5e5 + 120
    assert -2.3e6 - 120 < y_min <= -2.3e6
    assert -2.2e6 <= y_max < -2.2e6 + 120
    with pytest.raises(InputError, match=r"120 .* or 240"):
        Grid.its_live(3413, bounds=(0, 0, 1e3, 1e3), cell=100)
    for bounds in ((0, 0, 0, 5), (0, 0, 5), (0, 0, np.nan, 5)):
        with pytest.raises(InputError, match="min below max"):
            Grid.its_live(3413, bounds=bounds)
