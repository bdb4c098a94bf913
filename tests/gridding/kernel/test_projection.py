"""The polynomial projections against PROJ, and the cells found with them."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import cell_finder
from altiflow.gridding.kernel.projection import polar_projection, sine_cosine
from altiflow.gridding.kernel.single import BLOCK

POLAR = ("EPSG:6931", "EPSG:6932", "EPSG:3408", "EPSG:3409", "EPSG:3411", "EPSG:3412", "EPSG:3413", "EPSG:3976")
GRIDS = (
    "EASE2_N6.25km",
    "EASE2_S6.25km",
    "EASE2_N25km",
    "EASE2_S1km",
    "EASE_Nl25km",
    "EASE_Sl25km",
    "NSIDC_PS_N25km",
    "NSIDC_PS_S25km",
    "NSIDC_PS_WGS84_N6.25km",
    "NSIDC_PS_WGS84_S12.5km",
    "EASE2_M25km",
)


def engines():
    try:
        import numba  # noqa: F401
    except ImportError:
        return ["numpy"]
    return ["numpy", "numba"]


def points(count, pole, seed=0, nearest=0.0):
    """Random points over a hemisphere, evenly by area."""
    rng = np.random.default_rng(seed)
    colatitude = np.degrees(np.arccos(1 - rng.random(count)))
    return rng.uniform(-180, 180, count), pole * (90.0 - np.maximum(colatitude, nearest))


@pytest.mark.parametrize("crs", [*POLAR, "EPSG:3031", "EPSG:3995"])
def test_positions_are_those_of_proj(crs):
    projection = polar_projection(crs)
    # Within two degrees of the pole PROJ's own equal-area radius loses digits, up to decimetres at the pole.
    lon, lat = points(200_000, projection.pole, nearest=2.0)
    x, y = projection.project(lon, lat)
    expected = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    assert np.abs(x - expected[0]).max() < 1e-6
    assert np.abs(y - expected[1]).max() < 1e-6


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:6931", 1), ("EPSG:6932", -1)])
def test_the_equal_area_radius_near_the_pole_is_that_of_exact_arithmetic(crs, pole):
    # r^2 = a^2 (1-e^2) times the integral of 2 sin t / (1 - e^2 cos^2 t)^2; near the pole its series in t.
    a, f = 6378137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    t = np.radians(np.array([1e-6, 1e-4, 1e-3, 0.01]))
    series = a * t * np.sqrt((1 - e2) / (1 - e2) ** 2) * (1 - t**2 / 2 * (1 / 12 + e2 / (1 - e2)))
    x, y = polar_projection(crs).project(np.full(4, 90.0), pole * (90.0 - np.degrees(t)))
    assert x == pytest.approx(series, abs=1e-7)
    assert np.abs(y).max() < 1e-9


def test_other_maps_have_no_polynomial():
    for crs in ("EPSG:32607", "EPSG:6933", "EPSG:3035", "+proj=laea +lat_0=90 +x_0=1000", "EPSG:32661"):
        assert polar_projection(pyproj.CRS(crs).to_wkt()) is None


def test_sines_are_exact_at_quarter_turns():
    angle = 90.0 * np.arange(-9, 10)
    sine, cosine = sine_cosine(angle)
    assert sine.tolist() == np.rint(np.sin(np.radians(angle))).tolist()
    assert cosine.tolist() == np.rint(np.cos(np.radians(angle))).tolist()
    angle = np.random.default_rng(0).uniform(-720, 720, 100_000)
    sine, cosine = sine_cosine(angle)
    assert np.abs(sine - np.sin(np.radians(angle))).max() < 2e-15
    assert np.abs(cosine - np.cos(np.radians(angle))).max() < 2e-15


def proj_cells(grid, lon, lat):
    """Cells by PROJ and the grid's own rule, beyond the equator of an equal-area map none."""
    x, y = pyproj.Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(lon, lat)
    if "Lambert Azimuthal" in grid.crs.coordinate_operation.method_name:
        far = ~(lat * (1 if grid.crs.coordinate_operation.params[0].value > 0 else -1) >= 0)
        x = np.where(far, np.inf, x)
    row, col = grid.rowcol(x, y)
    return np.where(row >= 0, row * grid.shape[1] + col, -1)


