"""Search: every height looked for again in the epochs that follow, where it was or where the ice has gone since."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from altiflow.fusion.heights.pairing import UNMATCHED, Rules, Spots, find_spots
from altiflow.fusion.heights.passes import Epoch, Heights
from altiflow.fusion.trajectories import STATUS_WORDS, Motion, Parcels, advance

__all__ = ["Carrier", "Matches", "search_matches"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_DAY = 86400.0
_LOST = tuple(enumerate(STATUS_WORDS))[1:4]
"""Why ice is lost on its way: number and word. Land ice has no edge of ice on water that would stop it."""


@dataclass(frozen=True)
class Carrier:
    """What takes parcels of ice along.

    Attributes
    ----------
    motion
        The motion they follow.
    dt
        Longest step [s].
    """

    motion: Motion
    dt: float


@dataclass(frozen=True)
class Matches:
    """Pairs of heights.

    Attributes
    ----------
    first
        Positions of the earlier ones in the heights (n,).
    spots
        Where the later ones are (n,).
    place
        Where the parcels are then (2, n) [m].
    counts
        ``looked_for``: a height and a later epoch; ``matched``; and why the others were not. ``without_later_epoch``:
        heights that no epoch follows.
    """

    first: Ints
    spots: Spots
    place: Floats
    counts: dict[str, int]


def search_matches(heights: Heights, rules: Rules, carrier: Carrier | None = None) -> Matches:
    """Return the pairs of heights; without a carrier, parcels stay where they are."""
    counts: Counter[str] = Counter(
        dict.fromkeys(("looked_for", "matched", *UNMATCHED, *(word for _, word in _LOST if carrier)), 0)
    )
    parts: list[tuple[Ints, Spots, Floats]] = []
    for number, early in enumerate(heights.epochs):
        later = [
            epoch for epoch in heights.epochs[number + 1 :] if epoch.seconds - early.seconds >= rules.min_days * _DAY
        ]
        counts["without_later_epoch"] += 0 if later else early.points.size
        parts += _search_after(heights, early, later, rules, carrier, counts)
    if not parts:
        return Matches(np.empty(0, np.intp), Spots.none(0), np.empty((2, 0)), dict(counts))
    first, spots, place = zip(*parts, strict=True)
    return Matches(np.concatenate(first), Spots.joined(spots), np.concatenate(place, axis=1), dict(counts))


def _search_after(
    heights: Heights,
    early: Epoch,
    later: list[Epoch],
    rules: Rules,
    carrier: Carrier | None,
    counts: Counter[str],
) -> list[tuple[Ints, Spots, Floats]]:
    """Return the pairs of one epoch with later ones; what became of every height is added to the counts."""
    start = heights.place[:, early.points]
    parcels = Parcels.at(start[0], start[1], heights.seconds[early.points])
    wanted = np.ones(early.points.size, bool)
    parts = []
    for epoch in later:
        if carrier is not None:
            until = _moments(heights, epoch, start)
            until[~wanted] = np.nan
            advance(carrier.motion, parcels, until, dt=carrier.dt, scheme="rk4")
        there = np.flatnonzero(wanted & (parcels.status == 0))
        place = np.stack([parcels.x[there], parcels.y[there]])
        spots = find_spots(heights, epoch, place, rules)
        found = spots.found
        counts["looked_for"] += int(wanted.sum())
        counts["matched"] += int(found.sum())
        counts["gap_in_track"] += int((~found & spots.close).sum())
        counts["no_track_near"] += int((~found & ~spots.close).sum())
        for status, word in _LOST:
            if carrier is not None:
                counts[word] += int((parcels.status[wanted] == status).sum())
        if found.any():
            parts.append((early.points[there[found]], spots.taken(found), place[:, found]))
        if rules.pairs == "consecutive":
            wanted[there[found]] = False
    return parts


def _moments(heights: Heights, epoch: Epoch, place: Floats) -> Floats:
    """Return when an epoch passes places (2, n) [s since 2000]: the moment of its nearest point on its longest track.

    Beams are less than a second apart, in which ice moves less than a millimetre.
    """
    track = max(epoch.passes, key=lambda one: one.points.size)
    _, index = track.tree.query(place.T)
    return np.asarray(heights.seconds[track.points[index]])
