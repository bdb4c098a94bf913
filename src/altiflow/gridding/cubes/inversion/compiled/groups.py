"""Groups: layers that have the same few functions of a model, one after the other, with a table for each group."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from altiflow.gridding.cubes.inversion.compiled.sums import Model
from altiflow.gridding.cubes.inversion.normals import Rows, sparse_rows

__all__ = ["make_model"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_THIN = 4
"""Layers of a cube for each one that a pixel has."""

_CALL = 32
"""Pairs that a loop would go through in the time that it takes to begin and end."""


def make_model(rows: Rows, days: Floats, penalty: Floats, levels: int) -> tuple[Model, Ints]:
    """Return the model whose rows last so many days (n,), and which of these its layers are, in its order."""
    table = sparse_rows(rows)
    table.sort_indices()
    held = np.flatnonzero(rows.held)
    entry = np.repeat(np.arange(rows.order.size), np.diff(table.indptr))
    level = np.bincount(entry[table.indices < levels], minlength=rows.order.size)[held]
    low, high = (table.indices[table.indptr[held] + end].astype(np.int64) for end in (0, level - 1))
    order = np.lexsort((high, low))
    held, low, high = held[order], low[order], high[order]
    others = np.arange(levels, rows.columns)
    first = _cut(low, high, others.size)
    bottom, top = low[first[:-1]], np.maximum.reduceat(high, first[:-1])
    columns = [np.concatenate([np.arange(a, b + 1), others]) for a, b in zip(bottom, top, strict=True)]
    width, count = np.array([one.size for one in columns]), np.diff(first)
    place = np.concatenate([[0], np.cumsum(width * count)])
    group = np.repeat(np.arange(count.size), count)
    where = np.full(rows.order.size, -1)
    where[held] = np.arange(held.size)
    layer = where[entry]
    mine = group[layer]
    own = np.where(
        table.indices < levels, table.indices - bottom[mine], table.indices - levels + (top - bottom + 1)[mine]
    )
    share = np.zeros(place[-1])
    share[place[mine] + own + (layer - first[mine]) * width[mine]] = table.data
    begin = np.concatenate([[0], np.cumsum(width)])
    unsigned = (one.astype(np.uint64) for one in (first, begin, np.concatenate(columns), place))
    parts = (*unsigned, share, days[held], penalty.T.copy())
    model = Model._make((*parts, levels, int(width.max())))
    return model, held


def _cut(low: Ints, high: Ints, others: int) -> Ints:
    """Return where groups begin, and the end, of layers with unknowns from `low` to `high` (n,), which are in order.

    Those with unlike unknowns go together where zeros in the table cost less than another loop.
    """
    new = np.flatnonzero((np.diff(low, prepend=-1) != 0) | (np.diff(high, prepend=-1) != 0))
    found, bottom, top, cost = [0], low[0], high[0], 0.0
    for start, stop in zip(new, [*new[1:], low.size], strict=True):
        alone = _cost(stop - start, high[start] - low[start] + 1 + others)
        reach = max(top, high[start])
        together = _cost(stop - found[-1], reach - bottom + 1 + others)
        if start == 0 or together <= cost + alone:
            top, cost = reach, together
        else:
            found.append(int(start))
            bottom, top, cost = low[start], high[start], alone
    return np.array([*found, low.size], np.int64)


def _cost(layers: int, width: int) -> float:
    """Return about what a group takes: products and right sides, over pairs in one loop each."""
    return float((layers / _THIN + _CALL) * (width * width / 2 + 2 * width + 2))
