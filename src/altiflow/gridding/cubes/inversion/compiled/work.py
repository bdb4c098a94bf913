# mypy: disable-error-code="no-untyped-def, untyped-decorator"
"""Work: the pairs of one pixel as its fit goes through them, and room for what comes of them, compiled."""

from __future__ import annotations

import numba
import numpy as np

from altiflow.gridding.cubes.inversion.compiled.sums import Work

__all__ = ["load_pairs", "make_work"]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def make_work(model, most):
    """Return room for pixels with so many pairs at most."""
    count, wide = model.penalty.shape
    groups = model.place.size - 1
    return Work(
        normal=np.empty((2, count, wide)),
        right=np.empty((2, count)),
        solution=np.empty((2, count)),
        lower=np.empty((2, count, wide)),
        inverse_pivot=np.empty((2, count)),
        scale=np.empty((2, count)),
        apart=np.empty((2, count), np.bool_),
        inverse=np.empty((2, count, wide)),
        vector=np.empty((2, count)),
        found=np.empty((2, model.widest + 4)),
        first=np.zeros(groups + 1, np.uint64),
        place=np.zeros(groups, np.uint64),
        # Sums run over up to three rows beyond the last one, which must be numbers.
        coef=np.zeros((model.widest + 3) * most),
        velocity=np.empty((2, most)),
        weight=np.empty((2, most)),
        active=np.empty((2, most)),
        root=np.empty((2, most)),
        left=np.empty((2, most)),
        away=np.empty((2, most)),
        times=np.empty((2, most)),
        days=np.empty(most),
        used=np.empty(most, np.bool_),
        kept=np.empty(most, np.bool_),
        spare=np.empty((2, most)),
    )


@numba.njit(cache=True, nogil=True, error_model="numpy")
def load_pairs(model, lists, begin, end, work):
    """Put the pairs `begin` to `end` of lists where the fit goes through them, all used."""
    layer, count = lists.layer[begin:end], end - begin
    velocity, weight, known = lists.velocity[begin:end], lists.weight[begin:end], lists.known
    for k in range(count):
        work.velocity[0, k], work.velocity[1, k] = velocity[k, 0], velocity[k, 1]
        work.days[k] = model.days[layer[k]]
        work.used[k] = True
    if len(weight) == 0:
        for k in range(count):
            work.weight[0, k], work.weight[1, k] = known[layer[k], 0], known[layer[k], 1]
    else:
        for k in range(count):
            work.weight[0, k], work.weight[1, k] = weight[k, 0], weight[k, 1]
    at, low = np.uint64(0), np.uint64(0)
    for g in range(work.place.size):
        high = low
        while high < count and np.uint64(layer[high]) < model.first[g + 1]:
            high += np.uint64(1)
        work.place[g], work.first[g + 1] = at, high
        pairs, width = high - low, model.begin[g + 1] - model.begin[g]
        for a in range(width if pairs else np.uint64(0)):
            source = model.place[g] + np.uint64(a) - model.first[g] * width
            for k in range(pairs):
                work.coef[at + k] = model.share[source + np.uint64(layer[low + k]) * width]
            at += pairs
        low = high
