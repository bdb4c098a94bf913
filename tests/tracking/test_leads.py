"""How far a match leads its rivals, and that nothing is told of what may not be looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from altiflow.tracking import STATUS, CorrectionRule, TrackParameters, correct_offsets, track_offsets
from altiflow.tracking.matching.priors import spread_nodes

PLAIN = TrackParameters(radius=6, threads=1, prefilter="none")


def texture(seed: int, size: int = 320) -> Any:
    """Return noise with a grain of a few pixels."""
    return gaussian_filter(np.random.default_rng(seed).normal(size=(size, size)), 1.5)


def surface_about(first: Any, second: Any, found: Any, at: tuple[int, int], reach: int) -> Any:
    """Return the correlations about a displacement, by OpenCV; None where they pass the rim."""
    row, col = int(found.row[at[0]] - 9.5), int(found.column[at[1]] - 9.5)
    y, x = row + int(np.rint(found.dy[at])) - reach, col + int(np.rint(found.dx[at])) - reach
    side = 20 + 2 * reach
    if min(row, col, y, x) < 0 or max(row, col) + 20 > first.shape[0] or max(y, x) + side > first.shape[0]:
        return None
    one, two = (each.astype(np.float32) for each in (first, second))
    return cv2.matchTemplate(two[y : y + side, x : x + side], one[row : row + 20, col : col + 20], cv2.TM_CCOEFF_NORMED)


def test_the_lead_is_that_of_the_match_that_is_told_over_what_lies_beside_it() -> None:
    first = texture(1)
    second = 0.5 * np.roll(first, (2, -3), axis=(0, 1)) + 0.85 * texture(2)
    found = track_offsets(first, second, parameters=PLAIN)
    compared = 0
    for at in zip(*np.nonzero(np.isfinite(found.dx)), strict=True):
        beside = surface_about(first, second, found, at, 7)
        if beside is None:
            continue
        best = beside[6:9, 6:9].max()
        # What is told is the lead at the nearest whole displacement, which may lie a pixel from the rounded one.
        rivals = beside[1:14:2, 1:14:2].copy()
        rivals[1:6, 1:6] = 0
        assert found.del_corr[at] <= best - max(rivals.max(), 0) + 0.1
        compared += 1
    assert compared > 300


@pytest.mark.parametrize("search", ["coarse-to-fine", "full"])
def test_the_ratio_is_that_of_the_match_to_what_lies_beside_it_in_either_search(search: Any) -> None:
    first = texture(1)
    second = np.roll(first, (2, -3), axis=(0, 1)) + 0.3 * texture(2)
    wanted = replace(PLAIN, radius=12, search=search, chips=None)
    found = track_offsets(first, second, parameters=wanted)
    compared = 0
    for at in zip(*np.nonzero(np.isfinite(found.dx)), strict=True):
        beside = surface_about(first, second, found, at, 7)
        if beside is None or beside.argmax() != 7 * 15 + 7:
            continue
        apart = np.ones((15, 15), bool)
        apart[4:11, 4:11] = False
        apart[1::2], apart[:, 1::2] = False, False
        expected = beside.max() / np.sqrt((beside[apart].astype(float) ** 2).mean())
        assert found.snr[at] == pytest.approx(expected, rel=1e-4)
        compared += 1
    assert compared > 300
    weak = track_offsets(first, second, parameters=replace(wanted, snr_min=float(np.nanmedian(found.snr))))
    lost = np.isfinite(found.dx) & np.isnan(weak.dx)
    assert lost.sum() > 0.4 * np.isfinite(found.dx).sum()
    assert (weak.status[lost] & (STATUS["ambiguous"] | STATUS["outlier"]) > 0).all()
    assert np.nanmin(weak.snr[np.isfinite(weak.dx)]) >= np.nanmedian(found.snr)


@pytest.mark.parametrize("seed", [11, 21])
@pytest.mark.parametrize("limit", [None, 3])
def test_unrelated_images_correct_nothing(seed: int, limit: int | None) -> None:
    first, second = texture(seed, 600), texture(seed + 1, 600)
    shape = (60, 60)
    prior = {} if limit is None else {"prior": (np.zeros(shape), np.zeros(shape)), "prior_radius": limit}
    found = track_offsets(first, second, parameters=TrackParameters(radius=8, threads=1), **prior)  # type: ignore[arg-type]
    good = np.isfinite(found.dx) & (found.corr >= 0.3) & (found.del_corr >= 0.15)
    assert good.mean() < 0.05
    correction = correct_offsets(found, np.ones(shape, bool), rule=CorrectionRule(min_count=5))[1]
    assert not correction.applied
    assert correction.reason


def test_cells_whose_radius_must_not_be_left_are_not_led_beyond_it_by_their_neighbours() -> None:
    first = texture(5)
    second = np.roll(first, (0, 12), axis=(0, 1)) + 0.1 * texture(6)
    shape = (32, 32)
    prior, radius = (np.full(shape, 12.0), np.zeros(shape)), np.zeros(shape, int)
    held = np.zeros(shape, bool)
    held[3:-3:3, 3:-3:3] = True
    prior[0][held], radius[held] = 0.0, 3
    found = track_offsets(first, second, parameters=PLAIN, prior=prior, prior_radius=radius)
    assert np.nanmedian(found.dx[~held]) == pytest.approx(12, abs=0.01)
    assert not (np.abs(found.dx[held]) > 4.25).any()
    assert (found.status[held] & STATUS["ambiguous"] > 0).sum() >= 3
    assert np.isnan(found.dx[held & (found.status & STATUS["ambiguous"] > 0)]).all()


def test_a_radius_in_some_cells_leaves_the_others_free() -> None:
    first = texture(7)
    second = np.roll(first, (0, 5), axis=(0, 1))
    shape = (32, 32)
    radius = np.zeros(shape, int)
    radius[:, 16:] = 2
    known = np.zeros(shape), np.zeros(shape)
    found = track_offsets(first, second, parameters=PLAIN, prior=known, prior_radius=radius)
    # A walk follows the slope of the correlation as far as it goes; the neighbours say the rest.
    assert np.median(np.nan_to_num(found.dx[3:-3, 3:13])) == pytest.approx(5, abs=0.01)
    assert np.isfinite(found.dx[:, 18:]).mean() < 0.05


@pytest.mark.parametrize("seed", [31, 41])
def test_hardly_anything_is_kept_of_unrelated_images(seed: int) -> None:
    first, second = texture(seed, 400), texture(seed + 1, 400)
    found = track_offsets(first, second, parameters=TrackParameters(threads=1))
    # The few that lead are no longer kept for want of neighbours: those that do not lead contradict them.
    assert np.isfinite(found.dx).mean() < 0.05
    free = track_offsets(first, second, parameters=TrackParameters(threads=1, coherence=None))
    assert np.isfinite(found.dx).sum() < 0.25 * np.isfinite(free.dx).sum()


@pytest.mark.parametrize(("shape", "step"), [((13, 9), 4), ((1, 5), 4), ((8, 8), 1), ((7, 10), 3)])
def test_nodes_are_spread_as_scipy_spreads_them(shape: tuple[int, int], step: int) -> None:
    rng = np.random.default_rng(2)
    nodes = rng.normal(size=(2, *(len(range(0, size, step)) for size in shape)))
    at = np.meshgrid(*(np.arange(size) / step for size in shape), indexing="ij")
    expected = [map_coordinates(each, at, order=1, mode="nearest") for each in nodes]
    np.testing.assert_allclose(spread_nodes(nodes, shape, step), expected, atol=1e-12)
