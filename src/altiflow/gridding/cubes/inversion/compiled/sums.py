# mypy: disable-error-code="no-untyped-def, untyped-decorator"
"""Sums over the pairs of one pixel, compiled: both components go through the rows of the model together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

__all__ = [
    "Model",
    "Pairs",
    "Work",
    "add_meetings",
    "add_products",
    "add_residuals",
    "find_residuals",
    "make_work",
    "multiply_rows",
]


class Model(NamedTuple):
    """The rows of a model for n layers in order of time: those means of its functions that are not 0, row by row.

    Row l is elements ``first[l]`` to ``first[l + 1]`` of `column` and `mean`, and its products with itself elements
    ``begin[l]`` to ``begin[l + 1]`` of `product`, which go into elements `cell` of the normal matrix, an upper band
    (p, b + 1) in one piece; `days` (n,) are the layers' lengths. Numbers without a sign are never counted from the
    end, which would have to be asked of each. The price of roughness is an upper band (p, b + 1), and the first
    `levels` unknowns are velocities in periods.
    """

    first: Any
    column: Any
    mean: Any
    begin: Any
    cell: Any
    product: Any
    days: Any
    penalty: Any
    levels: int


class Pairs(NamedTuple):
    """The n pairs of one pixel in order of time: row of the model (n,), velocity and weight of both components (n, 2).

    Weights are inverse squares of standard errors.
    """

    layer: Any
    velocity: Any
    weight: Any


class Work(NamedTuple):
    """Room for one pixel: normal matrix (p, b + 1, 2) and right side (p, 2) of both components as they are summed.

    Then solutions (p, 2), and of each component alone (2, ...): factors of the matrix, whether unknowns are told
    apart, the band of the inverse; and for pairs whether they are used and kept, roots of weights, residuals, and
    spare room.
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
    used: Any
    kept: Any
    root: Any
    away: Any
    spare: Any


@numba.njit(cache=True, nogil=True, error_model="numpy")
def make_work(model, most):
    """Return room for pixels with so many pairs at most."""
    count, wide = model.penalty.shape
    return Work(
        np.empty((count, wide, 2)),
        np.empty((count, 2)),
        np.empty((count, 2)),
        np.empty((2, count, wide)),
        np.empty((2, count)),
        np.empty((2, count)),
        np.empty((2, count), np.bool_),
        np.empty((2, count, wide)),
        np.empty((2, count)),
        np.empty(most, np.bool_),
        np.empty(most, np.bool_),
        np.empty((2, most)),
        np.empty((2, most)),
        np.empty((2, most)),
    )


@numba.njit(cache=True, nogil=True, error_model="numpy")
def multiply_rows(first, column, mean, wide):
    """Return the products of the rows of a model with themselves: elements of the matrix, products, first of each.

    The normal matrix is an upper band (p, wide) in one piece.
    """
    begin = np.zeros(first.size, np.int64)
    for layer in range(first.size - 1):
        count = first[layer + 1] - first[layer]
        begin[layer + 1] = begin[layer] + count * (count + 1) // 2
    cell, product, place = np.empty(begin[-1], np.uint32), np.empty(begin[-1]), 0
    for layer in range(first.size - 1):
        for a in range(first[layer], first[layer + 1]):
            for b in range(a, first[layer + 1]):
                cell[place] = column[a] * wide + column[b] - column[a]
                product[place] = mean[a] * mean[b]
                place += 1
    return cell, product, begin


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_products(model, pairs, used, normal, right):
    """Fill the normal matrices (cells, 2), without the price of roughness, and right sides of the used pairs."""
    first, column, mean = model.first, model.column, model.mean
    begin, cell, product = model.begin, model.cell, model.product
    layer, velocity, weight = pairs.layer, pairs.velocity, pairs.weight
    normal[:] = 0.0
    right[:] = 0.0
    for k in range(layer.size):
        if not used[k]:
            continue
        w0, w1 = weight[k, 0], weight[k, 1]
        r0, r1 = w0 * velocity[k, 0], w1 * velocity[k, 1]
        for a in range(first[layer[k]], first[layer[k] + 1]):
            right[column[a], 0] += mean[a] * r0
            right[column[a], 1] += mean[a] * r1
        for a in range(begin[layer[k]], begin[layer[k] + 1]):
            normal[cell[a], 0] += product[a] * w0
            normal[cell[a], 1] += product[a] * w1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def find_residuals(model, pairs, solution, root, away):
    """Fill the absolute residuals (2, n) of all pairs, over their standard errors."""
    first, column, mean = model.first, model.column, model.mean
    layer, velocity = pairs.layer, pairs.velocity
    for k in range(layer.size):
        left0, left1 = velocity[k, 0], velocity[k, 1]
        for a in range(first[layer[k]], first[layer[k] + 1]):
            left0 -= mean[a] * solution[column[a], 0]
            left1 -= mean[a] * solution[column[a], 1]
        away[0, k], away[1, k] = np.abs(left0) * root[0, k], np.abs(left1) * root[1, k]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_residuals(model, pairs, used, solution, right):
    """Fill right sides (p, 2) of the weighted residuals of the used pairs, and return their sums of squares."""
    first, column, mean = model.first, model.column, model.mean
    layer, velocity, weight = pairs.layer, pairs.velocity, pairs.weight
    right[:] = 0.0
    squares0, squares1 = 0.0, 0.0
    for k in range(layer.size):
        if not used[k]:
            continue
        begin, end = first[layer[k]], first[layer[k] + 1]
        left0, left1 = velocity[k, 0], velocity[k, 1]
        for a in range(begin, end):
            left0 -= mean[a] * solution[column[a], 0]
            left1 -= mean[a] * solution[column[a], 1]
        weighted0, weighted1 = left0 * weight[k, 0], left1 * weight[k, 1]
        squares0 += weighted0 * left0
        squares1 += weighted1 * left1
        for a in range(begin, end):
            right[column[a], 0] += mean[a] * weighted0
            right[column[a], 1] += mean[a] * weighted1
    return squares0, squares1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def add_meetings(model, pairs, used, count, days):
    """Add to each period (levels,) the used pairs that meet it and the days that they share; return how many."""
    first, column, mean, long, levels = model.first, model.column, model.mean, model.days, model.levels
    layer, total = pairs.layer, 0
    for k in range(layer.size):
        if not used[k]:
            continue
        total += 1
        for a in range(first[layer[k]], first[layer[k] + 1]):
            if column[a] < levels and mean[a] > 0:
                count[column[a]] += 1.0
                days[column[a]] += mean[a] * long[layer[k]]
    return total
