"""The divergence of the flux of ice, against integrals over areas and sums over gates."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import xarray as xr

from altiflow.errors import InputError, ScienceWarning
from altiflow.fusion.gates import Gate, volume_flux
from altiflow.fusion.kinematics import flux_divergence, strain_rates, thickness_change
from altiflow.gridding.vectors import metric_matrix

AXIS = (np.arange(61) - 30) * 2e3
PLACE = (1.2e6, -2.6e6)


@pytest.fixture
def make_ice(make_field):
    """Return a maker of smooth velocity [m/yr] and thickness [m] far from the pole."""

    def make(crs="EPSG:3413", **attrs):
        x, y = np.meshgrid(AXIS, AXIS)
        vx = 300 + 40 * np.sin(x / 3e4) + 0.002 * y
        vy = -100 + 30 * np.cos(y / 4e4)
        stated = {"crs": crs, "units": "m yr-1", "year_days": 365.25, **attrs}
        field = make_field(vx, vy, x=AXIS + PLACE[0], y=AXIS + PLACE[1], **stated)
        height = xr.DataArray(
            800 + 2e-3 * x - 100 * np.cos(y / 3e4), coords={"y": field["y"], "x": field["x"]}, dims=("y", "x")
        )
        return field, height

    return make


@pytest.mark.parametrize("metric", ["map", "ground"])
@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:6931"])
def test_what_leaves_an_area_is_the_sum_of_the_divergence_in_it(make_ice, crs, metric):
    """(Spec test 17) Cells times their area on the ground against the gate round them, on maps of both kinds."""
    field, height = make_ice(crs, velocity_metric=metric)
    found = flux_divergence(height, field, fit="central")["flux_divergence"].isel(time=0)
    inner = slice(10, 51)
    part = found.isel(x=inner, y=inner)
    x, y = np.meshgrid(part["x"], part["y"])
    area = 4e6 / np.linalg.det(metric_matrix(crs, x, y))
    lost = float((part.values * area).sum()) * 1e-9
    box = shapely.box(x.min() - 1e3, y.min() - 1e3, x.max() + 1e3, y.max() + 1e3)
    gate = Gate.of(box, crs=crs, spacing=500)
    flux = volume_flux(gate, field, thickness=height, per="yr")["volume_flux_total"].item()
    assert flux == pytest.approx(lost, rel=1e-3)
    assert abs(flux) > 0.5


def test_uniform_thickness_times_the_divergence_of_velocity(make_ice):
    field, _ = make_ice()
    divergence = strain_rates(field, names=["divergence"])["divergence"].values
    found = flux_divergence(500.0, field, depth_factor=0.9)
    assert found["flux_divergence"].values == pytest.approx(450 * divergence, rel=1e-9, nan_ok=True)
    assert found["flux_divergence"].attrs["units"] == "m yr-1"


def test_product_rule(make_field):
    """div(Hu) = H div(u) + u · grad(H), at the pole of an equal-area map."""
    axis = (np.arange(9) - 4) * 1e3
    x, y = np.meshgrid(axis, axis)
    field = make_field(50.3 + 2e-3 * x, 20 - 1e-3 * y, x=axis, y=axis, crs="EPSG:6931", units="m d-1")
    height = xr.DataArray(100 + 1e-3 * x + 3e-3 * y, coords={"y": field["y"], "x": field["x"]}, dims=("y", "x"))
    for options in ({}, {"fit": "central"}):
        found = flux_divergence(height, field, **options)["flux_divergence"]
        assert found.values[0, 4, 4] == pytest.approx(100 * 1e-3 + 50.3 * 1e-3 + 20 * 3e-3, rel=1e-5)
        assert found.attrs["units"] == "m d-1"


def test_sigma_is_the_scatter_of_noisy_fields(make_field):
    random = np.random.default_rng(4)
    axis = (np.arange(5) - 2) * 1e3
    field = make_field(50.3, 20.1, x=axis, y=axis, crs="EPSG:6931", units="m d-1", sigma=0.5)
    height = xr.DataArray(np.full((5, 5), 100.0), coords={"y": field["y"], "x": field["x"]}, dims=("y", "x"))
    stated = flux_divergence(height, field, thickness_sigma=2.0)["flux_divergence_sigma"].values[0, 2, 2]
    bare = field.drop_vars(["vx_sigma", "vy_sigma"])
    days = np.datetime64("2020-01-01", "ns") + np.arange(301) * np.timedelta64(1, "D")
    vx, vy = random.normal(0, 0.5, (2, 300, 5, 5))
    noisy = make_field(50.3 + vx, 20.1 + vy, x=axis, y=axis, crs="EPSG:6931", units="m d-1",
                       bounds=np.stack([days[:-1], days[1:]], axis=-1))  # fmt: skip
    deep = xr.DataArray(100 + random.normal(0, 2.0, (300, 5, 5)), coords=noisy["vx"].coords, dims=("time", "y", "x"))
    draws = flux_divergence(deep, noisy)["flux_divergence"].values[:, 2, 2]
    assert np.std(draws) == pytest.approx(stated, rel=0.12)
    assert "flux_divergence_sigma" not in flux_divergence(height, bare)
    only = flux_divergence(height, bare, thickness_sigma=2.0)["flux_divergence_sigma"].values[0, 2, 2]
    assert 0 < only < stated


def test_gaps_of_either_are_gaps(make_ice):
    field, height = make_ice()
    height[20, 20] = np.nan
    found = flux_divergence(height, field)
    assert np.isnan(found["flux_divergence"].values[0, 19:22, 19:22]).all()
    assert np.isfinite(found["flux_divergence"].values[0, 23, 23])
    assert found["n_valid"].values[0, 20, 21] == 8


def test_window_is_that_of_the_velocity(make_field):
    """The product of thickness with whole m/yr is not whole; it is smoothed all the same."""
    cell = (np.arange(41) - 20) * 120.0
    x, y = np.meshgrid(cell, cell)
    field = make_field(np.round(100 + 0.01 * x), np.round(5e-3 * y), x=cell, y=cell, crs="EPSG:6931",
                       units="m yr-1", year_days=365.25)  # fmt: skip
    assert flux_divergence(100.5, field).attrs["window"].startswith("11 x 11 cells, 1320 x 1320 m (components come in")
    with pytest.warns(ScienceWarning, match=r"rounding alone .* is a strain rate of 9\.8e-04 per year"):
        flux_divergence(100.5, field, window=3)


def test_signs_of_thickness_change():
    """dH/dt = a - m - div(Hu): accumulation thickens, melt and divergence thin."""
    assert thickness_change(0.0, accumulation=0.3) == 0.3
    assert thickness_change(0.0, basal_melt=0.3) == -0.3
    assert thickness_change(0.3) == -0.3
    assert thickness_change(np.array([1.0, 2.0]), accumulation=1.0).tolist() == [0, -1]
    rate = xr.DataArray([1.0], dims="x", attrs={"units": "m yr-1"})
    assert thickness_change(rate, accumulation=2.0).attrs["units"] == "m yr-1"
    with pytest.raises(InputError, match="one unit first"):
        thickness_change(rate, accumulation=rate.assign_attrs(units="m d-1"))


@pytest.mark.parametrize(
    ("change", "options", "match"),
    [
        (lambda height: height.isel(x=slice(1, None)), {}, "other cells"),
        (lambda height: height.assign_coords(x=height["x"] + 100), {}, "other cells"),
        (lambda height: height - 2e3, {}, "thickness is -"),
        (lambda height: height.rename(x="lon"), {}, "has dimensions"),
        (lambda height: height.expand_dims(time=3), {}, "has 3 layers"),
        (lambda height: height, {"depth_factor": 0.0}, "depth_factor"),
    ],
)
def test_what_is_refused(make_ice, change, options, match):
    field, height = make_ice()
    with pytest.raises(InputError, match=match):
        flux_divergence(change(height), field, **options)
