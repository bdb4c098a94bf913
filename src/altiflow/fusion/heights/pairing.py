"""Pairing: where on a later track a parcel of ice lies, and what height was measured there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.fusion.heights.passes import Epoch, Heights, Pass

__all__ = ["ACROSS_M", "ALONG_M", "UNMATCHED", "Pairs", "Rules", "Spots", "find_spots"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

Pairs = Literal["all", "consecutive"]
"""Every later epoch, or only the first that has a height at the place."""

ACROSS_M, ALONG_M = 65.0, 100.0
"""How far ATL11 looks for segments across and along the track (its attributes L_search_XT = 65; spacing of the
search along, seg_atc_spacing = 100)."""

UNMATCHED = ("no_track_near", "gap_in_track")
"""Why a parcel finds no height: no later segment within the distance; or one, but beyond the end of its track or a gap
in it."""

_SAME = 0.01
"""Metres within which two points are one: then no neighbour is needed between which to interpolate."""


@dataclass(frozen=True)
class Rules:
    """What makes a pair.

    Attributes
    ----------
    pairs
        Which later epochs.
    max_distance_m
        Largest distance on the ground between parcel and track.
    max_gap_m
        Largest distance on the ground between the two points that a height is interpolated between.
    min_days
        Least time between the two.
    """

    pairs: Pairs
    max_distance_m: float
    max_gap_m: float
    min_days: float

    def __post_init__(self) -> None:
        """Refuse what is no rule."""
        if self.pairs not in get_args(Pairs):
            raise InputError(f"pairs must be 'all' or 'consecutive', got {self.pairs!r}")
        for name in ("max_distance_m", "max_gap_m", "min_days"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{name} must be a number above 0, got {value!r}")


@dataclass(frozen=True)
class Spots:
    """Places on a track, each between two points of it; (n,) unless said otherwise.

    Attributes
    ----------
    near, other
        Positions in the heights: ``value = (1 - share) * value[near] + share * value[other]``; -1 where none is found.
    share
        Of the other.
    across
        Steps on the ground (2, n) [m] from the place on the track to the parcel, along the axes of the map.
    offset
        Their length [m], positive to the left of the direction of flight; NaN where none is found.
    close
        Whether a point of the track lies within the distance, found or not.
    """

    near: Ints
    other: Ints
    share: Floats
    across: Floats
    offset: Floats
    close: npt.NDArray[np.bool_]

    @classmethod
    def none(cls, size: int) -> Spots:
        """Return as many that are not found."""
        nowhere = np.full(size, -1, np.intp)
        nan = np.full((2, size), np.nan)
        return cls(nowhere, nowhere.copy(), np.zeros(size), nan, nan[0].copy(), np.zeros(size, bool))

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Whether there is one (n,)."""
        return np.isfinite(self.offset)

    def between(self, values: Floats) -> Floats:
        """Return values (..., points) at the places (..., n); those of a point where it is the place."""
        near, other = values[..., self.near], values[..., self.other]
        return np.where(self.share == 0, near, (1 - self.share) * near + self.share * other)

    def taken(self, which: npt.NDArray[np.bool_]) -> Spots:
        """Return those that are chosen."""
        return Spots(**{item.name: getattr(self, item.name)[..., which] for item in fields(self)})

    @classmethod
    def joined(cls, parts: Sequence[Spots]) -> Spots:
        """Return several after each other."""
        return cls(
            **{item.name: np.concatenate([getattr(part, item.name) for part in parts], axis=-1) for item in fields(cls)}
        )

    def put(self, where: Ints, part: Spots) -> None:
        """Write other places over those at positions `where`."""
        for item in fields(self):
            getattr(self, item.name)[..., where] = getattr(part, item.name)


