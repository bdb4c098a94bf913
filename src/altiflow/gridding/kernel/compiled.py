"""The two inner loops compiled by numba: finding cells, and reducing runs; needs the extra ``fast``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel.projection import COSINE, REACH, SINE, TERMS, PolarProjection
from altiflow.gridding.kernel.states import FAR, NO_TIME, STATE

__all__ = ["compiled_finder", "reduce_runs", "scan_rows"]

_STRIP = 1024
"""Points projected before they are put into cells: loops this short are vectorised and stay in the cache."""


def compiled_finder(
    grid: Grid, projection: PolarProjection
) -> Callable[[npt.NDArray[Any], npt.NDArray[Any]], npt.NDArray[np.int64]]:
    """Return a function from longitude and latitude (n,) to cell numbers (n,), -1 outside."""
    exact = (
        float(projection.pole),
        projection.origin,
        (*projection.radius, *(0.0,) * (TERMS - len(projection.radius))),
        (grid.transform.c, grid.transform.a, grid.transform.f, -grid.transform.e),
        *grid.shape,
    )

    def find(longitude: npt.NDArray[Any], latitude: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        lon, lat = np.ascontiguousarray(longitude, np.float64), np.ascontiguousarray(latitude, np.float64)
        cell = np.empty(lon.size, np.int64)
        _find(lon, lat, exact, cell)
        return cell

    return find


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})  # type: ignore[untyped-decorator]
def _project(lon, lat, exact, x, y):  # type: ignore[no-untyped-def]
    """Fill column and row (n,) as whole floats; one loop without branches, which the compiler vectorises."""
    pole, origin, radius, lattice, _, _ = exact
    left, width, top, height = lattice
    for k in range(lon.size):
        t = 90.0 - pole * lat[k]
        u = t * t
        r = radius[13]
        r = ((r * u + radius[12]) * u + radius[11]) * u + radius[10]
        r = ((r * u + radius[9]) * u + radius[8]) * u + radius[7]
        r = ((r * u + radius[6]) * u + radius[5]) * u + radius[4]
        r = ((r * u + radius[3]) * u + radius[2]) * u + radius[1]
        r = r * u + radius[0]
        r = r * t if t >= 0.0 and t <= REACH else np.inf
        d = lon[k] - origin
        quarter = np.floor(d * (1.0 / 90.0) + 0.5)
        d = d - 90.0 * quarter
        u = d * d
        s = SINE[7]
        s = ((s * u + SINE[6]) * u + SINE[5]) * u + SINE[4]
        s = ((s * u + SINE[3]) * u + SINE[2]) * u + SINE[1]
        s = s * u + SINE[0]
        s = s * d
        c = COSINE[8]
        c = ((c * u + COSINE[7]) * u + COSINE[6]) * u + COSINE[5]
        c = ((c * u + COSINE[4]) * u + COSINE[3]) * u + COSINE[2]
        c = (c * u + COSINE[1]) * u + COSINE[0]
        turn = quarter - 4.0 * np.floor(quarter * 0.25)
        odd = (turn - 1.0) * (turn - 3.0) == 0.0
        sine, cosine = c if odd else s, s if odd else c
        sine = -sine if turn >= 2.0 else sine
        cosine = -cosine if (turn - 1.0) * (turn - 2.0) == 0.0 else cosine
        x[k] = np.floor((r * sine - left) / width)
        y[k] = np.floor((top + pole * (r * cosine)) / height)


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _find(lon, lat, exact, cell):  # type: ignore[no-untyped-def]
    """Fill `cell` (n,) with row * cols + col, -1 outside."""
    x, y = np.empty(_STRIP), np.empty(_STRIP)
    rows, cols = exact[4], exact[5]
    for begin in range(0, lon.size, _STRIP):
        end = min(begin + _STRIP, lon.size)
        _project(lon[begin:end], lat[begin:end], exact, x, y)
        part = cell[begin:end]
        for k in range(part.size):
            inside = x[k] >= 0.0 and x[k] < cols and y[k] >= 0.0 and y[k] < rows
            part[k] = np.int64(y[k]) * cols + np.int64(x[k]) if inside else -1


def scan_rows(
    cell: npt.NDArray[Any], value: npt.NDArray[Any], weight: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], bool]:
    """Return where runs of one cell start, and whether all rows are inside, finite and of positive weight."""
    starts = np.empty(cell.size + 1, np.int64)
    count, clean = _scan(cell, value, weight, starts)
    return starts[:count].copy(), clean


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _scan(cell, value, weight, starts):  # type: ignore[no-untyped-def]
    """Fill `starts` and return how many there are, and whether every row is usable."""
    unusable = 0
    for k in range(cell.size):
        usable = (cell[k] >= 0) & (weight[k] > 0) & (weight[k] < np.inf) & (value[k] - value[k] == 0)
        unusable += 1 - usable
    starts[0] = 0
    count = min(cell.size, 1)
    for k in range(1, cell.size):
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
) -> npt.NDArray[np.void]:
    """Return the state of each run of rows; see :func:`altiflow.gridding.kernel.states.reduce_runs`."""
    states = np.zeros(starts.size, STATE)
    nothing = np.empty(0)
    _reduce(
        starts,
        value,
        weight,
        nothing if noise is None else noise,
        np.empty(0, np.int64) if time is None else time,
        states,
    )
    return states


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _sums(value, weight, shift):  # type: ignore[no-untyped-def]
    """Return the sums of w, w^2, w d and w d^2, d the difference from `shift`, and the smallest and largest value.

    Four sums side by side do not wait for one another; as they are four on every machine, so are the bits.
    """
    w0, w1, w2, w3, q0, q1, q2, q3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    a0, a1, a2, a3, b0, b1, b2, b3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    low0 = low1 = low2 = low3 = high0 = high1 = high2 = high3 = np.float64(value[0])
    whole = value.size // 4 * 4
    for k in range(0, whole, 4):
        h, w = np.float64(value[k]), np.float64(weight[k])
        away = h - shift
        w0 += w
        q0 += w * w
        a0 += w * away
        b0 += w * away * away
        low0, high0 = min(low0, h), max(high0, h)
        h, w = np.float64(value[k + 1]), np.float64(weight[k + 1])
        away = h - shift
        w1 += w
        q1 += w * w
        a1 += w * away
        b1 += w * away * away
        low1, high1 = min(low1, h), max(high1, h)
        h, w = np.float64(value[k + 2]), np.float64(weight[k + 2])
        away = h - shift
        w2 += w
        q2 += w * w
        a2 += w * away
        b2 += w * away * away
        low2, high2 = min(low2, h), max(high2, h)
        h, w = np.float64(value[k + 3]), np.float64(weight[k + 3])
        away = h - shift
        w3 += w
        q3 += w * w
        a3 += w * away
        b3 += w * away * away
        low3, high3 = min(low3, h), max(high3, h)
    for k in range(whole, value.size):
        h, w = np.float64(value[k]), np.float64(weight[k])
        away = h - shift
        w0 += w
        q0 += w * w
        a0 += w * away
        b0 += w * away * away
        low0, high0 = min(low0, h), max(high0, h)
    total, square = (w0 + w1) + (w2 + w3), (q0 + q1) + (q2 + q3)
    low, high = min(min(low0, low1), min(low2, low3)), max(max(high0, high1), max(high2, high3))
    return total, square, (a0 + a1) + (a2 + a3), (b0 + b1) + (b2 + b3), low, high


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _reduce(starts, value, weight, noise, time, states):  # type: ignore[no-untyped-def]
    """Fill `states` (runs,)."""
    for run in range(starts.size):
        begin = starts[run]
        end = starts[run + 1] if run + 1 < starts.size else value.size
        mean = np.float64(value[begin])
        total, square, m2, low, high = 0.0, 0.0, 0.0, 0.0, 0.0
        for _ in range(2):
            shift = mean
            total, square, one, two, low, high = _sums(value[begin:end], weight[begin:end], shift)
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
