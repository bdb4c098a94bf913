"""Lanes: results in order, the first error in order, and nothing left running."""

from __future__ import annotations

import threading

import pytest

from altiflow.readers.remote.ranges.lanes import Lanes


def test_results_come_in_order_and_at_most_so_many_run_at_once() -> None:
    lanes, busy, most = Lanes(3), 0, 0
    lock, met = threading.Lock(), threading.Barrier(3, timeout=10)

    def work(number: int) -> int:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        met.wait()
        with lock:
            busy -= 1
        return number * 10

    assert lanes.run(work, 6) == [0, 10, 20, 30, 40, 50]
    assert most == 3
    lanes.close()


def test_the_first_error_in_order_is_raised_once_nothing_runs() -> None:
    lanes, ended = Lanes(4), []
    late, all_run = threading.Event(), threading.Barrier(4)

    def work(number: int) -> None:
        all_run.wait(10)
        if number == 1:
            late.set()
            raise ValueError("one")
        late.wait(10)
        ended.append(number)
        if number == 2:
            raise ValueError("two")

    with pytest.raises(ValueError, match="one"):
        lanes.run(work, 4)
    assert sorted(ended) == [0, 2, 3]
    assert lanes.run(lambda number: number, 3) == [0, 1, 2]
    lanes.close()


def test_a_single_piece_needs_no_thread_and_closed_lanes_open_again() -> None:
    lanes = Lanes(2)
    assert lanes.run(lambda _: threading.current_thread(), 1) == [threading.main_thread()]
    assert lanes.run(lambda number: number, 0) == []
    assert threading.main_thread() not in lanes.run(lambda _: threading.current_thread(), 2)
    lanes.close()
    lanes.close()
    assert lanes.run(lambda number: number, 2) == [0, 1]
    lanes.close()
