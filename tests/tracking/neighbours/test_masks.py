"""What screens leave out, each alone: planted outliers, counts, and gaps filled in three ways."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.tracking import Offsets, TrackParameters, screen_offsets
from altiflow.tracking.neighbours.gaps import fill_small_gaps
from altiflow.tracking.neighbours.masks import lonely_cells, residual_outliers, thin_parts
from altiflow.tracking.status import AMBIGUOUS, FILLED, OUTLIER

SHAPE = (30, 40)
NONE = TrackParameters(del_corr_min=-1.0, corr_min=-1.0, median_threshold=None, coherence=None)


def made(**changes: Any) -> Offsets:
    """Return displacements that change slowly, with good matches everywhere."""
    row, column = np.arange(SHAPE[0]) * 10 + 9.5, np.arange(SHAPE[1]) * 10 + 9.5
    dx = 2 + 0.01 * np.add.outer(row * 0, column) / 10
    rng = np.random.default_rng(0)
    layers = {name: np.full(SHAPE, value, np.float32) for name, value in LAYERS.items()}
    layers["dx"], layers["dy"] = ((each + 0.03 * rng.normal(size=SHAPE)).astype(np.float32) for each in (dx, 0 * dx))
    whole = {"chip": np.full(SHAPE, 20, np.uint16), "radius": np.full(SHAPE, 8, np.uint16)}
    flags = {"status": np.zeros(SHAPE, np.uint8), "interpolated": np.zeros(SHAPE, bool)}
    return replace(Offsets(row=row, column=column, **layers, **whole, **flags), **changes)


LAYERS = {
    "dx": 0, "dy": 0, "dx_error": 0.05, "dy_error": 0.05, "corr": 0.9, "del_corr": 0.5, "snr": 6, "dxy_covariance": 0,
    "curvature_x": -0.1, "curvature_y": -0.1,
}  # fmt: skip


def planted(name: str, value: float) -> Offsets:
    offsets = made()
    layer = getattr(offsets, name).copy()
    layer[10, 12] = layer[20, 30] = value
    return replace(offsets, **{name: layer})


@pytest.mark.parametrize(
    ("name", "value", "asked", "flag"),
    [
        ("corr", 0.2, {"corr_min": 0.5}, AMBIGUOUS),
        ("del_corr", 0.01, {"del_corr_min": 0.1}, AMBIGUOUS),
        ("snr", 1.0, {"snr_min": 3.0}, AMBIGUOUS),
        ("dx", 5.0, {"median_threshold": 4.0}, OUTLIER),
        ("dx", 5.0, {"coherence": 1.0}, OUTLIER),
        ("dy", 5.0, {"coherence_share": 0.1, "radius": 10}, OUTLIER),
        ("dy", 5.0, {"touching": 1.0}, OUTLIER),
        ("dy", 1.0, {"residual_threshold": 5.0}, OUTLIER),
    ],
)
def test_each_screen_alone_leaves_out_what_was_planted_and_tells_how_many(
    name: str, value: float, asked: dict[str, Any], flag: int
) -> None:
    parameters = replace(NONE, **asked)
    found, counts = screen_offsets(planted(name, value), parameters)
    assert sorted(map(tuple, np.argwhere(found.status).tolist())) == [(10, 12), (20, 30)]
    assert found.status[10, 12] == flag
    assert np.isnan(found.dx[10, 12])
    screen = next(each for each in asked if each != "radius")
    assert counts.pop(screen) == 2
    assert not any(counts.values())
    same, none = screen_offsets(planted(name, value), NONE)
    assert not same.status.any()
    assert not any(none.values())


def test_thin_parts_and_small_groups_go_and_are_counted() -> None:
    status = np.full(SHAPE, 1, np.uint8)
    status[5:15, 5:15], status[20, 3:30], status[25:27, 35:37] = 0, 0, 0
    offsets = made(status=status)
    found, counts = screen_offsets(offsets, replace(NONE, opening=2, min_clump=5))
    assert (found.status == 0).sum() == 100
    assert counts["opening"] == 27
    assert counts["min_clump"] == 4


@pytest.mark.parametrize("how", ["median", "distance", "skin"])
def test_gaps_are_filled_and_marked_to_the_cell(how: Any) -> None:
    status = np.zeros(SHAPE, np.uint8)
    status[10:12, 10:13], status[0, 0], status[20:30, 20:40] = 1, 4, 1
    offsets = made(status=status)
    found, _ = screen_offsets(offsets, replace(NONE, fill_gaps=6, filling=how))
    wanted = np.zeros(SHAPE, bool)
    wanted[10:12, 10:13] = wanted[0, 0] = True
    np.testing.assert_array_equal(found.interpolated, wanted)
    np.testing.assert_array_equal((found.status & FILLED) > 0, wanted)
    np.testing.assert_array_equal(np.isfinite(found.dx), (status == 0) | wanted)
    np.testing.assert_allclose(found.dx[wanted], made().dx[wanted], atol=0.12)
    assert (found.dx_error[wanted] >= 0.05).all()


def test_a_skin_over_a_slope_is_the_slope_and_distance_weighs_what_is_near() -> None:
    plane = np.add.outer(3.0 * np.arange(12), -2.0 * np.arange(15))
    holed = plane.copy()
    holed[3:7, 4:9] = np.nan
    filled, where = fill_small_gaps(holed, largest=20, how="skin")
    np.testing.assert_allclose(filled, plane, atol=1e-9)
    assert where.sum() == 20
    line = np.array([[1.0, np.nan, np.nan, 5.0]])
    # Inverse squares of 1 and 2 cells: (4 * 1 + 5) / 5.
    np.testing.assert_allclose(fill_small_gaps(line, largest=2, how="distance")[0], [[1, 1.8, 4.2, 5]])
    nothing, where = fill_small_gaps(np.full((3, 3), np.nan), largest=9, how="skin")
    assert np.isnan(nothing).all()
    assert not where.any()


def test_masks_of_noise_leave_nearly_all_and_rims_are_not_lonely() -> None:
    rng = np.random.default_rng(1)
    dx, dy = 0.1 * rng.normal(size=(2, 60, 60))
    assert residual_outliers(dx, dy, threshold=4.0).mean() < 0.002
    assert lonely_cells(dx, dy, tolerance=1.0).sum() == 0
    dx[:, 30:] = np.nan
    assert not lonely_cells(dx, dy, tolerance=1.0).any()
    assert not residual_outliers(dx * np.nan, dy).any()


@pytest.mark.parametrize(
    "call",
    [
        lambda: residual_outliers(np.zeros((3, 3)), np.zeros((3, 3)), threshold=0),
        lambda: lonely_cells(np.zeros((3, 3)), np.zeros((3, 3)), least=9),
        lambda: thin_parts(np.ones((3, 3), bool), width=0),
        lambda: fill_small_gaps(np.zeros((3, 3)), largest=1, how="magic"),
        lambda: TrackParameters(touching=-1.0),
        lambda: TrackParameters(opening=0),
        lambda: TrackParameters(filling="magic"),  # type: ignore[arg-type]
    ],
)
def test_what_means_nothing_is_refused(call: Any) -> None:
    with pytest.raises(InputError):
        call()


def test_gaps_are_told_to_be_filled_where_nobody_knows_errors() -> None:
    unknown = np.full(SHAPE, np.nan, np.float32)
    offsets = made(dx_error=unknown, dy_error=unknown, dxy_covariance=unknown)
    offsets.status[10, 12] = OUTLIER
    found, _ = screen_offsets(offsets, replace(NONE, fill_gaps=3))
    assert np.isfinite(found.dx).all()
    assert np.argwhere(found.interpolated).tolist() == [[10, 12]]
    assert found.status[10, 12] & FILLED
    assert np.isnan(found.dx_error).all()


def test_a_measured_cell_without_error_keeps_none_and_is_not_told_to_be_filled() -> None:
    offsets = made()
    offsets.dx_error[5, 5] = np.nan
    offsets.dy_error[6, 6] = 0.0
    offsets.status[10, 12] = OUTLIER
    found, _ = screen_offsets(offsets, replace(NONE, fill_gaps=3))
    assert np.isnan(found.dx_error[5, 5])
    assert np.argwhere(found.interpolated).tolist() == [[10, 12]]
