"""How often the ground under a segment is covered by segments of its pass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["overlap_factors"]

Floats = npt.NDArray[np.float64]


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
    known = np.flatnonzero(np.isfinite(middle) & np.isfinite(reach) & (reach > 0))
    rows = known[np.argsort(unit[known], kind="stable")]
    for part in np.split(rows, np.flatnonzero(np.diff(unit[rows])) + 1):
        if part.size:
            factors[part] = _one_pass(middle[part] - middle[part].min(), reach[part], by_length)
    return np.maximum(factors, 1.0)


def _one_pass(middle: Floats, length: Floats, by_length: bool) -> Floats:
    """Return the factors of the segments of one pass (n,), in any order."""
    share = np.ones(middle.size) if by_length else 1.0 / length
    lower, upper = middle - length / 2, middle + length / 2

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
