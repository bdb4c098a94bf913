"""Strain rates along paths, against motions whose deformation is known."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from altiflow.errors import InputError, ScienceWarning
from altiflow.fusion.kinematics import deformation_along, strain_rates
from altiflow.fusion.trajectories import path_lines

AXIS = (np.arange(41) - 20) * 5e3
WEEKS = [["2020-01-01", "2020-01-08"], ["2020-01-08", "2020-01-15"], ["2020-01-15", "2020-01-22"]]


@pytest.fixture
def make_strain(make_field):
    """Return a maker of fields a x, b y [per day] at the pole of an equal-area map, with factors week by week."""

    def make(a, b, factors=(1.0, 1.0, 1.0), **options):
        x, y = np.meshgrid(AXIS, AXIS)
        scale = np.array(factors)[:, None, None]
        return make_field(scale * a * x / 1e3, scale * b * y / 1e3, x=AXIS, y=AXIS, bounds=WEEKS, crs="EPSG:6931",
                          units="km d-1", **options)  # fmt: skip

    return make


def test_area_grows_as_the_corners_say(make_strain):
    """Four corners of a square after ten days: its area by that at the start is exp((a + b) t)."""
    field = make_strain(0.01, 0.005)
    corners = np.array([[1e4, 1e4], [1.2e4, 1e4], [1.2e4, 1.2e4], [1e4, 1.2e4], [1.1e4, 1.1e4]])
    paths = path_lines(field, corners, start="2020-01-02", end="2020-01-12")
    found = deformation_along(paths, strain_rates(field), names=["divergence", "shear"])
    ends = shapely.Polygon(np.stack([paths["x"].values[:4, -1], paths["y"].values[:4, -1]], axis=-1))
    assert found["area_ratio"].values[:, -1] == pytest.approx(np.exp(0.15), rel=1e-4)
    assert found["area_ratio"].values[4, -1] == pytest.approx(ends.area / 4e6, rel=1e-4)
    assert found["shear_integral"].values[:, -1] == pytest.approx(0.05, rel=1e-4)
    assert found["divergence_integral"].values[:, 0] == pytest.approx(0)
    assert found["deformation_cover"].values == pytest.approx(1)


def test_back_in_time_it_shrinks(make_strain):
    field = make_strain(0.01, 0.005)
    paths = path_lines(field, [[1e4, 1e4]], start="2020-01-12", end="2020-01-02")
    found = deformation_along(paths, strain_rates(field, units="s-1"))
    assert found["divergence_integral"].values[0, -1] == pytest.approx(-0.15, rel=1e-4)


@pytest.mark.parametrize(("time_rule", "expected"), [("linear", 0.14), ("constant", 0.14)])
def test_layers_in_time(make_strain, time_rule, expected):
    """Strain of one, two and three parts, week by week, over the middle week: both rules have its mean, here."""
    field = make_strain(0.01, 0.0, factors=(1.0, 2.0, 3.0))
    paths = path_lines(field, [[100.0, 100.0]], start="2020-01-08", end="2020-01-15", dt="6h", time_rule=time_rule)
    found = deformation_along(paths, strain_rates(field), names=["divergence"], time_rule=time_rule)
    assert found["divergence_integral"].values[0, -1] == pytest.approx(expected, abs=2e-3)
    first = found["divergence"].values[0, 0]
    assert first == pytest.approx(0.015 if time_rule == "linear" else 0.02, rel=1e-4)


def test_constant_layers_reach_to_the_end_of_the_last(make_strain):
    field = make_strain(0.01, 0.0)
    paths = path_lines(field, [[100.0, 100.0]], start="2020-01-15", end="2020-01-22", time_rule="constant")
    found = deformation_along(paths, strain_rates(field), time_rule="constant")
    assert found["divergence_integral"].values[0, -1] == pytest.approx(0.07, rel=1e-4)


def test_a_gap_of_the_rates_ends_the_integral_and_is_told(make_strain):
    field = make_strain(0.01, 0.0)
    paths = path_lines(field, [[8e4, 0.0], [1e4, 0.0]], start="2020-01-01", end="2020-01-22")
    rates = strain_rates(field)
    rates["divergence"] = rates["divergence"].where(rates["x"] < 85e3)
    found = deformation_along(paths, rates, names=["divergence"])
    whole = np.isfinite(found["divergence_integral"].values)
    assert whole[1].all()
    assert whole[0].sum() == np.isfinite(found["divergence"].values[0]).sum() < 22
    assert found["deformation_cover"].values[0] == pytest.approx(whole[0].sum() / np.isfinite(paths["x"][0]).sum())
    assert (found["deformation_cover"].values[1]) == 1


def test_rates_on_another_map(make_strain, make_field):
    field = make_strain(0.01, 0.005)
    paths = path_lines(field, [[1e4, 1e4]], start="2020-01-02", end="2020-01-12")
    far = np.arange(-3, 4) * 5e4
    other = make_field(0.0, 0.0, x=far, y=far, crs="EPSG:3413", units="km d-1", bounds=WEEKS)
    rates = strain_rates(other)
    rates["divergence"][:] = 0.015
    found = deformation_along(paths, rates, names=["divergence"])
    assert found["divergence_integral"].values[0, -1] == pytest.approx(0.15, rel=1e-9)


def test_what_is_refused(make_strain):
    field = make_strain(0.01, 0.005)
    rates = strain_rates(field, names=["divergence"])
    paths = path_lines(field, [[1e4, 1e4]], start="2020-01-02", end="2020-01-12")
    with pytest.raises(InputError, match="names must be among"):
        deformation_along(paths, rates, names=["shear"])
    with pytest.raises(InputError, match="what path_lines returned"):
        deformation_along(rates, rates, names=["divergence"])
    with pytest.raises(InputError, match="time_rule must be"):
        deformation_along(paths, rates, names=["divergence"], time_rule="cubic")


def test_daily_divergence_over_75_km_is_noise_and_is_said_to_be(make_field):
    """(Spec 2.6) 2.1 km/d over 75 km: 0.028 per day by differences, above what ice does; a month of days is not."""
    random = np.random.default_rng(6)
    axis = np.arange(-10, 11) * 75e3
    noise = random.normal(0, 2.1, (2, 1, 21, 21))
    daily = make_field(noise[0], noise[1], x=axis, y=axis, sigma=2.1, crs="EPSG:6931", units="km d-1",
                       bounds=[["2020-01-01", "2020-01-02"]])  # fmt: skip
    with pytest.warns(ScienceWarning, match=r"over 1 d and cells of 75 km is noise: .*standard error is 0\.028 d-1"):
        strain_rates(daily, fit="central")
    week = daily.assign_coords(time_bnds=(("time", "nv"), np.array([["2020-01-01", "2020-01-08"]], "M8[ns]")))
    strain_rates(week, fit="central")
    x, y = np.meshgrid(axis, axis)
    strong = make_field(0.1 * x / 1e3, 0.1 * y / 1e3, x=axis, y=axis, sigma=2.1, crs="EPSG:6931", units="km d-1",
                        bounds=[["2020-01-01", "2020-01-02"]])  # fmt: skip
    strain_rates(strong, fit="central")
