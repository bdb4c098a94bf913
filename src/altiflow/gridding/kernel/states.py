"""The state of a group of segments: count, weights, mean, M2, extremes and times; how states are made and merged."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["NO_TIME", "STATE", "merge_states", "reduce_runs", "run_starts", "sort_rows"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
States = npt.NDArray[np.void]

NO_TIME = np.iinfo(np.int64).min
"""How NaT looks among whole numbers."""

STATE = np.dtype(
    [
        ("count", np.int64),
        ("weight", np.float64),
        ("weight2", np.float64),
        ("mean", np.float64),
        ("m2", np.float64),
        ("low", np.float64),
        ("high", np.float64),
        ("noise", np.float64),
        ("first", np.int64),
        ("last", np.int64),
    ]
)
"""Number of segments, sum of weights and of their squares, weighted mean, M2 = sum of w (h - mean)^2, smallest and
largest value, sum of w^2 sigma^2, first and last time [ns since 1970]."""


FAR = 100.0
"""A mean further from the first value than this many variances costs M2 two digits, and is worth a second pass."""


def run_starts(changes: npt.NDArray[np.bool_]) -> Ints:
    """Return where runs start, (runs,), of rows of which `changes` (n - 1,) says where one differs from the last."""
    return np.concatenate([np.zeros(1, np.int64), np.flatnonzero(changes) + 1])


def sort_rows(number: npt.NDArray[Any]) -> Ints:
    """Return the order that sorts `number` (n,), equal ones left in their order."""
    numbers = np.asarray(number, np.int64)
    low = int(numbers.min()) if numbers.size else 0
    bits = max(int(numbers.size - 1).bit_length(), 1)
    if numbers.size == 0 or (int(numbers.max()) - low).bit_length() + bits > 62:
        return np.argsort(numbers, kind="stable")
    # Sorting the numbers with the row in their lowest bits is faster than sorting rows by number.
    packed = np.sort(((numbers - low) << bits) | np.arange(numbers.size))
    return np.asarray(packed & ((1 << bits) - 1), np.int64)


def reduce_runs(
    starts: Ints,
    value: npt.NDArray[Any],
    weight: npt.NDArray[Any],
    *,
    noise: Floats | None = None,
    time: Ints | None = None,
    squares: bool = True,
) -> States:
    """Return the state of each run of rows, (runs,) of dtype STATE.

    Parameters
    ----------
    starts
        First row of each run (runs,), from 0 up, ascending.
    value, weight
        (n,), finite; weights positive.
    noise
        w^2 sigma^2 of each row (n,); 0 where not given.
    time
        (n,) [ns since 1970]; without it all are NO_TIME.
    squares
        Whether the sum of squared weights is wanted; else it is 0.

    Notes
    -----
    Differences are taken from the first value of the run, so that heights of thousands of metres keep their
    millimetres; where that one lies far from the others, a second time from the mean. M2 of one row, and of equal
    values, is exactly 0.

    Examples
    --------
    >>> found = reduce_runs(np.array([0, 2]), np.array([1.0, 3.0, 7.0]), np.array([1.0, 3.0, 2.0]))
    >>> found["mean"].tolist(), found["m2"].tolist()
    ([2.5, 7.0], [3.0, 0.0])
    """
    states = np.zeros(starts.size, STATE)
    if starts.size == 0:
        return states
    value, weight = np.ascontiguousarray(value), np.ascontiguousarray(weight)
    # Extremes in the precision of the values, of which more go through at a time.
    low, high = (extreme.reduceat(value, starts).astype(np.float64) for extreme in (np.minimum, np.maximum))
    value, weight = np.asarray(value, np.float64), np.asarray(weight, np.float64)
    count = np.diff(starts, append=value.size)
    shift = value[starts]
    total = np.add.reduceat(weight, starts)
    away = value - np.repeat(shift, count)
    mean, m2, product = _moments(starts, weight, away, shift, total, low, high)
    far = np.flatnonzero(total * (mean - shift) ** 2 > FAR * m2)
    if far.size:
        own = np.cumsum(count[far]) - count[far]
        rows = np.arange(int(count[far].sum())) + np.repeat(starts[far] - own, count[far])
        again = value[rows] - np.repeat(mean[far], count[far])
        chosen = (total[far], low[far], high[far])
        mean[far], m2[far], _ = _moments(own, weight[rows], again, mean[far], *chosen)
    states["mean"], states["m2"] = mean, m2
    states["count"], states["weight"] = count, total
    states["low"], states["high"] = low, high
    if squares:
        np.multiply(weight, weight, out=product)
        states["weight2"] = np.add.reduceat(product, starts)
    if noise is not None:
        states["noise"] = np.add.reduceat(noise, starts)
    states["first"], states["last"] = _time_span(starts, time)
    return states


def _moments(
    starts: Ints, weight: Floats, away: Floats, shift: Floats, total: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return mean and M2 (runs,) from differences from `shift` (runs,), and a work array (n,)."""
    product = weight * away
    offset = np.add.reduceat(product, starts) / total
    np.multiply(product, away, out=product)
    m2 = np.maximum(np.add.reduceat(product, starts) - total * offset**2, 0.0)
    return np.clip(shift + offset, low, high), m2, product


