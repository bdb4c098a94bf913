"""Which layer speaks for a moment, and how long layers and bins overlap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.fields.intervals import bracket_times, choose_layers, overlap_days, time_bins

DAY = np.timedelta64(1, "D")


def dates(*words):
    return np.array(words, dtype="datetime64[ns]")


def choose_one(moment, bounds):
    """Return what the rule says, spelled out for one moment."""
    holding = [k for k, (start, end) in enumerate(bounds) if start <= moment < end]
    if holding:
        return min(
            holding,
            key=lambda k: (
                bounds[k, 1] - bounds[k, 0],
                abs(moment - bounds[k].astype("i8").mean().astype("M8[ns]")),
                k,
            ),
        ), 0.0
    away = [(moment - end if moment >= end else start - moment, end - start) for start, end in bounds]
    best = min(range(len(bounds)), key=lambda k: away[k])
    sign = 1.0 if moment >= bounds[best, 1] else -1.0
    return best, sign * (away[best][0] / DAY)


def test_the_rule_holds_for_random_intervals():
    rng = np.random.default_rng(4)
    start = np.datetime64("2020-01-01", "ns") + rng.integers(0, 300, 40) * DAY
    bounds = np.stack([start, start + rng.integers(1, 25, 40) * DAY], axis=-1)
    moments = np.datetime64("2019-12-01", "ns") + rng.integers(0, 400 * 24, 500) * np.timedelta64(1, "h")
    index, days = choose_layers(moments, bounds)
    for moment, layer, away in zip(moments, index, days, strict=True):
        expected, expected_days = choose_one(moment, bounds)
        assert abs(away) == pytest.approx(abs(expected_days))
        assert layer == expected or away != 0


def test_equally_short_layers_give_way_to_the_nearer_middle():
    bounds = np.array([["2020-01-01", "2020-01-11"], ["2020-01-06", "2020-01-16"]], dtype="M8[ns]")
    index, days = choose_layers(dates("2020-01-07", "2020-01-10"), bounds)
    assert index.tolist() == [0, 1]
    assert days.tolist() == [0.0, 0.0]


def test_before_after_and_no_date():
    bounds = np.array([["2020-01-10", "2020-01-20"]], dtype="M8[ns]")
    index, days = choose_layers(dates("2020-01-08", "2020-01-20", "NaT", "2020-01-21T12"), bounds)
    assert index.tolist() == [0, 0, -1, 0]
    assert days[[0, 1, 3]].tolist() == [-2.0, 0.0, 1.5]
    assert np.isnan(days[2])


def test_undated_layers_are_never_chosen():
    index, days = choose_layers(dates("2020-01-08"), np.full((2, 2), np.datetime64("NaT", "ns")))
    assert index.tolist() == [-1]
    assert np.isnan(days).all()


def test_snapshots_around_a_moment_in_any_order():
    found = bracket_times(dates("2020-01-04", "2020-01-01", "2019-12-30", "NaT"), dates("2020-01-05", "2020-01-01"))
    assert found.lower.tolist() == [1, 1, 1, -1]
    assert found.upper[0] == 0
    assert found.share[:3].tolist() == [0.75, 0.0, 0.0]
    assert found.days[:3].tolist() == [0.0, 0.0, -2.0]
    assert np.isnan(found.days[3])


def test_bins_from_every_form_agree():
    edges = pd.date_range("2020-01-01", periods=4, freq="MS")
    expected = np.stack([edges[:-1], edges[1:]], axis=-1)
    dataset = xr.Dataset(coords={"time_bnds": (("time", "nv"), expected)})
    for time in (edges, expected, dataset, pd.IntervalIndex.from_breaks(edges), edges.to_numpy()):
        assert np.array_equal(time_bins(time), expected)


@pytest.mark.parametrize(
    ("time", "match"),
    [
        (xr.Dataset(), "without time_bnds"),
        (dates("2020-01-01"), "shape"),
        (dates("2020-01-02", "2020-01-01"), "an end after it"),
        (dates("NaT", "NaT")[None], "an end after it"),
        (["yesterday", "today", "x"], "must hold dates"),
    ],
)
def test_bins_that_are_none_are_refused(time, match):
    with pytest.raises(InputError, match=match):
        time_bins(time)


def test_overlap_of_a_layer_is_shared_out_among_bins():
    bins = time_bins(pd.date_range("2020-01-01", periods=13, freq="MS"))
    pairs = np.array([["2020-01-15T06:00", "2020-03-02T18:00"], ["2019-12-30", "2020-01-02"]], dtype="M8[ns]")
    shared = overlap_days(pairs, bins)
    assert shared[0, :4].tolist() == [16.75, 29.0, 1.75, 0.0]
    assert shared.sum(axis=1).tolist() == [47.5, 1.0]
    assert overlap_days(np.full((1, 2), np.datetime64("NaT", "ns")), bins).tolist() == [[0.0] * 12]
