"""How often the ground under a segment is covered by segments of its pass."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["overlap_factors"]

Floats = npt.NDArray[np.float64]

_NEAR = 64
"""With more neighbours than this within reach of one segment, running sums are quicker than going through them."""


def overlap_factors(
    place: npt.ArrayLike, length: npt.ArrayLike, unit: npt.NDArray[np.int32], *, by_length: bool = True
) -> Floats:
    """Return the factor f of each segment's own variance (n,), 1 or more, by which overlap inflates that of a mean.

    Parameters
    ----------
    place
        Middle of each segment along the track (n,) [m].
    length
        Its length (n,) [m].
    unit
        Number of its pass (n,).
    by_length
        Whether the mean is weighted by length; else every segment weighs alike.

    Notes
    -----
    The noise of photons is white along the track, so that a segment of length L has variance s²/L, and two segments
    that share a length |i∩j| have the covariance s² |i∩j| / (L_i L_j). The variance of a mean with weights L is then
    that of independent segments with f_i = Σ_j |i∩j| / L_i, and of an unweighted mean with f_i = Σ_j |i∩j| / L_j.
    Segments without a place or a positive length have f = 1.

    Examples
    --------
    >>> overlap_factors([0.0, 20.0, 500.0], [40.0, 40.0, 40.0], np.zeros(3, np.int32)).tolist()
    [1.5, 1.5, 1.0]
    """
    middle, reach = np.asarray(place, np.float64), np.asarray(length, np.float64)
    factors = np.ones(middle.size)
    known = np.isfinite(middle) & np.isfinite(reach) & (reach > 0)
    rows = None if known.all() else np.flatnonzero(known)
    if (unit[1:] < unit[:-1]).any():
        rows = np.arange(middle.size) if rows is None else rows
        rows = rows[np.argsort(unit[rows], kind="stable")]
    ordered = unit if rows is None else unit[rows]
    edges = [0, *(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), ordered.size]
    for begin, end in pairwise(edges):
        if end > begin:
            part = slice(begin, end) if rows is None else rows[begin:end]
            factors[part] = _one_pass(middle[part] - middle[part].min(), reach[part], by_length)
    return np.maximum(factors, 1.0, out=factors)


def _one_pass(middle: Floats, length: Floats, by_length: bool) -> Floats:
    """Return the factors of the segments of one pass (n,), in any order."""
    lower = middle - length / 2
    order = None if (lower[1:] >= lower[:-1]).all() else np.argsort(lower, kind="stable")
    if order is None:
        return _neighbours(lower, length, by_length)
    factors = np.empty(middle.size)
    factors[order] = _neighbours(lower[order], length[order], by_length)
    return factors


def _neighbours(lower: Floats, length: Floats, by_length: bool) -> Floats:
    """Return the factors of segments in the order of their beginnings: each with those behind it, while any touch."""
    upper = lower + length
    shared = length.copy() if by_length else np.ones(length.size)
    for behind in range(1, lower.size):
        common = np.minimum(upper[:-behind], upper[behind:])
        common -= lower[behind:]
        np.maximum(common, 0.0, out=common)
        # As beginnings ascend, segments that do not reach this one reach none that comes later.
        if not common.any():
            break
        if behind == _NEAR:
            return _crowd(lower, upper, length, by_length)
        shared[:-behind] += common if by_length else common / length[behind:]
        shared[behind:] += common if by_length else common / length[:-behind]
    return shared / length if by_length else shared


def _crowd(lower: Floats, upper: Floats, length: Floats, by_length: bool) -> Floats:
    """Return the factors of segments of which many lie on one another, from running sums; loses some digits."""
    share = np.ones(lower.size) if by_length else 1.0 / length

    def covered(edge: Floats, at: Floats) -> Floats:
        """Integral, from the left to `at`, of the shares of segments whose `edge` has been passed."""
        order = np.argsort(edge, kind="stable")
        sums = np.concatenate([[0.0], np.cumsum(share[order])])
        moments = np.concatenate([[0.0], np.cumsum(share[order] * edge[order])])
        passed = np.searchsorted(edge[order], at)
        return np.asarray(sums[passed] * at - moments[passed])

    begun = covered(lower, upper) - covered(lower, lower)
    ended = covered(upper, upper) - covered(upper, lower)
    return (begun - ended) / length if by_length else begun - ended
