"""Pieces become extents: all of them held, none cut, no more waste than allowed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altiflow.readers.remote.ranges import coalesce

pieces = st.lists(st.tuples(st.integers(0, 3_000_000), st.integers(0, 50_000)), max_size=40)


@given(pieces)
def test_every_piece_lies_in_one_extent_and_the_waste_is_bounded(found: list[tuple[int, int]]) -> None:
    extents = coalesce([start for start, _ in found], [size for _, size in found])
    asked = np.zeros(3_100_000, dtype=bool)
    for start, size in found:
        asked[start : start + size] = True
        if size:
            assert sum(e.start <= start and start + size <= e.end for e in extents) == 1
    total = sum(extent.size for extent in extents)
    assert total - asked.sum() <= max(0.1 * asked.sum(), 2**18)
    ends = [extent.end for extent in extents]
    assert all(extent.start >= end for extent, end in zip(extents[1:], ends, strict=False))


def test_the_smallest_gaps_are_read_through_first() -> None:
    starts = np.array([0, 4_700_000, 9_500_000, 40_000_000])
    sizes = [4_000_000] * 4
    extents = coalesce(starts, sizes, largest=2**24)
    assert [(e.start, e.end) for e in extents] == [(0, 13_500_000), (40_000_000, 44_000_000)]
    tight = coalesce(starts, sizes, largest=2**24, waste=0.05)
    assert [(e.start, e.end) for e in tight] == [(0, 8_700_000), (9_500_000, 13_500_000), (40_000_000, 44_000_000)]
    assert len(coalesce(starts, sizes, gap=10)) == 4


def test_extents_do_not_grow_beyond_the_largest() -> None:
    starts = np.arange(10) * 1_000_000
    extents = coalesce(starts, [1_000_000] * 10, largest=4_000_000)
    assert [e.size for e in extents] == [4_000_000, 4_000_000, 2_000_000]
    assert [e.size for e in coalesce([5], [9_000_000], largest=100)] == [9_000_000]
    assert coalesce([], []) == []
    assert coalesce([5], [0]) == []


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_the_order_of_pieces_changes_nothing(order: list[int]) -> None:
    starts, sizes = np.array([0, 50, 9_900_000]), np.array([60, 5, 10])
    assert [(e.start, e.size) for e in coalesce(starts[order], sizes[order])] == [(0, 60), (9_900_000, 10)]
