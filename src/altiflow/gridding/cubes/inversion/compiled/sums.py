# mypy: disable-error-code="no-untyped-def, untyped-decorator"
"""Sums over the pairs of one pixel, compiled: loops over the pairs of one group, both components together.

Additions may be done in another order, several side by side, but always the same one for as many pairs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

__all__ = ["Model", "Pairs", "Work", "activate", "add_meetings", "add_products", "add_residuals", "find_residuals"]

_SUMS = {"reassoc", "contract"}


class Model(NamedTuple):
    """A model's n rows that may be used, in groups of layers that follow one another.

    Group g are layers ``first[g]`` to ``first[g + 1]`` and has the unknowns ``column[begin[g]]`` to
    ``column[begin[g + 1]]``, in order. The means of its functions are a table (layers, columns) in one piece, which
    begins at ``share[place[g]]``. `days` (n,) are the layers' lengths, and `widest` is the most columns of a group.
    The price of roughness is an upper band (p, b + 1), and the first `levels` unknowns are velocities in periods.
    """

    first: Any
    begin: Any
    column: Any
    place: Any
    share: Any
    days: Any
    penalty: Any
    levels: int
    widest: int


class Pairs(NamedTuple):
    """The pairs of many pixels, pixel after pixel and in each in the model's order.

    Layer of the model (n,) and velocity (n, 2) of each pair, and its weights (n, 2), inverse squares of standard
    errors: empty where `known` (layers, 2) has those of each layer.
    """

    layer: Any
    velocity: Any
    weight: Any
    known: Any


class Work(NamedTuple):
    """Room for one pixel, for both components (2, ...).

    Normal matrix (2, p, b + 1) and right side (2, p) as they are summed, solutions, factors of the matrix, whether
    unknowns are told apart, the band of the inverse. Then its n pairs: those of group g are ``first[g]`` to
    ``first[g + 1]``, and the means of its functions begin at ``coef[place[g]]``, function by function; velocities,
    weights, weights of the used ones, roots of weights, residuals and their sizes (2, n), days (n,), whether they are
    used and kept, and spare room.
    """

    normal: Any
    right: Any
    solution: Any
    lower: Any
    inverse_pivot: Any
    scale: Any
    apart: Any
    inverse: Any
    vector: Any
    found: Any
    first: Any
    place: Any
    coef: Any
    velocity: Any
    weight: Any
    active: Any
    root: Any
    left: Any
    away: Any
    times: Any
    days: Any
    used: Any
    kept: Any
    spare: Any


@numba.njit(cache=True, nogil=True, error_model="numpy")
def activate(work, count):
    """Fill the weights of the used pairs; those of the others are 0."""
    for c in range(2):
        for k in range(count):
            work.active[c, k] = work.weight[c, k] if work.used[k] else 0.0


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_SUMS)
def _sum_four(table, at, times, low, count, found):
    """Fill the sums (2, 4) of four rows of a table, the first of which begins at `at`, times factors (2, n)."""
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = 0.0
    for k in range(count):
        a, b = times[0, low + k], times[1, low + k]
        one, two = table[at + k], table[at + count + k]
        three, four = table[at + count + count + k], table[at + count + count + count + k]
        a0, a1, a2, a3 = a0 + a * one, a1 + a * two, a2 + a * three, a3 + a * four
        b0, b1, b2, b3 = b0 + b * one, b1 + b * two, b2 + b * three, b3 + b * four
    found[0, 0], found[0, 1], found[0, 2], found[0, 3] = a0, a1, a2, a3
    found[1, 0], found[1, 1], found[1, 2], found[1, 3] = b0, b1, b2, b3


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_SUMS)
def _sum_two(table, at, times, low, count, found):
    """Fill the sums (2, 2) of two rows."""
    a0 = a1 = b0 = b1 = 0.0
    for k in range(count):
        a, b = times[0, low + k], times[1, low + k]
        one, two = table[at + k], table[at + count + k]
        a0, a1 = a0 + a * one, a1 + a * two
        b0, b1 = b0 + b * one, b1 + b * two
    found[0, 0], found[0, 1], found[1, 0], found[1, 1] = a0, a1, b0, b1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _sum_rows(table, at, times, low, count, found, width):
    """Fill the sums (2, width) of rows of a table."""
    for b in range(0, width, 4):
        if width - b > 2:
            _sum_four(table, at + np.uint64(b) * count, times, low, count, found[:, b:])
        else:
            _sum_two(table, at + np.uint64(b) * count, times, low, count, found[:, b:])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_row(normal, column, found):
    """Add products (2, n) of the first of n columns with all of them to normal matrices.

    Layers put into one group may reach farther together than any alone; what lies beyond the band is zero.
    """
    for b in range(column.size):
        far = column[b] - column[0]
        if far < normal.shape[2]:
            normal[0, column[0], far] += found[0, b]
            normal[1, column[0], far] += found[1, b]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_products(model, work):
    """Fill the normal matrices (2, p, b + 1), without the price of roughness, and right sides of the used pairs."""
    normal, right, found, times = work.normal, work.right, work.found, work.times
    active, velocity, coef = work.active, work.velocity, work.coef
    normal[:] = 0.0
    right[:] = 0.0
    for g in range(work.place.size):
        low, count, at = work.first[g], work.first[g + 1] - work.first[g], work.place[g]
        if count == 0:
            continue
        column = model.column[model.begin[g] : model.begin[g + 1]]
        for c in range(2):
            for k in range(count):
                times[c, low + k] = active[c, low + k] * velocity[c, low + k]
        _sum_rows(coef, at, times, low, count, found, column.size)
        for a in range(column.size):
            right[0, column[a]] += found[0, a]
            right[1, column[a]] += found[1, a]
        for a in range(column.size):
            row = at + np.uint64(a) * count
            for c in range(2):
                for k in range(count):
                    times[c, low + k] = active[c, low + k] * coef[row + k]
            _sum_rows(coef, row, times, low, count, found, column.size - a)
            _add_row(normal, column[a:], found)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_SUMS)
def _take_four(table, at, x, left, low, count):
    """Take four rows of a table times factors (2, 4) off values (2, n)."""
    a0, a1, a2, a3 = x[0, 0], x[0, 1], x[0, 2], x[0, 3]
    b0, b1, b2, b3 = x[1, 0], x[1, 1], x[1, 2], x[1, 3]
    for k in range(count):
        one, two = table[at + k], table[at + count + k]
        three, four = table[at + count + count + k], table[at + count + count + count + k]
        left[0, low + k] -= (a0 * one + a1 * two) + (a2 * three + a3 * four)
        left[1, low + k] -= (b0 * one + b1 * two) + (b2 * three + b3 * four)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_SUMS)
def _take_two(table, at, x, left, low, count):
    """Take two rows of a table times factors (2, 2) off values (2, n)."""
    a0, a1, b0, b1 = x[0, 0], x[0, 1], x[1, 0], x[1, 1]
    for k in range(count):
        one, two = table[at + k], table[at + count + k]
        left[0, low + k] -= a0 * one + a1 * two
        left[1, low + k] -= b0 * one + b1 * two


@numba.njit(cache=True, nogil=True, error_model="numpy")
def find_residuals(model, work):
    """Fill the residuals (2, n) of all pairs."""
    left, found, solution = work.left, work.found, work.solution
    for g in range(work.place.size):
        low, count, at = work.first[g], work.first[g + 1] - work.first[g], work.place[g]
        if count == 0:
            continue
        column = model.column[model.begin[g] : model.begin[g + 1]]
        for c in range(2):
            # What lies beyond the rows of the group is taken no times.
            found[c, column.size : column.size + 3] = 0.0
            for a in range(column.size):
                found[c, a] = solution[c, column[a]]
            for k in range(count):
                left[c, low + k] = work.velocity[c, low + k]
        for b in range(0, column.size, 4):
            row = at + np.uint64(b) * count
            if column.size - b > 2:
                _take_four(work.coef, row, found[:, b:], left, low, count)
            else:
                _take_two(work.coef, row, found[:, b:], left, low, count)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_SUMS)
def _weigh_residuals(active, left, times, low, count):
    """Fill the weighted residuals of used pairs, and return their weighted sums of squares."""
    a = b = 0.0
    for k in range(count):
        p, q = active[0, low + k] * left[0, low + k], active[1, low + k] * left[1, low + k]
        times[0, low + k], times[1, low + k] = p, q
        a += p * left[0, low + k]
        b += q * left[1, low + k]
    return a, b


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_residuals(model, work):
    """Fill right sides (2, p) of the weighted residuals of the used pairs, and return their sums of squares.

    The residuals are at hand.
    """
    right, found = work.right, work.found
    right[:] = 0.0
    first, second = 0.0, 0.0
    for g in range(work.place.size):
        low, count, at = work.first[g], work.first[g + 1] - work.first[g], work.place[g]
        if count == 0:
            continue
        column = model.column[model.begin[g] : model.begin[g + 1]]
        a, b = _weigh_residuals(work.active, work.left, work.times, low, count)
        first, second = first + a, second + b
        _sum_rows(work.coef, at, work.times, low, count, found, column.size)
        for a in range(column.size):
            right[0, column[a]] += found[0, a]
            right[1, column[a]] += found[1, a]
    return first, second


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_SUMS)
def _meet(table, at, used, days, low, count):
    """Return how many used pairs have a mean above 0, and the days that they share."""
    met, shared = 0.0, 0.0
    for k in range(count):
        share = table[at + k] if used[low + k] else 0.0
        met += 1.0 if share > 0 else 0.0
        shared += share * days[low + k]
    return met, shared


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_meetings(model, work, count, days):
    """Add to each period (levels,) the used pairs that meet it and the days that they share."""
    for g in range(work.place.size):
        low, pairs, at = work.first[g], work.first[g + 1] - work.first[g], work.place[g]
        if pairs == 0:
            continue
        for a in range(model.begin[g], model.begin[g + 1]):
            if model.column[a] < model.levels:
                row = at + np.uint64(a - model.begin[g]) * pairs
                met, shared = _meet(work.coef, row, work.used, work.days, low, pairs)
                count[model.column[a]] += met
                days[model.column[a]] += shared
