"""Filters of layers and values: counts, loops, and injected outliers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from altiflow import filter_layers, reject_outliers
from altiflow.errors import EmptyDataError, FieldError, InputError


@pytest.fixture
def cube(make_cube):
    start = np.array([0.0, 10, 40, 170, 340, 700])
    days = np.array([16.0, 48.5, 64, 64.5, 400, 12])
    layers = {
        "granule": list("abcdef"),
        "mission": ["landsat", "sentinel1", "landsat", "sentinel2", "landsat", "landsat"],
        "valid_percent": [90, 10, 50, 50, 100, 3],
        "separation_days": days,
    }
    return make_cube(start, start + days, np.ones((6, 2, 2)), layers=layers)


@pytest.mark.parametrize(
    ("screens", "kept", "counts"),
    [
        ({"min_separation": 48.5}, "bcde", {"min_separation": 2}),
        ({"max_separation": 64}, "abcf", {"max_separation": 2}),
        ({"min_separation": 16, "max_separation": 64}, "abc", {"min_separation": 1, "max_separation": 2}),
        ({"months": (12, 1, 2)}, "abf", {"months": 3}),
        ({"missions": ["landsat"]}, "acef", {"missions": 2}),
        ({"min_valid_percent": 50}, "acde", {"min_valid_percent": 2}),
        ({"period": ("2000-01-05", "2000-12-31")}, "bcd", {"period": 3}),
        ({"max_separation": 64, "missions": ["landsat"]}, "acf", {"max_separation": 2, "missions": 1}),
        ({}, "abcdef", {}),
    ],
)
def test_layers_are_chosen_and_counted(cube, screens, kept, counts):
    found = filter_layers(cube, **screens)
    assert "".join(found["granule"].values) == kept
    assert json.loads(found.attrs["screens"]) == counts
    assert "filter_layers" in found.attrs["history"]


def test_counts_of_filters_add_up(cube):
    found = filter_layers(filter_layers(cube, max_separation=100), max_separation=20, missions=["landsat"])
    assert json.loads(found.attrs["screens"]) == {"max_separation": 4, "missions": 0}


def test_layers_stay_lazy(cube):
    pytest.importorskip("dask.array")
    assert filter_layers(cube.chunk({"time": 2}), max_separation=64)["vx"].chunks is not None


@pytest.mark.parametrize(
    ("screens", "error", "message"),
    [
        ({"max_separation": 1}, EmptyDataError, '"max_separation": 6'),
        ({"months": [13]}, InputError, "1 to 12"),
        ({"months": []}, InputError, "1 to 12"),
        ({"period": ("2001-01-01", "2000-01-01")}, InputError, "end after"),
        ({"period": "2001"}, InputError, "period"),
    ],
)
def test_wrong_screens_are_refused(cube, screens, error, message):
    with pytest.raises(error, match=message):
        filter_layers(cube, **screens)


def test_a_screen_needs_its_coordinate(cube):
    with pytest.raises(FieldError, match="mission"):
        filter_layers(cube.drop_vars("mission"), missions=["landsat"])
    with pytest.raises(FieldError, match="valid_percent"):
        filter_layers(cube.drop_vars("valid_percent"), min_valid_percent=1)
    plain = filter_layers(cube.drop_vars("separation_days"), max_separation=64)
    assert "".join(plain["granule"].values) == "abcf"


@pytest.mark.parametrize("window", [None, 120.0])
def test_outliers_equal_a_loop(make_cube, window):
    rng = np.random.default_rng(1)
    start = rng.uniform(0, 900, 150)
    end = start + rng.choice([6.0, 12, 30], 150)
    vx, vy = rng.normal(100, 5, (2, 150, 3, 3)) + np.linspace(0, 400, 900)[start.astype(int)][:, None, None]
    vx[rng.uniform(size=vx.shape) < 0.3] = np.nan
    wrong = rng.uniform(size=vx.shape) < 0.05
    vy[wrong] -= 700
    vx[4:, 0, 0] = np.nan
    found = reject_outliers(make_cube(start, end, vx, vy), threshold=5.0, window_days=window)
    middle = (start + end) / 2
    for row, col in np.ndindex(3, 3):
        there = np.isfinite(vx[:, row, col])
        kept = there.copy()
        for data in (vx[:, row, col], vy[:, row, col]):
            level = np.full(150, np.median(data[there]))
            if window is not None:
                for i in np.flatnonzero(there):
                    level[i] = np.median(data[there & (np.abs(middle - middle[i]) <= window / 2)])
            away = np.abs(data - level)
            kept &= ~(away > 5.0 * 1.4826 * np.median(away[there]))
        assert np.isfinite(found["vx"].values[:, row, col]).tolist() == kept.tolist()
        assert found["n_outliers"].values[row, col] == (there & ~kept).sum()
    assert np.array_equal(np.isfinite(found["vx"]), np.isfinite(found["vy"]))
    if window is not None:
        valid = np.isfinite(vx)
        gone = valid & ~np.isfinite(found["vx"].values)
        assert (gone & wrong).sum() / (wrong & valid).sum() > 0.95, "recall"
        assert (gone & wrong).sum() / gone.sum() > 0.95, "precision"


def test_a_window_keeps_a_change_of_speed_that_the_whole_series_does_not(make_cube):
    """A surge: a tenth of the time ten times as fast."""
    start = np.arange(0.0, 3000, 10)
    rng = np.random.default_rng(2)
    speed = np.where(start >= 2700, 1000.0, 100.0)
    vx = speed[:, None, None] + rng.normal(0, 10, (300, 2, 2))
    cube = make_cube(start, start + 12, vx)
    assert (reject_outliers(cube)["n_outliers"] == 30).all()
    assert (reject_outliers(cube, window_days=90)["n_outliers"] <= 1).all()


def test_sigmas_go_with_their_values_and_equal_values_stay(make_cube):
    vx = np.full((6, 2, 2), 10.0)
    vx[2, 0, 0] = 99.0
    cube = make_cube(np.arange(6) * 5, np.arange(6) * 5 + 6, vx, sigma=np.ones((6, 2, 2)))
    found = reject_outliers(reject_outliers(cube))
    assert found["n_outliers"].values.tolist() == [[1, 0], [0, 0]]
    assert np.isnan(found["vx_sigma"].values[2, 0, 0])
    assert np.isfinite(found["vx"].values).sum() == 23


@pytest.mark.parametrize("more", [{"threshold": 0.0}, {"window_days": 0.0}])
def test_wrong_limits_are_refused(cube, more):
    with pytest.raises(InputError, match="must be above 0"):
        reject_outliers(cube, **more)
