# mypy: disable-error-code="no-untyped-def, untyped-decorator, assignment"
"""Medians by selection, compiled: each value is put on both sides at once, and only one of two counters goes on.

That leaves nothing for the processor to guess, which is what the time of a selection otherwise goes into.
"""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["median"]

_FEW = 16
"""So few values are sorted."""

_SAMPLE = 48
"""Values of a sample; the median is nearly always in the middle third of it."""

_MANY = 8 * _SAMPLE
"""So many values are worth a sample."""

_ROUNDS = 60
"""Rounds after which pivots have been so bad that the rest is sorted."""


@numba.njit(cache=True, nogil=True, error_model="numpy")
def median(values, spare):
    """Return the median of finite values (n,); NaN where there are none.

    Of two middle ones it is ``low + (high - low) / 2``. The values are lost, and those in `spare` (n,) too.
    """
    if values.size == 0:
        return np.nan
    # The place asked for among those left, and the lowest value above all of them.
    source, other, place, ceiling = values, spare, (values.size - 1) // 2, np.inf
    even, rounds = values.size % 2 == 0, 0
    if values.size >= _MANY:
        below, inside = _narrow(values, spare)
        if below <= place and place + 1 < below + inside:
            source, other, place = spare[:inside], values[:inside], place - below
    while source.size > _FEW and rounds < _ROUNDS:
        pivot = _pivot(source)
        below, above = _divide(source, other, pivot)
        low, high = other[:below], other[source.size - above :]
        if place < below:
            source, other, ceiling = low, source[:below], pivot
        elif place >= source.size - above:
            place -= source.size - above
            source, other = high, source[:above]
        elif even and place + 1 == source.size - above:
            return pivot + ((high.min() if above else ceiling) - pivot) / 2
        else:
            return pivot
        rounds += 1
    source.sort()
    if not even:
        return source[place]
    return source[place] + ((source[place + 1] if place + 1 < source.size else ceiling) - source[place]) / 2


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _narrow(values, part):
    """Put values near the median of a sample into `part`, and return how many are below those and how many they are."""
    sample = values[: values.size // _SAMPLE * _SAMPLE : values.size // _SAMPLE].copy()
    sample.sort()
    low, high = sample[_SAMPLE // 3], sample[_SAMPLE - 1 - _SAMPLE // 3]
    below, inside = 0, 0
    for k in range(values.size):
        value = values[k]
        part[inside] = value
        less = np.int64(value < low)
        below += less
        inside += np.int64(value <= high) - less
    return below, inside


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _divide(values, parts, pivot):
    """Put values below a pivot at the beginning of `parts`, those above at its end, and return how many of each."""
    below, above, last = 0, 0, values.size - 1
    for k in range(values.size):
        value = values[k]
        # The two ends can only meet at the last of the values, which is then the same on both sides.
        parts[below] = value
        below += np.int64(value < pivot)
        parts[last - above] = value
        above += np.int64(value > pivot)
    return below, above


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _pivot(values):
    """Return the median of three medians of three, spread over the values."""
    step = values.size // 9
    first = _middle(values[0], values[step], values[2 * step])
    second = _middle(values[3 * step], values[4 * step], values[5 * step])
    third = _middle(values[6 * step], values[7 * step], values[8 * step])
    return _middle(first, second, third)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _middle(a, b, c):
    """Return the middle one of three."""
    return max(min(a, b), min(max(a, b), c))
