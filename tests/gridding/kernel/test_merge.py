"""States of many partials put together, against the same segments reduced at once and exact sums."""

from __future__ import annotations

from fractions import Fraction
from importlib.util import find_spec

import numpy as np
import pytest

from altiflow.gridding.kernel import NO_TIME, STATE, merge_cells, reduce_runs, run_starts

ENGINES = ["numpy", *(["numba"] if find_spec("numba") else [])]


def partials(rng, number, size, cells, *, offset=0.0, timed=True):
    """Return cell numbers and states of parts, and the segments they are of."""
    kept, parts, rows = [], [], []
    for _ in range(number):
        cell = np.sort(rng.integers(0, cells, size))
        value, weight = offset + rng.normal(0.3, 0.1, size), rng.uniform(10, 200, size)
        time = rng.integers(0, 10**15, size)
        starts = run_starts(cell[1:] != cell[:-1])
        kept.append(cell[starts])
        parts.append(reduce_runs(starts, value, weight, noise=weight, time=time if timed else None))
        rows.append((cell, value, weight, time))
    return kept, parts, [np.concatenate(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("number", "size", "cells"), [(1, 1, 1), (40, 300, 50), (300, 100, 10**7), (3, 20_000, 4)])
def test_parts_give_what_the_segments_give_at_once(engine, number, size, cells):
    kept, parts, (cell, value, weight, time) = partials(np.random.default_rng(1), number, size, cells, offset=3000.0)
    numbers, merged = merge_cells(kept, parts, engine=engine)
    order = np.argsort(cell, kind="stable")
    starts = run_starts(cell[order][1:] != cell[order][:-1])
    assert numbers.tolist() == cell[order][starts].tolist()
    whole = reduce_runs(starts, value[order], weight[order], noise=weight[order], time=time[order])
    for name in ("count", "low", "high", "first", "last"):
        assert (merged[name] == whole[name]).all(), name
    for name in ("weight", "weight2", "noise", "mean"):
        assert np.allclose(merged[name], whole[name], rtol=1e-13, atol=0), name
    assert np.allclose(merged["m2"], whole["m2"], rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_spread_keeps_its_digits_at_a_far_offset(engine):
    rng = np.random.default_rng(2)
    kept, parts, (_, value, weight, _) = partials(rng, 50, 80, 1, offset=3000.0)
    _, merged = merge_cells(kept, parts, engine=engine)
    exact = [(Fraction(float(h)), Fraction(float(w))) for h, w in zip(value, weight, strict=True)]
    total = sum(w for _, w in exact)
    mean = sum(h * w for h, w in exact) / total
    m2 = sum(w * (h - mean) ** 2 for h, w in exact)
    assert abs(float(Fraction(float(merged["mean"][0])) / mean - 1)) < 1e-15
    assert abs(float(Fraction(float(merged["m2"][0])) / m2 - 1)) < 1e-12


@pytest.mark.parametrize("engine", ENGINES)
def test_a_first_part_far_from_the_others_does_not_spoil_the_spread(engine):
    rng = np.random.default_rng(3)
    value = np.concatenate([[1e7], 3000 + rng.normal(0, 0.1, 5000)])
    weight = np.concatenate([[1e-12], rng.uniform(1, 2, 5000)])
    states = reduce_runs(np.arange(value.size), value, weight)
    _, merged = merge_cells([np.zeros(value.size, np.int64)], [states], engine=engine)
    long, share = value.astype(np.longdouble), weight.astype(np.longdouble)
    mean = (long * share).sum() / share.sum()
    assert float(merged["m2"][0]) == pytest.approx(float((share * (long - mean) ** 2).sum()), rel=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_equal_values_have_no_spread_and_no_times_stay_none(engine):
    states = reduce_runs(np.arange(9), np.full(9, 0.1), np.linspace(0.1, 3, 9))
    cell = np.array([5, 5, 5, 2, 2, 9, 9, 9, 9])
    numbers, merged = merge_cells([cell[:4], cell[4:]], [states[:4], states[4:]], engine=engine)
    assert numbers.tolist() == [2, 5, 9]
    assert merged["mean"].tolist() == [0.1] * 3
    assert merged["m2"].tolist() == [0.0] * 3
    assert set(merged["first"].tolist()) == set(merged["last"].tolist()) == {NO_TIME}


def test_nothing_merges_to_nothing():
    numbers, merged = merge_cells([np.empty(0, np.int64)], [np.empty(0, STATE)])
    assert (numbers.size, merged.size) == (0, 0)
