"""Units, metrics and kinds of one motion are one motion."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from altiflow.errors import FieldError, InputError
from altiflow.gridding.cubes import convert_field
from altiflow.gridding.cubes.convert import nominal_displacement
from altiflow.readers.field import build_field

BOUNDS = np.array([["2020-01-01T12", "2020-01-03T12"]], dtype="M8[ns]")


def make(vx: float, units: str, **changes):
    values = np.full((1, 2, 3), vx)
    told = {"crs": 3413, "velocity_metric": "map", "metric_source": "user", "source": "made", **changes}
    return build_field(values, -values, x=[0.0, 1e3, 2e3], y=[0.0, 1e3], time_bnds=BOUNDS, units=units, **told)


@pytest.mark.parametrize(
    ("value", "units", "changes"),
    [
        (10.0, "cm/s", {}),
        (8640.0, "m/d", {}),
        (8640.0 * 365.25, "m/yr", {"year_days": 365.25}),
        (8640.0 * 365.0, "m/yr", {"year_days": 365.0}),
        (17.28, "km", {"velocity_kind": "displacement"}),
    ],
)
def test_one_motion_in_every_unit(value, units, changes):
    found = convert_field(make(value, units, **changes), units="m s-1")
    np.testing.assert_allclose(found.vx.values, 0.1, rtol=1e-12)
    np.testing.assert_allclose(found.vy.values, -0.1, rtol=1e-12)
    assert found.attrs["units"] == found.vx.attrs["units"] == "m s-1"
    assert "year_days" not in found.attrs


def test_years_of_two_lengths_differ_by_their_ratio():
    field = make(1000.0, "m/yr", year_days=365.0)
    assert convert_field(field, year_days=365.25).vx.values[0, 0, 0] == pytest.approx(1000 * 365.25 / 365, rel=1e-14)
    assert convert_field(field, year_days=365.0) is not None


@pytest.mark.parametrize(("latitude", "scale"), [(60.0, 1.03943), (70.0, 1.0), (80.0, 0.97728)])
def test_the_map_runs_ahead_of_the_ground_by_its_scale(latitude, scale):
    x, y = pyproj.Transformer.from_crs(4326, 3413, always_xy=True).transform(-45.0, latitude)
    values = np.full((1, 2, 2), 100.0)
    field = build_field(
        values, values * 0, x=[x, x + 1], y=[y + 1, y], time_bnds=BOUNDS, crs=3413, units="m/d", velocity_metric="map",
        metric_source="user", source="made", vx_sigma=np.array([10.0]), vy_sigma=np.array([10.0]),
    )  # fmt: skip
    ground = convert_field(field, metric="ground")
    assert ground.vx.values[0, 1, 0] == pytest.approx(100 / scale, rel=1e-5)
    assert ground.vx_sigma.values[0, 1, 0] == pytest.approx(10 / scale, rel=1e-5)
    assert ground.attrs["velocity_metric"] == "ground"
    back = convert_field(ground, metric="map")
    np.testing.assert_allclose(back.vx.values, values, rtol=1e-12)
    np.testing.assert_allclose(back.vx_sigma.values, 10.0, rtol=1e-12)


def test_covariance_comes_back_on_a_map_that_is_not_conformal():
    x, y = pyproj.Transformer.from_crs(4326, 6931, always_xy=True).transform(30.0, 60.0)
    values = np.full((1, 2, 2), 100.0)
    field = build_field(
        values, values, x=[x, x + 1], y=[y + 1, y], time_bnds=BOUNDS, crs=6931, units="m/d", velocity_metric="map",
        metric_source="user", source="made", vx_sigma=np.array([10.0]), vy_sigma=np.array([20.0]),
    )  # fmt: skip
    ground = convert_field(field, metric="ground")
    assert abs(ground.vxy_covariance.values).max() > 1
    back = convert_field(ground, metric="map")
    np.testing.assert_allclose(back.vy_sigma.values, 20.0, rtol=1e-10)
    np.testing.assert_allclose(back.vxy_covariance.values, 0.0, atol=1e-9)


def test_what_cannot_be_converted():
    with pytest.raises(InputError, match="metric must be"):
        convert_field(make(1.0, "cm/s"), metric="sea")
    with pytest.raises(InputError, match="furlong"):
        convert_field(make(1.0, "cm/s"), units="furlong/s")
    still = make(1.0, "km", velocity_kind="displacement")
    still = still.assign_coords(time_bnds=(("time", "nv"), BOUNDS[:, :1].repeat(2, 1)), time=BOUNDS[:, 0])
    with pytest.raises(FieldError, match="only over an interval"):
        convert_field(still)


def test_cells_with_their_own_start_and_end_have_their_own_velocity():
    moved = make(50.0, "km", velocity_kind="displacement")
    hours = np.array([[[0.0, 6.0, np.nan], [0.0, -6.0, 0.0]]]) * 3600
    moved["start_offset"] = (("time", "y", "x"), -hours)
    moved["end_offset"] = (("time", "y", "x"), hours)
    found = convert_field(moved, units="cm/s").vx.values[0]
    expected = 50e5 / (np.array([[48, 60, 48], [48, 36, 48]]) * 3600.0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(nominal_displacement(moved).vx.values[0], expected * 48 * 3600 / 1e5, rtol=1e-12)
