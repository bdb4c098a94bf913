# mypy: disable-error-code="no-untyped-def, untyped-decorator"
"""Pixels: the fit to each of those whose pairs are listed, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from altiflow.gridding.cubes.inversion.compiled.bands import factorise, invert, solve, tell_apart
from altiflow.gridding.cubes.inversion.compiled.rounds import guess, judge
from altiflow.gridding.cubes.inversion.compiled.sums import (
    activate,
    add_meetings,
    add_products,
    add_residuals,
    find_residuals,
)
from altiflow.gridding.cubes.inversion.compiled.work import load_pairs, make_work
from altiflow.gridding.cubes.inversion.estimates import MAX_ROUNDS

__all__ = ["Answers", "fit_pixels"]


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
def fit_pixels(model, start, stop, lists, threshold, least, answers):
    """Fill the answers for pixels whose pairs are elements `start` to `stop` (m,) of lists.

    A threshold of 0 takes no outliers out.
    """
    # A number that is no literal, for which the rest would be compiled once more.
    most = np.int64(0)
    for pixel in range(start.size):
        most = max(most, stop[pixel] - start[pixel])
    work = make_work(model, most)
    for pixel in range(start.size):
        count = stop[pixel] - start[pixel]
        load_pairs(model, lists, start[pixel], stop[pixel], work)
        if threshold > 0:
            left = _reject(model, work, count, threshold, least)
        else:
            left = False
            _solve(model, work, count)
        if not left:
            find_residuals(model, work)
        _assess(model, work, pixel, answers)
        answers.pairs[pixel] = work.used[:count].sum()


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _reject(model, work, count, threshold, least):
    """Solve without outliers, judging all pairs again until none changes; return whether residuals are at hand."""
    for c in range(2):
        for k in range(count):
            work.root[c, k] = np.sqrt(work.weight[c, k])
    guess(work, count, threshold)
    _solve(model, work, count)
    for _ in range(MAX_ROUNDS):
        if not judge(model, work, count, threshold, least):
            return True
        _solve(model, work, count)
    return False


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _solve(model, work, count):
    """Fill factors, solution and which unknowns are told apart, of the used pairs."""
    activate(work, count)
    add_products(model, work)
    for c in range(2):
        work.lower[c] = work.normal[c] + model.penalty
        factorise(work.lower[c], work.inverse_pivot[c], work.scale[c])
        solve(work.lower[c], work.inverse_pivot[c], work.scale[c], work.right[c], work.solution[c])
        tell_apart(work.lower[c], work.inverse_pivot[c], work.vector[c], work.apart[c])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _assess(model, work, pixel, answers):
    """Fill the answers for one pixel.

    Solutions get one step on the residuals, which are exact where the normal equations are not (Björck 1987,
    corrected seminormal equations).
    """
    squares = add_residuals(model, work)
    for c in range(2):
        solution, right, inverse, step = work.solution[c], work.right[c], work.inverse[c], work.vector[c]
        _take_off(model.penalty, solution, right)
        solve(work.lower[c], work.inverse_pivot[c], work.scale[c], right, step)
        invert(work.lower[c], work.inverse_pivot[c], work.scale[c], inverse)
        for j in range(solution.size):
            answers.factors[c, j, pixel] = solution[j] + step[j]
            answers.apart[c, j, pixel] = work.apart[c, j]
            answers.variance[c, j, pixel] = inverse[j, 0]
        answers.beside[c, pixel] = inverse[-2, 1] if inverse.shape[1] > 1 else 0.0
        answers.squares[c, pixel] = squares[c]
        answers.parameters[c, pixel] = _trace(work.normal[c], inverse)
    add_meetings(model, work, answers.count[:, pixel], answers.days[:, pixel])


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
