"""The two monthly means: by hand, by brute force over segments, and as gridding by month gives the pooled one."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow import grid_segments
from altiflow.errors import InputError
from altiflow.gridding.atl20 import mean_of_days, pooled_mean
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid

CELL = Grid.named("NSIDC_PS_S25km").window(slice(10, 12), slice(20, 23))


def days_of(rows, days):
    """One cell, the first of the window: rows of (n, length_sum, mean, std)."""
    starts = np.array(days, "M8[D]")
    frame = make_frame(CELL, np.stack([starts, starts + 1], axis=1))
    for number, name in enumerate(("n_segments", "length_sum", "freeboard_mean", "freeboard_std")):
        values = np.full((len(rows), *CELL.shape), 0 if number == 0 else np.nan)
        values[:, 0, 0] = [row[number] for row in rows]
        frame[name] = (("time", "y", "x"), values.astype(int) if number == 0 else values)
    return frame


def test_two_days_by_hand():
    # Day 1: 100 segments, 2000 m (20 m each), mean 0.20, std 0.04; day 2: 10 segments, 400 m (40 m), 0.50, 0.10.
    daily = days_of([(100, 2000.0, 0.2, 0.04), (10, 400.0, 0.5, 0.1)], ["2020-03-01", "2020-03-31"])
    ours, pooled = mean_of_days(daily), pooled_mean(daily)
    # (20 * 0.20 + 40 * 0.50) / 60 = 24 / 60 and (2000 * 0.20 + 400 * 0.50) / 2400 = 600 / 2400.
    assert ours.freeboard_mean[0, 0, 0].item() == pytest.approx(0.40, abs=1e-15)
    assert pooled.freeboard_mean[0, 0, 0].item() == pytest.approx(0.25, abs=1e-15)
    # Pooled: (2000 (0.0016 + 0.05^2) + 400 (0.01 + 0.25^2)) / 2400 = (8.2 + 29) / 2400 = 0.0155.
    assert pooled.freeboard_std[0, 0, 0].item() == pytest.approx(0.0155**0.5, rel=1e-14)
    # About 0.40: (2000 (0.0016 + 0.04) + 400 (0.01 + 0.01)) / 2400 = (83.2 + 8) / 2400 = 0.038; = 0.0155 + 0.15^2.
    assert ours.freeboard_std[0, 0, 0].item() == pytest.approx(0.038**0.5, rel=1e-14)
    assert ours.n_days[0, 0, 0] == 2
    assert ours.n_segments[0, 0, 0] == 110
    assert ours.length_sum[0, 0, 0] == 2400
    assert ours.attrs["monthly_mean"] == "mean_of_days"
    assert pooled.attrs["monthly_mean"] == "pooled"
    empty = ours.isel(y=1, x=2, time=0)
    assert empty.n_segments == 0
    assert empty.n_days == 0
    assert np.isnan(empty.freeboard_mean)
    assert np.isnan(empty.freeboard_std)
    assert np.isnan(empty.length_sum)
    assert Grid.from_dataset(ours) == CELL


def test_one_day_is_its_own_month():
    daily = days_of([(7, 210.0, 0.31, 0.05)], ["2019-12-31"])
    for month in (mean_of_days(daily), pooled_mean(daily)):
        assert month.time_bnds.values.astype("M8[D]").astype(str).tolist() == [["2019-12-01", "2020-01-01"]]
        assert month.freeboard_mean[0, 0, 0].item() == pytest.approx(0.31, rel=1e-15)
        assert month.freeboard_std[0, 0, 0].item() == pytest.approx(0.05, rel=1e-14)


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_brute_force_over_segments(seed):
    rng = np.random.default_rng(seed)
    segments = [(rng.uniform(10, 200, n), rng.normal(0.3, 0.2, n)) for n in rng.integers(1, 30, rng.integers(1, 6))]
    rows = []
    for length, height in segments:
        mean = np.average(height, weights=length)
        rows.append((length.size, length.sum(), mean, np.sqrt(np.average((height - mean) ** 2, weights=length))))
    daily = days_of(rows, np.datetime64("2021-02-03") + np.arange(len(rows)))
    length, height = (np.concatenate([part[k] for part in segments]) for k in (0, 1))
    whole = np.average(height, weights=length)
    pooled, ours = (month.isel(time=0, y=0, x=0) for month in (pooled_mean(daily), mean_of_days(daily)))
    assert pooled.freeboard_mean.item() == pytest.approx(whole, rel=1e-12)
    assert pooled.freeboard_std.item() == pytest.approx(
        np.sqrt(np.average((height - whole) ** 2, weights=length)), rel=1e-9, abs=1e-9
    )
    recipe = sum(part[0].mean() * row[2] for part, row in zip(segments, rows, strict=True))
    recipe /= sum(part[0].mean() for part in segments)
    assert ours.freeboard_mean.item() == pytest.approx(recipe, rel=1e-12)
    assert ours.freeboard_std.item() == pytest.approx(
        np.sqrt(np.average((height - recipe) ** 2, weights=length)), rel=1e-9, abs=1e-9
    )


def test_pooled_is_what_gridding_by_month_gives():
    rng, n = np.random.default_rng(8), 4000
    left, bottom, right, top = CELL.bounds
    table = gpd.GeoDataFrame(
        {
            "freeboard": rng.normal(0.3, 0.1, n),
            "segment_length": rng.uniform(10, 90, n),
            "time": pd.Timestamp("2020-01-20") + pd.to_timedelta(rng.uniform(0, 30 * 86400e9, n).round(), unit="ns"),
        },
        geometry=gpd.points_from_xy(rng.uniform(left, right, n), rng.uniform(bottom, top, n)),
        crs=CELL.crs,
    )
    daily = grid_segments(table, CELL, value="freeboard", freq="D")
    monthly = grid_segments(table, CELL, value="freeboard", freq="MS")
    pooled = pooled_mean(daily)
    for name in ("freeboard_mean", "freeboard_std", "length_sum", "length_mean"):
        np.testing.assert_allclose(pooled[name], monthly[name], rtol=1e-11)
    for name in ("n_segments", "time_first", "time_last", "time_bnds"):
        np.testing.assert_array_equal(pooled[name], monthly[name])
    assert not np.allclose(mean_of_days(daily).freeboard_mean, pooled.freeboard_mean, rtol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d.drop_vars("freeboard_std"), "freeboard_std"),
        (lambda d: d.drop_vars("length_sum"), "length_sum"),
        (lambda d: d.assign_coords(time_bnds=d.time_bnds + np.timedelta64(1, "h")), "midnight"),
        (lambda d: d.isel(time=[0, 0]), "once|twice"),
        (lambda d: d.drop_vars("time_bnds"), "time_bnds"),
    ],
)
def test_refusals(spoil, words):
    daily = days_of([(1, 20.0, 0.1, 0.0), (1, 20.0, 0.1, 0.0)], ["2020-03-01", "2020-03-02"])
    with pytest.raises(InputError, match=words):
        mean_of_days(spoil(daily))
