# mypy: disable-error-code="no-untyped-def, untyped-decorator"
"""Lists: the pairs of a block of pixels, found where they lie and put pixel after pixel, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from numba import types

__all__ = ["WORD", "Stored", "find_pairs", "lay_flat", "list_pairs"]

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


@numba.njit(
    [(_typed(kind), _typed(kind), types.int64[::1], types.uint8[:, ::1], types.int64[::1]) for kind in _KINDS],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def find_pairs(vx, vy, layers, there, count):
    """Fill whether both velocities are there in some layers (n, m or more), and add up how many in each pixel (m,)."""
    for k in range(layers.size):
        first = vx.values[layers[k] * vx.step : layers[k] * vx.step + count.size]
        second = vy.values[layers[k] * vy.step : layers[k] * vy.step + count.size]
        row = there[k, : count.size]
        for i in range(count.size):
            # Nothing but a number less itself is 0.
            row[i] = np.uint8(first[i] - first[i] == 0) & np.uint8(second[i] - second[i] == 0)
        for i in range(count.size):
            count[i] += row[i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _weight(sigma):
    """Return the inverse square of a standard error; 0 where it is none."""
    size = np.float64(sigma)
    return 1.0 / (size * size) if 0 < size < np.inf else 0.0


_LISTS = (types.int32[::1], types.float64[:, ::1], types.float64[:, ::1])


@numba.njit(
    [
        (
            *(_typed(kind),) * 4,
            *(types.int64[::1], types.int64[::1], types.uint8[:, ::1], types.uint64[:, ::1]),
            *(types.float64[:, ::1], types.boolean, types.int64, types.int64[::1], *_LISTS),
        )
        for kind in _KINDS
    ],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def list_pairs(
    vx, vy, vx_sigma, vy_sigma, layers, rows, there, words, known, wide, begin, stop, layer, velocity, weight
):
    """List the pairs that are there and have a weight in both components, pixel after pixel, in the order of `layers`.

    What is not there is put down as well, and the next one over it: that leaves the processor nothing to guess.

    Parameters
    ----------
    vx, vy, vx_sigma, vy_sigma
        As they are stored.
    layers, rows
        Layers to take (n,), and their rows in the model.
    there, words
        Whether both velocities are there (n, m or more), and the same in words of 8 pixels.
    known, wide
        Weights of rows (r, 2), and whether the standard errors as stored are to be taken instead.
    begin
        First pixel of those to list, a multiple of 8.
    stop
        Where the list of each pixel begins (q,), with room for one more than there are; becomes where it ends.
    layer, velocity, weight
        The lists: row, and velocity and weight of both components, see :class:`Pairs`.
    """
    for k in range(layers.size):
        row, good = rows[k], there[k]
        w0, w1 = known[row, 0], known[row, 1]
        at_x, at_y = layers[k] * vx.step + begin, layers[k] * vy.step + begin
        at_sx, at_sy = layers[k] * vx_sigma.step + begin, layers[k] * vy_sigma.step + begin
        for first in range(0, stop.size, WORD):
            if words[k, (begin + first) // WORD] == 0:
                continue
            for i in range(first, min(first + WORD, stop.size)):
                if wide:
                    w0, w1 = _weight(vx_sigma.values[at_sx + i]), _weight(vy_sigma.values[at_sy + i])
                place = stop[i]
                layer[place] = row
                velocity[place, 0], velocity[place, 1] = vx.values[at_x + i], vy.values[at_y + i]
                weight[place, 0], weight[place, 1] = w0, w1
                stop[i] = place + (np.int64(good[begin + i]) & np.int64(w0 > 0) & np.int64(w1 > 0))
