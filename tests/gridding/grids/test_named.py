"""Named grids against the published corners, radii and sizes."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from altiflow.errors import InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.grids.named import GRID_NAMES, grid_definition

UL, UR, LR, LL = (0, 0), (0, 1), (1, 1), (1, 0)

# NSIDC's tables: longitude, latitude of the outer corners.
PS_CORNERS = {
    "NSIDC_PS_N": ((168.3497, 30.9806), (102.3391, 31.3653), (-9.9721, 34.3454), (-80.7398, 33.9250)),
    "NSIDC_PS_WGS84_N": ((168.3497, 30.9795), (102.3391, 31.3642), (-9.9721, 34.3444), (-80.7398, 33.9239)),
    "NSIDC_PS_S": ((-42.2409, -39.2309), (42.2409, -39.2309), (135.0, -41.4470), (-135.0, -41.4470)),
    "NSIDC_PS_WGS84_S": ((-42.2409, -39.2299), (42.2409, -39.2299), (135.0, -41.4460), (-135.0, -41.4460)),
}
PS_SHAPES = {"N": ((448, 304), (896, 608), (1792, 1216)), "S": ((332, 316), (664, 632), (1328, 1264))}
EASE2_SIZES = {
    "100": 180, "36": 500, "25": 720, "24": 750, "12.5": 1440, "10": 1800, "9": 2000, "6.25": 2880,
    "5": 3600, "3.125": 5760, "3": 6000, "1.5625": 11520, "1": 18000,
}  # fmt: skip
EASE2_GLOBAL_SHAPES = {
    "36": (406, 964), "24": (609, 1446), "9": (1624, 3856), "8": (1827, 4338), "3": (4872, 11568),
    "1": (14616, 34704), "25": (584, 1388), "12.5": (1168, 2776), "6.25": (2336, 5552), "3.125": (4672, 11104),
    "1.5625": (9344, 22208),
}  # fmt: skip


@pytest.mark.parametrize("family", PS_CORNERS)
@pytest.mark.parametrize(("place", "km"), list(enumerate(["25", "12.5", "6.25"])))
def test_polar_stereographic_corners_are_those_published(family, place, km):
    grid = Grid.named(f"{family}{km}km")
    assert grid.shape == PS_SHAPES[family[-1]][place]
    back = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    for (down, right), expected in zip((UL, UR, LR, LL), PS_CORNERS[family], strict=True):
        corner = grid.transform @ (right * grid.shape[1], down * grid.shape[0])
        assert back.transform(*corner) == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize("pole", ["N", "S"])
@pytest.mark.parametrize("km", EASE2_SIZES)
def test_polar_ease2_grids_are_nine_thousand_km_about_the_pole(pole, km):
    grid = Grid.named(f"EASE2_{pole}{km}km")
    assert grid.shape == (EASE2_SIZES[km],) * 2
    assert grid.resolution == (float(km) * 1e3,) * 2
    assert grid.bounds == (-9e6, -9e6, 9e6, 9e6)


def test_ease2_maps_are_where_they_are_said_to_be():
    north, south, world = (Grid.named(name) for name in ("EASE2_N25km", "EASE2_S25km", "EASE2_M36km"))
    assert north.project(0.0, 60.0) == pytest.approx((0.0, -3_309_819.551), abs=1e-3)
    assert south.project(0.0, -60.0) == pytest.approx((0.0, 3_309_819.551), abs=1e-3)
    assert np.hypot(*north.project(33.0, 0.0)) == pytest.approx(9_009_964.76, abs=1e-2)
    assert world.project(180.0, 0.0)[0] == pytest.approx(17_367_530.445161372, abs=1e-6)
    back = pyproj.Transformer.from_crs("EPSG:6931", "EPSG:4326", always_xy=True)
    assert back.transform(-9e6, 9e6)[1] == pytest.approx(-84.63, abs=5e-3)


@pytest.mark.parametrize("km", EASE2_GLOBAL_SHAPES)
def test_global_ease2_grids_end_at_the_antimeridian(km):
    grid = Grid.named(f"EASE2_M{km}km")
    left, bottom, right, top = grid.bounds
    assert grid.shape == EASE2_GLOBAL_SHAPES[km]
    assert left == pytest.approx(-17_367_530.445, abs=6e-3)
    assert right == pytest.approx(17_367_530.445, abs=0.5)
    assert bottom == pytest.approx(-top, abs=0.5)
    assert top == pytest.approx(7_314_540.83 if km in ("36", "24", "9", "8", "3", "1") else 7_307_375.92, abs=6e-3)


@pytest.mark.parametrize(
    ("name", "half"),
    [("EASE_Nl25km", 9_036_842.7625), ("EASE_Na25km", 4_524_688.2625), ("EASE_Sa25km", 4_023_337.7625)],
)
def test_the_first_ease_grids_have_the_pole_in_the_middle_of_a_cell(name, half):
    grid = Grid.named(name)
    assert grid.bounds == pytest.approx((-half, -half, half, half), abs=1e-6)
    middle = grid.shape[0] // 2
    assert grid.xy(middle, middle) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert grid.crs.ellipsoid.semi_major_metre == 6_371_228.0


def test_every_name_has_a_source_and_a_grid():
    for name in GRID_NAMES:
        assert grid_definition(name).source
        assert Grid.named(name).name == name
        assert Grid.named(name).crs_name == grid_definition(name).crs


def test_an_unknown_name_is_refused_with_the_families():
    with pytest.raises(InputError, match=r"EASE2_X.*EASE2_N.*NSIDC_PS_N"):
        Grid.named("EASE2_X25km")
