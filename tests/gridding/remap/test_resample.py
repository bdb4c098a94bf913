"""Lattice values at points: exact for planes, blind to the order of the axes, honest about gaps and edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow.errors import InputError
from altiflow.gridding.remap.resample import Lattice, cell_points, mean_of_points, sample_lattice

X, Y = np.arange(5) * 10.0, np.arange(4) * 10.0
PLANE = 2.0 * X[None, :] - 3.0 * Y[:, None] + 1.0


@given(st.floats(0, 40), st.floats(0, 30))
@settings(max_examples=60, deadline=None)
def test_a_plane_is_reproduced_between_the_centres(x, y):
    found = sample_lattice(PLANE, X, Y, at_x=[x], at_y=[y])
    assert found[0] == pytest.approx(2 * x - 3 * y + 1, abs=1e-11)


@pytest.mark.parametrize("method", ["bilinear", "nearest"])
def test_the_order_of_the_axes_changes_nothing_to_the_bit(method):
    rng = np.random.default_rng(1)
    x, y = -1.3e6 + np.arange(40) * 25067.525, 4e5 + np.arange(30) * 25067.525
    layer = rng.normal(size=(30, 40))
    layer[rng.random(layer.shape) < 0.3] = np.nan
    at_x, at_y = rng.uniform(x[0] - 3e4, x[-1] + 3e4, 5000), rng.uniform(y[0] - 3e4, y[-1] + 3e4, 5000)
    expected = sample_lattice(layer, x, y, at_x=at_x, at_y=at_y, method=method)
    for flip_y, flip_x in ((-1, 1), (1, -1), (-1, -1)):
        found = sample_lattice(layer[::flip_y, ::flip_x], x[::flip_x], y[::flip_y], at_x=at_x, at_y=at_y, method=method)
        assert np.array_equal(found, expected, equal_nan=True)


def test_cells_cover_half_a_cell_beyond_the_outer_centres():
    found = sample_lattice(PLANE, X, Y, at_x=[-5.0, -5.1, 45.0, 45.1, 20, 20], at_y=[0, 0, 30, 30, 35, 35.1])
    assert np.isfinite(found).tolist() == [True, False, True, False, True, False]
    assert found[[0, 2]].tolist() == [PLANE[0, 0], PLANE[3, 4]]


def test_weights_of_valid_neighbours_are_scaled():
    layer = np.array([[1.0, 2.0], [np.nan, 4.0]])
    # At (0.75, 0.25) the weights are .1875 .5625 / .0625 .1875, the missing one being .0625.
    found = sample_lattice(layer, [0, 1], [0, 1], at_x=[0.75], at_y=[0.25])
    assert found[0] == pytest.approx((0.1875 * 1 + 0.5625 * 2 + 0.1875 * 4) / 0.9375)


@pytest.mark.parametrize(("min_valid", "finite"), [(0.0, True), (0.5, True), (0.51, False), (1.0, False)])
def test_min_valid_decides(min_valid, finite):
    layer = np.array([[1.0, np.nan], [1.0, np.nan]])
    found = sample_lattice(layer, [0, 1], [0, 1], at_x=[0.5], at_y=[0.5], min_valid=min_valid)
    assert bool(np.isfinite(found[0])) is finite


def test_a_gap_of_no_weight_does_no_harm():
    layer = np.array([[1.0, np.nan], [3.0, np.nan]])
    assert sample_lattice(layer, [0, 1], [0, 1], at_x=[0.0], at_y=[0.5], min_valid=1.0).tolist() == [2.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_invalid_value_leaks(bad):
    layer = np.full((3, 3), 5.0)
    layer[1, 1] = bad
    points = np.random.default_rng(2).uniform(-0.5, 2.5, (2, 500))
    found = sample_lattice(layer, np.arange(3), np.arange(3), at_x=points[0], at_y=points[1])
    assert np.nanmax(np.abs(found - 5.0)) < 1e-12
    assert np.isnan(sample_lattice(layer, np.arange(3), np.arange(3), at_x=[1.2], at_y=[0.9])[0])


def test_many_layers_at_once():
    stack = np.stack([PLANE, PLANE + 1])[:, None]
    found = sample_lattice(stack, X, Y, at_x=[3.0, 7.0, 100.0], at_y=[4.0, 9.0, 0.0], method="nearest")
    assert found.shape == (2, 1, 3)
    assert found[:, 0, 0].tolist() == [PLANE[0, 0], PLANE[0, 0] + 1]
    assert np.isnan(found[..., 2]).all()


def test_a_window_gives_the_same_values():
    rng = np.random.default_rng(3)
    x, y = np.arange(50.0) * 3, np.arange(60.0)[::-1] * 2
    layer = rng.normal(size=(60, 50))
    at_x, at_y = rng.uniform(30, 60, 200), rng.uniform(20, 40, 200)
    rows, cols = Lattice.from_axes(x, y).window(at_x, at_y)
    assert rows.stop - rows.start < 20
    found = sample_lattice(layer[rows, cols], x[cols], y[rows], at_x=at_x, at_y=at_y)
    assert found == pytest.approx(sample_lattice(layer, x, y, at_x=at_x, at_y=at_y), abs=1e-12)
    assert Lattice.from_axes(x, y).window([-100.0], [0.0]) is None


def test_points_of_a_cell_average_to_its_centre():
    x, y = cell_points([5.0, 20.0], [1.0, 2.0], (8.0, 4.0), 4)
    assert x.shape == (16, 2)
    assert x.mean(axis=0).tolist() == [5.0, 20.0]
    assert y.mean(axis=0).tolist() == [1.0, 2.0]
    assert (x[:, 0].min(), x[:, 0].max()) == (2.0, 8.0)


def test_mean_of_points_needs_half_of_them():
    values = np.array([[1.0, 1.0], [3.0, np.nan], [np.nan, np.nan], [np.nan, np.nan]])
    assert mean_of_points(values)[0] == 2.0
    assert np.isnan(mean_of_points(values)[1])


@pytest.mark.parametrize(
    ("x", "match"), [([0.0], "at least two"), ([0.0, 1.0, 3.0], "not evenly"), ([1.0, 1.0], "not evenly")]
)
def test_axes_must_be_regular(x, match):
    with pytest.raises(InputError, match=match):
        Lattice.from_axes(x, [0.0, 1.0])


def test_wrong_shapes_and_words_are_refused():
    with pytest.raises(InputError, match="shape"):
        sample_lattice(PLANE.T, X, Y, at_x=[0.0], at_y=[0.0])
    with pytest.raises(InputError, match="'cubic'"):
        sample_lattice(PLANE, X, Y, at_x=[0.0], at_y=[0.0], method="cubic")
