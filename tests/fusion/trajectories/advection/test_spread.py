"""Growth of the error of a place against the double sum."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.fusion.trajectories import advect_points
from altiflow.fusion.trajectories.advection import Spread, spread_of_days


def double_sum(sigmas, rho):
    number = np.arange(len(sigmas))
    weight = np.where(number[:, None] == number, 1.0, float(rho) ** np.abs(number[:, None] - number))
    return np.sqrt(sigmas @ weight @ sigmas)


def test_independent_days_grow_with_the_root_of_their_number_and_correlated_ones_with_it():
    """2.1 km a day, 15 and 30 days."""
    for count in (1, 15, 30):
        days = np.full((count, 1), 2.1)
        assert spread_of_days(days, 0.0).item() == pytest.approx(2.1 * count**0.5, rel=1e-14)
        assert spread_of_days(days, 1.0).item() == pytest.approx(2.1 * count, rel=1e-14)
    found = [spread_of_days(np.full((count, 1), 2.1), rho).item() for count in (15, 30) for rho in (0, 0.5, 0.8, 1)]
    assert found == pytest.approx([8.13, 13.4, 20.6, 31.5, 11.5, 19.5, 31.9, 63.0], rel=5e-3)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8, 1.0])
def test_one_pass_is_the_double_sum(rho):
    sigmas = np.random.default_rng(1).uniform(0.5, 4, (23, 5))
    expected = [double_sum(column, rho) for column in sigmas.T]
    assert spread_of_days(sigmas, rho) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("rho", [0.0, 0.6, 1.0])
def test_steps_may_end_anywhere_and_incomplete_days_count_by_their_share(rho):
    """Steps of 0.35 days, and one of 4.55, are days of 2 and a last one of 0.55 * 2."""
    ends = np.minimum(np.arange(0, 14) * 0.35, 4.55)
    short, long = Spread(1, rho), Spread(1, rho)
    one = np.array([0])
    for start, end in pairwise(ends):
        short.add(one, np.array([start]), np.array([end]), np.array([2.0]))
    long.add(one, np.array([0.0]), np.array([4.55]), np.array([2.0]))
    expected = double_sum(np.array([2.0, 2, 2, 2, 1.1]), rho)
    assert short.sigma().item() == pytest.approx(expected, rel=1e-9)
    assert long.sigma().item() == pytest.approx(expected, rel=1e-12)


def points(x, time):
    return gpd.GeoDataFrame(
        {"time": np.array([time], "M8[us]")}, geometry=gpd.points_from_xy([x], [0]), crs="EPSG:6931"
    )


@pytest.mark.parametrize("dt", ["1D", "7h", "20D"])
@pytest.mark.parametrize("to", ["2020-01-16", "2020-02-15"])
@pytest.mark.parametrize(("rho", "expected"), [(0.0, 8.13), (0.5, 13.45), (0.8, 20.62), (1.0, 31.5)])
def test_a_drift_error_given_as_a_number_does_not_depend_on_the_step(make_gyre, dt, to, rho, expected):
    start = "2020-01-01" if to == "2020-01-16" else "2020-03-01"
    moved = advect_points(points(2e5, start), make_gyre(), to, dt=dt, sigma="2.1 km d-1", rho=rho)
    assert moved["sigma_position"].item() == pytest.approx(expected * 1e3, rel=1e-3)


def test_errors_of_the_field_are_taken_along_the_way(make_field):
    """Sigma of both axes grows eastward by the cell; the parcel drifts a cell a day."""
    axis = np.arange(-1e5, 4e5, 1e4)
    bounds = np.array([["2020-01-01", "2020-02-01"]], "M8[ns]")
    grown = np.broadcast_to((axis + 2e5) / 1e5, (axis.size, axis.size))
    field = make_field(10.0, 0.0, x=axis, y=axis, units="km d-1", crs="EPSG:6931", bounds=bounds, sigma=grown)
    moved = advect_points(points(0.0, "2020-01-02"), field, "2020-01-07T12", rho=0.4)
    days = np.array([2.0, 2.1, 2.2, 2.3, 2.4, 2.5 / 2])
    # All of it is of one layer, which has one error.
    assert moved["sigma_position"].item() == pytest.approx(1e3 * days.sum(), rel=1e-6)
    field["vy_sigma"] = 3 * field["vx_sigma"]
    wider = advect_points(points(0.0, "2020-01-02"), field, "2020-01-07T12", rho=0.4)
    assert wider["sigma_position"].item() == pytest.approx(5**0.5 * 1e3 * days.sum(), rel=1e-6)


def test_a_field_without_errors_leaves_the_error_unknown(make_gyre):
    moved = advect_points(points(2e5, "2020-01-01"), make_gyre(), "2020-01-03")
    assert moved["sigma_position"].isna().all()


def test_errors_of_displacements_are_those_of_their_whole_interval(make_field):
    """Displacements over two days with an error of 3 km: after 8 days 2 * 3 km."""
    axis = np.arange(-1e6, 1.1e6, 1e5)
    starts = np.datetime64("2020-01-01") + 2 * np.arange(5) * np.timedelta64(1, "D")
    field = make_field(10.0, 0.0, x=axis, y=axis, units="km", crs="EPSG:6931", velocity_kind="displacement", sigma=3.0,
                       bounds=np.stack([starts, starts + np.timedelta64(2, "D")], axis=-1))  # fmt: skip
    moved = advect_points(points(0.0, "2020-01-01"), field, "2020-01-09")
    assert moved["x_adv"].item() == pytest.approx(4e4)
    assert moved["sigma_position"].item() == pytest.approx(6e3, rel=1e-9)


def test_a_correlation_that_is_none_is_refused():
    for rho in (-0.1, 1.01, np.nan, True, "0.5"):
        with pytest.raises(InputError, match="from 0 to 1"):
            spread_of_days(np.ones((2, 1)), rho)
