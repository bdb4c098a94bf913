# mypy: disable-error-code="no-untyped-def, untyped-decorator, assignment"
"""Rounds: which pairs of one pixel are outliers, compiled; the rules are those of the fits of many pixels."""

from __future__ import annotations

import numba
import numpy as np

from altiflow.gridding.cubes.inversion.compiled.medians import median
from altiflow.gridding.cubes.inversion.compiled.sums import find_residuals
from altiflow.gridding.cubes.inversion.estimates import ROUNDING

__all__ = ["guess", "judge"]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def guess(work, count, threshold):
    """Use the pairs that lie within so many median deviations of the pixel's median, in both components."""
    values, spare, used = work.spare[0, :count], work.spare[1, :count], work.used[:count]
    for c in range(2):
        velocity, away = work.velocity[c, :count], work.away[c, :count]
        values[:] = velocity
        middle = median(values, spare)
        for k in range(count):
            away[k] = np.abs(velocity[k] - middle)
        values[:] = away
        spread = median(values, spare)
        limit = threshold * spread if spread > 0 else np.inf
        for k in range(count):
            used[k] &= not away[k] > limit


@numba.njit(cache=True, nogil=True, error_model="numpy")
def judge(model, work, count, threshold, least):
    """Use the pairs that are no outliers of the last solution, and return whether others are used than before.

    Pairs that alone determine an unknown leave no residual and have no say in the median; one that the used ones do
    not predict, since it alone has part of an unknown, cannot be judged and is kept.
    """
    find_residuals(model, work)
    used, kept = work.used[:count], work.kept[:count]
    kept[:] = True
    for c in range(2):
        left, away, root = work.left[c, :count], work.away[c, :count], work.root[c, :count]
        for k in range(count):
            away[k] = np.abs(left[k]) * root[k]
        limit = _limit(away, used, _floor(work, c, count), threshold, least, work.spare)
        for k in range(count):
            kept[k] &= not away[k] > limit
    if not used.all():
        _keep_unjudged(model, work)
    same = True
    for k in range(count):
        same &= kept[k] == used[k]
        used[k] = kept[k]
    return not same


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _floor(work, component, count):
    """Return the size of residuals that is rounding."""
    return ROUNDING * np.abs(work.solution[component]).max() * _largest(work.root[component, :count])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _largest(values):
    """Return the largest of values (n,) above 0; four side by side do not wait for one another."""
    a = b = c = d = 0.0
    for k in range(values.size // 4):
        v0, v1, v2, v3 = values[4 * k], values[4 * k + 1], values[4 * k + 2], values[4 * k + 3]
        a, b = v0 if v0 > a else a, v1 if v1 > b else b
        c, d = v2 if v2 > c else c, v3 if v3 > d else d
    for k in range(values.size // 4 * 4, values.size):
        a = values[k] if values[k] > a else a
    return max(max(a, b), max(c, d))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _limit(away, used, floor, threshold, least, spare):
    """Return above which size a residual (n,) is one of an outlier."""
    # If more than half of the residuals are above this share of the largest one, so is their median.
    within, above, total = _largest(away) * ((1 + ROUNDING) / threshold), 0, 0
    for k in range(away.size):
        total += np.int64(used[k])
        above += np.int64(used[k]) & np.int64(away[k] > within)
    if 2 * above > total:
        return np.inf
    free, limit, chosen = 0, max(floor, least), spare[0]
    for k in range(away.size):
        chosen[free] = away[k]
        free += np.int64(used[k]) & np.int64(away[k] > floor)
    if free == 0:
        return limit
    return max(threshold * median(chosen[:free], spare[1, :free]), limit)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _keep_unjudged(model, work):
    """Keep the pairs not used that have part in unknowns which the used ones do not determine."""
    for g in range(work.place.size):
        low, count, at = work.first[g], work.first[g + 1] - work.first[g], work.place[g]
        for a in range(model.begin[g], model.begin[g + 1]):
            column = model.column[a]
            if work.apart[0, column] and work.apart[1, column]:
                continue
            row = at + np.uint64(a - model.begin[g]) * count
            for k in range(count):
                work.kept[low + k] |= not work.used[low + k] and work.coef[row + k] != 0
