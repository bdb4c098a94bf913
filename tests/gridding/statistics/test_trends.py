"""Trends against other libraries, known truth, and by how often the error bars hold."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.export import write_netcdf
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.statistics import trend

DIMS = ("time", "y", "x")


def months(count: int, first: str = "2019-01") -> np.ndarray:
    starts = np.datetime64(first, "M") + np.arange(count)
    return np.stack([starts, starts + 1], axis=1).astype("datetime64[ns]")


def years_since(bounds: np.ndarray, epoch: str) -> np.ndarray:
    middle = bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2
    return (middle - np.datetime64(epoch, "ns")) / np.timedelta64(1, "D") / 365.25


def gridded(values: np.ndarray, bounds: np.ndarray, *, name: str = "height_mean", **more: np.ndarray) -> xr.Dataset:
    rows, cols = values.shape[1:]
    frame = make_frame(Grid.named("EASE2_N25km").window(slice(300, 300 + rows), slice(310, 310 + cols)), bounds)
    frame[name] = (DIMS, values, {"units": "m"})
    for key, array in more.items():
        frame[key] = (DIMS, array)
    return frame


@pytest.fixture(scope="module")
def gappy() -> tuple[np.ndarray, np.ndarray]:
    """Return heights of some 2000 m of 48 months in 5 x 6 cells, each with its own gaps, and their bounds."""
    rng = np.random.default_rng(1)
    bounds = months(48)
    values = 2000 + rng.normal(0, 40, (5, 6)) + rng.normal(0, 2, (5, 6)) * years_since(bounds, "2021")[:, None, None]
    values = values + rng.normal(0, 0.3, values.shape)
    values[rng.random(values.shape) < np.linspace(0, 0.9, 30).reshape(5, 6)] = np.nan
    return values, bounds


def test_each_cell_is_the_line_of_scipy(gappy):
    values, bounds = gappy
    found = trend(gridded(values, bounds), value="height", min_count=3, epoch="2020-07-01")
    time = years_since(bounds, "2020-07-01")
    for row, col in np.ndindex(values.shape[1:]):
        series = values[:, row, col]
        there = np.isfinite(series)
        cell = found.isel(y=row, x=col)
        assert int(cell.n_used) == there.sum()
        if there.sum() < 3:
            assert np.isnan(cell.height_trend)
            assert np.isnan(cell.height_trend_sigma)
            continue
        line = scipy.stats.linregress(time[there], series[there])
        assert np.isclose(cell.height_trend, line.slope, rtol=1e-9)
        assert np.isclose(cell.height_trend_sigma, line.stderr, rtol=1e-9)
        assert np.isclose(cell.height_intercept, line.intercept, rtol=1e-12)


def test_weights_are_those_of_polyfit(gappy):
    values, bounds = gappy
    sigma = np.random.default_rng(2).uniform(0.1, 2, values.shape)
    data = gridded(values, bounds, height_sigma=sigma, length_sum=1e4 / sigma**2)
    time = years_since(bounds, "2020-01-01")
    found = trend(data, value="height", weights="sigma", min_count=5, epoch="2020-01-01")
    by_length = trend(data, value="height", weights="length_sum", min_count=5, epoch="2020-01-01")
    for row, col in np.ndindex(values.shape[1:]):
        there = np.isfinite(values[:, row, col])
        if there.sum() < 5:
            continue
        weight = 1 / sigma[there, row, col]
        line, covariance = np.polyfit(time[there], values[there, row, col], 1, w=weight, cov=True)
        for one in (found.isel(y=row, x=col), by_length.isel(y=row, x=col)):
            assert np.allclose([one.height_trend, one.height_intercept], line, rtol=1e-9)
            assert np.isclose(one.height_trend_sigma, covariance[0, 0] ** 0.5, rtol=1e-8)


def test_a_value_without_a_weight_is_left_out(gappy):
    values, bounds = gappy
    sigma = np.ones(values.shape)
    sigma[:4], sigma[4:6] = np.nan, 0.0
    found = trend(gridded(values, bounds, height_sigma=sigma), value="height", weights="sigma", epoch="2020")
    alone = trend(gridded(values[6:], bounds[6:]), value="height", epoch="2020")
    assert np.allclose(found.height_trend, alone.height_trend, rtol=1e-10, equal_nan=True)
    assert np.array_equal(found.n_used, alone.n_used)


def test_the_annual_wave_is_that_of_lstsq(gappy):
    values, bounds = gappy
    annual = 2 * np.pi * years_since(bounds, "2020-01-01")
    values = values + (0.8 * np.cos(annual - 2 * np.pi * 100 / 365.25))[:, None, None]
    found = trend(gridded(values, bounds), value="height", seasonal=True, epoch="2020-05-01", min_count=8)
    time = years_since(bounds, "2020-05-01")
    design = np.stack([np.ones_like(time), time, np.cos(annual), np.sin(annual)], axis=1)
    compared = 0
    for row, col in np.ndindex(values.shape[1:]):
        there = np.isfinite(values[:, row, col])
        cell = found.isel(y=row, x=col)
        if there.sum() < 8:
            assert np.isnan(cell.height_amplitude)
            continue
        (level, slope, cosine, sine), squares, *_ = np.linalg.lstsq(design[there], values[there, row, col])
        variance = squares[0] / (there.sum() - 4) * np.linalg.inv(design[there].T @ design[there])[1, 1]
        assert np.allclose([cell.height_intercept, cell.height_trend], [level, slope], rtol=1e-7)
        assert np.isclose(cell.height_trend_sigma, variance**0.5, rtol=1e-7)
        assert np.isclose(cell.height_amplitude, np.hypot(cosine, sine), rtol=1e-7)
        assert np.isclose(cell.height_residual_std, (squares[0] / (there.sum() - 4)) ** 0.5, rtol=1e-7)
        compared += 1
    assert compared > 20
    assert abs(float(found.height_phase.isel(y=0, x=0)) - 100) < 15
    assert found.height_phase.attrs["units"] == "days"


def test_months_that_cannot_tell_wave_from_line_give_nothing():
    bounds = months(120)[::12]
    values = np.arange(10.0)[:, None, None] * np.ones((1, 2, 2))
    found = trend(gridded(values, bounds), value="height", seasonal=True)
    # All Januaries: the wave is 1 at each, but for a day of leap years.
    assert np.isnan(found.height_trend).all() or float(found.height_trend_sigma.max()) < 10
    same = np.repeat(months(1), 4, axis=0)
    stuck = trend(gridded(values[:4], same), value="height")
    assert np.isnan(stuck.height_trend).all()


@pytest.mark.parametrize("sign", ["either", "one"])
def test_a_fifth_of_gross_outliers_does_not_bend_the_line(sign):
    rng = np.random.default_rng(3)
    bounds = months(72)
    time = years_since(bounds, "2022-01-01")
    clean = 1500 - 0.7 * time[:, None, None] + rng.normal(0, 0.2, (72, 10, 20))
    gross = rng.uniform(5, 60, clean.shape) * (rng.choice([-1, 1], clean.shape) if sign == "either" else 1)
    struck = rng.random(clean.shape).argsort(axis=0) < 14
    values = np.where(struck, clean + gross, clean)
    found = trend(gridded(values, bounds), value="height", robust=True)
    away = np.abs(found.height_trend + 0.7) / found.height_trend_sigma
    assert (away < 3).mean() > 0.97
    assert abs(float(found.height_trend.mean()) + 0.7) < 3 * float(found.height_trend_sigma.mean()) / 200**0.5
    assert int(found.n_rejected.min()) >= 14
    assert float(found.n_rejected.mean()) < 17
    assert ((found.n_used + found.n_rejected) == 72).all()
    bent = trend(gridded(values, bounds), value="height")
    assert float(np.abs(bent.height_trend + 0.7).mean()) > 10 * float(np.abs(found.height_trend + 0.7).mean())


def test_nothing_is_rejected_from_an_exact_line():
    bounds = months(24)
    values = 2500 + 3 * years_since(bounds, "2020")[:, None, None] * np.ones((1, 2, 3))
    found = trend(gridded(values, bounds), value="height", robust=True, seasonal=True)
    assert int(found.n_rejected.max()) == 0
    assert np.allclose(found.height_trend, 3, atol=1e-9)


@pytest.mark.parametrize("options", [{}, {"seasonal": True}, {"robust": True}, {"weights": "sigma"}])
def test_two_of_three_cells_lie_within_one_sigma(options):
    rng = np.random.default_rng(4)
    bounds = months(60)
    sigma = rng.uniform(0.1, 0.5, (60, 40, 50)) if "weights" in options else np.full((60, 40, 50), 0.3)
    values = 0.25 * years_since(bounds, "2021")[:, None, None] + rng.normal(0, sigma)
    values[rng.random(values.shape) < 0.3] = np.nan
    found = trend(gridded(values, bounds, height_sigma=sigma), value="height", **options)
    held = float((np.abs(found.height_trend - 0.25) < found.height_trend_sigma).mean())
    assert 0.64 < held < 0.72


def test_correlated_noise_needs_the_wider_error():
    rng = np.random.default_rng(5)
    bounds = months(240, "2005-01")
    noise = rng.normal(0, 1, (240, 20, 40))
    for layer in range(1, 240):
        noise[layer] = 0.6 * noise[layer - 1] + 0.8 * noise[layer]
    data = gridded(noise, bounds)
    plain, wide = trend(data, value="height"), trend(data, value="height", noise="ar1")
    assert float((np.abs(plain.height_trend) < plain.height_trend_sigma).mean()) < 0.5
    assert 0.60 < float((np.abs(wide.height_trend) < wide.height_trend_sigma).mean()) < 0.76
    assert abs(float(wide.height_residual_lag1.mean()) - 0.6) < 0.05
    assert np.array_equal(plain.height_trend, wide.height_trend)
    lag = wide.height_residual_lag1
    assert np.allclose(wide.height_trend_sigma, plain.height_trend_sigma * ((1 + lag) / (1 - lag)) ** 0.5)


def test_the_result_says_what_it_is_and_goes_into_a_file(gappy, tmp_path):
    values, bounds = gappy
    data = gridded(values, bounds).assign_attrs(product="ATL06", history="before")
    found = trend(data, value="height", seasonal=True, noise="ar1")
    assert found.height_trend.dims == ("y", "x")
    assert found.height_trend.attrs["units"] == "m year-1"
    assert found.attrs["epoch"] == "2020-12-31"
    assert (found.attrs["product"], found.attrs["history"].splitlines()[1]) == ("ATL06", "before")
    assert Grid.from_dataset(found) == Grid.from_dataset(data)
    with xr.open_dataset(write_netcdf(found, tmp_path / "t.nc"), engine="h5netcdf", decode_timedelta=False) as back:
        assert np.array_equal(back.height_trend, found.height_trend, equal_nan=True)
        assert Grid.from_dataset(back).signature == Grid.from_dataset(data).signature
        assert back.time.to_numpy() == bounds[0, 0]


def test_the_order_of_rows_and_periods_does_not_matter(gappy):
    values, bounds = gappy
    data = gridded(values, bounds)
    shuffled = data.isel(y=slice(None, None, -1), time=np.random.default_rng(6).permutation(48)).transpose("x", ...)
    wanted, found = (trend(one, value="height", noise="ar1", robust=True) for one in (data, shuffled))
    xr.testing.assert_equal(wanted, found)


def test_blocks_of_rows_change_nothing(gappy, monkeypatch):
    values, bounds = gappy
    wanted = trend(gridded(values, bounds), value="height", robust=True)
    monkeypatch.setattr("altiflow.gridding.statistics.trends._BLOCK", 48 * 6 * 2)
    xr.testing.assert_equal(trend(gridded(values, bounds), value="height", robust=True), wanted)


def test_a_bare_variable_is_found_too(gappy):
    values, bounds = gappy
    found = trend(gridded(values, bounds, name="height_anomaly"), value="height_anomaly")
    assert np.array_equal(
        found.height_anomaly_trend, trend(gridded(values, bounds), value="height").height_trend, equal_nan=True
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value": "depth"}, "depth_mean or depth"),
        ({"weights": "sigma"}, "height_sigma"),
        ({"weights": "length_sum"}, "length_sum"),
        ({"weights": "count"}, "weights must be"),
        ({"noise": "red"}, "noise must be"),
        ({"epoch": "spring"}, "epoch='spring'"),
        ({"epoch": "NaT"}, "epoch is NaT"),
    ],
)
def test_what_means_nothing_is_refused(gappy, options, message):
    with pytest.raises(InputError, match=message):
        trend(gridded(*gappy), **({"value": "height"} | options))


def test_undated_periods_are_refused():
    with pytest.raises(InputError, match="undated"):
        trend(gridded(np.ones((1, 2, 2)), np.array([["NaT", "NaT"]], "datetime64[ns]")), value="height")
