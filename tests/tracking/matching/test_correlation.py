"""Correlations and their peaks beside OpenCV, plain sums and scipy."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline
from scipy.ndimage import gaussian_filter

from altiflow.errors import InputError
from altiflow.tracking import STATUS, TrackParameters, track_offsets
from altiflow.tracking.compiled.surfaces import judge_surfaces
from altiflow.tracking.matching.full.exhaustive import peak_between
from altiflow.tracking.matching.surfaces import correlate_lags


@pytest.mark.parametrize(("chip", "size"), [(8, 14), (20, 26), (20, 60), (33, 40), (16, 16)])
@pytest.mark.parametrize("level", [0.0, 300.0])
def test_correlation_is_that_of_plain_sums_and_of_opencv(chip: int, size: int, level: float) -> None:
    rng = np.random.default_rng(chip + size)
    window = (level + rng.normal(size=(size, size + 3))).astype(np.float32)
    template = (window[:chip, 1 : chip + 1] + 0.5 * rng.normal(size=(chip, chip))).astype(np.float32)
    found = correlate_lags(template, window)
    plain = np.empty(found.shape)
    for i, j in np.ndindex(found.shape):
        part = window[i : i + chip, j : j + chip].astype(float)
        plain[i, j] = np.corrcoef(part.ravel(), template.astype(float).ravel())[0, 1]
    np.testing.assert_allclose(found, plain, atol=1e-6)
    if level == 0:
        np.testing.assert_allclose(found, cv2.matchTemplate(window, template, cv2.TM_CCOEFF_NORMED), atol=1e-6)
    assert found.argmax() == plain.argmax()


def test_even_windows_correlate_with_nothing() -> None:
    rng = np.random.default_rng(0)
    window = np.full((30, 30), 5.0)
    window[:, 20:] = rng.normal(size=(30, 10))
    found = correlate_lags(rng.normal(size=(10, 10)), window)
    assert (found[:, :11] == 0).all()
    assert (correlate_lags(np.ones((10, 10)), window) == 0).all()


def test_the_peak_of_the_spline_is_that_of_scipys() -> None:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[-3:4, -3:4]
    for _ in range(30):
        right, down = rng.uniform(-0.45, 0.45, 2)
        patch = np.exp(-((x - right) ** 2 / 5 + (y - down) ** 2 / 7 + 0.1 * (x - right) * (y - down)))
        patch += 0.01 * rng.normal(size=(7, 7))
        if patch.max() != patch[3, 3]:
            continue
        fine = np.linspace(-1, 1, 401)
        values = RectBivariateSpline(np.arange(-3, 4), np.arange(-3, 4), patch)(fine, fine)
        row, col = np.unravel_index(values.argmax(), values.shape)
        found = peak_between(patch)
        assert found[2] >= values.max() - 1e-9
        assert found[:2] == pytest.approx((fine[col], fine[row]), abs=0.006)


def test_a_patch_without_a_peak_is_refused() -> None:
    with pytest.raises(InputError, match="largest in the middle"):
        peak_between(np.arange(49.0).reshape(7, 7))
    with pytest.raises(InputError, match="7, 7"):
        peak_between(np.zeros((5, 5)))


def _judged(found: Any, lacking: Any) -> tuple[int, Any, Any, Any]:
    """Return what is made of a surface of chips of one pixel: why it has no match, where it is, how good, the patch."""
    counts = np.zeros((2, found.shape[0] + 1, found.shape[1] + 1), np.int32)
    counts[:, 1:, 1:] = np.stack([~lacking, np.ones(found.shape, bool)]).cumsum(1).cumsum(2)
    why, at = np.zeros(1, np.uint8), np.zeros((1, 2), np.int64)
    told, patches = np.zeros((1, 3)), np.zeros((1, 7, 7))
    windows = np.array([[0, found.shape[0], 0, found.shape[1]]], np.int32)
    judge_surfaces(
        found.reshape(1, -1).copy(), np.ones(1, np.float32), windows, np.ones(found.shape, np.float32), counts, 1, 1.0,
        why, at, told, patches,
    )  # fmt: skip
    return int(why[0]), tuple(at[0].tolist()), told[0], patches[0]


def test_a_spline_is_put_through_no_barred_place() -> None:
    y, x = np.mgrid[-10:11, -10:11]
    found = np.exp(-((x - 0.3) ** 2 + (y + 0.2) ** 2) / 6).astype(np.float32)
    why, at, told, patch = _judged(found, np.zeros(found.shape, bool))
    assert (why, at) == (0, (10, 10))
    np.testing.assert_array_equal(patch, found[7:14, 7:14])
    rest = found.copy()
    rest[7:14, 7:14] = 0
    assert told[:2] == pytest.approx([found[10, 10], float(found[10, 10]) - float(rest.max())])
    lacking = np.zeros(found.shape, bool)
    lacking[:, 13:] = True
    why, at, told, patch = _judged(found, lacking)
    assert (why, at, told[0]) == (0, (10, 10), found[10, 10])
    assert np.isnan(patch[0, 0])
    assert _judged(found, np.ones(found.shape, bool))[0] == STATUS["nodata"]


def test_the_full_search_tells_nothing_beside_missing_data() -> None:
    first = gaussian_filter(np.random.default_rng(3).normal(size=(200, 200)), 1.5)
    second = np.roll(first, (0, 2), axis=(0, 1))
    seen = np.ones((200, 200), bool)
    seen[:, 100:103] = False
    wanted = TrackParameters(radius=6, search="full", prefilter="none", spacing=4, median_threshold=None, threads=1)
    found = track_offsets(first, second, valid_second=seen, parameters=wanted)
    known = np.isfinite(found.dx)
    np.testing.assert_allclose(found.dx[known], 2, atol=0.12)
    # A chip that needs 0.9 of its pixels bears two columns without data, not three.
    beside = (np.abs(found.column - 99) < 12)[None, :] & (found.row > 30)[:, None] & (found.row < 150)[:, None]
    assert (found.status[beside] & (STATUS["nodata"] | STATUS["edge"]) > 0).mean() > 0.9
    assert (found.status[beside] & STATUS["nodata"] > 0).mean() > 0.5
