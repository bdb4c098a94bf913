"""Displacements of surfaces whose motion is known exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.tracking import STATUS, TrackParameters, track_offsets

SMALL = TrackParameters(radius=6, threads=1)


def inside(found: Any, rim: int = 40) -> Any:
    """Return the cells far from the rim, as a mask."""
    rows, cols = ((each > rim) & (each < each[-1] + each[0] - rim) for each in (found.row, found.column))
    return rows[:, None] & cols


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.25, -0.25), (0.5, 0.5), (-3.37, 2.42), (4.9, -4.1)])
@pytest.mark.parametrize("search", ["coarse-to-fine", "full"])
def test_a_shift_is_found_with_its_sign(draw: Any, shift: tuple[float, float], search: Any) -> None:
    found = track_offsets(draw(180), draw(180, shift), parameters=replace(SMALL, search=search, radius=9))
    near = inside(found)
    # A spline through correlations is drawn towards whole pixels.
    allowed = 0.05 if search == "full" else 0.012
    assert np.isfinite(found.dx[near]).all()
    np.testing.assert_allclose(found.dx[near], shift[0], atol=allowed)
    np.testing.assert_allclose(found.dy[near], shift[1], atol=allowed)
    assert (found.status[near] == 0).all()
    # The full search tells the correlation at the best whole displacement.
    assert (found.corr[near] > (0.75 if search == "full" else 0.99)).all()


def test_fractions_of_a_pixel_are_not_drawn_to_whole_ones(draw: Any) -> None:
    wrong = []
    for part in np.arange(0, 1, 0.2):
        found = track_offsets(draw(160), draw(160, (part, -part)), parameters=replace(SMALL, chips=None))
        wrong.append([np.nanmean(found.dx) - part, np.nanmean(found.dy) + part])
    assert np.abs(wrong).max() < 0.004


def test_large_motion_is_found_from_coarse_to_fine(draw: Any) -> None:
    found = track_offsets(draw(320), draw(320, (31.3, -22.6)), parameters=replace(SMALL, radius=40))
    near = inside(found, 70)
    np.testing.assert_allclose(found.dx[near], 31.3, atol=0.02)
    np.testing.assert_allclose(found.dy[near], -22.6, atol=0.02)


@pytest.mark.parametrize(("chips", "allowed"), [(None, 0.25), ((16, 24, 32), 0.02)])
def test_a_stretch_is_followed(draw: Any, chips: Any, allowed: float) -> None:
    stretch = np.array([[0.02, 0.04], [-0.03, 0.01]])
    first, second = draw(240), draw(240, (-3.0, 2.0), stretch)
    found = track_offsets(first, second, parameters=replace(SMALL, radius=14, chips=chips))
    x, y = np.meshgrid(found.column, found.row)
    near = inside(found)
    assert np.nanmax(np.abs(found.dx - (-3 + 0.02 * x + 0.04 * y))[near]) < allowed
    assert np.nanmax(np.abs(found.dy - (2 - 0.03 * x + 0.01 * y))[near]) < allowed


def test_cells_tile_the_image_from_its_corner(draw: Any) -> None:
    found = track_offsets(draw(95), draw(95), parameters=replace(SMALL, spacing=20))
    assert found.shape == found.dx.shape == (4, 4)
    assert found.row.tolist() == found.column.tolist() == [9.5, 29.5, 49.5, 69.5]


def test_the_full_search_finds_what_a_plain_loop_finds(draw: Any) -> None:
    rng = np.random.default_rng(1)
    first, second = draw(150), draw(150, (2.0, 1.0))
    first, second = (each + rng.normal(size=each.shape) for each in (first, second))
    wide = TrackParameters(radius=8, search="full", prefilter="none", median_threshold=None, threads=1)
    found = track_offsets(first, second, parameters=wide)
    one, two = (each.astype(np.float32) for each in (first, second))
    compared = 0
    for i, j in np.ndindex(found.shape):
        row, col = int(found.row[i] - 9.5), int(found.column[j] - 9.5)
        if min(row, col) < 8 or max(row, col) > 150 - 28:
            continue
        window = two[row - 8 : row + 28, col - 8 : col + 28]
        plain = cv2.matchTemplate(window, one[row : row + 20, col : col + 20], cv2.TM_CCOEFF_NORMED)
        down, right = np.unravel_index(plain.argmax(), plain.shape)
        assert found.corr[i, j] == pytest.approx(plain.max(), abs=1e-6)
        rest = plain.copy()
        rest[max(down - 3, 0) : down + 4, max(right - 3, 0) : right + 4] = 0
        assert found.del_corr[i, j] == pytest.approx(plain.max() - max(rest.max(), 0), abs=1e-6)
        if min(down, right) >= 3 and max(down, right) <= 13 and found.status[i, j] == 0:
            # The spline peaks within a pixel of the best whole displacement.
            assert abs(found.dx[i, j] - (right - 8)) <= 1
            assert abs(found.dy[i, j] - (down - 8)) <= 1
            compared += 1
    assert compared > 60


def test_any_number_of_threads_gives_the_same_bits(draw: Any) -> None:
    rng = np.random.default_rng(5)
    # Two tiles along each axis.
    size = 1600
    texture = np.tile(draw(320), (5, 5)) + 0.3 * rng.normal(size=(size, size))
    moved = np.roll(texture, (3, -5), axis=(0, 1)) + 0.2 * rng.normal(size=(size, size))
    wide = replace(SMALL, spacing=25, radius=10)
    one, two = (track_offsets(texture, moved, parameters=replace(wide, threads=count)) for count in (1, 2))
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, getattr(two, name), err_msg=name)
    assert np.nanmedian(one.dx) == pytest.approx(-5, abs=0.02)


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", ">u2", "float16", "float32", "float64"])
def test_any_kind_of_number_may_be_given(draw: Any, kind: str) -> None:
    first, second = (np.rint(60 + 20 * draw(140, shift)).clip(0, 255).astype(kind) for shift in ((0, 0), (1.3, 0.6)))
    found = track_offsets(first, second, parameters=SMALL)
    assert np.nanmedian(found.dx) == pytest.approx(1.3, abs=0.01)
    assert np.nanmedian(found.dy) == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize("search", ["coarse-to-fine", "full"])
def test_nothing_is_found_where_either_image_has_no_data(draw: Any, search: Any) -> None:
    first, second = draw(200), draw(200)
    first[60:110, 60:110] = np.nan
    seen = np.ones((200, 200), bool)
    seen[120:180, 20:80] = False
    found = track_offsets(first, second, valid_second=seen, parameters=replace(SMALL, search=search))
    lost = found.status & STATUS["nodata"] > 0
    for i, j in np.ndindex(found.shape):
        rows, cols = (slice(int(at[k] - 9.5), int(at[k] + 10.5)) for at, k in ((found.row, i), (found.column, j)))
        if rows.start < 0 or cols.start < 0 or rows.stop > 200 or cols.stop > 200:
            continue
        barred = np.isnan(first[rows, cols]).any() or seen[rows, cols].mean() < 0.9
        if barred:
            assert np.isnan(found.dx[i, j])
            assert found.status[i, j] != 0
        if np.isnan(first[rows, cols]).any():
            assert lost[i, j]
    assert np.isfinite(found.dx).sum() > 150
    assert not lost[2, 15]


@pytest.mark.parametrize("search", ["coarse-to-fine", "full"])
def test_flat_and_saturated_chips_have_no_displacement(draw: Any, search: Any) -> None:
    first, second = (np.rint(900 + 300 * draw(200, shift)).astype(np.uint16) for shift in ((0, 0), (2, 0)))
    for image in (first, second):
        image[50:120, 50:120] = 65535
        image[140:190, 10:80] = 0
    found = track_offsets(first, second, parameters=replace(SMALL, search=search, radius=9))
    for at in ((8, 8), (7, 9), (16, 4)):
        assert found.status[at] & STATUS["flat"]
        assert np.isnan(found.dx[at])
        assert np.isnan(found.corr[at])
    assert np.nanmedian(found.dx) == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("search", ["coarse-to-fine", "full"])
@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_images_without_anything_give_nothing(search: Any, value: float) -> None:
    even = np.full((100, 100), value)
    found = track_offsets(even, even, parameters=replace(SMALL, search=search, fill_gaps=100))
    assert np.isnan(found.dx).all()
    assert (found.status != 0).all()
    assert (found.chip == 0).all()
    assert not found.interpolated.any()


@pytest.mark.parametrize("search", ["coarse-to-fine", "full"])
@pytest.mark.parametrize("kind", ["uint16", "float32", "float64"])
def test_a_slope_without_texture_gives_nothing(search: Any, kind: str) -> None:
    slope = np.add.outer(20 * np.arange(300), 13 * np.arange(300)).astype(kind)
    found = track_offsets(slope, np.roll(slope, 2, axis=1), parameters=replace(SMALL, search=search, radius=9))
    assert np.isnan(found.dx[4:-4, 4:-4]).all()


def test_the_rim_is_flagged_and_displacements_beyond_the_radius_are_not_made_up(draw: Any) -> None:
    found = track_offsets(draw(160), draw(160, (9.0, 0.0)), parameters=replace(SMALL, radius=5, chips=None))
    assert (found.status[0] & STATUS["edge"] > 0).all()
    assert np.isfinite(found.dx).mean() < 0.15


def test_noise_alone_is_not_taken_for_motion() -> None:
    rng = np.random.default_rng(7)
    first, second = rng.normal(size=(2, 300, 300))
    found = track_offsets(first, second, parameters=replace(SMALL, radius=20))
    assert np.isfinite(found.dx).mean() < 0.15


class TestPrior:
    """Where to look, told beforehand."""

    def test_motion_far_beyond_the_radius_is_found(self, draw: Any) -> None:
        first, second = draw(240), draw(240, (40.4, 3.2))
        shape = (24, 24)
        known = np.full(shape, 39.0), np.full(shape, 2.0)
        found = track_offsets(first, second, parameters=replace(SMALL, chips=None), prior=known)
        near = (found.column > 30) & (found.column < 170)
        np.testing.assert_allclose(found.dx[5:-5, near], 40.4, atol=0.012)
        assert (found.radius == 3).all()

    def test_a_given_radius_about_it_is_not_left(self, draw: Any) -> None:
        first, second = draw(160), draw(160, (5.0, 0.0))
        known = np.zeros((16, 16)), np.zeros((16, 16))
        found = track_offsets(first, second, parameters=replace(SMALL, radius=10), prior=known, prior_radius=2)
        assert np.isfinite(found.dx).sum() <= 2
        wide = np.full((16, 16), 2)
        wide[:, 8:] = 7
        found = track_offsets(first, second, parameters=replace(SMALL, radius=10), prior=known, prior_radius=wide)
        assert np.isfinite(found.dx[:, :8]).sum() <= 2
        assert np.nanmedian(found.dx[:, 8:]) == pytest.approx(5, abs=0.01)

    @pytest.mark.parametrize("search", ["coarse-to-fine", "full"])
    def test_cells_without_it_search_the_whole_radius(self, draw: Any, search: Any) -> None:
        first, second = draw(200), draw(200, (12.0, -11.0))
        known = np.full((20, 20), 12.0), np.full((20, 20), -11.0)
        known[0][:, 10:] = np.nan
        found = track_offsets(first, second, parameters=replace(SMALL, radius=16, search=search), prior=known)
        assert np.nanmax(np.abs(found.dx[5:-5, 5:-5] - 12)) < 0.05
        assert np.isfinite(found.dx[6:-6, 6:-6]).all()

    def test_one_that_leads_out_of_the_image_is_flagged(self, draw: Any) -> None:
        known = np.zeros((16, 16)), np.zeros((16, 16))
        known[0][8, 8], known[1][3, 3] = 1e9, -150
        found = track_offsets(draw(160), draw(160), parameters=replace(SMALL, chips=None), prior=known)
        for at in ((8, 8), (3, 3)):
            assert found.status[at] & STATUS["edge"]
            assert np.isnan(found.dx[at])
        assert found.dx[5, 5] == pytest.approx(0, abs=0.01)


def test_errors_cover_what_they_say(draw: Any) -> None:
    rng = np.random.default_rng(3)
    ratio = []
    for seed in range(3):
        first, second = draw(300, seed=seed), draw(300, (0.37, -0.42), seed=seed)
        first, second = (each + 0.25 * first.std() * rng.normal(size=each.shape) for each in (first, second))
        found = track_offsets(first, second, parameters=replace(SMALL, chips=None, spacing=12))
        ratio += [(found.dx - 0.37) / found.dx_error, (found.dy + 0.42) / found.dy_error]
    told = np.abs(np.concatenate([each[np.isfinite(each)] for each in ratio]))
    assert 0.58 < (told < 1).mean() < 0.78
    assert (told < 2).mean() > 0.88


@pytest.mark.parametrize("search", ["coarse-to-fine", "full"])
@pytest.mark.parametrize("chips", [None, (16, 24, 32)])
def test_errors_along_both_axes_are_tied_as_the_texture_lies(search: Any, chips: Any) -> None:
    rng = np.random.default_rng(8)
    # Grain along one diagonal: what is not known of dx is not known of dy either.
    y, x = np.mgrid[-12:13, -12:13]
    grain = np.exp(-((x + y) ** 2) / 60 - (x - y) ** 2 / 8)
    surface = cv2.filter2D(rng.normal(size=(420, 420)), -1, grain / np.sqrt((grain**2).sum()))
    first, second = (surface + 0.3 * rng.normal(size=surface.shape) for _ in range(2))
    wanted = replace(SMALL, chips=chips, search=search, spacing=16, coherence=None, prefilter="none")
    found = track_offsets(first, second, parameters=wanted)
    known = np.isfinite(found.dx)
    tied = (found.dxy_covariance / (found.dx_error * found.dy_error))[known]
    assert (np.abs(tied) <= 1).all()
    real = np.corrcoef(found.dx[known], found.dy[known])[0, 1]
    assert real > 0.4
    assert float(np.median(tied)) == pytest.approx(real, abs=0.15)
    np.testing.assert_array_equal(np.isnan(found.dxy_covariance), ~known)


def test_neighbours_that_agree_and_small_groups_are_asked_for_by_parameters(draw: Any) -> None:
    rng = np.random.default_rng(4)
    first, second = draw(300), draw(300, (2.0, 1.0))
    # Islands of texture that stays, in a sea of it that changes.
    seen = np.zeros((300, 300), bool)
    seen[40:80, 40:80] = seen[120:280, 120:280] = True
    second = np.where(seen, second, first.std() * rng.normal(size=first.shape))
    base = replace(SMALL, chips=None, median_threshold=None, coherence=None)
    free = track_offsets(first, second, parameters=base)
    agreed = track_offsets(first, second, parameters=replace(base, coherence=0.5))
    large = track_offsets(first, second, parameters=replace(base, coherence=0.5, min_clump=40))
    counts = [int(np.isfinite(each.dx).sum()) for each in (free, agreed, large)]
    assert counts[0] > counts[1] > counts[2] > 100
    removed = np.isfinite(agreed.dx) & np.isnan(large.dx)
    assert (large.status[removed] & STATUS["outlier"] > 0).all()
    assert removed[4:8, 4:8].any()
    assert np.isfinite(large.dx[14:26, 14:26]).all()


def test_small_gaps_are_filled_and_told(draw: Any) -> None:
    first, second = draw(200), draw(200, (1.5, 0.5))
    first[95:106, 95:106] = np.nan
    found = track_offsets(first, second, parameters=replace(SMALL, chips=None, fill_gaps=12))
    assert found.interpolated[9:11, 9:11].all()
    assert (found.status[9:11, 9:11] & STATUS["filled"] > 0).all()
    assert (found.chip[found.interpolated] == 0).all()
    np.testing.assert_allclose(found.dx[found.interpolated], 1.5, atol=0.02)
    bare = track_offsets(first, second, parameters=replace(SMALL, chips=None))
    assert not bare.interpolated.any()
    tied = (found.dxy_covariance / (found.dx_error * found.dy_error))[found.interpolated]
    assert (np.abs(tied) <= 1).all()
    np.testing.assert_array_equal(np.isnan(bare.dx), np.isnan(found.dx) | found.interpolated)


def test_weak_matches_are_left_out(draw: Any) -> None:
    rng = np.random.default_rng(2)
    first, second = (draw(160) + rng.normal(size=(160, 160)) for _ in range(2))
    found = track_offsets(first, second, parameters=replace(SMALL, chips=None, corr_min=0.999))
    assert np.isnan(found.dx).all()
    assert (found.status & STATUS["ambiguous"] > 0).sum() > 50


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"second": np.zeros((90, 100))}, "cut both"),
        ({"first": np.zeros((100, 100, 3))}, "3-dimensional"),
        ({"first": np.zeros((100, 100), complex)}, "complex"),
        ({"first": np.zeros((100, 100), bool)}, "bool"),
        ({"first": [[1.0]]}, "list"),
        ({"second": np.ma.masked_equal(np.zeros((100, 100)), 0)}, "valid_second"),
        ({"valid_first": np.ones((100, 100), int)}, "of bool"),
        ({"valid_second": np.ones((100, 90), bool)}, "of bool"),
        ({"prior_radius": 3}, "without a prior"),
        ({"prior": (np.zeros((10, 10)), np.zeros((9, 10)))}, "use \\(dx, dy\\)"),
        ({"prior": (np.zeros((10, 10)),)}, "use \\(dx, dy\\)"),
        ({"prior": (np.zeros((10, 10)), np.zeros((10, 10))), "prior_radius": 0}, "whole numbers"),
        ({"prior": (np.zeros((10, 10)), np.zeros((10, 10))), "prior_radius": 2.5}, "whole numbers"),
        ({"parameters": TrackParameters(chip=120, chips=None)}, "smaller chip"),
        ({"parameters": TrackParameters(spacing=101)}, "smaller chip or spacing"),
    ],
)
def test_what_means_nothing_is_refused(wrong: dict[str, Any], told: str) -> None:
    given = {"first": np.zeros((100, 100)), "second": np.zeros((100, 100)), **wrong}
    with pytest.raises(InputError, match=told):
        track_offsets(given.pop("first"), given.pop("second"), **given)


@pytest.mark.parametrize(("module", "name"), [("cv2", "OpenCV"), ("numba", "numba")])
def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(InputError, match=rf"{name}.*altiflow\[track\]"):
        track_offsets(np.zeros((100, 100)), np.zeros((100, 100)))


@pytest.mark.parametrize("side", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_peak_within_three_pixels_of_each_edge_of_the_window_is_flagged(draw: Any, side: tuple[int, int]) -> None:
    parameters = replace(SMALL, search="full", chips=None, radius=8)
    for away in (6, 8):
        found = track_offsets(draw(120), draw(120, (away * side[0], away * side[1])), parameters=parameters)
        inner = (slice(3, -3), slice(3, -3))
        assert not np.isfinite(found.dx[inner]).any()
        assert (found.status[inner] == STATUS["edge"]).mean() > 0.9
    inside = track_offsets(draw(120), draw(120, (5 * side[0], 5 * side[1])), parameters=parameters)
    assert np.isfinite(inside.dx[3:-3, 3:-3]).mean() > 0.9


def test_sparse_then_dense_finds_the_same_by_far_fewer_correlations(draw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, looked = cv2.matchTemplate, [0]

    def counting(window: Any, template: Any, *rest: Any) -> Any:
        found = plain(window, template, *rest)
        looked[0] += found.size
        return found

    monkeypatch.setattr(cv2, "matchTemplate", counting)
    first, second = draw(260), draw(260, (9.3, -6.6))
    parameters = replace(SMALL, chips=None, radius=25, threads=1)
    near = track_offsets(first, second, parameters=parameters)
    # Fine windows of 7 x 7, each moved three times at most, and every second place within 7 px.
    sparse = looked[0] + near.dx.size * (4 * 7 * 7 + 8 * 8)
    looked[0] = 0
    full = track_offsets(first, second, parameters=replace(parameters, search="full"))
    both = np.isfinite(near.dx) & np.isfinite(full.dx)
    assert both.mean() > 0.4
    assert np.abs(near.dx - full.dx)[both].max() < 0.1
    assert sparse < looked[0] / 4