def _time_span(starts: Ints, time: Ints | None) -> tuple[Any, Any]:
    """Return the first and last time of each run, NO_TIME where no row of it has one."""
    if time is None:
        return NO_TIME, NO_TIME
    first, last = np.minimum.reduceat(time, starts), np.maximum.reduceat(time, starts)
    if first.size and first.min() == NO_TIME:
        known = np.where(time == NO_TIME, np.iinfo(np.int64).max, time)
        first = np.minimum.reduceat(known, starts)
        first[last == NO_TIME] = NO_TIME
    return first, last


def merge_states(states: States, starts: Ints) -> States:
    """Return the states of groups of states, (groups,), of dtype STATE.

    Parameters
    ----------
    states
        (n,) of dtype STATE, or of one with more fields, in the order in which they are to be merged.
    starts
        First state of each group (groups,), ascending from 0.

    Notes
    -----
    Chan, Golub and LeVeque (1983), Am. Stat. 37: M2 of a union is the sum of the M2 and of W (mean - joint mean)^2;
    written for any number of parts at once, with differences from the first mean.

    Examples
    --------
    >>> parts = reduce_runs(np.array([0, 1]), np.array([1.0, 3.0]), np.array([1.0, 3.0]))
    >>> whole = merge_states(parts, np.array([0]))
    >>> whole["mean"].tolist(), whole["m2"].tolist()
    ([2.5], [3.0])
    """
    sizes = np.diff(starts, append=states.size)
    several = np.flatnonzero(sizes > 1)
    if several.size < 0.5 * starts.size:
        merged = np.empty(starts.size, STATE)
        alone = np.take(states, starts, mode="clip")
        for name in STATE.names or ():
            merged[name] = alone[name]
        if several.size == 0:
            return merged
        rows = np.repeat(starts[several] - np.cumsum(sizes[several]) + sizes[several], sizes[several])
        rows += np.arange(rows.size)
        own = np.cumsum(sizes[several]) - sizes[several]
        merged[several] = _merged(np.take(states, rows, mode="clip"), own, sizes[several])
        return merged
    return _merged(states, starts, sizes)


def _merged(states: States, starts: Ints, sizes: Ints) -> States:
    """Return the states of groups of one or more states."""
    merged = np.empty(starts.size, STATE)
    for name in ("count", "weight", "weight2", "noise"):
        merged[name] = np.add.reduceat(np.ascontiguousarray(states[name]), starts)
    weight, mean = np.ascontiguousarray(states["weight"]), np.ascontiguousarray(states["mean"])
    low = merged["low"] = np.minimum.reduceat(states["low"], starts)
    high = merged["high"] = np.maximum.reduceat(states["high"], starts)
    # The second time from the mean, which the first time found to rounding of its distance from the first part.
    middle = mean[starts]
    for _ in range(2):
        away = mean - np.repeat(middle, sizes)
        middle, between, _ = _moments(starts, weight, away, middle, merged["weight"], low, high)
    merged["mean"], merged["m2"] = middle, np.add.reduceat(np.ascontiguousarray(states["m2"]), starts) + between
    first, last = np.ascontiguousarray(states["first"]), np.ascontiguousarray(states["last"])
    merged["first"], merged["last"] = _time_span(starts, first)[0], np.maximum.reduceat(last, starts)
    return merged
