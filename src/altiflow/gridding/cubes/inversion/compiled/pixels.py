# mypy: disable-error-code="no-untyped-def, untyped-decorator"
"""Pixels: the pairs of a block of them, listed pixel after pixel, and the fit to each, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types

from altiflow.gridding.cubes.inversion.compiled.bands import factorise, invert, solve, tell_apart
from altiflow.gridding.cubes.inversion.compiled.rounds import guess, judge
from altiflow.gridding.cubes.inversion.compiled.sums import (
    Pairs,
    add_meetings,
    add_products,
    add_residuals,
    make_work,
)
from altiflow.gridding.cubes.inversion.estimates import MAX_ROUNDS

__all__ = ["Answers", "count_pairs", "fit_pixels", "list_pairs"]


class Answers(NamedTuple):
    """What is said of m pixels: for both components (2, ...) what an Estimate holds; then of each period and pixel.

    ``factors``, ``apart`` and ``variance`` are (2, p, m), ``beside``, ``squares`` and ``parameters`` (2, m), ``count``
    and ``days`` (levels, m), and ``pairs`` (m,).
    """

    factors: Any
    apart: Any
    variance: Any
    beside: Any
    squares: Any
    parameters: Any
    count: Any
    days: Any
    pairs: Any


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_pairs(there, layers, count):
    """Add up how many of some layers are there (all layers, m) in each pixel (m,)."""
    for k in range(layers.size):
        row = there[layers[k]]
        for pixel in range(count.size):
            count[pixel] += row[pixel]


def _stored(kind: Any) -> Any:
    """Return the type of a view of stored values: one for all of them, so that they are compiled for once."""
    return types.Array(kind, 2, "A", readonly=True)


_SHARED = (types.boolean[:, ::1], types.int64[::1], types.int64[::1], types.float64[:, ::1], types.boolean)
_LISTS = (types.int64[::1], types.int32[::1], types.float64[:, ::1], types.float64[:, ::1])


@numba.njit(
    [(*_SHARED, *(_stored(kind),) * 4, *_LISTS) for kind in (types.float32, types.float64)],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def list_pairs(there, layers, rows, known, wide, vx, vy, vx_sigma, vy_sigma, stop, layer, velocity, weight):
    """List the pairs that are there and have a weight in both components, pixel after pixel, in the order of `layers`.

    Parameters
    ----------
    there
        Whether both velocities are there (all layers, m).
    layers, rows
        Layers to take (n,), and their rows in the model.
    known, wide
        Weights of rows (r, 2), and whether the standard errors (all layers, m) are to be taken instead.
    vx, vy, vx_sigma, vy_sigma
        (all layers, m).
    stop
        Where the pairs of each pixel begin (m,); becomes where they end.
    layer, velocity, weight
        The lists: row, and velocity and weight of both components, see :class:`Pairs`.
    """
    for k in range(layers.size):
        at, row = layers[k], rows[k]
        w0, w1 = known[row, 0], known[row, 1]
        for pixel in range(stop.size):
            if not there[at, pixel]:
                continue
            if wide:
                s0, s1 = np.float64(vx_sigma[at, pixel]), np.float64(vy_sigma[at, pixel])
                w0 = 1.0 / (s0 * s0) if 0 < s0 < np.inf else 0.0
                w1 = 1.0 / (s1 * s1) if 0 < s1 < np.inf else 0.0
            if w0 > 0 and w1 > 0:
                place = stop[pixel]
                layer[place] = row
                velocity[place, 0], velocity[place, 1] = vx[at, pixel], vy[at, pixel]
                weight[place, 0], weight[place, 1] = w0, w1
                stop[pixel] = place + 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def fit_pixels(model, start, stop, lists, threshold, least, answers):
    """Fill the answers for pixels whose pairs are the elements from `start` to `stop` (m,) of lists.

    A threshold of 0 takes no outliers out.
    """
    most = 0
    for pixel in range(start.size):
        most = max(most, stop[pixel] - start[pixel])
    work = make_work(model, most)
    for pixel in range(start.size):
        begin, end = start[pixel], stop[pixel]
        pairs = Pairs(lists.layer[begin:end], lists.velocity[begin:end], lists.weight[begin:end])
        work.used[: end - begin] = True
        if threshold > 0:
            _reject(model, pairs, threshold, least, work)
        else:
            _solve(model, pairs, work)
        _assess(model, pairs, work, pixel, answers)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _reject(model, pairs, threshold, least, work):
    """Solve without outliers, judging all pairs again until none changes."""
    for k in range(pairs.layer.size):
        work.root[0, k], work.root[1, k] = np.sqrt(pairs.weight[k, 0]), np.sqrt(pairs.weight[k, 1])
    guess(pairs, threshold, work)
    _solve(model, pairs, work)
    for _ in range(MAX_ROUNDS):
        if not judge(model, pairs, threshold, least, work):
            break
        _solve(model, pairs, work)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _solve(model, pairs, work):
    """Fill factors, solution and which unknowns are told apart, of the used pairs."""
    add_products(model, pairs, work.used, work.normal, work.right)
    for c in range(2):
        work.lower[c] = work.normal[:, :, c] + model.penalty
        factorise(work.lower[c], work.inverse_pivot[c], work.scale[c])
        solve(work.lower[c], work.inverse_pivot[c], work.scale[c], work.right[:, c], work.solution[c])
        tell_apart(work.lower[c], work.inverse_pivot[c], work.vector[c], work.apart[c])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _assess(model, pairs, work, pixel, answers):
    """Fill the answers for one pixel.

    Solutions get one step on the residuals, which are exact where the normal equations are not (Björck 1987,
    corrected seminormal equations).
    """
    squares = add_residuals(model, pairs, work.used, work.solution, work.right)
    for c in range(2):
        solution, right, inverse, step = work.solution[c], work.right[:, c], work.inverse[c], work.vector[c]
        _take_off(model.penalty, solution, right)
        solve(work.lower[c], work.inverse_pivot[c], work.scale[c], right, step)
        invert(work.lower[c], work.inverse_pivot[c], work.scale[c], inverse)
        for j in range(solution.size):
            answers.factors[c, j, pixel] = solution[j] + step[j]
            answers.apart[c, j, pixel] = work.apart[c, j]
            answers.variance[c, j, pixel] = inverse[j, 0]
        answers.beside[c, pixel] = inverse[-2, 1] if inverse.shape[1] > 1 else 0.0
        answers.squares[c, pixel] = squares[c]
        answers.parameters[c, pixel] = _trace(work.normal[:, :, c], inverse)
    count, days = answers.count[:, pixel], answers.days[:, pixel]
    answers.pairs[pixel] = add_meetings(model, pairs, work.used, count, days)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _take_off(penalty, solution, right):
    """Take the product of a symmetric band (p, b + 1) with a vector off another."""
    count, wide = penalty.shape
    for j in range(count):
        right[j] -= penalty[j, 0] * solution[j]
        for d in range(1, min(wide, count - j)):
            right[j] -= penalty[j, d] * solution[j + d]
            right[j + d] -= penalty[j, d] * solution[j]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _trace(normal, inverse):
    """Return the trace of the product of two symmetric bands (p, b + 1)."""
    total, (count, wide) = 0.0, normal.shape
    for j in range(count):
        total += normal[j, 0] * inverse[j, 0]
        for d in range(1, min(wide, count - j)):
            total += 2 * normal[j, d] * inverse[j, d]
    return total
