"""Intervals: which layer of a velocity field speaks for a moment, and how long layers and time bins overlap.

A layer is an interval [start, end), never its middle. Days are of 86400 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from altiflow.errors import FieldError
from altiflow.gridding.periods import Times, layer_bounds, overlap_days, time_bins

__all__ = [
    "Bracket",
    "bracket_layers",
    "bracket_times",
    "choose_layers",
    "layer_bounds",
    "overlap_days",
    "refuse_overlap",
    "time_bins",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_DAY = np.timedelta64(86_400_000_000_000, "ns")


def choose_layers(times: npt.ArrayLike, bounds: npt.ArrayLike) -> tuple[Ints, Floats]:
    """Return the layer that speaks for each moment, and how far outside of it the moment is.

    Parameters
    ----------
    times
        Moments (n,), datetime64; NaT gets layer -1.
    bounds
        [start, end) of the layers (layers, 2), datetime64.

    Returns
    -------
    index, days
        Both (n,). Of the layers that hold the moment, the shortest; of equally short ones, that whose middle
        is nearest; then the first. If none holds it, the layer of the nearest bound (the shorter of two).
        Days are 0 inside, negative before the start and positive after the end; NaN without a layer.

    Examples
    --------
    The end does not belong to a layer, and a long pair gives way to a short one:

    >>> bounds = np.array([["2020-01-01", "2020-02-01"], ["2020-01-10", "2020-01-20"]], dtype="M8[ns]")
    >>> index, days = choose_layers(np.array(["2020-01-10", "2020-01-20", "2020-02-03"], "M8[ns]"), bounds)
    >>> index.tolist(), days.tolist()
    ([1, 0, 0], [0.0, 0.0, 2.0])
    """
    moments = np.asarray(times).astype("datetime64[ns]")
    edges = np.asarray(bounds).astype("datetime64[ns]").reshape(-1, 2)
    dated = np.flatnonzero(~np.isnat(edges).any(axis=1))
    index, days = np.full(moments.size, -1, dtype=np.intp), np.full(moments.size, np.nan)
    known = np.flatnonzero(~np.isnat(moments))
    if dated.size == 0 or known.size == 0:
        return index, days
    order = known[np.argsort(moments[known], kind="stable")]
    sorted_index, sorted_days = _choose_sorted(moments[order], edges[dated])
    index[order], days[order] = dated[sorted_index], sorted_days
    return index, days


def _choose_sorted(moments: Times, edges: Times) -> tuple[Ints, Floats]:
    """Return (layer, days outside) for moments in ascending order, all of them and all edges dated."""
    index, days = _nearest_bound(moments, edges)
    length = np.full(moments.size, np.iinfo(np.int64).max)
    distance = length.copy()
    first, last = np.searchsorted(moments, edges, side="left").T
    for layer in np.flatnonzero(last > first):
        part = slice(first[layer], last[layer])
        start, end = edges[layer]
        size = (end - start).astype(np.int64)
        off = np.abs((moments[part] - (start + (end - start) // 2)).astype(np.int64))
        better = (size < length[part]) | ((size == length[part]) & (off < distance[part]))
        length[part] = np.where(better, size, length[part])
        distance[part] = np.where(better, off, distance[part])
        index[part] = np.where(better, layer, index[part])
        days[part] = 0.0
    return index, days


def _nearest_bound(moments: Times, edges: Times) -> tuple[Ints, Floats]:
    """Return the layer of the nearest bound and the signed days to it, as if no layer held the moments."""
    length = edges[:, 1] - edges[:, 0]
    by_end = np.lexsort((-length.astype(np.int64), edges[:, 1]))
    by_start = np.lexsort((length.astype(np.int64), edges[:, 0]))
    before = np.searchsorted(edges[by_end, 1], moments, side="right") - 1
    after = np.searchsorted(edges[by_start, 0], moments, side="right")
    ended = by_end[np.maximum(before, 0)]
    coming = by_start[np.minimum(after, len(edges) - 1)]
    since = np.where(before >= 0, (moments - edges[ended, 1]) / _DAY, np.inf)
    until = np.where(after < len(edges), (edges[coming, 0] - moments) / _DAY, np.inf)
    past = since <= until
    return np.where(past, ended, coming).astype(np.intp), np.where(past, since, -until)


@dataclass(frozen=True)
class Bracket:
    """The two snapshots, or layers, around each of n moments: ``value = (1 - share) * lower + share * upper``.

    Attributes
    ----------
    lower, upper
        Layers (n,), equal outside the span of the field; -1 for NaT.
    share
        Weight of the upper layer (n,).
    days
        0 between two snapshots, else signed days to the nearest one (n,); NaN for NaT.
    """

    lower: Ints
    upper: Ints
    share: Floats
    days: Floats


def bracket_times(times: npt.ArrayLike, centres: npt.ArrayLike) -> Bracket:
    """Return the snapshots around moments (n,); `centres` (layers,) are their times, in any order.

    Examples
    --------
    >>> found = bracket_times(np.array(["2020-01-02", "2020-01-09"], "M8[ns]"),
    ...                       np.array(["2020-01-01", "2020-01-05"], "M8[ns]"))
    >>> found.share.tolist(), found.days.tolist()
    ([0.25, 0.0], [0.0, 4.0])
    """
    moments = np.asarray(times).astype("datetime64[ns]")
    stamps = np.asarray(centres).astype("datetime64[ns]")
    order = np.argsort(stamps, kind="stable")
    order = order[~np.isnat(stamps[order])]
    known = ~np.isnat(moments)
    if order.size == 0:
        known = np.zeros_like(known)
    lower, upper = np.full(moments.size, -1, dtype=np.intp), np.full(moments.size, -1, dtype=np.intp)
    share, days = np.zeros(moments.size), np.full(moments.size, np.nan)
    if not known.any():
        return Bracket(lower, upper, share, days)
    at, knots = moments[known], stamps[order]
    place = np.searchsorted(knots, at, side="right")
    below, above = np.maximum(place - 1, 0), np.minimum(place, knots.size - 1)
    gap = (knots[above] - knots[below]) / _DAY
    into = (at - knots[below]) / _DAY
    lower[known], upper[known] = order[below], order[above]
    share[known] = np.divide(into, gap, out=np.zeros(at.size), where=gap > 0)
    days[known] = np.where(gap > 0, 0.0, into)
    return Bracket(lower, upper, share, days)


def bracket_layers(times: npt.ArrayLike, bounds: npt.ArrayLike, *, bridge: float = 1.0) -> Bracket:
    """Return the layers around moments (n,), between the middles of intervals that follow each other.

    Parameters
    ----------
    times
        Moments (n,), datetime64.
    bounds
        [start, end) of the layers (layers, 2), datetime64, in any order, none over another.
    bridge
        Longest gap between two layers that counts as none [days].

    Returns
    -------
    Bracket
        A layer alone in the outer halves of the first and the last, and beside a gap. Days are 0 inside a layer, else
        signed days to the nearest bound.

    Raises
    ------
    FieldError
        If layers overlap.

    Examples
    --------
    A quarter of the way from the middle of one week to that of the next:

    >>> weeks = np.array([["2020-01-01", "2020-01-08"], ["2020-01-08", "2020-01-15"]], "M8[ns]")
    >>> bracket_layers(np.array(["2020-01-02", "2020-01-06T06"], "M8[ns]"), weeks).share.tolist()
    [0.0, 0.25]
    """
    edges = np.asarray(bounds).astype("datetime64[ns]").reshape(-1, 2)
    order = np.argsort(edges[:, 0], kind="stable")
    refuse_overlap(edges[order])
    found = bracket_times(times, edges[:, 0] + (edges[:, 1] - edges[:, 0]) // 2)
    nearest, days = choose_layers(times, edges)
    gap = (edges[found.upper, 0] - edges[found.lower, 1]) / _DAY
    alone = (found.lower == found.upper) | (gap > bridge)
    lower = np.where(alone, nearest, found.lower)
    upper = np.where(alone, nearest, found.upper)
    return Bracket(lower, upper, np.where(alone, 0.0, found.share), days)


def refuse_overlap(bounds: npt.NDArray[np.datetime64]) -> None:
    """Raise if layers (layers, 2), in order of their start, overlap, or one is of no length.

    Raises
    ------
    FieldError
        With what to do about it.
    """
    shared = np.flatnonzero(bounds[1:, 0] < np.maximum.accumulate(bounds[:, 1])[:-1])
    if shared.size:
        raise FieldError(
            f"{shared.size} layers begin before the one before them ends, so the motion is not one at those times; "
            "take means over time bins first (align_velocity with time=...), or every other layer of displacements "
            "over two days: field.isel(time=slice(0, None, 2))"
        )
    if (bounds[:, 1] <= bounds[:, 0]).any():
        raise FieldError("a layer ends as it starts; give it its interval, or time_rule 'instant' to the field")
