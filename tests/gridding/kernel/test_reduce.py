"""States of runs and cells, against exact arithmetic and against one another."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow.errors import InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import STATE, choose_engine, merge_states, reduce_cells, reduce_points, run_starts
from altiflow.gridding.kernel.states import NO_TIME, reduce_runs

GRID = Grid.named("EASE2_S25km")


def reducers():
    found = [reduce_runs]
    try:
        from altiflow.gridding.kernel.compiled import reduce_runs as compiled
    except ImportError:
        return found
    return [*found, compiled]


def exact(value, weight):
    """Mean and M2 in rational arithmetic."""
    h, w = [Fraction(float(v)) for v in value], [Fraction(float(v)) for v in weight]
    mean = sum(a * b for a, b in zip(h, w, strict=True)) / sum(w)
    return mean, sum(a * (b - mean) ** 2 for a, b in zip(w, h, strict=True))


@pytest.mark.parametrize("reduce", reducers())
@pytest.mark.parametrize(
    ("offset", "scatter", "tolerance"),
    [
        (0.3, 0.1, 1e-14),
        (0.3, 0.001, 1e-13),
        (50.0, 0.1, 1e-13),
        (3000.0, 0.1, 1e-11),
        (3000.0, 0.001, 1e-9),
        (5e7, 0.1, 1e-9),
    ],
)
def test_the_variance_keeps_its_digits(reduce, offset, scatter, tolerance):
    rng = np.random.default_rng(1)
    value, weight = offset + rng.normal(0, scatter, 4000), rng.uniform(10, 200, 4000)
    starts = np.arange(0, 4000, 217)
    found = merge_states(reduce(starts, value, weight), np.zeros(1, np.int64))
    mean, m2 = exact(value, weight)
    assert abs(Fraction(float(found["mean"][0])) - mean) <= 4e-16 * abs(mean)
    assert abs(Fraction(float(found["m2"][0])) / m2 - 1) < tolerance


@pytest.mark.parametrize("reduce", reducers())
def test_a_first_value_far_from_the_others_costs_nothing(reduce):
    value, weight = np.array([1e7, 1.0, 1.1, 1.2]), np.array([1e-16, 1.0, 1.0, 1.0])
    found = reduce(np.zeros(1, np.int64), value, weight)
    mean, m2 = exact(value, weight)
    assert abs(Fraction(float(found["mean"][0])) / mean - 1) < 1e-15
    assert abs(Fraction(float(found["m2"][0])) / m2 - 1) < 1e-8


@pytest.mark.parametrize("reduce", reducers())
@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.floats(-1e4, 1e4, width=32), st.floats(0.5, 200.0, width=32)), min_size=1, max_size=60),
    data=st.data(),
)
def test_states_are_exact_and_merging_them_changes_nothing(reduce, rows, data):
    value, weight = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(rows)), max_size=6)) - {len(rows)})
    whole = reduce(np.zeros(1, np.int64), value, weight)[0]
    parts = merge_states(reduce(np.array([0, *cuts]), value, weight), np.zeros(1, np.int64))[0]
    mean, m2 = exact(value, weight)
    for found in (whole, parts):
        assert found["count"] == len(rows)
        assert (found["low"], found["high"]) == (value.min(), value.max())
        assert found["low"] <= found["mean"] <= found["high"]
        assert float(found["weight"]) == pytest.approx(float(weight.astype(float).sum()), rel=1e-14)
        assert float(found["weight2"]) == pytest.approx(float((weight.astype(float) ** 2).sum()), rel=1e-13)
        spread = float(np.abs(value).max()) or 1.0
        assert float(found["mean"]) == pytest.approx(float(mean), abs=1e-14 * spread)
        assert float(found["m2"]) == pytest.approx(float(m2), abs=1e-13 * spread**2 * float(weight.sum()))
        assert found["m2"] >= 0.0
        if value.min() == value.max():
            assert found["m2"] == 0.0


@pytest.mark.parametrize("reduce", reducers())
def test_times_and_noise_come_along(reduce):
    time = np.array([5, NO_TIME, 3, NO_TIME, NO_TIME, 9])
    starts = np.array([0, 3, 5])
    found = reduce(starts, np.ones(6), np.ones(6), noise=np.arange(6.0), time=time)
    assert found["first"].tolist() == [3, NO_TIME, 9]
    assert found["last"].tolist() == [5, NO_TIME, 9]
    assert found["noise"].tolist() == [3.0, 7.0, 5.0]
    merged = merge_states(found, np.array([0, 1]))
    assert merged["first"].tolist() == [3, 9]
    assert merged["last"].tolist() == [5, 9]
    assert (reduce(starts, np.ones(6), np.ones(6))["first"] == NO_TIME).all()


def test_states_have_documented_fields():
    assert STATE.names == ("count", "weight", "weight2", "mean", "m2", "low", "high", "noise", "first", "last")
    assert run_starts(np.array([True, False, True])).tolist() == [0, 1, 3]


def simulated(count=150_000, seed=2):
    """Points along winding tracks in the Antarctic."""
    rng = np.random.default_rng(seed)
    longitude = (np.cumsum(rng.normal(0, 2e-3, count)) + 300.0) % 360.0
    latitude = -75.0 + np.cumsum(rng.normal(0, 3e-4, count))
    value, weight = rng.lognormal(-1, 0.5, count).astype(np.float32), rng.uniform(5, 100, count).astype(np.float32)
    return longitude, latitude, value, weight


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("order", ["track", "shuffled"])
def test_points_are_reduced_as_a_plain_sum_does(engine, order):
    arrays = simulated()
    if order == "shuffled":
        arrays = tuple(array[np.random.default_rng(0).permutation(arrays[0].size)] for array in arrays)
    longitude, latitude, value, weight = arrays
    found = reduce_points(longitude, latitude, value, weight, GRID, engine=engine)
    row, col = GRID.rowcol(*GRID.project(longitude, latitude))
    cell = row * GRID.shape[1] + col
    h, w = value.astype(float), weight.astype(float)
    count, total = np.bincount(cell), np.bincount(cell, w)
    assert (found.cell == np.flatnonzero(count)).all()
    assert (found.count == count[found.cell]).all()
    assert found.weight_sum == pytest.approx(total[found.cell], rel=1e-12)
    assert found.mean == pytest.approx((np.bincount(cell, w * h) / np.maximum(total, 1))[found.cell], rel=1e-12)
    away = h - (np.bincount(cell, w * h) / np.maximum(total, 1))[cell]
    assert found.m2 == pytest.approx(np.bincount(cell, w * away**2)[found.cell], rel=1e-9, abs=1e-9)
    assert found.weight_mean == pytest.approx(total[found.cell] / count[found.cell], rel=1e-12)


def test_rows_that_do_not_count_are_left_out():
    longitude, latitude = np.zeros(7), np.array([-80, -80, -80, -80, -80, np.nan, 80.0])
    value = np.array([1.0, np.nan, 3.0, 4.0, np.inf, 6.0, 7.0])
    weight = np.array([1.0, 1.0, 0.0, np.inf, 1.0, 1.0, 1.0])
    found = reduce_points(longitude, latitude, value, weight, GRID)
    assert (found.count.tolist(), found.mean.tolist()) == ([1], [1.0])
    nothing = reduce_points([], [], [], [], GRID)
    assert nothing.cell.size == nothing.mean.size == 0
    huge = np.full(4, 1.7e308)
    assert reduce_points(np.zeros(4), np.full(4, -80.0), huge, np.full(4, 1e-300), GRID).mean.tolist() == [1.7e308]


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(InputError, match=r"\(2,\), \(2,\), \(3,\), \(2,\)"):
        reduce_points([0, 0], [0, 0], [1, 2, 3], [1, 1], GRID)
    with pytest.raises(InputError, match="with one n"):
        reduce_points([[0]], [[0]], [[1]], [[1]], GRID)


def test_the_engine_is_chosen_by_name(monkeypatch):
    assert choose_engine("numpy") == "numpy"
    with pytest.raises(InputError, match="'auto', 'numpy' or 'numba'"):
        choose_engine("cython")
    monkeypatch.setattr("altiflow.gridding.kernel.reduce.find_spec", lambda name: None)
    assert choose_engine("auto") == "numpy"
    with pytest.raises(InputError, match=r"pip install 'altiflow\[fast\]'"):
        choose_engine("numba")


def test_cells_with_large_numbers_and_in_any_order():
    rng = np.random.default_rng(0)
    cell = rng.integers(0, 2**60, 50)[rng.integers(0, 50, 2000)]
    value, weight = rng.normal(size=2000), rng.uniform(1, 2, 2000)
    found = reduce_cells(cell, value, weight)
    assert (found.cell == np.unique(cell)).all()
    for number, mean in zip(found.cell, found.mean, strict=True):
        rows = cell == number
        assert mean == pytest.approx(np.average(value[rows], weights=weight[rows]), abs=1e-14)


@pytest.mark.parametrize("engine", ["numpy", "auto"])
@pytest.mark.parametrize("kind", ["readonly", "strided", "swapped", "whole numbers", "half", "long"])
def test_arrays_of_any_make_are_reduced_alike(engine, kind):
    rng = np.random.default_rng(5)
    arrays = [rng.uniform(-180, 180, 500), rng.uniform(-90, -60, 500), rng.integers(0, 9, 500) * 1.0, np.ones(500)]
    plain = reduce_points(*arrays, GRID, engine=engine)
    if kind == "readonly":
        for array in arrays:
            array.flags.writeable = False
    elif kind == "strided":
        arrays = [np.repeat(array, 2)[::2] for array in arrays]
    elif kind == "swapped":
        arrays = [array.astype(">f8") for array in arrays]
    elif kind == "whole numbers":
        arrays[2:] = [arrays[2].astype(np.int8), arrays[3].astype(np.uint16)]
    else:
        arrays[2:] = [array.astype(np.float16 if kind == "half" else np.longdouble) for array in arrays[2:]]
    found = reduce_points(*arrays, GRID, engine=engine)
    for name in ("cell", "count", "weight_sum", "mean", "m2", "low", "high"):
        assert np.array_equal(getattr(found, name), getattr(plain, name)), name


@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_bits_do_not_depend_on_how_arrays_lie_in_memory(engine):
    rng = np.random.default_rng(6)
    value, weight = rng.normal(size=5000), rng.uniform(1, 2, 5000)
    place = np.zeros(5000), np.full(5000, -75.0)
    plain = reduce_points(*place, value, weight, GRID, engine=engine)
    apart = reduce_points(
        *place, np.repeat(value, 2)[::2], np.stack([weight, weight], axis=1)[:, 0], GRID, engine=engine
    )
    assert (plain.mean[0], plain.m2[0]) == (apart.mean[0], apart.m2[0])
