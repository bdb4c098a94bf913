"""Least squares of displacements: the seasonal case, exact cases, and numpy's lstsq pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow import invert_displacements, mid_date_mean
from altiflow.errors import EmptyDataError, FieldError, InputError
from altiflow.gridding.cubes.inversion.batched.bands import factorise
from altiflow.gridding.periods import overlap_days

pytestmark = pytest.mark.usefixtures("either_engine")

YEARS = np.array(["2000-01-01", "2001-01-01", "2002-01-01", "2003-01-01", "2004-02-01"], "M8[ns]")


def spread(values):
    """Return the half-range over time of each pixel, averaged."""
    return float((values.max(axis=0) - values.min(axis=0)).mean() / 2)


def test_seasonal_flow_is_recovered_where_the_old_ways_lose_it(make_cube, seasonal_pairs, month_truth):
    rng = np.random.default_rng(23)
    start, end, mean, sigma = seasonal_pairs(rng)
    noisy = mean[:, None, None] + rng.normal(size=(mean.size, 6, 6)) * sigma[:, None, None]
    cube = make_cube(start, end, noisy, sigma=sigma)
    found = invert_displacements(cube, model="cyclic")
    months = found["vx"].values.reshape(12, -1)
    half = (month_truth.max() - month_truth.min()) / 2
    assert half == pytest.approx(286.5, abs=1.0)
    assert spread(months) == pytest.approx(half, rel=0.05)
    assert np.sqrt(((months - month_truth[:, None]) ** 2).mean(axis=0)).max() < 10
    assert found["month"].values.tolist() == list(range(1, 13))


@pytest.mark.parametrize(("weights", "expected"), [("equal", 209), ("inverse_variance", 51)])
def test_mid_date_means_lose_the_season(make_cube, seasonal_pairs, weights, expected):
    """In expectation: so many pairs that chance does not matter."""
    start, end, mean, sigma = seasonal_pairs(np.random.default_rng(24), 60_000)
    cube = make_cube(start, end, mean[:, None, None] * np.ones((1, 2, 2)), sigma=sigma)
    naive = mid_date_mean(cube, "MS", weights=weights)
    inside = naive.sel(time=slice("2000-07", "2002-12"))
    months = inside["vx"].groupby("time.month").mean().values
    assert spread(months.reshape(12, -1)) == pytest.approx(expected, abs=8)
    assert "0.65" in naive.attrs["bias"]


@pytest.mark.parametrize(
    ("days", "kept"), [(16, 0.997), (32, 0.987), (96, 0.890), (180, 0.646), (365, 0.0007), (546, -0.213)]
)
def test_pairs_see_the_season_through_sinc(make_cube, days, kept):
    start = np.arange(0.0, 4000.0, 7.0)
    turn = 2 * np.pi / 365.25
    mean = 300 * (np.cos(turn * start) - np.cos(turn * (start + days))) / (turn * days)
    assert np.abs(mean).max() == pytest.approx(300 * abs(kept), abs=0.3)
    if abs(kept) > 0.1:
        found = invert_displacements(
            make_cube(start, start + days, 1000 + mean[:, None, None] * np.ones((1, 2, 2))), model="seasonal",
            level="constant",
        )  # fmt: skip
        assert found["vx_amp"].values == pytest.approx(300, abs=1e-6)
        assert found["vx_phase"].values == pytest.approx(365.25 / 4, abs=1e-6)
        assert found["vx"].values == pytest.approx(1000, abs=1e-6)


def test_piecewise_velocity_without_noise_is_exact(make_cube):
    rng = np.random.default_rng(1)
    edges = np.arange("2000-01", "2003-01", dtype="M8[M]").astype("M8[ns]")
    truth = rng.uniform(-3000, 3000, (35, 3, 3))
    start = rng.uniform(0, 1000, 800)
    end = np.minimum(start + rng.choice([6.0, 12.0, 60.0, 300.0], 800), 1065.0)
    cube = make_cube(start, end, np.zeros((800, 3, 3)))
    share = overlap_days(cube["time_bnds"].values, np.stack([edges[:-1], edges[1:]], axis=1))
    share /= share.sum(axis=1, keepdims=True)
    vx = np.einsum("ij,jyx->iyx", share, truth)
    found = invert_displacements(make_cube(start, end, vx, -vx), edges)
    assert np.abs(found["vx"].values - truth).max() < 1e-8
    assert np.abs(found["vy"].values + truth).max() < 1e-8
    assert (found["n_rejected"] == 0).all()


def reference(rows, values, sigma):
    """Return the solution and standard errors by numpy, of a system of full rank."""
    solved, _, rank, _ = np.linalg.lstsq(rows / sigma[:, None], values / sigma, rcond=None)
    assert rank == rows.shape[1]
    weighted = rows / sigma[:, None]
    left = values / sigma - weighted @ solved
    return solved, np.sqrt(np.diag(np.linalg.inv(weighted.T @ weighted))), left @ left / (len(values) - rank)


@pytest.mark.parametrize("share", [0.9, 0.3])
def test_every_pixel_equals_lstsq_on_random_masks(make_cube, seasonal_pairs, share):
    rng = np.random.default_rng(2)
    start, end, mean, sigma = seasonal_pairs(rng, 900)
    vx = mean[:, None, None] + rng.normal(size=(900, 5, 7)) * sigma[:, None, None]
    vy = 0.3 * vx + 50
    vx[rng.uniform(size=vx.shape) > share] = np.nan
    vy[rng.uniform(size=vx.shape) > 0.95] = np.nan
    errors = sigma[:, None, None] * rng.uniform(0.5, 2, vx.shape)
    cube = make_cube(start, end, vx, vy, errors)
    edges = np.stack([YEARS[:-1], YEARS[1:]], axis=1)
    shares = overlap_days(cube["time_bnds"].values, edges)
    held = np.isclose(shares.sum(axis=1), end - start, rtol=1e-9)
    means = shares / (end - start)[:, None]
    turn = 2 * np.pi / 365.25
    sine = (np.cos(turn * start) - np.cos(turn * end)) / (turn * (end - start))
    cosine = (np.sin(turn * end) - np.sin(turn * start)) / (turn * (end - start))
    plain = invert_displacements(cube, YEARS, outlier_mad=None)
    wave = invert_displacements(cube, YEARS, model="seasonal", outlier_mad=None)
    line = invert_displacements(cube, YEARS, model="seasonal", level="trend", outlier_mad=None)
    middle = float(line.attrs["trend_origin_days"])
    for row, col in np.ndindex(5, 7):
        there = held & np.isfinite(vx[:, row, col]) & np.isfinite(vy[:, row, col])
        for name, data in (("vx", vx), ("vy", vy)):
            values, error = data[there, row, col], errors[there, row, col]
            at = {"y": row, "x": col}
            solved, formal, chi = reference(means[there], values, error)
            assert plain[name].isel(at).values == pytest.approx(solved, rel=1e-9)
            assert plain[f"{name}_sigma"].isel(at).values == pytest.approx(formal, rel=1e-9)
            assert plain[f"{name}_misfit"].isel(at).item() == pytest.approx(np.sqrt(chi), rel=1e-9)
            empirical = plain[f"{name}_sigma_empirical"].isel(at).values
            assert empirical == pytest.approx(formal * np.sqrt(chi), rel=1e-9)
            rows = np.column_stack([means, sine, cosine])[there]
            solved, formal, _ = reference(rows, values, error)
            assert wave[name].isel(at).values == pytest.approx(solved[:-2], rel=1e-9)
            assert wave[f"{name}_amp"].isel(at).item() == pytest.approx(np.hypot(*solved[-2:]), rel=1e-9)
            rows = np.column_stack([np.ones(900), ((start + end) / 2 - middle) / 365.25, sine, cosine])[there]
            solved, formal, _ = reference(rows, values, error)
            assert line[f"{name}_trend"].isel(at).item() == pytest.approx(solved[1], rel=1e-9, abs=1e-9)
            assert line[f"{name}_trend_sigma"].isel(at).item() == pytest.approx(formal[1], rel=1e-9)
            phase = np.arctan2(solved[2], solved[3]) / turn % 365.25
            assert line[f"{name}_phase"].isel(at).item() == pytest.approx(phase, rel=1e-9)
        assert plain["n_pairs"].isel(at).item() == there.sum()
        assert plain["count"].isel(at).values.tolist() == (shares[there] > 0).sum(axis=0).tolist()
        assert plain["overlap_days"].isel(at).values == pytest.approx(shares[there].sum(axis=0))
    assert plain.attrs["layers_outside"] == (~held).sum()


def test_outliers_go_by_the_same_rounds_as_in_a_loop(make_cube, seasonal_pairs):
    rng = np.random.default_rng(3)
    start, end, mean, sigma = seasonal_pairs(rng, 600)
    vx = mean[:, None, None] + rng.normal(size=(600, 3, 3)) * sigma[:, None, None]
    wrong = rng.uniform(size=vx.shape) < 0.06
    vx[wrong] += rng.choice([-2000, 2000, 9000], wrong.sum())
    vx[rng.uniform(size=vx.shape) < 0.4] = np.nan
    vx[5:, 2, 2] = np.nan
    cube = make_cube(start, end, vx, sigma=sigma)
    shares = overlap_days(cube["time_bnds"].values, np.stack([YEARS[:-1], YEARS[1:]], axis=1)) / (end - start)[:, None]
    turn = 2 * np.pi / 365.25
    sine = (np.cos(turn * start) - np.cos(turn * end)) / (turn * (end - start))
    cosine = (np.sin(turn * end) - np.sin(turn * start)) / (turn * (end - start))
    rows, held = np.column_stack([shares, sine, cosine]), shares.sum(axis=1) > 1 - 1e-9
    found = invert_displacements(cube, YEARS, model="seasonal")
    hits = 0
    for row, col in [(r, c) for r, c in np.ndindex(3, 3) if (r, c) != (2, 2)]:
        valid = held & np.isfinite(vx[:, row, col])
        spread = np.abs(vx[:, row, col] - np.median(vx[valid, row, col]))
        used = valid & (spread <= 6 * 1.4826 * np.median(spread[valid]))
        for _ in range(10):
            solved = np.linalg.lstsq(rows[used] / sigma[used, None], vx[used, row, col] / sigma[used], rcond=None)[0]
            away = np.abs(vx[:, row, col] - rows @ solved) / sigma
            kept = valid & (away <= 6 * 1.4826 * np.median(away[used]))
            if (kept == used).all():
                break
            used = kept
        at = {"y": row, "x": col}
        assert found["n_rejected"].isel(at).item() == (valid & ~used).sum()
        assert found["vx"].isel(at).values == pytest.approx(solved[:-2], rel=1e-9)
        hits += (valid & ~used & wrong[:, row, col]).sum()
    assert hits > 0.8 * (wrong & np.isfinite(vx) & held[:, None, None]).sum()


def test_one_precise_pair_far_off_does_not_draw_the_fit_to_itself(make_cube):
    """A year-long pair with a tiny error against ten short ones that agree."""
    start = np.array([0.0, *np.arange(0, 300, 30)])
    end = np.array([330.0, *np.arange(30, 330, 30)])
    vx = np.where(end - start > 100, 4000.0, 100.0 + np.arange(11) % 3)[:, None, None] * np.ones((1, 2, 2))
    cube = make_cube(start, end, vx, sigma=np.where(end - start > 100, 1.0, 20.0))
    found = invert_displacements(cube, ["2000-01-01", "2001-01-01"])
    assert (found["n_rejected"] == 1).all()
    assert found["vx"].values == pytest.approx(101.0, abs=1.0)
    assert (invert_displacements(cube, ["2000-01-01", "2001-01-01"], outlier_mad=None)["vx"] > 3000).all()


def test_a_pair_that_alone_tells_of_a_period_stays(make_cube):
    """A surge in the last of three months, seen once: nothing can contradict it."""
    start = np.array([0.0, 1, 2, 3, 4, 31, 32, 33, 34, 61])
    end = start + np.array([20.0] * 9 + [25])
    vx = np.array([10.0, 11, 9, 10, 12, 10, 9, 11, 10, 900])[:, None, None] * np.ones((1, 2, 2))
    found = invert_displacements(make_cube(start, end, vx), "MS")
    assert (found["n_rejected"] == 0).all()
    assert found["vx"].values[-1] == pytest.approx(900.0)


def test_what_pairs_do_not_tell_apart_is_nan(make_cube):
    """Months 1 and 2 are only seen together, 3 is free, 4 has no pair, 5 and 6 follow from two pairs."""
    edges = np.array([0.0, 30, 60, 90, 120, 150, 180])
    times = np.datetime64("2000-01-01", "ns") + (edges * 86400e9).astype("m8[ns]")
    start, end = [0, 60, 120, 150], [60, 90, 180, 180]
    vx = np.array([100.0, 50, 30, 20])[:, None, None] * np.ones((4, 2, 2))
    vx[3, 0, 0] = np.nan
    found = invert_displacements(make_cube(start, end, vx, sigma=np.ones(4)), times)
    assert found["vx"].values[:, 1, 1] == pytest.approx([np.nan, np.nan, 50, np.nan, 40, 20], nan_ok=True)
    assert found["vx"].values[:, 0, 0] == pytest.approx([np.nan, np.nan, 50, np.nan, np.nan, np.nan], nan_ok=True)
    assert np.array_equal(np.isnan(found["vx_sigma"]), np.isnan(found["vx"]))
    assert found["count"].values[:, 1, 1].tolist() == [1, 1, 1, 0, 1, 2]
    assert found["vx_sigma"].values[4, 1, 1] == pytest.approx(np.sqrt(2**2 + 1))
    assert np.isnan(found["vx_misfit"].values).all()


def test_bands_tell_unknowns_apart_as_the_null_space_does():
    rng = np.random.default_rng(4)
    for _ in range(60):
        rows = (rng.uniform(size=(rng.integers(2, 9), 7)) < 0.3) * rng.uniform(0.5, 1, (1, 7))
        normal = rows.T @ rows
        band = np.zeros((7, 7, 1))
        for d in range(7):
            band[d, : 7 - d, 0] = np.diagonal(normal, d)
        factors = factorise(band)
        _, sizes, vectors = np.linalg.svd(rows, full_matrices=True)
        null = vectors[np.concatenate([sizes, np.zeros(7 - sizes.size)]) < 1e-9]
        expected = (np.abs(null) < 1e-7).all(axis=0)
        assert factors.told_apart()[:, 0].tolist() == expected.tolist()
        truth = rng.normal(size=7)
        solved = factors.solve((normal @ truth)[:, None])[:, 0]
        assert solved[expected] == pytest.approx(truth[expected], abs=1e-8)


def test_inverse_of_bands():
    rng = np.random.default_rng(5)
    for width in (0, 1, 3, 9):
        rows = np.triu(np.tril(rng.normal(size=(10, 10)), width)) + 4 * np.eye(10)
        normal = rows.T @ rows
        reach = max(d for d in range(10) if np.abs(np.diagonal(normal, d)).max() > 0)
        band = np.zeros((reach + 1, 10, 1))
        for d in range(reach + 1):
            band[d, : 10 - d, 0] = np.diagonal(normal, d)
        found, expected = factorise(band).inverse(), np.linalg.inv(normal)
        for d in range(reach + 1):
            assert found[d, : 10 - d, 0] == pytest.approx(np.diagonal(expected, d), abs=1e-12)


def test_two_sigma_hold_the_truth_nineteen_times_of_twenty(make_cube, seasonal_pairs):
    rng = np.random.default_rng(6)
    start, end, mean, sigma = seasonal_pairs(rng, 400)
    vx = mean[:, None, None] + rng.normal(size=(400, 30, 30)) * sigma[:, None, None]
    fit = invert_displacements(make_cube(start, end, vx, sigma=sigma), model="seasonal", level="trend")
    truth = {"vx": 1000.0, "vx_amp": 300.0, "vx_phase": 365.25 / 4, "vx_trend": 0.0}
    for name, value in truth.items():
        error = fit[f"{name}_sigma"].values.reshape(-1, 30, 30)
        hit = np.abs(fit[name].values.reshape(-1, 30, 30) - value) < 2 * error
        assert 0.90 < hit.mean() < 0.99, name
    assert fit["vx_misfit"].mean().item() == pytest.approx(1.0, abs=0.01)
    assert (np.abs(fit["vx"] - 1000) < 2 * fit["vx_sigma_empirical"]).mean().item() == pytest.approx(0.955, abs=0.045)


def test_without_sigmas_the_residuals_give_the_scale(make_cube, seasonal_pairs):
    rng = np.random.default_rng(7)
    start, end, mean, sigma = seasonal_pairs(rng, 500)
    vx = mean[:, None, None] + rng.normal(size=(500, 4, 4)) * sigma[:, None, None]
    known = invert_displacements(make_cube(start, end, vx, sigma=sigma), model="seasonal", level="constant")
    bare = invert_displacements(make_cube(start, end, vx), model="seasonal", level="constant")
    assert bare["vx"].values == pytest.approx(known["vx"].values, rel=1e-9)
    assert bare["vx_sigma"].values == pytest.approx(known["vx_sigma_empirical"].values, rel=1e-6)
    assert "vx_sigma_empirical" not in bare
    assert bare.attrs["sigma_source"] == "residuals"
    # sigma_v = 20 m/yr at 16 days is a displacement of 20 x 16 / 365.25 m.
    metres = 20 * 16 / 365.25
    told = invert_displacements(
        make_cube(start, end, vx), model="seasonal", level="constant", displacement_sigma=metres
    )
    assert told["vx_sigma"].values == pytest.approx(known["vx_sigma"].values, rel=1e-9)
    equal = invert_displacements(
        make_cube(start, end, vx, sigma=sigma), model="seasonal", level="constant", weights="velocity"
    )
    assert (equal["vx_amp_sigma"] > 0).all()
    assert not np.allclose(equal["vx"], known["vx"], rtol=1e-9)


def test_units_do_not_matter(make_cube, seasonal_pairs):
    rng = np.random.default_rng(8)
    start, end, mean, _ = seasonal_pairs(rng, 300)
    vx = mean[:, None, None] * np.ones((1, 2, 2)) + rng.normal(0, 10, (300, 2, 2))
    a = invert_displacements(make_cube(start, end, vx), model="annual", displacement_sigma=2.0)
    b = invert_displacements(make_cube(start, end, vx / 365.25, units="m/d"), model="annual", displacement_sigma=2.0)
    assert b["vx"].values * 365.25 == pytest.approx(a["vx"].values, rel=1e-9, nan_ok=True)
    assert b["vx_sigma"].values * 365.25 == pytest.approx(a["vx_sigma"].values, rel=1e-9, nan_ok=True)


def test_smoothness_is_that_of_the_written_problem(make_cube):
    rng = np.random.default_rng(9)
    edges = np.arange("2000-01", "2002-01", dtype="M8[M]").astype("M8[ns]")
    start = np.concatenate([rng.uniform(0, 300, 60), rng.uniform(420, 600, 40)])
    end = start + rng.choice([12.0, 24.0, 60.0], 100)
    vx = rng.normal(500, 40, (100, 2, 2))
    sigma = rng.uniform(10, 40, 100)
    cube = make_cube(start, end, vx, sigma=sigma)
    found = invert_displacements(cube, edges, smooth=1e-3, outlier_mad=None)
    shares = overlap_days(cube["time_bnds"].values, np.stack([edges[:-1], edges[1:]], axis=1)) / (end - start)[:, None]
    second = np.diff(np.eye(23), 2, axis=0)
    stacked = np.concatenate([shares / sigma[:, None], np.sqrt(1e-3) * second])
    right = np.concatenate([vx[:, 0, 1] / sigma, np.zeros(21)])
    solved = np.linalg.lstsq(stacked, right, rcond=None)[0]
    met = (shares > 0).any(axis=0)
    assert 0 < (~met).sum() < 8
    assert found["vx"].values[met, 0, 1] == pytest.approx(solved[met], rel=1e-9)
    assert np.isnan(found["vx"].values[~met]).all(), "a gap is not filled in by smoothness"
    assert found["vx_sigma"].values[met, 0, 1] == pytest.approx(
        np.sqrt(np.diag(np.linalg.inv(stacked.T @ stacked)))[met], rel=1e-9
    )
    cyclic = invert_displacements(cube, model="cyclic", smooth=1e3)
    assert np.nanstd(cyclic["vx"].values[:, 0, 0]) < 1.0, "around the year, a line is a constant"


def test_series_equals_cube(make_cube, make_series, seasonal_pairs):
    rng = np.random.default_rng(10)
    start, end, mean, sigma = seasonal_pairs(rng, 200)
    vx = mean[:, None] + rng.normal(size=(200, 3)) * sigma[:, None]
    cube = invert_displacements(make_cube(start, end, np.stack([vx, vx], axis=1), sigma=sigma), model="seasonal")
    series = invert_displacements(make_series(start, end, vx, vx, sigma), model="seasonal")
    assert series["vx"].dims == ("time", "point")
    for name in series.data_vars:
        assert np.array_equal(series[name].values, cube[name].isel(y=1).values, equal_nan=True), name
    assert series["x"].values.tolist() == [0.0, 1e3, 2e3]
    assert "invert_displacements" in series.attrs["history"]


def test_min_pairs_and_empty_pixels(make_cube):
    vx = np.full((3, 2, 2), 10.0)
    vx[:, 0, 0] = np.nan
    vx[1:, 0, 1] = np.nan
    cube = make_cube([0, 40, 50], [30, 80, 90], vx)
    found = invert_displacements(cube, np.array(["2000-01-01", "2000-02-10", "2000-04-01"], "M8[ns]"), min_pairs=2)
    assert np.isnan(found["vx"].values[:, 0, 0]).all()
    assert found["n_pairs"].values.tolist() == [[0, 1], [3, 3]]
    assert found["vx"].values[:, 1, 1] == pytest.approx([np.nan, 10.0], nan_ok=True)
    assert found["count"].values[:, 1, 1].tolist() == [1, 2]


def test_layers_without_length_or_outside_are_counted(make_cube):
    cube = make_cube([0, 5, 5, -400], [30, 5, 25, 10], np.ones((4, 2, 2)), sigma=np.array([1, 1, np.nan, 1.0]))
    found = invert_displacements(cube, np.array(["2000-01-01", "2000-03-01"], "M8[ns]"))
    assert found.attrs["layers"] == 4
    assert found.attrs["layers_without_length"] == 1
    assert found.attrs["layers_outside"] == 1
    assert found.attrs["layers_without_vx_sigma"] == 1
    assert found["n_pairs"].values.tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"model": "spline"}, "model must be one of"),
        ({}, "needs periods"),
        ({"model": "annual", "level": "trend"}, "goes with model='seasonal'"),
        ({"model": "annual", "periods": "MS"}, "calendar years"),
        ({"model": "seasonal", "level": "wavy"}, "level must be"),
        ({"model": "annual", "weights": "sigma"}, "weights must be"),
        ({"model": "annual", "smooth": -1.0}, "smooth must be"),
        ({"model": "annual", "outlier_mad": 0.0}, "outlier_mad"),
        ({"model": "annual", "min_pairs": 0}, "min_pairs"),
        ({"model": "annual", "displacement_sigma": 0.0}, "displacement_sigma"),
        ({"periods": [["2000-01-01", "2000-03-01"], ["2000-02-01", "2000-04-01"]]}, "not overlap"),
        ({"periods": ["2000-01-01", "2001-01-01"], "smooth": 1.0}, "at least 3 periods"),
    ],
)
def test_wrong_arguments_are_refused(make_cube, more, message):
    cube = make_cube([0, 10], [20, 30], np.ones((2, 2, 2)))
    with pytest.raises(InputError, match=message):
        invert_displacements(cube, **more)


def test_fields_that_cannot_be_inverted_are_refused(make_cube):
    cube = make_cube([0, 10], [20, 30], np.ones((2, 2, 2)))
    with pytest.raises(EmptyDataError, match="no image pair lies within"):
        invert_displacements(cube, ["2010-01-01", "2011-01-01"])
    with pytest.raises(FieldError, match="displacements"):
        invert_displacements(cube.assign_attrs(velocity_kind="displacement"), model="annual")
    still = make_cube([0, 10], [0, 10], np.ones((2, 2, 2)))
    with pytest.raises(EmptyDataError, match="lasts any time"):
        invert_displacements(still, model="annual")
    undated = cube.assign_attrs(time_rule="undated").assign_coords(
        time=("time", np.full(2, np.datetime64("NaT"), "M8[ns]")),
        time_bnds=(("time", "nv"), np.full((2, 2), np.datetime64("NaT"), "M8[ns]")),
    )
    with pytest.raises(FieldError, match="undated"):
        invert_displacements(undated, model="annual")
