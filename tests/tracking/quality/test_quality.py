"""Metrics without a truth: two-sigma half widths, physical strain, and closure over three images."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.tracking.offsets import Offsets
from altiflow.tracking.quality import close_triplet, measure_spread, strain_quality, terrain_quality


def field(vx: np.ndarray, vy: np.ndarray, step: float = 100.0) -> xr.Dataset:
    rows, columns = vx.shape
    coords = {"y": -np.arange(rows) * step, "x": np.arange(columns) * step}
    return xr.Dataset({"vx": (("y", "x"), vx), "vy": (("y", "x"), vy)}, coords=coords)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("count", [500, 50_000])
def test_the_half_width_of_normal_scatter_is_two_sigma_with_wrong_matches_or_without(rng: Any, count: int) -> None:
    one, two = 5 + 3 * rng.standard_normal(count), -2 + 1.5 * rng.standard_normal(count)
    tolerance = 0.15 if count < 1000 else 0.04
    clean = measure_spread(one, two)
    assert clean.half_width == pytest.approx((6, 3), rel=tolerance)
    assert clean.sigma == pytest.approx((3, 1.5), rel=tolerance)
    assert clean.peak == pytest.approx((5, -2), abs=1.0 if count < 1000 else 0.4)
    # The kernel widens the region where there are few.
    assert clean.outside == pytest.approx(np.exp(-2), abs=0.06 if count < 1000 else 0.02)
    wrong = rng.random(count) < 0.2
    one[wrong] += rng.uniform(20, 200, wrong.sum())
    spoilt = measure_spread(one, two)
    assert spoilt.sigma == pytest.approx((3, 1.5), rel=1.5 * tolerance + 0.05)
    assert spoilt.outside == pytest.approx(0.2 + 0.8 * np.exp(-2), abs=0.06)


def test_answers_that_all_snap_to_one_value_have_no_width() -> None:
    found = measure_spread(np.zeros(99), np.r_[np.zeros(90), np.ones(9)])
    assert (found.half_width, found.peak) == ((0.0, 0.0), (0.0, 0.0))
    assert found.outside == pytest.approx(9 / 99)


def test_static_ground_alone_counts(rng: Any) -> None:
    still = np.zeros((60, 60), bool)
    still[:30] = True
    vx = np.where(still, 7 + 2 * rng.standard_normal((60, 60)), 900.0)
    found = terrain_quality(field(vx, rng.standard_normal((60, 60))), still)
    assert found.count == 1800
    assert found.sigma == pytest.approx((2, 1), rel=0.12)
    assert found.peak[0] == pytest.approx(7, abs=0.8)
    layer = field(vx, vx).expand_dims("time")
    assert terrain_quality(layer, still).count == 1800


def test_strain_is_physical_and_turns_with_the_flow(rng: Any) -> None:
    """A Sobel operator that is not normalised would be 8 times as large."""
    column, row = np.meshgrid(np.arange(80) * 100.0, -np.arange(70) * 100.0)
    turn = np.radians(30)
    along = column * np.cos(turn) + row * np.sin(turn)
    speed = 100 + 0.02 * along + 0.05 * rng.standard_normal(along.shape)
    found = strain_quality(field(speed * np.cos(turn), speed * np.sin(turn)))
    assert found.peak == pytest.approx((0.02, 0.0), abs=4e-4)
    shearing = 100 + 0.02 * (row * np.cos(turn) - column * np.sin(turn)) + 0.01 * rng.standard_normal(along.shape)
    sheared = strain_quality(field(shearing * np.cos(turn), shearing * np.sin(turn)))
    assert sheared.peak == pytest.approx((0.0, 0.01), abs=4e-4)


def test_noise_of_velocity_becomes_noise_of_strain_by_the_weights_of_the_operator(rng: Any) -> None:
    noise = 2 * rng.standard_normal((150, 150))
    found = strain_quality(field(300 + noise, 0 * noise))
    # Six weights of 1, 2, 1 over 8: the root of 12 / 64.
    assert found.sigma[0] == pytest.approx(2 * np.sqrt(12) / 8 / 100, rel=0.06)


def offsets(dx: Any, dy: Any) -> Offsets:
    row, column = np.arange(40) * 10.0 + 9.5, np.arange(50) * 10.0 + 9.5
    full = np.zeros((40, 50))
    layer = full.astype(np.float32)
    return Offsets(
        row, column, (full + dx).astype(np.float32), (full + dy).astype(np.float32), layer, layer, layer, layer,
        full.astype(np.uint16), full.astype(np.uint16), full.astype(np.uint8), full.astype(bool), layer, layer,
        layer, layer,
    )  # fmt: skip


def test_a_linear_motion_closes_only_if_the_second_step_is_taken_where_the_first_ends() -> None:
    column, _ = np.meshgrid(np.arange(50) * 10.0 + 9.5, np.arange(40) * 10.0 + 9.5)
    # Each step is 2 px and a hundredth of the place; two of them compose.
    step = 2 + 0.01 * column
    both = step + 2 + 0.01 * (column + step)
    found = close_triplet(offsets(step, -1.0), offsets(step, -1.0), offsets(both, -2.0))
    inside = np.isfinite(found.dx)
    assert inside[:, :-1].mean() > 0.97
    np.testing.assert_allclose(found.dx[inside], 0.0, atol=2e-5)
    assert found.median == pytest.approx((0.0, 0.0), abs=1e-5)
    locked = close_triplet(offsets(step, -1.0), offsets(step, -1.0), offsets(np.round(both), -2.0))
    assert locked.nmad[0] > 0.2


def test_the_scatter_of_closure_is_that_of_three_measurements(rng: Any) -> None:
    three = [offsets(part + 0.1 * rng.standard_normal((40, 50)), 0.0) for part in (0.5, 0.25, 0.75)]
    found = close_triplet(*three)
    assert found.count == pytest.approx(2000, abs=60)
    # The second displacement is a mean of neighbours where the first one ends between cells.
    assert 0.1 * np.sqrt(2) < found.nmad[0] < 0.1 * np.sqrt(3) * 1.05


def test_what_cannot_be_measured_is_refused() -> None:
    good = offsets(0.0, 0.0)
    nothing = offsets(np.nan, np.nan)
    plain = field(np.zeros((20, 20)), np.zeros((20, 20)))
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: close_triplet(good, replace(good, row=good.row + 1), good), GridMismatchError, "different lattices"),
        (lambda: close_triplet(good, nothing, good), EmptyDataError, "in all three"),
        (lambda: measure_spread([1, 2], [1]), InputError, "pairs"),
        (lambda: measure_spread([1.0] * 20, [1.0] * 20, z=0), InputError, "z must be"),
        (lambda: measure_spread([np.nan] * 20, [1.0] * 20), EmptyDataError, "too few"),
        (lambda: terrain_quality(plain, np.ones((2, 2), bool)), InputError, "lay the mask"),
        (lambda: strain_quality(plain, np.ones((2, 2), bool)), InputError, "lay the mask"),
        (lambda: terrain_quality(xr.Dataset(), np.ones((2, 2), bool)), InputError, "no vx and vy"),
        (lambda: strain_quality(plain.expand_dims(time=2)), InputError, "take one layer"),
    ]
    for call, error, message in cases:
        with pytest.raises(error, match=message):
            call()
