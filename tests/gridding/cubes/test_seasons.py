"""What a model says at a moment, and phases as directions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from altiflow import evaluate_model, interpolate_season, invert_displacements, seasonal_series
from altiflow.errors import FieldError, InputError

pytestmark = pytest.mark.usefixtures("either_engine")

EPOCH = np.datetime64("2000-01-01", "ns")


def at_days(days):
    """Return moments from days since 2000-01-01."""
    return EPOCH + np.round(np.asarray(days) * 86400e9).astype("m8[ns]")


@pytest.fixture
def pairs():
    rng = np.random.default_rng(1)
    start = rng.uniform(0, 1300, 400)
    return start, start + rng.choice([12.0, 48, 200], 400)


def mean_of(start, end, level, slope, size, day):
    """Return the mean of ``level + slope t + size cos(2 pi (t - day))`` over intervals (t in years)."""
    turn = 2 * np.pi / 365.25
    wave = (np.sin(turn * (end - day)) - np.sin(turn * (start - day))) / (turn * (end - start))
    return level + slope * (start + end) / 2 / 365.25 + size * wave


@pytest.mark.parametrize("level", ["constant", "trend", "annual"])
def test_models_are_evaluated_as_they_were_made(make_cube, pairs, level):
    start, end = pairs
    slope = 40.0 if level == "trend" else 0.0
    vx = mean_of(start, end, 900, slope, 120, 250)[:, None, None] * np.ones((1, 2, 2))
    vy = mean_of(start, end, -300, 0, 30, 10)[:, None, None] * np.ones((1, 2, 2))
    fit = invert_displacements(make_cube(start, end, vx, vy), model="seasonal", level=level)
    days = np.array([100.0, 250, 700, 1000.5])
    found = evaluate_model(fit, at_days(days))
    turn = 2 * np.pi / 365.25
    expected = 900 + slope * days / 365.25 + 120 * np.cos(turn * (days - 250))
    assert found["vx"].values[:, 0, 1] == pytest.approx(expected, abs=1e-6)
    assert found["vy"].values[:, 1, 0] == pytest.approx(-300 + 30 * np.cos(turn * (days - 10)), abs=1e-6)
    assert found.attrs["time_rule"] == "instant"
    if level == "trend":
        assert fit["vx_trend"].values == pytest.approx(40.0)
        assert fit["vx_trend"].attrs["units"] == "m yr-1 yr-1"
    assert fit["vx_phase"].values == pytest.approx(250.0)
    cycle = seasonal_series(fit, step_days=5)
    assert cycle["vx"].dims == ("day", "y", "x")
    assert cycle["vx"].isel(x=0, y=0).values == pytest.approx(
        120 * np.cos(turn * (cycle["day"].values - 250)), abs=1e-6
    )


def test_piecewise_and_cyclic_models_hold_in_their_bins(make_cube, pairs):
    start, end = pairs
    vx = mean_of(start, end, 500, 0, 100, 180)[:, None, None] * np.ones((1, 2, 2))
    cube = make_cube(start, end, vx)
    quarters = invert_displacements(cube, "QS")
    found = evaluate_model(quarters, ["2000-03-31T23:59", "2000-04-01", "1990-01-01"])
    assert found["vx"].values[:, 0, 0] == pytest.approx([*quarters["vx"].values[:2, 0, 0], np.nan], nan_ok=True)
    months = invert_displacements(cube, model="cyclic")
    found = evaluate_model(months, ["2013-12-31", "2031-02-01"])
    assert found["vx"].values[:, 0, 0].tolist() == months["vx"].values[[11, 1], 0, 0].tolist()


def test_a_wave_that_pairs_cannot_see_is_nan(make_cube):
    start = np.arange(0.0, 1500, 40)
    cube = make_cube(start, start + 365.25, np.full((start.size, 2, 2), 50.0))
    fit = invert_displacements(cube, model="seasonal", level="constant")
    assert fit["vx"].values == pytest.approx(50.0)
    assert np.isnan(fit["vx_amp"].values).all()
    assert np.isnan(fit["vx_phase"].values).all()


def test_phases_are_interpolated_as_directions():
    rng = np.random.default_rng(2)
    x, y = np.arange(5) * 120.0, np.arange(4)[::-1] * 120.0
    size, day = rng.uniform(10, 50, (4, 5)), rng.uniform(0, 365.25, (4, 5))
    size[0, 0] = np.nan
    season = xr.Dataset({"v_amp": (("y", "x"), size), "v_phase": (("y", "x"), day)}, coords={"x": x, "y": y})
    px, py = rng.uniform(0, 480, 200), rng.uniform(0, 360, 200)
    found = interpolate_season(season, px, py)
    col, row = np.minimum((px // 120).astype(int), 3), np.minimum(((360 - py) // 120).astype(int), 2)
    fx, fy = px / 120 - col, (360 - py) / 120 - row
    vector = size * np.exp(2j * np.pi * day / 365.25)
    expected = (1 - fy) * ((1 - fx) * vector[row, col] + fx * vector[row, col + 1])
    expected += fy * ((1 - fx) * vector[row + 1, col] + fx * vector[row + 1, col + 1])
    turned = found["v_amp"].values * np.exp(2j * np.pi * found["v_phase"].values / 365.25)
    assert turned.real == pytest.approx(expected.real, nan_ok=True)
    assert turned.imag == pytest.approx(expected.imag, nan_ok=True)
    assert np.isnan(found["v_amp"].values).any()
    assert np.isnan(interpolate_season(season, [-1.0], [10.0])["v_amp"].values).all()
    nearest = interpolate_season(season, [130.0], [130.0], method="nearest")
    assert nearest["v_phase"].item() == pytest.approx(day[2, 1])


def test_wrong_input_is_refused(make_cube, pairs):
    start, end = pairs
    cube = make_cube(start, end, np.ones((400, 2, 2)))
    fit = invert_displacements(cube, model="annual")
    with pytest.raises(FieldError, match="vx_amp"):
        seasonal_series(fit)
    with pytest.raises(FieldError, match="v_amp"):
        interpolate_season(fit, [0.0], [0.0])
    with pytest.raises(InputError, match="invert_displacements"):
        evaluate_model(cube, ["2000-01-01"])
    with pytest.raises(InputError, match="at least one moment"):
        evaluate_model(fit, [])
    wave = invert_displacements(cube, model="seasonal")
    with pytest.raises(InputError, match="step_days"):
        seasonal_series(wave, step_days=0)
    with pytest.raises(InputError, match="method"):
        interpolate_season(wave, [0.0], [0.0], amplitude="vx_amp", phase="vx_phase", method="cubic")
    with pytest.raises(InputError, match="alike"):
        interpolate_season(wave, [0.0, 1.0], [0.0], amplitude="vx_amp", phase="vx_phase")
