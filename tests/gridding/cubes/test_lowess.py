"""Local regression: another formulation of the same curve, and its limits."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow import lowess
from altiflow.errors import InputError

EPOCH = np.datetime64("2000-01-01", "ns")


def one_line(times, values, robust, at, frac, span):
    """Return the local line at one moment by a weighted polynomial fit."""
    distance = np.abs(times - at)
    if span is None:
        count = max(2, int(frac * times.size + 1e-10))
        reach = np.sort(distance)[count - 1]
        near = np.argsort(distance, kind="stable")[:count]
    else:
        reach = span / 2
        near = np.flatnonzero(distance <= reach)
    weights = (1 - np.minimum(distance[near] / reach, 1) ** 3) ** 3 * robust[near]
    if np.unique(times[near][weights > 0]).size < 2:
        return np.nan
    line = np.polynomial.Polynomial.fit(times[near], values[near], 1, w=np.sqrt(weights))
    return float(line(at))


def brute(times, values, at, frac, span, iterations):
    """Return the curve of Cleveland (1979), moment by moment."""
    robust = np.ones(times.size)
    for _ in range(iterations):
        away = np.nan_to_num(np.abs(values - [one_line(times, values, robust, t, frac, span) for t in times]))
        robust = np.maximum(1 - (away / (6 * np.median(away))) ** 2, 0) ** 2
    return np.array([one_line(times, values, robust, t, frac, span) for t in at])


@pytest.mark.parametrize(("frac", "span"), [(None, None), (0.3, None), (None, 200.0)])
@pytest.mark.parametrize("iterations", [0, 2])
def test_lowess_equals_line_by_line_fits(make_series, frac, span, iterations):
    rng = np.random.default_rng(1)
    start = np.sort(rng.uniform(0, 700, 90))
    end = start + rng.choice([6.0, 12, 40], 90)
    vx = 500 + 100 * np.sin(start / 80)[:, None] + rng.normal(0, 10, (90, 2))
    vx[rng.uniform(size=vx.shape) < 0.05] = 2000
    vx[rng.uniform(size=vx.shape) < 0.2] = np.nan
    at = np.array([60.0, 200.5, 333, 600])
    found = lowess(
        make_series(start, end, vx, -vx), EPOCH + (at * 86400e9).astype("m8[ns]"), frac=frac, span_days=span,
        iterations=iterations,
    )  # fmt: skip
    middle = (start + end) / 2
    for point in range(2):
        there = np.flatnonzero(np.isfinite(vx[:, point]))
        there = there[np.argsort(middle[there], kind="stable")]
        expected = brute(middle[there], vx[there, point], at, frac or 2 / 3, span, iterations)
        assert found["vx"].values[:, point] == pytest.approx(expected, rel=1e-7)
        assert found["vy"].values[:, point] == pytest.approx(-expected, rel=1e-7)
    assert found.attrs["time_rule"] == "instant"
    assert "middle" in found.attrs["bias"]


def test_nothing_is_made_up_outside_or_in_gaps(make_cube):
    start = np.array([0.0, 10, 20, 30, 400, 410, 420])
    vx = np.full((7, 2, 2), 5.0)
    vx[1:, 0, 0] = np.nan
    days = np.array([-5.0, 15, 200, 410, 500])
    found = lowess(make_cube(start, start + 10, vx), EPOCH + (days * 86400e9).astype("m8[ns]"), span_days=60)
    assert found["vx"].values[:, 1, 1] == pytest.approx([np.nan, 5, np.nan, 5, np.nan], nan_ok=True)
    assert np.isnan(found["vx"].values[:, 0, 0]).all()


@pytest.mark.parametrize(
    ("at", "more", "message"),
    [
        ([], {}, "at least one moment"),
        (["NaT"], {}, "dated"),
        (["2001-01-01", "2000-01-01"], {}, "ascending"),
        (["2001-01-01"], {"frac": 0.5, "span_days": 30}, "not both"),
        (["2001-01-01"], {"frac": 1.5}, "frac"),
        (["2001-01-01"], {"span_days": 0.0}, "span_days"),
        (["2001-01-01"], {"iterations": -1}, "iterations"),
        (["today, more or less"], {}, "moments"),
    ],
)
def test_wrong_arguments_are_refused(make_cube, at, more, message):
    cube = make_cube([0, 10], [20, 30], np.ones((2, 2, 2)))
    with pytest.raises(InputError, match=message):
        lowess(cube, at, **more)
