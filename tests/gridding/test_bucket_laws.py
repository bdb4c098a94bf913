"""Laws of the drop in the bucket, for any segments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import reduce_cells

FLOATS = ("length_sum", "length_mean", "freeboard_mean", "freeboard_std", "freeboard_min", "freeboard_max")
COUNTS = ("segments_gridded", "segments_outside_grid", "segments_left_out")

segments = st.lists(
    st.tuples(
        st.floats(9e3, 16e3),
        st.floats(19e3, 25e3),
        st.floats(-5.0, 5.0),
        st.floats(0.5, 200.0),
    ),
    min_size=1,
    max_size=40,
)
quick = settings(max_examples=20, deadline=None)


@given(segments)
@quick
def test_lengths_in_are_lengths_in_cells_and_outside(make_table, grid, rows):
    table = make_table(*zip(*rows, strict=True))
    found = grid_segments(table, grid, value="freeboard")
    outside = grid.locate(table)[0] < 0
    total = float(found.length_sum.sum()) + table["segment_length"][outside].sum()
    assert total == pytest.approx(table["segment_length"].sum(), rel=1e-12)
    assert int(found.n_segments.sum()) + int(outside.sum()) == len(rows)
    assert sum(found.attrs[name] for name in COUNTS) == len(rows)
    assert found.attrs["segments_outside_grid"] == int(outside.sum())


@given(segments)
@quick
def test_every_cell_lies_between_its_extremes(make_table, grid, rows):
    found = grid_segments(make_table(*zip(*rows, strict=True)), grid, value="freeboard")
    held = found.n_segments.values > 0
    low, mean, high, std = (found[f"freeboard_{name}"].values[held] for name in ("min", "mean", "max", "std"))
    assert ((low <= mean) & (mean <= high)).all()
    assert (std >= 0).all()
    assert (std <= (high - low) / 2 * (1 + 1e-9) + 1e-12).all()
    assert (std[found.n_segments.values[held] == 1] == 0).all()


@given(segments, st.randoms(use_true_random=False))
@quick
def test_the_order_of_the_rows_changes_nothing(make_table, grid, rows, random):
    expected = grid_segments(make_table(*zip(*rows, strict=True)), grid, value="freeboard")
    shuffled = list(rows)
    random.shuffle(shuffled)
    found = grid_segments(make_table(*zip(*shuffled, strict=True)), grid, value="freeboard")
    assert np.array_equal(found.n_segments, expected.n_segments)
    for name in FLOATS:
        assert np.allclose(found[name], expected[name], rtol=1e-12, atol=1e-12, equal_nan=True), name


@given(segments, st.floats(0.1, 0.9))
@quick
def test_splitting_a_segment_changes_counts_only(make_table, grid, rows, share):
    x, y, freeboard, length = rows[0]
    split = [(x, y, freeboard, length * share), (x, y, freeboard, length * (1 - share)), *rows[1:]]
    expected = grid_segments(make_table(*zip(*rows, strict=True)), grid, value="freeboard")
    found = grid_segments(make_table(*zip(*split, strict=True)), grid, value="freeboard")
    for name in ("length_sum", "freeboard_mean", "freeboard_std", "freeboard_min", "freeboard_max"):
        assert np.allclose(found[name], expected[name], rtol=1e-12, atol=1e-12, equal_nan=True), name
    more = int(found.n_segments.sum()) - int(expected.n_segments.sum())
    assert more == int(grid.rowcol(x, y)[0] >= 0)


@given(segments, st.integers(-3, 3), st.integers(-3, 3))
@quick
def test_moving_the_grid_by_whole_cells_moves_the_answer(make_table, grid, rows, right, down):
    table = make_table(*zip(*rows, strict=True))
    left, bottom, far, top = grid.bounds
    shift = np.array([right, -down, right, -down]) * 1e3
    moved = Grid.from_bounds(grid.crs, tuple(np.array([left, bottom, far, top]) + shift), 1e3)
    expected = grid_segments(table, grid, value="freeboard")
    found = grid_segments(table, moved, value="freeboard")
    rows_now, cols_now = slice(max(-down, 0), 4 - max(down, 0)), slice(max(-right, 0), 5 - max(right, 0))
    rows_then, cols_then = slice(max(down, 0), 4 + min(down, 0)), slice(max(right, 0), 5 + min(right, 0))
    assert moved.x[cols_now].tolist() == grid.x[cols_then].tolist()
    assert moved.y[rows_now].tolist() == grid.y[rows_then].tolist()
    for name in FLOATS:
        now, then = found[name].values[0, rows_now, cols_now], expected[name].values[0, rows_then, cols_then]
        # Points beside the grid part runs of rows in it, so that sums are taken in another order.
        assert np.allclose(now, then, rtol=1e-12, atol=1e-12, equal_nan=True), name


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.floats(1e-3, 1e4), min_size=1, max_size=30),
)
@quick
def test_equal_values_have_themselves_as_mean_and_no_spread(value, weights):
    found = reduce_cells(np.zeros(len(weights)), np.full(len(weights), value), weights)
    assert found.mean.tolist() == [value]
    assert found.std.tolist() == [0.0]


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(1e-6, 1e6)), min_size=1, max_size=20))
@quick
def test_no_values_make_a_negative_spread_or_a_mean_beyond_them(members):
    value, weight = np.array(members).T
    found = reduce_cells(np.zeros(len(members)), value, weight)
    assert found.std[0] >= 0
    assert value.min() <= found.mean[0] <= value.max()


@given(segments)
@quick
def test_coarse_cells_are_what_the_fine_ones_in_them_merge_to(make_table, rows):
    fine = Grid.from_bounds("EPSG:6931", (8e3, 18e3, 16e3, 26e3), 1e3)
    coarse = Grid.from_bounds(fine.crs, fine.bounds, 2e3)
    table = make_table(*zip(*rows, strict=True))
    parts, whole = (grid_segments(table, grid, value="freeboard").isel(time=0) for grid in (fine, coarse))
    fours = {name: parts[name].values.reshape(4, 2, 4, 2) for name in ("n_segments", *FLOATS)}
    held = whole.n_segments.values > 0
    length = np.nansum(fours["length_sum"], axis=(1, 3))
    with np.errstate(invalid="ignore"):
        mean = np.nansum(fours["length_sum"] * fours["freeboard_mean"], axis=(1, 3)) / length
    away = fours["freeboard_mean"] - mean[:, None, :, None]
    square = np.nansum(fours["length_sum"] * (fours["freeboard_std"] ** 2 + away**2), axis=(1, 3))
    assert np.array_equal(fours["n_segments"].sum(axis=(1, 3)), whole.n_segments)
    assert np.allclose(length[held], whole.length_sum.values[held], rtol=1e-12, atol=0)
    assert np.allclose(mean[held], whole.freeboard_mean.values[held], rtol=1e-12, atol=1e-12)
    assert np.allclose(square[held] / length[held], whole.freeboard_std.values[held] ** 2, rtol=1e-9, atol=1e-12)
