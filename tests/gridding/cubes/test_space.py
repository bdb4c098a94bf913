"""Values that their neighbours do not bear out."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow import reject_isolated
from altiflow.errors import InputError


def layers(rng, count=4, rows=40, cols=50):
    """Return a sheared flow with noise, and where it was spoiled."""
    y, x = np.mgrid[:rows, :cols]
    flow = 200 + 5.0 * x + 30 * np.sin(y / 8)
    vx = flow + rng.normal(0, 3, (count, rows, cols))
    wrong = rng.random(vx.shape) < 0.03
    vx[wrong] += rng.choice([-400, 300, 800], wrong.sum())
    vx[:, 10:20, 10:20] = np.nan
    vx[:, 15, 15] = 225.0
    return vx, wrong


def test_spoiled_and_lonely_values_are_found(make_cube):
    vx, wrong = layers(np.random.default_rng(0))
    start = np.arange(4) * 16.0
    clean = reject_isolated(make_cube(start, start + 16, vx, vx * 0.1), least=20.0)
    lost = np.isfinite(vx) & np.isnan(clean.vx.values)
    assert lost[:, 15, 15].all()
    true = wrong & np.isfinite(vx)
    true[:, 15, 15] = True
    precision, recall = (lost & true).sum() / lost.sum(), (lost & true).sum() / true.sum()
    assert precision > 0.97
    assert recall > 0.99
    assert clean.n_isolated.values.sum() == lost.sum()
    assert np.isnan(clean.vy.values[lost]).all()


def test_the_median_test_equals_a_loop(make_cube):
    rng = np.random.default_rng(1)
    vx = rng.normal(0, 5, (1, 9, 8))
    vx[rng.random(vx.shape) < 0.3] = np.nan
    vx[0, 4, 4] = 60.0
    clean = reject_isolated(make_cube([0.0], [16.0], vx, np.zeros_like(vx)), window=3, min_share=0.4)
    for row, col in np.ndindex(9, 8):
        part = vx[0, max(row - 1, 0) : row + 2, max(col - 1, 0) : col + 2].copy()
        part[min(row, 1), min(col, 1)] = np.nan
        near = part[np.isfinite(part)]
        keep = np.isfinite(vx[0, row, col]) and near.size >= max(0.4 * (part.size - 1), 1)
        if keep:
            middle = np.median(near)
            keep = abs(vx[0, row, col] - middle) <= 4 * 1.4826 * np.median(np.abs(near - middle))
        assert np.isfinite(clean.vx.values[0, row, col]) == keep


@pytest.mark.parametrize("change", [{"window": 4}, {"min_share": 2}, {"threshold": 0}, {"least": -1}])
def test_arguments_that_mean_nothing(make_cube, change):
    with pytest.raises(InputError):
        reject_isolated(make_cube([0.0], [16.0], np.zeros((1, 3, 3))), **change)
