"""Means in time: identities, a loop over pairs, and the bias of the old ways."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow import mean_of_speeds, mid_date_mean, running_mean, weighted_mean
from altiflow.errors import InputError, NoOverlapError

YEAR = np.array(["2000-01-01", "2001-01-01"], "M8[ns]")


def test_identical_pairs_one_pair_and_none(make_cube):
    vx = np.full((9, 2, 2), 70.0)
    vx[1:, 0, 0] = np.nan
    vx[:, 0, 1] = np.nan
    cube = make_cube([10.0] * 9, [40.0] * 9, vx, sigma=np.full(9, 6.0))
    found = weighted_mean(cube, ["2000-01-01", "2000-07-01", "2001-01-01"])
    assert found["vx"].values[0] == pytest.approx(np.array([[70.0, np.nan], [70.0, 70.0]]), nan_ok=True)
    assert found["vx"].values[0, 0, 0] == 70.0
    assert found["vx_sigma"].values[0, 0, 0] == pytest.approx(6.0, rel=1e-15)
    assert found["vx_sigma"].values[0, 1] == pytest.approx(6.0 / 3, rel=1e-14)
    assert found["vx_sigma_empirical"].values[0, 1] == pytest.approx(0.0)
    assert np.isnan(found["vx_sigma_empirical"].values[0, 0, 0])
    assert np.isnan(found["vx"].values[1]).all()
    assert (found["count"].values == [[[1, 0], [9, 9]], [[0, 0], [0, 0]]]).all()
    assert found["overlap_days"].values[0, 1, 1] == 9 * 30
    assert found["mean_separation"].values[0, 1, 1] == pytest.approx(30.0)
    assert found["mean_time_offset"].values[0, 1, 1] == pytest.approx(25 - 91)
    assert found["time_bnds"].values.astype("M8[D]").astype(str).tolist()[1] == ["2000-07-01", "2001-01-01"]


@pytest.mark.parametrize("weights", ["overlap_variance", "overlap"])
def test_weighted_mean_equals_a_loop_over_pairs(make_cube, weights):
    rng = np.random.default_rng(1)
    start = rng.uniform(-200, 700, 150)
    end = start + rng.choice([6.0, 30, 200, 500], 150)
    vx, vy = rng.normal(5000, 30, (2, 150, 3, 4))
    vx[rng.uniform(size=vx.shape) < 0.5] = np.nan
    sigma = rng.uniform(2, 50, vx.shape)
    edges = np.array(["2000-01-01", "2000-03-01", "2001-01-01", "2001-02-01"], "M8[ns]")
    found = weighted_mean(make_cube(start, end, vx, vy, sigma), edges, weights=weights, min_overlap=0.3, min_pairs=2)
    days = (edges - np.datetime64("2000-01-01", "ns")) / np.timedelta64(1, "D")
    for row, col in np.ndindex(3, 4):
        for place in range(3):
            first, last = days[place : place + 2]
            sums = {"vx": [], "vy": []}
            for i in np.flatnonzero(np.isfinite(vx[:, row, col])):
                overlap = min(end[i], last) - max(start[i], first)
                if overlap / (end[i] - start[i]) < 0.3 or overlap <= 0:
                    continue
                for name, data in (("vx", vx), ("vy", vy)):
                    error = sigma[i, row, col]
                    weight = overlap
                    if weights == "overlap_variance":
                        weight = overlap / (end[i] - start[i]) * overlap / (last - first) / error**2
                    sums[name].append((weight, data[i, row, col], error, overlap))
            at = {"time": place, "y": row, "x": col}
            assert found["count"].isel(at).item() == len(sums["vx"])
            if len(sums["vx"]) < 2:
                assert np.isnan(found["vx"].isel(at))
                continue
            for name, parts in sums.items():
                w, v, s, o = np.array(parts).T
                mean = (w * v).sum() / w.sum()
                assert found[name].isel(at).item() == pytest.approx(mean, rel=1e-12)
                formal = np.sqrt((w**2 * s**2).sum()) / w.sum()
                assert found[f"{name}_sigma"].isel(at).item() == pytest.approx(formal, rel=1e-11)
                effective = w.sum() ** 2 / (w**2).sum()
                empirical = np.sqrt((w * (v - mean) ** 2).sum() / w.sum() / (effective - 1))
                assert found[f"{name}_sigma_empirical"].isel(at).item() == pytest.approx(empirical, rel=1e-7)
                assert found["overlap_days"].isel(at).item() == pytest.approx(o.sum())


def test_twenty_pairs_of_slow_ice(make_cube):
    """The mean of speeds is 260 m/yr where ice moves 10; the speed of the mean vector is 59."""
    rng = np.random.default_rng(2)
    start = np.arange(20.0) * 12
    for truth, speeds, vectors in ((10, 260, 59), (100, 276, 112), (500, 551, 502)):
        vx = truth + rng.normal(0, 187, (20, 60, 60))
        vy = rng.normal(0, 228, (20, 60, 60))
        cube = make_cube(start, start + 12, vx, vy)
        found = mean_of_speeds(cube, YEAR)
        assert found["speed"].mean().item() == pytest.approx(speeds, abs=2)
        assert found["speed_of_mean"].mean().item() == pytest.approx(vectors, abs=2)
        mean = weighted_mean(cube, YEAR, weights="overlap")
        assert np.hypot(mean["vx"], mean["vy"]).mean().item() == pytest.approx(vectors, abs=2)
        assert "too high by the noise" in found.attrs["bias"]
        assert "vx" not in found


def test_mean_of_noise_is_rest_and_mean_of_its_speed_is_not(make_cube):
    rng = np.random.default_rng(3)
    start = rng.uniform(0, 300, 25_000)
    vx, vy = rng.normal(0, 10, (2, 25_000, 2, 2))
    cube = make_cube(start, start + 20, vx, vy)
    mean = mid_date_mean(cube, YEAR)
    assert (np.hypot(mean["vx"], mean["vy"]) < 4 * 10 / np.sqrt(25_000)).all()
    assert all(abs(float(mean[name].mean())) < 3 * 10 / np.sqrt(100_000) for name in ("vx", "vy"))
    assert mean_of_speeds(cube, YEAR)["speed"].values == pytest.approx(12.53, abs=0.1)


def test_mid_date_mean_takes_the_middle_alone(make_cube):
    vx = np.array([10.0, 30.0, 500.0])[:, None, None] * np.ones((3, 2, 2))
    cube = make_cube([0, -300, 300], [20, 700, 700], vx, sigma=np.array([1.0, 2.0, 1.0]))
    assert mid_date_mean(cube, YEAR)["vx"].values == pytest.approx(20.0)
    weighed = mid_date_mean(cube, YEAR, weights="inverse_variance")
    assert weighed["vx"].values == pytest.approx(14.0)
    assert weighed["vx_sigma"].values == pytest.approx(1 / np.sqrt(1.25))


def test_a_layer_without_sigma_is_not_weighed_and_leaves_no_formal_error(make_cube):
    vx = np.array([10.0, 30.0])[:, None, None] * np.ones((2, 2, 2))
    cube = make_cube([0, 0], [20, 20], vx, sigma=np.array([1.0, np.nan]))
    assert weighted_mean(cube, YEAR)["vx"].values == pytest.approx(10.0)
    assert weighted_mean(cube, YEAR).attrs["layers_without_vx_sigma"] == 1
    plain = weighted_mean(cube, YEAR, weights="overlap")
    assert plain["vx"].values == pytest.approx(20.0)
    assert np.isnan(plain["vx_sigma"].values).all()


def test_running_mean_and_median_equal_a_loop(make_cube):
    rng = np.random.default_rng(4)
    start = rng.uniform(0.2, 500, 200)
    end = start + rng.choice([6.0, 40.0], 200)
    vx = rng.normal(100, 10, (200, 2, 3))
    vx[rng.uniform(size=vx.shape) < 0.6] = np.nan
    cube = make_cube(start, end, vx)
    middle = (start + end) / 2
    for statistic, function in (("mean", np.mean), ("median", np.median)):
        found = running_mean(cube, statistic=statistic)
        first = np.floor(middle.min())
        assert found.sizes["time"] == int((middle.max() - first) // 30) + 1
        for window in range(found.sizes["time"]):
            chosen = (middle >= first + 30 * window) & (middle < first + 30 * window + 60)
            for row, col in np.ndindex(2, 3):
                values = vx[chosen, row, col]
                values = values[np.isfinite(values)]
                at = {"time": window, "y": row, "x": col}
                assert found["count"].isel(at).item() == values.size
                expected = function(values) if values.size >= 5 else np.nan
                assert found["vx"].isel(at).item() == pytest.approx(expected, nan_ok=True)
    edges = found["time_bnds"].values
    assert ((edges[:, 1] - edges[:, 0]) == np.timedelta64(60, "D")).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda cube: weighted_mean(cube, YEAR), "no vx_sigma"),
        (lambda cube: weighted_mean(cube, YEAR, weights="equal"), "weights must be"),
        (lambda cube: weighted_mean(cube, YEAR, weights="overlap", min_overlap=2), "min_overlap"),
        (lambda cube: weighted_mean(cube, YEAR, weights="overlap", min_pairs=0), "min_pairs"),
        (lambda cube: mid_date_mean(cube, YEAR, weights="overlap"), "weights must be"),
        (lambda cube: weighted_mean(cube, YEAR[::-1], weights="overlap"), "end after"),
        (lambda cube: weighted_mean(cube, "soon", weights="overlap"), "no length of time"),
        (lambda cube: mean_of_speeds(cube, YEAR, min_pairs=0), "min_pairs"),
        (lambda cube: running_mean(cube, step_days=0), "step_days"),
        (lambda cube: running_mean(cube, statistic="mode"), "statistic"),
    ],
)
def test_wrong_arguments_are_refused(make_cube, call, message):
    cube = make_cube([0, 10], [20, 30], np.ones((2, 2, 2)))
    with pytest.raises(InputError, match=message):
        call(cube)


def test_periods_without_pairs_are_refused(make_cube):
    cube = make_cube([0, 10], [20, 30], np.ones((2, 2, 2)))
    with pytest.raises(NoOverlapError, match="no image pair"):
        weighted_mean(cube, ["2010-01-01", "2011-01-01"], weights="overlap")
    with pytest.raises(NoOverlapError, match="no image pair"):
        mean_of_speeds(cube, ["2010-01-01", "2011-01-01"])
