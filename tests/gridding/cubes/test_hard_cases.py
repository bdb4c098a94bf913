"""Hard cases of the statistics in time: few pairs of a period, one season of short pairs, pairs without errors."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow import invert_displacements, reject_locked, reject_outliers, weighted_mean

pytestmark = pytest.mark.usefixtures("either_engine")

MONTH = 365.25 / 12


def test_a_period_of_many_pairs_among_periods_of_one_is_not_rejected(make_cube):
    rng = np.random.default_rng(0)
    month = np.concatenate([np.arange(10), np.full(20, 10)])
    edges = np.datetime64("2000-01-01", "ns") + (np.arange(12) * MONTH * 86400e9).astype("m8[ns]")
    start = month * MONTH + 1
    vx = (1000 + rng.normal(0, 5, (30, 1, 1))) * np.ones((30, 2, 2))
    cube = make_cube(start, start + 16, vx, sigma=np.full(30, 5.0))
    found = invert_displacements(cube, edges)
    assert found["n_rejected"].values.tolist() == [[0, 0], [0, 0]]
    assert found["vx"].values[10, 0, 0] == pytest.approx(vx[10:, 0, 0].mean(), abs=1e-6)
    wrong = vx.copy()
    wrong[12] += 4000
    found = invert_displacements(make_cube(start, start + 16, wrong, sigma=np.full(30, 5.0)), edges)
    assert (found["n_rejected"].values == 1).all()
    assert found["vx"].values[10, 0, 0] == pytest.approx(np.delete(vx[10:, 0, 0], 2).mean(), abs=1e-6)


@pytest.mark.parametrize(("winter", "summer"), [(50, 300), (80, 330), (50, 800)])
def test_annual_pairs_are_right_where_short_pairs_are_of_the_summer(make_cube, winter, summer):
    rng = np.random.default_rng(1)
    days = np.arange(0, 6 * 365.25, 0.25)
    speed = np.where((days % 365.25 > 152) & (days % 365.25 < 244), summer, winter)
    way = np.concatenate([[0], np.cumsum(speed[:-1] * 0.25)])
    short = rng.integers(0, 5, 60) * 365.25 + rng.uniform(152, 228, 60)
    start = np.concatenate([short, rng.uniform(0, 4 * 365, 30)])
    end = start + np.repeat([16, 365.25], [60, 30])
    true = (np.interp(end, days, way) - np.interp(start, days, way)) / (end - start)
    noise = rng.normal(0, 5 * 16 / (end - start))
    vx = (true + noise)[:, None, None] * np.ones((90, 2, 2))
    kept = reject_locked(make_cube(start, end, vx, np.zeros_like(vx)))
    assert np.isinf(kept["max_separation"].values).all()
    locked = vx.copy()
    locked[60:] = 1.0
    kept = reject_locked(make_cube(start, end, locked, np.zeros_like(vx)))
    assert (kept["n_locked"].values == 30).all()


def test_pairs_without_errors_are_counted_or_weigh_alike(make_cube):
    start = np.arange(20) * 10.0
    vx = np.where(np.arange(20) < 10, 500.0, 1000.0)[:, None, None] * np.ones((20, 2, 2))
    sigma = np.where(np.arange(20) < 10, np.nan, 5.0)
    spread = np.broadcast_to(sigma[:, None, None], vx.shape).copy()
    edges = np.array(["2000-01-01", "2001-01-01"], dtype="M8[ns]")
    for given in (sigma, spread):
        found = invert_displacements(make_cube(start, start + 16, vx, sigma=given), edges)
        assert (found["n_without_sigma"].values == 10).all()
        assert (found["n_pairs"].values == 10).all()
        mean = weighted_mean(make_cube(start, start + 16, vx, sigma=given), edges)
        assert (mean["count_without_sigma"].values == 10).all()
    nothing = make_cube(start, start + 16, vx, sigma=np.full(20, np.nan))
    found = invert_displacements(nothing, edges, outlier_mad=None)
    assert (found["n_pairs"].values == 20).all()
    assert found["vx"].values == pytest.approx(np.full((1, 2, 2), 750.0))
    assert found.attrs["sigma_source"] == "residuals"


def test_values_within_their_own_errors_are_no_outliers(make_cube):
    rng = np.random.default_rng(2)
    start = np.sort(rng.uniform(0, 3000, 200))
    vx = np.zeros((200, 2, 2))
    vx[::3] = 1.0
    whole = reject_outliers(make_cube(start, start + 16, vx))
    assert (whole["n_outliers"].values == 0).all()
    noisy = rng.normal(0, 1, 200)
    noisy[::10] *= 40
    sigma = np.where(np.arange(200) % 10 == 0, 40.0, 1.0)
    field = make_cube(start, start + 16, (100 + noisy)[:, None, None] * np.ones((200, 2, 2)), sigma=sigma)
    assert (reject_outliers(field)["n_outliers"].values == 0).all()


def test_values_alone_in_their_window_decide_nothing(make_cube):
    rng = np.random.default_rng(3)
    lonely, close = np.arange(20) * 60.0, 5000 + np.arange(6) * 2.0
    start = np.concatenate([lonely, close])
    vx = (1000 + rng.normal(0, 5, 26))[:, None, None] * np.ones((26, 2, 2))
    kept = reject_outliers(make_cube(start, start + 16, vx), window_days=20)
    assert (kept["n_outliers"].values == 0).all()
    vx[22] += 500
    assert (reject_outliers(make_cube(start, start + 16, vx), window_days=20)["n_outliers"].values == 1).all()


def test_layers_in_any_order_give_the_same_bits(make_cube):
    rng = np.random.default_rng(5)
    start = rng.uniform(0, 1500, 300)
    end = start + rng.choice([16.0, 64.0, 365.0], 300)
    vx = rng.normal(100, 20, (300, 2, 3))
    sigma = rng.uniform(5, 20, 300)
    turn = rng.permutation(300)
    one = make_cube(start, end, vx, sigma=sigma)
    two = make_cube(start[turn], end[turn], vx[turn], sigma=sigma[turn])
    for first, second in (
        (invert_displacements(one, "YS"), invert_displacements(two, "YS")),
        (weighted_mean(one, "YS"), weighted_mean(two, "YS")),
    ):
        np.testing.assert_array_equal(first["vx"].values, second["vx"].values)
        np.testing.assert_array_equal(first["vx_sigma"].values, second["vx_sigma"].values)
    kept, again = reject_locked(one), reject_locked(two)
    np.testing.assert_array_equal(kept["max_separation"].values, again["max_separation"].values)
