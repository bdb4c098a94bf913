"""Locked pairs: found where they are, and nowhere else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from altiflow import invert_displacements, reject_locked
from altiflow.errors import InputError

SEPARATIONS = np.array([6.0, 12, 24, 48, 96, 192, 365, 500])
UPPER = np.array([16.0, 16, 32, 64, 128, 256, np.inf, np.inf])


def draw(rng, count=500):
    """Return start and end of pairs of all separations over 6 years."""
    days = rng.choice(SEPARATIONS, count)
    start = rng.uniform(0, 2200, count)
    return start, start + days


def trusted(limit):
    """Return the upper limit of the last class below pairs that lock from a separation on."""
    return UPPER[limit > SEPARATIONS].max() if np.isfinite(limit) else np.inf


def noisy(rng, start, end, mean, shape=(5, 5), metres=2.0):
    """Return vx and vy of pixels with a constant displacement error."""
    sigma = metres * 365.25 / (end - start)
    parts = []
    for share in (0.8, -0.6):
        parts.append(share * mean[:, None, None] + rng.normal(size=(start.size, *shape)) * sigma[:, None, None])
    return parts


def test_locked_long_pairs_are_found_class_by_class(make_cube):
    rng = np.random.default_rng(1)
    start, end = draw(rng)
    days, hits, false, missed = end - start, 0, 0, 0
    for speed in (800.0, 3000.0, 9000.0):
        for limit in (24, 48, 96, 192, np.inf):
            vx, vy = noisy(rng, start, end, np.full(start.size, speed))
            lock = days >= limit
            # Nine of ten lock; they keep a twentieth of the flow.
            gone = lock[:, None, None] & (rng.uniform(size=vx.shape) < 0.9)
            vx, vy = np.where(gone, 0.05 * vx, vx), np.where(gone, 0.05 * vy, vy)
            found = reject_locked(make_cube(start, end, vx, vy))
            rejected = ~np.isfinite(found["vx"].values)
            hits += (rejected & gone).sum()
            false += (rejected & ~gone).sum()
            missed += (~rejected & gone).sum()
            assert (found["max_separation"] == trusted(limit)).mean() > 0.95, (speed, limit)
            assert np.array_equal(found["n_locked"], rejected.sum(axis=0))
    precision, recall = hits / (hits + false), hits / (hits + missed)
    print(f"precision {precision:.3f}, recall {recall:.3f}")
    # A tenth of each locked class has not locked, and goes with it.
    assert precision > 0.88
    assert recall > 0.98


def test_slow_ice_keeps_its_long_pairs_which_are_the_best(make_cube):
    rng = np.random.default_rng(2)
    start, end = draw(rng, 800)
    for speed in (0.0, 5.0, 30.0):
        vx, vy = noisy(rng, start, end, np.full(start.size, speed), shape=(9, 9), metres=6.0)
        found = reject_locked(make_cube(start, end, vx, vy))
        assert (found["max_separation"] == np.inf).mean() > 0.99, speed


def test_short_pairs_that_stick_to_zero_do_not_condemn_the_long_ones(make_cube):
    rng = np.random.default_rng(3)
    start, end = draw(rng)
    vx, vy = noisy(rng, start, end, np.where(end - start < 20, 8.0, 40.0), metres=0.2)
    assert (reject_locked(make_cube(start, end, vx, vy))["n_locked"] == 0).all()


@pytest.mark.parametrize("half_range", [300.0, 600.0])
def test_a_season_that_long_pairs_average_is_no_locking(make_cube, half_range):
    rng = np.random.default_rng(4)
    start, end = draw(rng)
    # Short pairs see the fast summer above all, as they do where winters are dark.
    days = end - start
    middle = (start + end) / 2 % 365.25
    seen = (days > 40) | (np.abs(middle - 91) < 91) | (rng.uniform(size=start.size) < 0.2)
    start, end = start[seen], end[seen]
    turn = 2 * np.pi / 365.25
    mean = 1000 + half_range * (np.cos(turn * start) - np.cos(turn * end)) / (turn * (end - start))
    vx, vy = noisy(rng, start, end, mean)
    found = reject_locked(make_cube(start, end, vx, vy))
    assert (found["max_separation"] == np.inf).mean() > 0.98


def test_slow_years_are_not_taken_for_locked_pairs(make_cube):
    """All pairs of 48 days are from the slow years before, where shorter ones agree with them."""
    rng = np.random.default_rng(5)
    early = np.arange(0.0, 1500, 12)
    late = np.arange(2500.0, 5000, 6)
    start = np.concatenate([early, early, late])
    days = np.concatenate([np.full(early.size, 16.0), np.full(early.size, 48.0), np.full(late.size, 12.0)])
    mean = np.where(start < 2000, 3000.0, 8000.0)
    vx, vy = noisy(rng, start, start + days, mean)
    assert (reject_locked(make_cube(start, start + days, vx, vy))["n_locked"] == 0).all()


def test_empty_and_short_series(make_cube):
    vx = np.full((6, 2, 2), 100.0)
    vx[:, 0, 0] = np.nan
    vx[3:, 0, 1] = np.nan
    start = np.arange(6.0)
    found = reject_locked(make_cube(start, start + 400, vx))
    assert np.isnan(found["max_separation"].values[0, 0])
    assert found["max_separation"].values[0, 1] == np.inf
    assert (found["n_locked"] == 0).all()


@pytest.mark.parametrize(
    "more", [{"classes": ()}, {"classes": (32, 16)}, {"min_ratio": 1.0}, {"significance": 0}, {"min_pairs": 1}]
)
def test_wrong_arguments_are_refused(make_cube, more):
    with pytest.raises(InputError):
        reject_locked(make_cube([0, 10], [20, 30], np.ones((2, 2, 2))), **more)


@pytest.fixture
def jakobshavn(data, make_series):
    """Return the pairs at one point of Jakobshavn Isbrae, two of them fill."""
    table = pd.read_csv(data("itslive/points/LAT69.1117--LON-49.4604.csv"))
    table.columns = [name.split(" [")[0].strip() for name in table.columns]
    middle = pd.to_datetime(table["mid_date"], format="mixed")
    centre = ((middle - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)).to_numpy()
    days = table["date_dt"].to_numpy(float)
    filled = (table["v"] == 32767).to_numpy()
    assert filled.sum() == 2
    vx, vy = (np.where(filled, np.nan, table[name])[:, None] for name in ("vx", "vy"))
    series = make_series(centre - days / 2, centre + days / 2, vx, vy)
    for name in ("vx", "vy"):
        series[f"{name}_sigma"] = ("time", table[f"{name}_error"].to_numpy(float))
    return series


def speed_of(vector):
    """Return the length of a vector."""
    return float(np.hypot(*vector))


def test_jakobshavn_comes_out_as_the_mosaic_has_it(jakobshavn):
    """All pairs 5,839 m/yr, up to 64 days 7,243, above 100 days 497 (locked); the mosaic has 7,250."""
    speed = np.hypot(jakobshavn["vx"], jakobshavn["vy"]).values.ravel()
    days = (np.diff(jakobshavn["time_bnds"].values, axis=1) / np.timedelta64(1, "D")).ravel()
    assert np.nanmedian(speed) == pytest.approx(5839, abs=2)
    assert np.nanmedian(speed[days < 64.5]) == pytest.approx(7243, abs=2)
    assert np.nanmedian(speed[days > 100.5]) == pytest.approx(497, abs=2)
    clean = reject_locked(jakobshavn)
    assert clean["max_separation"].item() == 64.0
    assert clean["n_locked"].item() == np.isfinite(speed[days > 64.5]).sum()
    median = [np.nanmedian(clean[name]) for name in ("vx", "vy")]
    assert speed_of(median) == pytest.approx(7250, rel=0.02)
    mosaic_years = [np.datetime64("2014-01-01"), np.datetime64("2023-01-01")]
    fit = invert_displacements(clean, mosaic_years, model="seasonal")
    assert speed_of([fit[name].item() for name in ("vx", "vy")]) == pytest.approx(7250, rel=0.02)
    locked = invert_displacements(jakobshavn, mosaic_years, model="seasonal")
    assert speed_of([locked[name].item() for name in ("vx", "vy")]) < 1000


def test_finer_classes_give_the_same_answer_at_jakobshavn(jakobshavn):
    clean = reject_locked(jakobshavn, classes=(8, 16, 24, 32, 48, 64, 96, 128, 192, 256))
    median = [np.nanmedian(clean[name]) for name in ("vx", "vy")]
    assert speed_of(median) == pytest.approx(7250, rel=0.02)
    assert 32 <= clean["max_separation"].item() <= 64
