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

_SAMPLE = 16
"""Values of a sample; the median is nearly always in the middle half of it."""

_MANY = 8 * _SAMPLE
"""So many values are worth a sample."""

_LOOKS = 3
"""Times that the limits of what is near the median are drawn closer."""

_BLOCK = 64
"""Values that are looked through together."""

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
    """Put values near the median into `part`, and return how many are below those and how many they are.

    Limits come from a sample, and then from those before them, as if values lay evenly in between: to count what is
    within limits takes a fraction of the time of moving it.
    """
    sample, place = part[:_SAMPLE], (values.size - 1) // 2
    _sort_sample(values, sample)
    low, high = sample[_SAMPLE // 4], sample[_SAMPLE - 1 - _SAMPLE // 4]
    below, upto = _count(values, low, high)
    if place < below:
        low, high = sample[0], low
        below, upto = _count(values, low, high)
    elif place + 1 >= upto:
        low, high = high, sample[_SAMPLE - 1]
        below, upto = _count(values, low, high)
    for _ in range(_LOOKS):
        inside = upto - below
        if not (below <= place and place + 1 < upto and inside > _FEW):
            break
        step, slack = (high - low) / inside, 2 + inside / 16
        first, last = low + (place - below - slack) * step, low + (place + 2 - below + slack) * step
        under, over = _count(values, first, last)
        if not (under <= place and place + 1 < over and over - under < inside):
            break
        low, high, below, upto = first, last, under, over
    _gather(values, low, high, part)
    return below, upto - below


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _sort_sample(values, sample):
    """Fill a sample with values in ascending order."""
    step = values.size // sample.size
    for k in range(sample.size):
        value, at = values[k * step], k
        while at > 0 and sample[at - 1] > value:
            sample[at] = sample[at - 1]
            at -= 1
        sample[at] = value


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _count(values, low, high):
    """Return how many values are below a limit, and how many are up to another."""
    below, upto = 0, 0
    for k in range(values.size):
        below += np.int64(values[k] < low)
        upto += np.int64(values[k] <= high)
    return below, upto


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _gather(values, low, high, part):
    """Put the values from `low` to `high` into `part`, looking through blocks of which most have none."""
    inside, at = np.uint64(0), np.uint64(0)
    size = np.uint64(values.size)
    while at + np.uint64(_BLOCK) <= size:
        found = 0
        for k in range(_BLOCK):
            value = values[at + np.uint64(k)]
            found += np.int64(value >= low) & np.int64(value <= high)
        # What is put down beyond the last one is put over.
        for k in range(_BLOCK if found else 0):
            value = values[at + np.uint64(k)]
            part[inside] = value
            inside += np.uint64(value >= low) & np.uint64(value <= high)
        at += np.uint64(_BLOCK)
    while at < size:
        part[inside] = values[at]
        inside += np.uint64(values[at] >= low) & np.uint64(values[at] <= high)
        at += np.uint64(1)


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
