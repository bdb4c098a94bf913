"""Peaks between pixels in the ways of other trackers: bias, scatter and locking, against known shifts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.tracking import TrackParameters, track_offsets
from altiflow.tracking.matching.full.subpixel import chip_shift, patch_peak, peak_curvature
from altiflow.tracking.matching.prefilters import prefilter_image
from altiflow.tracking.matching.surfaces import correlate_lags

FULL = TrackParameters(spacing=16, chip=20, chips=None, radius=6, search="full", threads=1)
SHIFTS = (0.0, 0.15, 0.3, 0.5, 0.65, 0.85)
LIMITS = {"spline": 0.05, "parabola": 0.06, "gaussian": 0.05, "pyramid": 0.06, "dft": 0.12}
"""Largest root mean square of the error along an axis [px]."""


@pytest.mark.parametrize("kind", LIMITS)
def test_each_way_finds_fractions_of_a_pixel(draw: Any, kind: Any) -> None:
    first, errors, fractions = draw(200), [], []
    for n, shift in enumerate(SHIFTS):
        true = (1 + shift, -2 + SHIFTS[-1 - n])
        found = track_offsets(first, draw(200, true), parameters=replace(FULL, subpixel=kind))
        known = np.isfinite(found.dx)
        assert known.mean() > 0.7
        errors += [(found.dx - true[0])[known], (found.dy - true[1])[known]]
        fractions += [found.dx[known] % 1, found.dy[known] % 1]
    wrong = np.concatenate(errors)
    assert np.sqrt((wrong**2).mean()) < LIMITS[kind]
    assert abs(np.median(wrong)) < 0.02
    # Six fractions were put in: no tenth of a pixel holds half of the answers, as it would if they locked to pixels.
    share = np.histogram(np.concatenate(fractions) % 1, 10, (0, 1))[0] / wrong.size
    assert share.max() < 0.45


def test_the_way_changes_the_fraction_and_nothing_else(draw: Any) -> None:
    first, second = draw(160), draw(160, (1.3, -0.4))
    found = {kind: track_offsets(first, second, parameters=replace(FULL, subpixel=kind)) for kind in LIMITS}
    plain = found["spline"]
    for each in found.values():
        np.testing.assert_array_equal(each.corr, plain.corr)
        np.testing.assert_array_equal(each.del_corr, plain.del_corr)
        np.testing.assert_allclose(each.dx, plain.dx, atol=0.3)
    pyramid = found["pyramid"].dx[np.isfinite(found["pyramid"].dx)]
    np.testing.assert_array_equal(pyramid * 16, np.round(pyramid * 16))


def test_the_transform_is_that_of_brute_force() -> None:
    rng = np.random.default_rng(0)
    chip, match = rng.normal(size=(12, 14)), rng.normal(size=(12, 14))
    chip, match = chip - chip.mean(), match - match.mean()
    spectrum = np.fft.fft2(match) * np.fft.fft2(chip).conj()
    row, col = np.fft.fftfreq(12)[:, None], np.fft.fftfreq(14)[None, :]
    best = max(
        (float((spectrum * np.exp(2j * np.pi * (row * y + col * x))).sum().real), x, y)
        for x in np.arange(-100, 101) / 100
        for y in np.arange(-100, 101, 4) / 100
    )
    found = chip_shift(chip, match)
    here = float((spectrum * np.exp(2j * np.pi * (row * found[1] + col * found[0]))).sum().real)
    assert here >= best[0] - 1e-9


def test_curvature_is_that_of_the_correlations_in_both_searches(draw: Any) -> None:
    first, second = draw(160), draw(160, (2.0, -1.0))
    chip = 20
    one, two = (prefilter_image(each.astype(np.float32)) for each in (first, second))
    for parameters in (FULL, replace(FULL, search="coarse-to-fine")):
        found = track_offsets(first, second, parameters=parameters)
        for i, j in ((3, 3), (5, 4), (6, 6)):
            row, col = int(found.row[i] + 0.5) - chip // 2, int(found.column[j] + 0.5) - chip // 2
            window = two[row - 2 : row + chip, col + 1 : col + chip + 3]
            near = correlate_lags(one[row : row + chip, col : col + chip], window)
            wanted = near[1, 0] + near[1, 2] - 2 * near[1, 1], near[0, 1] + near[2, 1] - 2 * near[1, 1]
            assert (found.curvature_x[i, j], found.curvature_y[i, j]) == pytest.approx(wanted, abs=2e-5)
            assert max(wanted) < 0


def test_a_flat_top_moves_nothing_and_nonsense_is_refused() -> None:
    assert patch_peak(np.ones((7, 7)), "parabola") == (0.0, 0.0)
    assert peak_curvature(np.ones((7, 7))) == (0.0, 0.0)
    for patch, kind in ((np.ones((5, 5)), "parabola"), (np.ones((7, 7)), "cubic")):
        with pytest.raises(InputError, match="use"):
            patch_peak(patch, kind)
    with pytest.raises(InputError, match="subpixel='dft' is for search='full'"):
        TrackParameters(subpixel="dft")
