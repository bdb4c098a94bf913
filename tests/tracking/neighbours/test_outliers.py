"""Tests of neighbours, gaps, and the fields that steps hand on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.tracking.compiled.medians import neighbour_medians
from altiflow.tracking.matching.priors import field_at, fill_from_neighbours, smooth_field
from altiflow.tracking.neighbours.gaps import fill_small_gaps
from altiflow.tracking.neighbours.outliers import coherent_cells, median_outliers, small_clumps


def test_medians_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(9, 11))
    values[rng.random(values.shape) < 0.3] = np.nan
    middle, spread, count = neighbour_medians(values, 2)
    for i, j in np.ndindex(values.shape):
        near = values.copy()
        near[i, j] = np.nan
        near = near[max(i - 2, 0) : i + 3, max(j - 2, 0) : j + 3]
        near = near[np.isfinite(near)]
        assert count[i, j] == near.size
        assert middle[i, j] == pytest.approx(np.median(near))
        assert spread[i, j] == pytest.approx(np.median(np.abs(near - np.median(near))))


def test_planted_outliers_are_found_and_little_else() -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:40, :50]
    dx, dy = 0.3 * x + 0.05 * rng.normal(size=x.shape), -0.2 * y + 0.05 * rng.normal(size=x.shape)
    wrong = rng.random(x.shape) < 0.05
    dx[wrong] += rng.choice([-6, 6], wrong.sum())
    found = median_outliers(dx, dy)
    assert found[wrong].all()
    assert found[~wrong].mean() < 0.005


def test_few_neighbours_tell_nothing() -> None:
    assert not median_outliers(np.array([[1.0, 9.0, np.nan]]), np.zeros((1, 3))).any()


def test_cells_that_nobody_shares_are_not_coherent() -> None:
    rng = np.random.default_rng(2)
    dx, dy = rng.uniform(-20, 20, (2, 30, 30))
    dx[:, :15], dy[:, :15] = 3.0, 1.0
    dx[5, 5] = np.nan
    found = coherent_cells(dx, dy)
    assert found[:, :14].sum() == 30 * 14 - 1
    assert not found[5, 5]
    assert found[:, 18:].mean() < 0.05


def test_clumps_touch_along_edges_only() -> None:
    kept = np.zeros((6, 8), bool)
    kept[0, :3] = kept[2:4, 4:6] = kept[4, 6] = kept[5, 0] = True
    found = small_clumps(kept, least=4)
    expected = kept.copy()
    expected[2:4, 4:6] = False
    np.testing.assert_array_equal(found, expected)
    assert not small_clumps(kept, least=1).any()
    np.testing.assert_array_equal(small_clumps(kept, least=5), kept)


def test_only_small_gaps_are_filled() -> None:
    y, x = np.mgrid[:20, :20].astype(float)
    values = x + 2 * y
    values[3:5, 3:5] = values[10:15, 10:15] = values[0, 19] = np.nan
    made, filled = fill_small_gaps(values, largest=4)
    expected = np.zeros((20, 20), bool)
    expected[3:5, 3:5] = expected[0, 19] = True
    np.testing.assert_array_equal(filled, expected)
    np.testing.assert_allclose(made[filled], (x + 2 * y)[filled], atol=2.6)
    assert np.isnan(made[10:15, 10:15]).all()
    _, filled = fill_small_gaps(values, largest=4, fillable=x > 10)
    assert filled.sum() == 1


def test_nothing_is_filled_from_nothing() -> None:
    made, filled = fill_small_gaps(np.full((4, 4), np.nan), largest=100)
    assert np.isnan(made).all()
    assert not filled.any()


def test_missing_cells_take_the_nearest() -> None:
    values = np.full((1, 9, 9), np.nan)
    values[0, 0, 0] = 4.0
    assert (fill_from_neighbours(values) == 4).all()
    assert (fill_from_neighbours(np.full((2, 3, 3), np.nan)) == 0).all()


def test_a_smooth_field_keeps_slopes_and_hands_out_what_lies_between() -> None:
    y, x = np.mgrid[:30, :30].astype(float)
    field = smooth_field(np.stack([0.1 * x + 0.002 * y**2, 0.3 * y]))
    np.testing.assert_allclose(field[0, 12:18, 12:18], (0.1 * x + 0.002 * y**2)[12:18, 12:18], atol=0.003)
    cells = slice(10, 12), slice(14, 15)
    found = field_at(field, cells, np.array([[5.0, 0.0], [0.0, -10.0]]), 10)
    np.testing.assert_allclose(found[:, 1], [3.0, 3.0], atol=1e-3)
    assert found[0, 0] == pytest.approx((field[0, 10, 14] + field[0, 10, 15]) / 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda dx: median_outliers(dx, dx[1:]),
        lambda dx: median_outliers(dx, dx, threshold=0),
        lambda dx: coherent_cells(dx[0], dx[0]),
        lambda dx: coherent_cells(dx, dx, least=0),
        lambda dx: fill_small_gaps(dx, largest=-1),
        lambda dx: small_clumps(dx > 0, least=0),
    ],
)
def test_what_means_nothing_is_refused(call: Any) -> None:
    with pytest.raises(InputError):
        call(np.zeros((4, 4)))