@pytest.mark.parametrize("engine", engines())
@pytest.mark.parametrize("name", GRIDS)
def test_cells_are_those_of_proj(name, engine):
    grid = Grid.named(name)
    pole = -1 if name.startswith(("EASE2_S", "EASE_S", "NSIDC_PS_S", "NSIDC_PS_WGS84_S")) else 1
    lon, lat = points(400_000, pole)
    found = cell_finder(grid, engine)(lon, lat)
    assert (found != proj_cells(grid, lon, lat)).sum() == 0
    assert (found >= 0).sum() > 50_000


@pytest.mark.parametrize("engine", engines())
@pytest.mark.parametrize(("name", "pole"), [("EASE2_N6.25km", 1), ("EASE2_S6.25km", -1), ("NSIDC_PS_N25km", 1)])
def test_awkward_points_fall_where_proj_puts_them(name, pole, engine):
    grid = Grid.named(name)
    turns = np.array([0, 45, 90, 135, 180, -45, -90, -135, -180, 270, 300, 360, 540, -300.0])
    # Further out PROJ's sine of 180 degrees is large enough to move points on that meridian off the edge they are on.
    lat = pole * np.array([90.0, 89.5, 80.0, 60.0, 33.3])
    lon, lat = (grid_.ravel() for grid_ in np.meshgrid(turns, lat))
    assert cell_finder(grid, engine)(lon, lat).tolist() == proj_cells(grid, lon, lat).tolist()
    bad = np.array([np.nan, np.inf, -np.inf, 91.0, -91.0, 1e300])
    assert (cell_finder(grid, engine)(np.zeros(6), bad) == -1).all()
    assert (cell_finder(grid, engine)(np.array([np.nan, np.inf]), np.full(2, pole * 80.0)) == -1).all()
    assert (cell_finder(grid, engine)(np.zeros(2), np.array([-pole * 10.0, -pole * 90.0])) == -1).all()


@pytest.mark.parametrize("engine", engines())
def test_points_on_the_edges_of_cells_and_next_to_them(engine):
    grid = Grid.named("EASE2_S25km").window(slice(300, 420), slice(300, 420))
    back = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    rng = np.random.default_rng(3)
    edge = rng.integers(302, 418, 3000) * 25_000.0 - 9e6
    along = rng.uniform(-1.4e6, 1.4e6, 3000)
    for off in (-1e-3, 1e-3, -1.0, 1.0, -15.0, 15.0):
        for x, y in ((edge + off, along), (along, edge + off)):
            keep = np.hypot(x, y) > 3e5
            lon, lat = back.transform(x[keep], y[keep])
            row, col = grid.rowcol(x[keep], y[keep])
            expected = np.where(row >= 0, row * grid.shape[1] + col, -1)
            assert (cell_finder(grid, engine)(lon, lat) == expected).all()


def test_blocks_of_any_size_find_the_same_cells():
    grid = Grid.named("EASE2_N12.5km")
    lon, lat = points(3 * BLOCK + 17, 1)
    whole = cell_finder(grid)(lon, lat)
    find = cell_finder(grid)
    parts = [find(lon[i : i + 1001], lat[i : i + 1001]) for i in range(0, lon.size, 1001)]
    assert (np.concatenate(parts) == whole).all()
    single = lon.astype(np.float32), lat.astype(np.float32)
    assert (find(*single) == find(*(array.astype(np.float64) for array in single))).all()
    assert find(lon[:0], lat[:0]).size == 0


@pytest.mark.parametrize("engine", engines())
def test_turns_of_longitude_change_nothing_and_no_longitude_is_nowhere(engine):
    grid = Grid.named("EASE2_S6.25km")
    find = cell_finder(grid, engine)
    lon, lat = points(60_000, -1)
    expected = find(lon, lat)
    for turns in (-3600.0, -720.0, 360.0, 1080.0, 36000.0):
        shifted = lon + turns
        # Rounding of the sum moves a point by a micrometre, and none of these lies that near an edge.
        assert (find(shifted, lat) == expected).all()
        assert (find(np.append(shifted, np.nan), np.append(lat, -80.0))[:-1] == expected).all()
    for nowhere in (np.inf, -np.inf, np.nan):
        assert (find(np.full(9, nowhere), np.full(9, -80.0)) == -1).all()
