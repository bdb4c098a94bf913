# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"
"""Lists: the pairs of a block of pixels, found where they lie and put pixel after pixel, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import types

__all__ = ["Stored", "find_pairs", "lay_flat", "list_pairs"]

WORD = 8
"""Pixels that are looked at together, whether any of them has a pair."""


class Stored(NamedTuple):
    """Values of some pixels as they lie: the value of pixel i in layer l is element ``l * step + i``."""

    values: Any
    step: int


def lay_flat(values: npt.NDArray[Any]) -> Stored:
    """Return views (layers, m) of stored values as one piece of memory; copies what does not lie row by row."""
    size = values.itemsize
    if values.strides[1] != size or values.strides[0] < size * values.shape[1] or values.strides[0] % size:
        values = np.ascontiguousarray(values)
    step = values.strides[0] // size
    shape = ((len(values) - 1) * step + values.shape[1],)
    return Stored(np.lib.stride_tricks.as_strided(values, shape, (size,), writeable=False), step)


def _typed(kind: Any) -> Any:
    """Return the type of stored values, read-only or not: one for all of them, so that they are compiled for once."""
    return types.NamedTuple((types.Array(kind, 1, "C", readonly=True), types.int64), Stored)


_KINDS = (types.float32, types.float64)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _leave_finite(values, there):
    """Set flags to 0 where values (m,) are no numbers."""
    for i in range(values.size):
        # Nothing but a number less itself is 0.
        there[i] &= np.uint8(values[i] - values[i] == 0)


@numba.njit(
    [
        (
            *(_typed(kind),) * 4,
            *(types.int64[::1], types.int64[::1]),
            *(types.int64[::1], types.int32[::1], types.Array(kind, 2, "C")),
        )
        for kind in _KINDS
    ],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def find_pairs(vx, vy, vx_sigma, vy_sigma, layers, count, row, pixel, values):
    """Find the pairs of which both velocities are there, layer after layer, each looked at once; return how many.

    What is not there is put down as well, and the next one over it: that leaves the processor nothing to guess. Where
    there may be no room for those of another layer, -1 is returned.

    Parameters
    ----------
    vx, vy, vx_sigma, vy_sigma
        As they are stored.
    layers
        Layers to look through (n,).
    count
        How many there are in each pixel (m,); is added to.
    row, pixel, values
        Filled: where those of each layer begin, and the end (n + 1,); and pixel, vx and vy, with both sigmas if there
        is room for four, of each pair.
    """
    found, both, size = np.uint64(0), values.shape[1] == 4, count.size
    there = np.zeros(-(-size // WORD) * WORD, np.uint8)
    words = there.view(np.uint64)
    row[0] = 0
    for k in range(layers.size):
        row[k + 1] = found
        first = vx.values[layers[k] * vx.step : layers[k] * vx.step + size]
        second = vy.values[layers[k] * vy.step : layers[k] * vy.step + size]
        there[:size] = 1
        _leave_finite(first, there)
        if not words.any():
            continue
        if found + np.uint64(size) > np.uint64(pixel.size):
            return -1
        _leave_finite(second, there)
        count += there[:size]
        for word in range(words.size):
            if words[word] == 0:
                continue
            for i in range(np.uint64(word * WORD), np.uint64(min(word * WORD + WORD, size))):
                pixel[found] = i
                values[found, 0], values[found, 1] = first[i], second[i]
                if both:
                    values[found, 2] = vx_sigma.values[np.uint64(layers[k] * vx_sigma.step) + i]
                    values[found, 3] = vy_sigma.values[np.uint64(layers[k] * vy_sigma.step) + i]
                found += np.uint64(there[i])
        row[k + 1] = found
    return np.int64(found)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _weight(sigma):
    """Return the inverse square of a standard error; 0 where it is none."""
    size = np.float64(sigma)
    return 1.0 / (size * size) if 0 < size < np.inf else 0.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def list_pairs(row, pixel, values, stop, lists):
    """Put pairs that have a weight in both components pixel after pixel, in the order that they come in.

    Parameters
    ----------
    row, pixel, values
        Pairs as they were found.
    stop
        Where the list of each pixel begins (m,); becomes where it ends.
    lists
        The lists, see :class:`altiflow.gridding.cubes.inversion.compiled.sums.Pairs`.
    """
    wide, known = values.shape[1] == 4, lists.known
    for layer in range(row.size - 1):
        if not wide and not (known[layer, 0] > 0 and known[layer, 1] > 0):
            continue
        for k in range(np.uint64(row[layer]), np.uint64(row[layer + 1])):
            place = stop[np.uint64(pixel[k])]
            at = np.uint64(place)
            if wide:
                w0, w1 = _weight(values[k, 2]), _weight(values[k, 3])
                if not (w0 > 0 and w1 > 0):
                    continue
                lists.weight[at, 0], lists.weight[at, 1] = w0, w1
            lists.layer[at] = layer
            lists.velocity[at, 0], lists.velocity[at, 1] = values[k, 0], values[k, 1]
            stop[np.uint64(pixel[k])] = place + 1
