"""Normals: sums over the layers of many pixels at once, in small pieces of one size.

Sums over layers are matrix products. BLAS cuts large ones among threads; these are cut here, into products of at most
64 x 64 x 64, in an order that depends on the layers alone. So each pixel gets the same bits with any number of
threads, beside whatever other pixels it is computed, and a slice of 64 layers in order of time meets few of the
unknowns of a long series, so that the others cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy

from altiflow.gridding.cubes.blocks import LANE
from altiflow.gridding.cubes.layers import Spans

__all__ = ["Rows", "Slice", "add_products", "add_rows", "predict", "slice_rows", "sparse_rows", "sum_rows"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.intp]

SLICE = 64
"""Layers of one product; 64^3 is the most that OpenBLAS leaves to one thread."""

_WIDTH = 64
"""Most columns of one product."""


@dataclass(frozen=True)
class Slice:
    """Rows of up to 64 layers: which (start and stop in order of time), their columns (c,) that are not all zero.

    Attributes
    ----------
    start, stop
        Layers, in order of time.
    columns
        Columns that are not all zero (c,).
    part
        These columns (layers, c).
    near
        Pairs of them that go into the normal matrix: band and column (2, m), in pieces.
    products
        Products of these pairs (m, layers), in the same pieces.
    """

    start: int
    stop: int
    columns: Ints
    part: Floats
    near: tuple[Ints, ...] = ()
    products: tuple[Floats, ...] = ()


@dataclass(frozen=True)
class Rows:
    """A matrix (layers, columns) in slices in order of time.

    Attributes
    ----------
    order
        The layers in order of time (n,); those without length are not among them.
    slices
        All rows that are not zero.
    columns
        Number of columns.
    held
        Whether each of the ordered layers may be used (n,).
    reach
        Largest distance of two columns in one row that are not zero.
    """

    order: Ints
    slices: tuple[Slice, ...]
    columns: int
    held: Bools
    reach: int


def slice_rows(
    spans: Spans,
    means: Callable[[Floats, Floats], tuple[Floats, Bools]],
    columns: int,
    *,
    products: Literal["none", "all"] = "none",
    length: int = SLICE,
) -> Rows:
    """Return the matrix whose rows `means` gives for starts and ends of intervals, with whether each may be used.

    Slices of more layers than the usual are no longer for products; they are made in less time.
    """
    usable = np.flatnonzero(spans.usable)
    order = usable[np.lexsort((spans.start[usable], spans.centre[usable]))]
    held, slices, reach = np.zeros(order.size, dtype=bool), [], 0
    for start in range(0, order.size, length):
        layers = order[start : start + length]
        part, held[start : start + layers.size] = means(spans.start[layers], spans.end[layers])
        active = np.flatnonzero(part.any(axis=0))
        if active.size == 0:
            continue
        part = np.ascontiguousarray(part[:, active])
        reach = max(reach, _reach(part != 0, active))
        pieces = _products(part, active) if products == "all" else ((), ())
        slices.append(Slice(start, start + layers.size, active, part, *pieces))
    return Rows(order, tuple(slices), columns, held, reach)


def _reach(there: Bools, columns: Ints) -> int:
    """Return the largest distance of two columns that are there in one row."""
    rows = there.any(axis=1)
    first = columns[there[rows].argmax(axis=1)]
    last = columns[there.shape[1] - 1 - there[rows][:, ::-1].argmax(axis=1)]
    return int((last - first).max(initial=0))


def _products(part: Floats, columns: Ints) -> tuple[tuple[Ints, ...], tuple[Floats, ...]]:
    """Return band and column of all pairs of columns that meet in a row, and their products, in pieces."""
    left, right = np.triu_indices(columns.size)
    both = np.ascontiguousarray((part[:, left] * part[:, right]).T)
    met = np.flatnonzero(both.any(axis=1))
    place = np.stack([columns[right[met]] - columns[left[met]], columns[left[met]]])
    pieces = [slice(first, first + _WIDTH) for first in range(0, met.size, _WIDTH)]
    return tuple(place[:, piece] for piece in pieces), tuple(both[met[piece]] for piece in pieces)


def _tiles(values: Floats) -> Floats:
    """Return values (k, pixels) as (lanes, k, LANE), without copying."""
    return values.reshape(len(values), -1, LANE).transpose(1, 0, 2)


def add_rows(total: Floats, one: Slice, values: Floats) -> None:
    """Add the slice's part of ``R.T @ values`` to a total (columns, lanes, LANE); values are (layers, pixels)."""
    tiles = _tiles(values)
    for first in range(0, one.columns.size, _WIDTH):
        some = slice(first, first + _WIDTH)
        total[one.columns[some]] += np.matmul(one.part[:, some].T, tiles).transpose(1, 0, 2)


def add_products(total: Floats, one: Slice, weights: Floats) -> None:
    """Add the slice's part of the upper band of ``R.T @ diag(w) @ R`` to a total (band + 1, columns, lanes, LANE).

    Element (d, j) belongs to row j and column j + d; weights are (layers, pixels).
    """
    tiles = _tiles(weights)
    for (band, column), products in zip(one.near, one.products, strict=True):
        total[band, column] += np.matmul(products, tiles).transpose(1, 0, 2)


def predict(one: Slice, factors: Floats) -> Floats:
    """Return the slice's part of ``R @ factors``, (layers, pixels), of factors (columns, pixels)."""
    tiles = _tiles(factors[one.columns])
    total = np.matmul(one.part[:, :_WIDTH], tiles[:, :_WIDTH])
    for first in range(_WIDTH, one.columns.size, _WIDTH):
        some = slice(first, first + _WIDTH)
        total += np.matmul(one.part[:, some], tiles[:, some])
    return np.asarray(total.transpose(1, 0, 2).reshape(len(one.part), -1))


def sum_rows(rows: Rows, values: Floats) -> Floats:
    """Return ``R.T @ values``, (columns, pixels), of values (layers in order of time, pixels).

    Examples
    --------
    >>> spans = Spans(np.zeros(2), np.array([1.0, 3.0]), np.ones(2, bool))
    >>> rows = slice_rows(spans, lambda start, end: (np.stack([end, end**2], axis=1), end > 0), 2)
    >>> sum_rows(rows, np.ones((2, 64)))[:, 0].tolist()
    [4.0, 10.0]
    """
    total = np.zeros((rows.columns, values.shape[1] // LANE, LANE))
    for one in rows.slices:
        some = values[one.start : one.stop]
        if some.any():
            add_rows(total, one, some)
    return total.reshape(rows.columns, -1)


def sparse_rows(rows: Rows) -> Any:
    """Return the matrix (layers in order of time, columns) as a sparse one, row by row."""
    found = [(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0))]
    for one in rows.slices:
        layer, column = np.nonzero(one.part)
        found.append((one.start + layer, one.columns[column], one.part[layer, column]))
    layer, column, part = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return scipy.sparse.csr_matrix((part, (layer, column)), shape=(rows.order.size, rows.columns))