def find_spots(heights: Heights, epoch: Epoch, place: Floats, rules: Rules) -> Spots:
    """Return where on the tracks of an epoch parcels at places (2, n) lie: on the nearest track that will do."""
    reach = float(np.hypot(rules.max_distance_m, rules.max_gap_m) * heights.stretch * 1.001)
    best = Spots.none(place.shape[1])
    for track in epoch.passes:
        which, near = _reached(track, place, reach)
        if which.size == 0:
            continue
        spots = _feet(heights, track, near, place[:, which], rules)
        best.close[which] |= spots.close
        current = np.where(best.found[which], np.abs(best.offset[which]), np.inf)
        nearer = spots.found & (np.abs(spots.offset) < current)
        best.put(which[nearer], spots.taken(nearer))
    return best


def _reached(track: Pass, place: Floats, reach: float) -> tuple[Ints, Ints]:
    """Return which places (2, n) have a point of a track within reach on the map, and which point is nearest."""
    low, high = track.tree.mins - reach, track.tree.maxes + reach
    inside = np.flatnonzero(((place >= low[:, None]) & (place <= high[:, None])).all(axis=0))
    if inside.size == 0:
        return inside, inside
    distance, near = track.tree.query(place[:, inside].T, distance_upper_bound=reach)
    hit = np.isfinite(distance)
    return inside[hit], near[hit]


@dataclass(frozen=True)
class _Piece:
    """Pieces of a track from the point nearest to a parcel to one of its neighbours.

    Attributes
    ----------
    other
        The neighbour, a position in the heights (n,).
    edge
        Step to it on the ground (2, n) [m].
    share
        Of the piece at which the foot of the parcel lies (n,), negative on the far side; -inf where there is no
        neighbour within the gap.
    """

    other: Ints
    edge: Floats
    share: Floats

    @classmethod
    def towards(cls, step: int, heights: Heights, track: Pass, near: Ints, away: Floats, max_gap_m: float) -> _Piece:
        """Return the pieces `step` points on from points `near` of a track, which lie `away` (2, n) from parcels."""
        here, other = track.points[near], track.points[np.clip(near + step, 0, track.points.size - 1)]
        edge = heights.ground(heights.place[:, other] - heights.place[:, here], here)
        square = (edge**2).sum(axis=0)
        linked = (square > 0) & (square <= max_gap_m**2)
        share = -(away * edge).sum(axis=0) / np.where(linked, square, 1.0)
        return cls(other, edge, np.where(linked, share, -np.inf))


def _feet(heights: Heights, track: Pass, near: Ints, place: Floats, rules: Rules) -> Spots:
    """Return where on a track parcels at places (2, n) lie that have its points `near` (n,) for their nearest.

    It is the foot of the perpendicular. On a track that is straight over a few points, the nearest is an end of the
    piece that holds the foot.
    """
    here = track.points[near]
    away = heights.ground(heights.place[:, here] - place, here)
    back, ahead = (_Piece.towards(step, heights, track, near, away, rules.max_gap_m) for step in (-1, 1))
    on = ahead.share > back.share
    share, edge = np.where(on, ahead.share, back.share), np.where(on, ahead.edge, back.edge)
    linked = np.isfinite(share)
    share = np.where(linked, share, 0.0)
    # Outside of a bend the point itself is the nearest; beyond the end of a track there is no height.
    bend = np.isfinite(ahead.share) & np.isfinite(back.share)
    beyond = np.where(linked, -share * np.hypot(*edge), np.hypot(*away))
    held = np.clip(share, 0.0, 1.0)
    across = -(away + held * edge)
    forward = np.where(on, 1.0, -1.0) * edge
    left = forward[0] * across[1] - forward[1] * across[0] >= 0
    distance = np.hypot(*across)
    accepted = ((linked & (share >= 0)) | bend | (beyond <= _SAME)) & (distance <= rules.max_distance_m)
    return Spots(
        near=here,
        other=np.where(linked, np.where(on, ahead.other, back.other), here),
        share=held,
        across=across,
        offset=np.where(accepted, np.where(left, distance, -distance), np.nan),
        close=np.hypot(*away) <= rules.max_distance_m,
    )
