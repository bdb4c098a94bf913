"""Correction by stable ground: shifts and planes are found among outliers, and not believed without a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.tracking.offsets import Offsets
from altiflow.tracking.stable import Correction, CorrectionRule, correct_offsets, stable_statistics
from altiflow.tracking.stable.statistics import density_peak, mode_error

ROWS, COLS = 60, 80


def made(dx: Any, dy: Any, **changes: Any) -> Offsets:
    """Return displacements with good correlations everywhere."""
    shape = (ROWS, COLS)
    plain = {name: np.full(shape, value, np.float32) for name, value in (("corr", 0.9), ("del_corr", 0.5))}
    offsets = Offsets(
        row=np.arange(ROWS) * 10.0 + 9.5,
        column=np.arange(COLS) * 10.0 + 9.5,
        dx=np.broadcast_to(dx, shape).astype(np.float32),
        dy=np.broadcast_to(dy, shape).astype(np.float32),
        dx_error=np.full(shape, 0.05, np.float32),
        dy_error=np.full(shape, 0.05, np.float32),
        **plain,
        chip=np.full(shape, 20, np.uint16),
        radius=np.full(shape, 8, np.uint16),
        status=np.zeros(shape, np.uint8),
        interpolated=np.zeros(shape, bool),
        snr=np.full(shape, 6, np.float32),
        dxy_covariance=np.zeros(shape, np.float32),
        curvature_x=np.full(shape, -0.1, np.float32),
        curvature_y=np.full(shape, -0.1, np.float32),
    )
    return replace(offsets, **changes)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def rock() -> np.ndarray:
    mask = np.zeros((ROWS, COLS), bool)
    mask[:25] = True
    return mask


def test_a_shift_is_recovered_among_outliers_that_all_lie_on_one_side(rng: Any, rock: np.ndarray) -> None:
    dx = 0.7 + 0.05 * rng.standard_normal((ROWS, COLS))
    bad = rng.random((ROWS, COLS)) < 0.3
    dx[bad] += rng.uniform(1, 9, bad.sum())
    offsets = made(dx, -0.4 + 0.05 * rng.standard_normal((ROWS, COLS)))
    corrected, correction = correct_offsets(offsets, rock)
    # A plain median would be drawn towards the outliers by half a standard deviation and more.
    assert correction.shift == pytest.approx((0.7, -0.4), abs=0.006)
    assert correction.nmad == pytest.approx((0.05, 0.05), rel=0.1)
    assert (correction.applied, correction.count) == (True, 25 * COLS)
    assert float(np.median(corrected.dx[~bad])) == pytest.approx(0.0, abs=0.006)
    # Chips of 20 px every 10 px: four of them share their pixels.
    assert correction.kept == pytest.approx(0.7 * 2000, rel=0.05)
    assert correction.shift_error[0] == pytest.approx(1.2533 * 0.05 / np.sqrt(correction.kept / 4), rel=0.1)


def test_a_tilt_is_recovered_as_a_plane(rng: Any, rock: np.ndarray) -> None:
    column, row = np.meshgrid(np.arange(COLS) * 10.0 + 9.5, np.arange(ROWS) * 10.0 + 9.5)
    tilt = (0.2 + 5e-4 * (column - 404.5) - 2e-4 * (row - 304.5), -0.1 + 3e-4 * (row - 304.5))
    noisy = [part + 0.03 * rng.standard_normal(part.shape) for part in tilt]
    offsets = made(noisy[0], noisy[1])
    corrected, correction = correct_offsets(offsets, rock, rule=CorrectionRule(model="plane"))
    assert correction.slope == pytest.approx((5e-4, -2e-4, 0.0, 3e-4), abs=2e-5)
    assert correction.shift == pytest.approx((0.2, -0.1), abs=0.01)
    np.testing.assert_allclose(corrected.dx, noisy[0] - tilt[0], atol=0.01)
    np.testing.assert_allclose(corrected.dy[~rock], (noisy[1] - tilt[1])[~rock], atol=0.01)


def test_few_far_outliers_do_not_bend_a_plane(rng: Any, rock: np.ndarray) -> None:
    column, row = np.meshgrid(np.arange(COLS) * 10.0 + 9.5, np.arange(ROWS) * 10.0 + 9.5)
    tilt = 0.2 + 5e-4 * (column - 404.5) - 2e-4 * (row - 304.5)
    dx = tilt + 0.02 * rng.standard_normal(tilt.shape)
    # Displacements far in one corner draw least squares away from all the others.
    dx[:12, :12] = 1e4
    corrected, correction = correct_offsets(made(dx, 0.0), rock, rule=CorrectionRule(model="plane"))
    assert correction.applied
    assert correction.slope[:2] == pytest.approx((5e-4, -2e-4), abs=3e-5)
    assert correction.nmad[0] == pytest.approx(0.02, rel=0.15)
    assert correction.kept == pytest.approx(25 * COLS - 144, abs=20)
    np.testing.assert_allclose((corrected.dx - dx + tilt)[~rock], 0, atol=0.02)


def test_a_fit_that_few_cells_agree_with_or_that_is_not_determined_is_refused(rng: Any, rock: np.ndarray) -> None:
    plane = CorrectionRule(model="plane")
    dx = np.where(rng.random((ROWS, COLS)) < 0.45, rng.uniform(50, 90, (ROWS, COLS)), 0.3)
    found = correct_offsets(made(dx, 0.1), rock, rule=replace(plane, min_count=1500))[1]
    assert not found.applied
    assert "of 2000 stable cells agree with the fit, fewer than 1500" in found.reason
    line = np.zeros_like(rock)
    line[7] = True
    same, found = correct_offsets(offsets := made(0.3, 0.1), line, rule=replace(plane, min_count=10))
    assert same is offsets
    assert found.reason == "stable cells determine no plane"


def test_a_plane_is_bounded_in_every_corner(rock: np.ndarray) -> None:
    row = np.arange(ROWS)[:, None] * 10.0 + 9.5 - 304.5
    steep = made(0.0, -0.012 * row)
    found = correct_offsets(steep, rock, rule=CorrectionRule(model="plane"))[1]
    assert found.shift == pytest.approx((0, 0), abs=1e-4)
    assert "3.54) px is not below 3 px" in found.reason
    assert not found.applied


def test_scatter_over_the_whole_window_is_not_believed(rng: Any, rock: np.ndarray) -> None:
    offsets = made(rng.uniform(-3, 3, (ROWS, COLS)), 0.0)
    for model in ("median", "plane"):
        found = correct_offsets(offsets, rock, rule=CorrectionRule(model=model))[1]  # type: ignore[arg-type]
        assert not found.applied
        assert "px, more than 1 px" in found.reason
    assert correct_offsets(offsets, rock, rule=CorrectionRule(max_nmad=3.0))[1].applied


def test_overlapping_chips_are_not_counted_twice(rng: Any, rock: np.ndarray) -> None:
    offsets = made(0.05 * rng.standard_normal((ROWS, COLS)), 0.0)
    for chip, share in ((20, 1 / 4), (40, 1 / 16), (8, 1.0), (0, 1.0), (2000, 0.0)):
        found = correct_offsets(replace(offsets, chip=np.full((ROWS, COLS), chip, np.uint16)), rock)[1]
        assert found.independent == pytest.approx(max(found.kept * share, 1.0))


def test_every_gate_refuses_with_its_reason(rng: Any, rock: np.ndarray) -> None:
    offsets = made(0.7, 0.1)
    few = np.zeros_like(rock)
    few[:5, :99] = True
    blurred = replace(offsets, corr=np.full((ROWS, COLS), 0.2, np.float32))
    filled = replace(offsets, interpolated=np.ones((ROWS, COLS), bool))
    cases = [
        (offsets, few, CorrectionRule(), "400 stable cells are fewer than 500"),
        (offsets, rock, CorrectionRule(min_share=0.5), "41.67 % of all, less than 50 %"),
        (made(3.2, 0.1), rock, CorrectionRule(), r"a shift of \(3.20, 0.10\) px is not below 3 px"),
        (offsets, rock, CorrectionRule(model="none"), "not asked for"),
        (offsets, None, CorrectionRule(), "no stable ground was given"),
        (blurred, rock, CorrectionRule(), "none of 2000 stable cells"),
        (filled, rock, CorrectionRule(), "none of 2000 stable cells"),
        (made(np.nan, np.nan), rock, CorrectionRule(), "none of 0 stable cells"),
    ]
    for given, ground, rule, reason in cases:
        same, correction = correct_offsets(given, ground, rule=rule)
        assert same is given
        assert not correction.applied
        assert correction.shift_error == (0.0, 0.0)
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(correction.reason)
    assert correct_offsets(made(3.2, 0.1), rock)[1].shift == pytest.approx((3.2, 0.1), abs=1e-6)


def test_rules_and_masks_that_mean_nothing() -> None:
    for change in (
        {"model": "mean"},
        {"min_count": 0},
        {"min_count": 2.5},
        {"min_share": 2.0},
        {"max_shift": -1.0},
        {"min_corr": float("nan")},
        {"min_del_corr": True},
        {"max_nmad": -0.1},
    ):
        with pytest.raises(InputError, match=next(iter(change))):
            CorrectionRule(**change)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="lay the mask on its cells"):
        correct_offsets(made(0, 0), np.ones((3, 3), bool))
    with pytest.raises(InputError, match="make them one"):
        stable_statistics(np.zeros((2, 2)), np.zeros((2, 2)), np.ones((3, 3), bool))


def test_statistics_of_normal_scatter_and_of_nothing(rng: Any, rock: np.ndarray) -> None:
    dx, dy = 0.1 + 0.2 * rng.standard_normal((ROWS, COLS)), 0.3 * rng.standard_normal((ROWS, COLS))
    found = stable_statistics(dx, dy, rock)
    assert found.nmad == pytest.approx((0.2, 0.3), rel=0.06)
    assert found.std == pytest.approx((dx[rock].std(), dy[rock].std()))
    assert (found.count, found.share) == (2000, pytest.approx(25 / 60))
    nothing = stable_statistics(dx, dy, np.zeros_like(rock))
    assert nothing.count == 0
    assert np.isnan(nothing.median).all()


def test_the_most_frequent_shift_is_not_drawn_by_a_skewed_rest(rng: np.random.Generator) -> None:
    dx = 0.7 + 0.05 * rng.normal(size=(ROWS, COLS))
    wrong = rng.random((ROWS, COLS)) < 0.3
    # A third crept on to one side: within the cut, so the median follows it.
    dx[wrong] += rng.uniform(0.05, 0.15, int(wrong.sum()))
    offsets, everywhere = made(dx, -0.4), np.ones((ROWS, COLS), bool)
    shift = {
        model: correct_offsets(offsets, everywhere, rule=CorrectionRule(model=model))[1].shift[0]
        for model in ("median", "mode")
    }
    assert shift["median"] - 0.7 > 0.015
    assert abs(shift["mode"] - 0.7) < 0.75 * abs(shift["median"] - 0.7)
    far = np.where(wrong, rng.uniform(-3, 3, (ROWS, COLS)), 0.7 + 0.05 * rng.normal(size=(ROWS, COLS)))
    corrected, found = correct_offsets(made(far, -0.4), everywhere, rule=CorrectionRule(model="mode"))
    assert found.applied
    assert found.shift == pytest.approx((0.7, -0.4), abs=0.02)
    assert float(np.median(corrected.dx)) == pytest.approx(0.0, abs=0.02)


def test_the_error_of_a_mode_is_what_modes_scatter_by() -> None:
    rng = np.random.default_rng(3)
    peaks = [density_peak(rng.normal(size=800)) for _ in range(200)]
    assert np.std(peaks) == pytest.approx(mode_error(800) / np.sqrt(800), rel=0.2)
    found = Correction("mode", True, "", shift=(0, 0), nmad=(0.2, 0.4), kept=800, independent=200.0)
    assert found.shift_error == pytest.approx([each * mode_error(800) / np.sqrt(200) for each in found.nmad])


def test_the_density_of_values_that_are_nearly_all_one_needs_no_endless_grid() -> None:
    values = np.concatenate([1e-9 * np.random.default_rng(0).normal(size=600), np.linspace(-1, 1, 300)])
    assert density_peak(values) == pytest.approx(0, abs=1e-3)
