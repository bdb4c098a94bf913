"""v · ∇h against surfaces with known slopes."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.errors import FieldError, InputError
from altiflow.fusion.heights import advected_topography

CENTRE = (-2.0e5, -2.2e6)


def surface(x, y):
    return 1e-7 * (x - CENTRE[0]) ** 2 + 3e-7 * (x - CENTRE[0]) * (y - CENTRE[1]) - 0.01 * (y - CENTRE[1])


def model(height, spacing=1000.0, half=10e3, *, down=True, crs="EPSG:3413") -> xr.DataArray:
    axis = np.arange(-half, half + 1, spacing)
    x, y = axis + CENTRE[0], (axis[::-1] if down else axis) + CENTRE[1]
    return xr.DataArray(height(*np.meshgrid(x, y)), dims=("y", "x"), coords={"y": y, "x": x}, attrs={"crs": crs})


def expected(dem, vx, vy):
    x, y = np.meshgrid(dem["x"], dem["y"])
    along_x = 2e-7 * (x - CENTRE[0]) + 3e-7 * (y - CENTRE[1])
    return vx * along_x + vy * (3e-7 * (x - CENTRE[0]) - 0.01)


@pytest.mark.parametrize("down", [True, False])
def test_a_quadratic_surface_is_exact_and_the_order_of_y_does_not_matter(uniform, down) -> None:
    dem = model(surface, down=down)
    found = advected_topography(uniform(300.0, -200.0, centre=CENTRE), dem)
    inner = found.values[0, 1:-1, 1:-1]
    assert inner == pytest.approx(expected(dem, 300.0, -200.0)[1:-1, 1:-1], rel=1e-9, abs=1e-9)
    assert np.isnan(found.values[0, [0, -1]]).all()
    assert np.isnan(found.values[0][:, [0, -1]]).all()
    assert found["y"].equals(dem["y"])
    assert found.attrs["units"] == "m yr-1"


def test_rates_of_moving_ice_less_those_at_a_place_are_this_to_second_order(uniform) -> None:
    """Dh/Dt by following a wave, dh/dt at the place: their difference converges with the square of the spacing."""
    wave, speed, year = 2 * np.pi / 8000.0, 400.0, 1e-6

    def height(x, y, years=0.0):
        return 10 * np.sin(wave * (x - CENTRE[0])) * np.cos(wave * (y - CENTRE[1])) - 3.0 * years

    errors = []
    spacings = np.array([250.0, 500.0, 1000.0])
    for spacing in spacings:
        dem = model(height, spacing)
        found = advected_topography(uniform(speed, 0.5 * speed, centre=CENTRE), dem).values[0]
        x, y = np.meshgrid(dem["x"], dem["y"])
        ahead = height(x + speed * year, y + 0.5 * speed * year, year)
        behind = height(x - speed * year, y - 0.5 * speed * year, -year)
        moving = (ahead - behind) / (2 * year)
        at_place = -3.0
        errors.append(np.nanmax(np.abs(moving - at_place - found)))
    assert np.polyfit(np.log(spacings), np.log(errors), 1)[0] == pytest.approx(2.0, abs=0.05)


def test_both_metrics_give_one_answer_and_mixing_them_does_not(uniform) -> None:
    centre = (0.0, -3.3e6)
    dem = xr.DataArray(
        np.tile(0.01 * np.arange(9) * 1e3, (9, 1)),
        dims=("y", "x"),
        coords={"y": centre[1] + np.arange(9) * 1e3, "x": np.arange(9) * 1e3},
    )
    scale = pyproj.Proj("EPSG:3413").get_factors(*there_to_degrees(4000.0, centre[1] + 4000.0)).meridional_scale
    by_map = advected_topography(uniform(1000.0, centre=centre), dem, crs="EPSG:3413")
    by_ground = advected_topography(uniform(1000.0, centre=centre, velocity_metric="ground"), dem, crs="EPSG:3413")
    assert by_map.values[0, 4, 4] == pytest.approx(10.0, rel=1e-9)
    assert by_ground.values[0, 4, 4] == pytest.approx(10.0 * scale, rel=1e-7)
    assert scale > 1.035


def test_a_field_on_another_map_turns_with_it(uniform) -> None:
    """On EPSG:6931 the axes lie 45 degrees from those of EPSG:3413; heights along the flow stay what they are."""
    there = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:6931", always_xy=True)
    x, y = there.transform(*CENTRE)
    slope = model(lambda x, y: 0.01 * (x - CENTRE[0]))
    turned = uniform(1000.0, 1000.0, centre=(x, y), crs="EPSG:6931", velocity_metric="ground")
    found = advected_topography(turned, slope).values[0]
    speed = np.hypot(1000.0, 1000.0)
    scale = pyproj.Proj("EPSG:3413").get_factors(*there_to_degrees(*CENTRE)).meridional_scale
    # From the axes of EPSG:6931 to those of EPSG:3413, vectors turn by +45 degrees: (1, 1) points along +y.
    assert np.nanmax(np.abs(found)) < 1e-3 * speed * 0.01 * scale
    along = uniform(1000.0, -1000.0, centre=(x, y), crs="EPSG:6931", velocity_metric="ground")
    assert np.nanmedian(advected_topography(along, slope).values) == pytest.approx(speed * 0.01 * scale, rel=1e-3)


def there_to_degrees(x, y):
    return pyproj.Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True).transform(x, y)


def test_a_missing_neighbour_or_velocity_leaves_no_number(uniform) -> None:
    dem = model(surface)
    dem[5, 5] = np.nan
    field = uniform(100.0, centre=CENTRE, reach=8e3, cell=1e3)
    found = advected_topography(field, dem).values[0]
    assert np.isnan(found[5, [4, 6]]).all()
    assert np.isnan(found[[4, 6], 5]).all()
    assert np.isnan(found[:, 1]).all()
    assert np.isfinite(found[10, 10])


def test_the_crs_may_be_a_coordinate_as_rasters_have_it(uniform) -> None:
    dem = model(surface).assign_coords(spatial_ref=0)
    del dem.attrs["crs"]
    dem["spatial_ref"].attrs["crs_wkt"] = pyproj.CRS("EPSG:3413").to_wkt()
    assert np.isfinite(advected_topography(uniform(1.0, centre=CENTRE), dem)).any()


def test_models_that_say_too_little_are_refused(uniform) -> None:
    field, dem = uniform(1.0, centre=CENTRE), model(surface)
    with pytest.raises(InputError, match="states no CRS; pass crs="):
        advected_topography(field, dem.drop_attrs())
    with pytest.raises(InputError, match="on \\('y', 'x'\\)"):
        advected_topography(field, dem.expand_dims("band"))
    with pytest.raises(InputError, match="must be a DataArray"):
        advected_topography(field, dem.values)
    with pytest.raises(InputError):
        advected_topography(field, dem.isel(x=[0, 1, 5]))
    with pytest.raises(FieldError, match="velocity is needed"):
        advected_topography(uniform(1.0, units="m", velocity_kind="displacement"), dem)
