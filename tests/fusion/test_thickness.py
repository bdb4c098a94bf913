"""Sea-ice thickness out of freeboard and snow, and back."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.thickness import (
    ThicknessErrors,
    add_sea_ice_thickness,
    freeboard_of_ice,
    sea_ice_thickness,
)


def test_slopes_are_9_394_and_minus_6_642():
    """(Spec test 22)"""
    base = sea_ice_thickness(0.3, 0.1).thickness
    assert sea_ice_thickness(1.3, 0.1).thickness - base == pytest.approx(9.394, abs=5e-4)
    assert sea_ice_thickness(0.3, 1.1).thickness - base == pytest.approx(-6.642, abs=5e-4)


def test_snow_down_to_the_water_is_carried_by_as_much_ice_as_it_weighs():
    """(Spec test 22) h_f = h_s: the ice is all below the water, h_i = ρ_s h_s / (ρ_w - ρ_i)."""
    snow = np.array([0.0, 0.1, 0.4])
    assert sea_ice_thickness(snow, snow).thickness == pytest.approx(300 * snow / 109)
    assert not sea_ice_thickness(snow, snow).snow_deeper.any()


def test_ice_and_snow_weigh_as_much_as_the_water_they_displace():
    found = sea_ice_thickness(0.42, 0.17, rho_w=1030, rho_i=900, rho_s=320).thickness
    draft = found + 0.17 - 0.42
    assert 900 * found + 320 * 0.17 == pytest.approx(1030 * draft)


def test_there_and_back():
    """(Spec test 22)"""
    random = np.random.default_rng(1)
    freeboard, snow = random.uniform(0, 1, 50), random.uniform(0, 0.5, 50)
    for densities in ({}, {"rho_w": 1028.0, "rho_i": 900.0, "rho_s": 330.0}):
        thickness = sea_ice_thickness(freeboard, snow, **densities).thickness
        assert freeboard_of_ice(thickness, snow, **densities) == pytest.approx(freeboard, abs=1e-12)


def test_snow_deeper_than_the_freeboard_is_flagged_and_not_clipped():
    found = sea_ice_thickness([0.1, 0.1, 0.1, np.nan], [0.05, 0.12, 0.3, 0.1])
    assert found.snow_deeper.tolist() == [False, True, True, False]
    assert found.thickness[2] == pytest.approx((1024 * 0.1 - 724 * 0.3) / 109)
    assert found.thickness[2] < 0
    assert np.isnan(found.thickness[3])
    assert np.isnan(found.sigma_random[3])


def test_random_and_systematic_errors_are_apart():
    """Against drawn ones, each with the other switched off."""
    random = np.random.default_rng(8)
    errors = ThicknessErrors(freeboard=0.03, snow_depth=0.04, freeboard_bias=0.01, snow_bias=0.06, rho_w=2.0)
    found = sea_ice_thickness(0.4, 0.2, errors=errors)
    n = 100_000
    drawn = sea_ice_thickness(0.4 + random.normal(0, 0.03, n), 0.2 + random.normal(0, 0.04, n)).thickness
    assert found.sigma_random == pytest.approx(drawn.std(), rel=0.01)
    draws = [
        float(
            sea_ice_thickness(
                0.4 + random.normal(0, 0.01),
                max(0.2 + random.normal(0, 0.06), 0),
                rho_w=1024 + random.normal(0, 2),
                rho_i=915 + random.normal(0, 10),
                rho_s=300 + random.normal(0, 40),
            ).thickness
        )
        for _ in range(5000)
    ]
    assert found.sigma_systematic == pytest.approx(np.std(draws), rel=0.04)
    many = sea_ice_thickness([0.4, 0.4], 0.2, errors=ThicknessErrors(freeboard=[0.01, 0.05], snow_depth=0.0))
    assert many.sigma_random == pytest.approx([0.09394, 0.4697], rel=1e-4)


def test_what_goes_in_comes_out():
    index = [4, 7]
    series = sea_ice_thickness(pd.Series([0.3, 0.1], index), pd.Series([0.1, 0.2], index))
    assert isinstance(series.thickness, pd.Series)
    assert series.snow_deeper.tolist() == [False, True]
    assert series.sigma_systematic.index.tolist() == index
    array = xr.DataArray([[0.3, 0.1]], dims=("y", "x"), coords={"x": [0, 1]})
    found = sea_ice_thickness(array, 0.1)
    assert found.thickness.dims == found.sigma_random.dims == found.snow_deeper.dims == ("y", "x")
    assert found.thickness.values == pytest.approx(sea_ice_thickness([[0.3, 0.1]], 0.1).thickness)


def test_tables_and_datasets_get_columns():
    table = gpd.GeoDataFrame(
        {"freeboard": [0.3, 0.1], "snow": [0.1, 0.2], "fb_sigma": [0.02, 0.1]},
        geometry=gpd.points_from_xy([0, 1], [80, 80]),
        crs="EPSG:4326",
    )
    table.attrs["altiflow"] = {"product": "ATL10", "units": {"freeboard": "m"}}
    found = add_sea_ice_thickness(table, snow_depth="snow", freeboard_sigma="fb_sigma")
    assert isinstance(found, gpd.GeoDataFrame)
    assert found.crs == table.crs
    assert found["sea_ice_thickness"].to_numpy() == pytest.approx(sea_ice_thickness([0.3, 0.1], [0.1, 0.2]).thickness)
    assert found["sea_ice_thickness_sigma_random"].to_numpy() == pytest.approx(
        np.hypot(1024 / 109 * np.array([0.02, 0.1]), 724 / 109 * 0.05)
    )
    assert found["snow_deeper"].tolist() == [False, True]
    assert found.attrs["altiflow"]["units"]["sea_ice_thickness"] == "m"
    assert "sea_ice_thickness" not in table
    assert "densities" not in table.attrs["altiflow"]
    grid = xr.Dataset({"freeboard_mean": (("y", "x"), [[0.3, np.nan]]), "crs": 0})
    mapped = add_sea_ice_thickness(grid, freeboard="freeboard_mean", snow_depth=0.1)
    assert mapped["sea_ice_thickness"].values[0, 0] == pytest.approx(sea_ice_thickness(0.3, 0.1).thickness)
    assert np.isnan(mapped["sea_ice_thickness"].values[0, 1])
    assert mapped["sea_ice_thickness"].attrs == {"long_name": "sea ice thickness", "units": "m", "grid_mapping": "crs"}
    assert "rho_i 915" in mapped.attrs["densities"]
    with pytest.raises(InputError, match="there is no snow_depth among"):
        add_sea_ice_thickness(table)


@pytest.mark.parametrize(
    ("given", "densities", "match"),
    [
        ((0.3, 0.1), {"rho_i": 1030.0}, "snow is lighter than ice"),
        ((0.3, 0.1), {"rho_s": 0.0}, "snow is lighter than ice"),
        ((0.3, 0.1), {"rho_w": np.nan}, "snow is lighter than ice"),
        ((0.3, -0.1), {}, r"snow depth is -0\.1 m"),
        ((pd.Series([0.3]), pd.Series([0.1], [1])), {}, "different indexes"),
        (
            (xr.DataArray([1.0], coords={"x": [0]}, dims="x"), xr.DataArray([0.1], coords={"x": [1]}, dims="x")),
            {},
            "different coordinates",
        ),
    ],
)
def test_what_is_refused(given, densities, match):
    with pytest.raises(InputError, match=match):
        sea_ice_thickness(*given, **densities)
