"""Reducing runs and scanning rows, compiled by numba; needs the extra ``fast``."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from altiflow.gridding.kernel.states import FAR, NO_TIME, STATE

__all__ = ["merge_into", "reduce_runs", "scan_rows"]

_STRETCH = 32
"""Rows that are looked at together, whether the cell changes in any of them."""


def scan_rows(
    cell: npt.NDArray[Any], value: npt.NDArray[Any], weight: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], bool]:
    """Return where runs of one cell start, and whether all rows are inside, finite and of positive weight."""
    starts = np.empty(cell.size + 1, np.int64)
    count, clean = _scan(_plain(cell), _plain(value), _plain(weight), starts)
    return starts[:count].copy(), clean


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _scan(cell, value, weight, starts):  # type: ignore[no-untyped-def]
    """Fill `starts` and return how many there are, and whether every row is usable."""
    unusable = 0
    for k in range(cell.size):
        unusable |= (cell[k] < 0) | (not weight[k] > 0) | (not weight[k] < np.inf) | (value[k] - value[k] != 0)
    starts[0] = 0
    count = min(cell.size, 1)
    whole = max(cell.size - 1, 0) // _STRETCH
    for stretch in range(whole):
        part = cell[stretch * _STRETCH : stretch * _STRETCH + _STRETCH + 1]
        changes = cell[0] ^ cell[0]
        for k in range(_STRETCH):
            changes |= part[k] ^ part[k + 1]
        if changes:
            for k in range(_STRETCH):
                starts[count] = stretch * _STRETCH + k + 1
                count += np.int64(part[k] != part[k + 1])
    for k in range(whole * _STRETCH + 1, cell.size):
        starts[count] = k
        count += np.int64(cell[k] != cell[k - 1])
    return count, unusable == 0


def reduce_runs(
    starts: npt.NDArray[np.int64],
    value: npt.NDArray[Any],
    weight: npt.NDArray[Any],
    *,
    noise: npt.NDArray[np.float64] | None = None,
    time: npt.NDArray[np.int64] | None = None,
    squares: bool = True,
) -> npt.NDArray[np.void]:
    """Return the state of each run of rows; see :func:`altiflow.gridding.kernel.states.reduce_runs`."""
    states = np.zeros(starts.size, STATE)
    _reduce(
        starts,
        _plain(value),
        _plain(weight),
        _plain(np.empty(0) if noise is None else noise),
        _plain(np.empty(0, np.int64) if time is None else time),
        states,
    )
    return states


def _plain(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array as compiled code takes it: in one piece, so that sums are always taken in the same order.

    It is not to be written to, whether or not the array given is, as numba compiles anew for either.
    """
    known = array.dtype.isnative and (array.dtype.kind in "iub" or array.dtype in (np.float32, np.float64))
    plain = np.ascontiguousarray(array if known else array.astype(np.float64)).view()
    plain.flags.writeable = False
    return plain


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _sums(value, weight, shift):  # type: ignore[no-untyped-def]
    """Return the sums of w, w^2, w d and w d^2, d the difference from `shift`.

    Four sums side by side do not wait for one another; as they are four on every machine, and the compiler may not
    take them in another order, so are the bits.
    """
    w0 = w1 = w2 = w3 = q0 = q1 = q2 = q3 = 0.0
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = 0.0
    for k in range(value.size // 4):
        h, w = value[4 * k : 4 * k + 4], weight[4 * k : 4 * k + 4]
        x0, x1, x2, x3 = np.float64(w[0]), np.float64(w[1]), np.float64(w[2]), np.float64(w[3])
        d0, d1 = np.float64(h[0]) - shift, np.float64(h[1]) - shift
        d2, d3 = np.float64(h[2]) - shift, np.float64(h[3]) - shift
        w0, w1, w2, w3 = w0 + x0, w1 + x1, w2 + x2, w3 + x3
        q0, q1, q2, q3 = q0 + x0 * x0, q1 + x1 * x1, q2 + x2 * x2, q3 + x3 * x3
        x0, x1, x2, x3 = x0 * d0, x1 * d1, x2 * d2, x3 * d3
        a0, a1, a2, a3 = a0 + x0, a1 + x1, a2 + x2, a3 + x3
        b0, b1, b2, b3 = b0 + x0 * d0, b1 + x1 * d1, b2 + x2 * d2, b3 + x3 * d3
    for k in range(value.size // 4 * 4, value.size):
        x, d = np.float64(weight[k]), np.float64(value[k]) - shift
        w0, q0, a0, b0 = w0 + x, q0 + x * x, a0 + x * d, b0 + x * d * d
    return (w0 + w1) + (w2 + w3), (q0 + q1) + (q2 + q3), (a0 + a1) + (a2 + a3), (b0 + b1) + (b2 + b3)


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _extremes(value):  # type: ignore[no-untyped-def]
    """Return the smallest and the largest value; four of each side by side do not wait for one another."""
    low0 = low1 = low2 = low3 = high0 = high1 = high2 = high3 = value[0]
    for k in range(value.size // 4):
        four = value[4 * k : 4 * k + 4]
        h0, h1, h2, h3 = four[0], four[1], four[2], four[3]
        low0, high0 = h0 if h0 < low0 else low0, h0 if h0 > high0 else high0
        low1, high1 = h1 if h1 < low1 else low1, h1 if h1 > high1 else high1
        low2, high2 = h2 if h2 < low2 else low2, h2 if h2 > high2 else high2
        low3, high3 = h3 if h3 < low3 else low3, h3 if h3 > high3 else high3
    for k in range(value.size // 4 * 4, value.size):
        h = value[k]
        low0, high0 = h if h < low0 else low0, h if h > high0 else high0
    return np.float64(min(min(low0, low1), min(low2, low3))), np.float64(max(max(high0, high1), max(high2, high3)))


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _reduce(starts, value, weight, noise, time, states):  # type: ignore[no-untyped-def]
    """Fill `states` (runs,)."""
    for run in range(starts.size):
        begin = starts[run]
        end = starts[run + 1] if run + 1 < starts.size else value.size
        mean = np.float64(value[begin])
        low, high = _extremes(value[begin:end])
        total, square, m2 = 0.0, 0.0, 0.0
        for _ in range(2):
            shift = mean
            total, square, one, two = _sums(value[begin:end], weight[begin:end], shift)
            mean = min(max(shift + one / total, low), high)
            m2 = max(two - one * one / total, 0.0)
            if not total * (mean - shift) ** 2 > FAR * m2:
                break
        noise_sum = 0.0
        for k in range(begin, end if noise.size else begin):
            noise_sum += noise[k]
        first, last = NO_TIME, NO_TIME
        for k in range(begin, end if time.size else begin):
            t = time[k]
            last = max(last, t)
            if t != NO_TIME and (first == NO_TIME or t < first):
                first = t
        state = states[run]
        state.count, state.weight, state.weight2, state.noise = end - begin, total, square, noise_sum
        state.mean, state.m2, state.low, state.high = mean, m2, low, high
        state.first, state.last = first, last


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def merge_into(place, states, merged):  # type: ignore[no-untyped-def]
    """Merge states (n,) into those at their places (n,), of which a count of 0 is nothing yet."""
    for k in range(place.size):
        one, whole = states[k], merged[place[k]]
        if whole.count == 0:
            whole.count, whole.weight, whole.weight2, whole.noise = one.count, one.weight, one.weight2, one.noise
            whole.mean, whole.m2, whole.low, whole.high = one.mean, one.m2, one.low, one.high
            whole.first, whole.last = one.first, one.last
            continue
        weight, away = whole.weight + one.weight, one.mean - whole.mean
        share = one.weight / weight
        whole.m2 += one.m2 + away * away * (whole.weight * share)
        whole.low, whole.high = min(whole.low, one.low), max(whole.high, one.high)
        whole.mean = min(max(whole.mean + away * share, whole.low), whole.high)
        whole.weight, whole.weight2, whole.noise = weight, whole.weight2 + one.weight2, whole.noise + one.noise
        whole.count += one.count
        if one.first != NO_TIME:
            whole.first = one.first if whole.first == NO_TIME else min(whole.first, one.first)
        whole.last = max(whole.last, one.last)
