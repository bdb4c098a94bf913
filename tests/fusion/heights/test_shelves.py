"""Ice afloat: thickness from height and back, and the sign of melt."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion import strain_rates
from altiflow.fusion.heights import advected_topography, basal_melt, ice_shelf_height, ice_shelf_thickness
from altiflow.readers.field import build_field

LEVERAGE = 1028.0 / 111.0


def test_a_metre_of_height_stands_for_9_261_metres_of_ice() -> None:
    assert abs(LEVERAGE - 9.261) < 5e-4
    assert ice_shelf_thickness(1.0) == pytest.approx(LEVERAGE, rel=1e-15)
    assert ice_shelf_thickness(40.0, firn_air=10.0) == pytest.approx(30 * LEVERAGE, rel=1e-15)


def test_height_and_thickness_are_each_others_inverse() -> None:
    height = np.linspace(11.0, 120.0, 50)
    thickness = ice_shelf_thickness(height, firn_air=10.0, rho_w=1027.0, rho_i=910.0)
    assert ice_shelf_height(thickness, firn_air=10.0, rho_w=1027.0, rho_i=910.0) == pytest.approx(height, rel=1e-14)
    labelled = xr.DataArray(height, dims="point")
    again = ice_shelf_height(ice_shelf_thickness(labelled))
    assert isinstance(again, xr.DataArray)
    assert again.values == pytest.approx(height, rel=1e-14)


def test_ice_that_is_thinner_than_its_firn_air_is_not_a_number() -> None:
    found = ice_shelf_thickness(np.array([5.0, 10.0, 15.0]), firn_air=10.0)
    assert np.isnan(found).tolist() == [True, True, False]
    assert np.isnan(ice_shelf_thickness(xr.DataArray([5.0]), firn_air=10.0)).all()


def test_ice_floats_by_weight() -> None:
    thickness = ice_shelf_thickness(50.0)
    assert 917.0 * thickness == pytest.approx(1028.0 * (thickness - 50.0), rel=1e-12)


@pytest.mark.parametrize("melt", [0.0, 5.0, -1.0])
def test_a_steady_shelf_melts_by_what_its_budget_lacks(melt: float) -> None:
    """Along x the flux grows by smb - melt; at a place nothing changes, so Dh/Dt is v · ∇h."""
    x = np.linspace(0, 50e3, 101)
    speed, smb, firn = 500.0 + 0.01 * x, 0.3, 12.0
    thickness = (500.0 * 400.0 + (smb - melt) * x) / speed
    slope = ((smb - melt) - 0.01 * thickness) / speed
    following = speed * slope / LEVERAGE
    found = basal_melt(
        following, np.full(x.size, 0.01), ice_shelf_height(thickness, firn_air=firn), smb=smb, firn_air=firn
    )
    assert found == pytest.approx(melt, abs=1e-9)


def test_velocity_and_heights_on_grids_give_the_melt_that_was_put_in() -> None:
    """A shelf through strain rates and advected topography, on a map whose metres are not those of the ground."""
    crs, centre, melt, smb = "EPSG:3031", (-1.2e6, 0.0), 5.0, 0.3
    axis = np.arange(-20, 21) * 1000.0
    x, y = axis + centre[0], axis + centre[1]
    along = np.tile(axis + 20e3, (axis.size, 1))
    speed = 500.25 + 0.01 * along
    bounds = np.array([["2019-01-01", "2020-01-01"]], "M8[ns]")
    field = build_field(
        speed[None],
        0 * speed[None],
        x=x,
        y=y,
        time_bnds=bounds,
        crs=crs,
        units="m/yr",
        year_days=365.25,
        velocity_metric="map",
        metric_source="user",
        source="a shelf",
    )
    divergence = strain_rates(field, window=3, names=["divergence"])["divergence"][0].values
    thickness = 400.0 - 0.002 * along
    height = xr.DataArray(ice_shelf_height(thickness), dims=("y", "x"), coords={"y": y, "x": x}, attrs={"crs": crs})
    following = advected_topography(field, height)[0].values
    # Without melt the thickness at a place would change by smb - v · ∇H - H ∇·v; it does so by that less the melt.
    area = [_areal_scale(crs, *np.meshgrid(x + step, y)) for step in (-50.0, 0.0, 50.0)]
    spreading = 0.01 - speed * (area[2] - area[0]) / 100.0 / area[1]
    at_place = (smb - melt + speed * 0.002 - thickness * spreading) / LEVERAGE
    found = basal_melt(at_place + following, divergence, height.values, smb=smb)
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(spreading - 0.01).max() > 1e-5
    assert found[inner] == pytest.approx(melt, abs=1e-3)


def _areal_scale(crs, x, y):
    projection = pyproj.Proj(crs)
    return projection.get_factors(*projection(x, y, inverse=True)).areal_scale


def test_ice_as_dense_as_water_is_refused() -> None:
    for density in (1028.0, 1100.0, 0.0, np.nan):
        with pytest.raises(InputError, match="does not float"):
            ice_shelf_thickness(10.0, rho_i=density)
    with pytest.raises(InputError, match="does not float"):
        basal_melt(0.0, 0.0, 10.0, smb=0.0, rho_w=900.0)
    with pytest.raises(InputError, match="does not float"):
        ice_shelf_height(10.0, rho_w=np.nan)


def layer(values, x=(0.0, 1e3), **attrs):
    return xr.DataArray(np.asarray(values, float), dims=("y", "x"), coords={"y": [0.0], "x": list(x)}, attrs=attrs)


def test_melt_of_maps_has_a_name_a_unit_and_every_cell() -> None:
    rate, spread = layer([[-1.0, np.nan]], units="m yr-1"), layer([[0.0, 0.0]], units="yr-1")
    found = basal_melt(rate, spread, layer([[50.0, 50.0]], units="m"), smb=0.0)
    assert (found.name, found.attrs["units"]) == ("basal_melt", "m yr-1")
    assert found.values[0] == pytest.approx([LEVERAGE, np.nan], nan_ok=True)
    thickness = ice_shelf_thickness(layer([[50.0, 40.0]], units="m", crs="EPSG:3031"), firn_air=10.0)
    assert thickness.attrs["units"] == "m"
    assert thickness.attrs["crs"] == "EPSG:3031"
    assert ice_shelf_height(thickness, firn_air=10.0).name == "height"


def test_cells_are_not_lost_where_maps_do_not_fit() -> None:
    rate, height = layer([[-1.0, -1.0]]), layer([[50.0, 50.0]], x=(500.0, 1500.0))
    with pytest.raises(InputError, match="height_rate, height lie on different coordinates"):
        basal_melt(rate, 0.0, height, smb=0.0)
    with pytest.raises(InputError, match="height, firn_air lie on different coordinates"):
        ice_shelf_thickness(rate, firn_air=height)
    with pytest.raises(InputError, match="thickness, firn_air lie on different coordinates"):
        ice_shelf_height(rate, firn_air=height)


@pytest.mark.parametrize(
    ("name", "unit"), [("height_rate", "m d-1"), ("divergence", "s-1"), ("height", "km"), ("smb", "kg m-2 yr-1")]
)
def test_other_units_than_metres_and_years_are_refused(name: str, unit: str) -> None:
    given = {"height_rate": -1.0, "divergence": 0.0, "height": 50.0, "smb": 0.0, name: layer([[1.0, 1.0]], units=unit)}
    with pytest.raises(InputError, match=f"{name} is in '{unit}', and"):
        basal_melt(given["height_rate"], given["divergence"], given["height"], smb=given["smb"])
    assert basal_melt(layer([[1.0, 1.0]], units="meters year-1"), 0.0, 50.0, smb=0.0).sizes["x"] == 2
