"""Steps: parcels carried by a motion from moment to moment, cut where the motion changes its rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from altiflow.fusion.trajectories.motion import Motion

__all__ = ["STATUS_WORDS", "Parcels", "Scheme", "advance"]

Scheme = Literal["rk4", "midpoint", "euler"]
"""Runge-Kutta of fourth, second and first order."""

STATUS_WORDS = ("arrived", "left_field", "left_period", "no_velocity")
"""What became of a parcel: it got where it was to; it stopped at its last place with a velocity; the field has no layer
for the time that follows; it had no velocity to begin with."""

ARRIVED, LEFT_FIELD, LEFT_PERIOD, NO_VELOCITY = range(4)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_SHORT = 1e-6
"""Seconds below which a moment is reached: half the resolution of moments as floats is 1e-7."""

_CONTRACTIONS = 50
"""Most rounds of the inverse of a displacement; each shrinks the error by the strain over the interval."""

_CLOSE = 1e-4
"""Metres of map to which the inverse of a displacement is found."""


@dataclass
class Parcels:
    """Parcels on their way; changed in place.

    Attributes
    ----------
    x, y
        Places (n,) [m].
    seconds
        Moments (n,) [s since 2000].
    status
        Numbers of ``STATUS_WORDS`` (n,); "arrived" as long as nothing happens.
    started
        Whether a parcel ever had a velocity (n,).
    """

    x: Floats
    y: Floats
    seconds: Floats
    status: npt.NDArray[np.int8]
    started: npt.NDArray[np.bool_]

    @classmethod
    def at(cls, x: Floats, y: Floats, seconds: Floats) -> Parcels:
        """Return parcels at rest at places and moments (n,)."""
        size = x.size
        return cls(x.copy(), y.copy(), seconds.copy(), np.zeros(size, np.int8), np.zeros(size, bool))


def advance(motion: Motion, parcels: Parcels, until: Floats, *, dt: float, scheme: Scheme) -> None:
    """Carry parcels to moments (n,) [s], forward or back, in steps of at most `dt` seconds.

    A step ends where the motion changes its rule: no step straddles the middle or the end of a layer. A step counts if
    every velocity it needs is there and its end has one too; else the parcel stops where it was.
    """
    sign = np.where(until >= parcels.seconds, 1.0, -1.0)
    going = np.flatnonzero((parcels.status == ARRIVED) & np.isfinite(parcels.seconds) & np.isfinite(until))
    while True:
        going = going[np.abs(until[going] - parcels.seconds[going]) > _SHORT]
        if going.size == 0:
            return
        span = motion.span(_nudged(motion, parcels.seconds[going], sign[going]), sign[going])
        dated = motion.is_dated(span)
        parcels.status[going[~dated]] = LEFT_PERIOD
        going, span = going[dated], span[dated]
        if going.size == 0:
            continue
        length, knot = _step_length(motion, parcels.seconds[going], until[going], span, sign[going], dt)
        x, y = _carry(motion, parcels, going, span, length, scheme)
        here = np.isfinite(x)
        _stop_without_field(motion, parcels, going[~here], span[~here])
        going = going[here]
        parcels.started[going] = True
        parcels.x[going], parcels.y[going] = x[here], y[here]
        parcels.seconds[going] = knot[here]


def _stop_without_field(motion: Motion, parcels: Parcels, which: Ints, span: Ints) -> None:
    """Stop parcels (n,) where they are: they leave the field, or never had a velocity."""
    first = motion.values(parcels.x[which], parcels.y[which], parcels.seconds[which], span)
    parcels.started[which] |= np.isfinite(first).all(axis=0)
    parcels.status[which] = np.where(parcels.started[which], LEFT_FIELD, NO_VELOCITY)


def _nudged(motion: Motion, seconds: Floats, sign: Floats) -> Floats:
    """Return moments moved onto the edge of a span where they are within rounding of it."""
    place = np.clip(np.searchsorted(motion.edges, seconds + sign * _SHORT), 0, motion.edges.size - 1)
    result = seconds
    for near in (place, np.maximum(place - 1, 0)):
        result = np.where(np.abs(motion.edges[near] - seconds) <= _SHORT, motion.edges[near], result)
    return np.asarray(result)


def _step_length(
    motion: Motion, seconds: Floats, until: Floats, span: Ints, sign: Floats, dt: float
) -> tuple[Floats, Floats]:
    """Return the signed lengths of the next steps (n,) [s], and the moments they end at."""
    edge = np.where(sign > 0, motion.edges[span + 1], motion.edges[span])
    limit = np.where(sign > 0, np.minimum(edge, until), np.maximum(edge, until))
    length = np.minimum(np.abs(limit - seconds), dt)
    reached = np.abs(limit - seconds) <= dt * (1 + 1e-9)
    return sign * length, np.where(reached, limit, seconds + sign * length)


def _carry(
    motion: Motion, parcels: Parcels, going: Ints, span: Ints, length: Floats, scheme: Scheme
) -> tuple[Floats, Floats]:
    """Return where parcels come to (n,), NaN where they lose the field."""
    x, y, seconds = parcels.x[going], parcels.y[going], parcels.seconds[going]

    def velocity(at_x: Floats, at_y: Floats, later: Floats) -> Floats:
        return motion.values(at_x, at_y, seconds + later, span)

    if motion.moved:
        share = length / (motion.edges[span + 1] - motion.edges[span])
        place = np.stack([x, y])
        moved = _push(lambda at: motion.values(at[0], at[1], seconds, span), place, share)
        return moved[0], moved[1]
    moved = _STEPS[scheme](velocity, np.stack([x, y]), length)
    moved[:, ~np.isfinite(velocity(moved[0], moved[1], length)).all(axis=0)] = np.nan
    return moved[0], moved[1]


Velocity = Callable[[Floats, Floats, Floats], Floats]


def _at(velocity: Velocity, place: Floats, later: Floats) -> Floats:
    return velocity(place[0], place[1], later)


def _euler(velocity: Velocity, place: Floats, length: Floats) -> Floats:
    return place + length * _at(velocity, place, 0 * length)


def _midpoint(velocity: Velocity, place: Floats, length: Floats) -> Floats:
    first = place + length / 2 * _at(velocity, place, 0 * length)
    return place + length * _at(velocity, first, length / 2)


def _rk4(velocity: Velocity, place: Floats, length: Floats) -> Floats:
    k_1 = _at(velocity, place, 0 * length)
    k_2 = _at(velocity, place + length / 2 * k_1, length / 2)
    k_3 = _at(velocity, place + length / 2 * k_2, length / 2)
    k_4 = _at(velocity, place + length * k_3, length)
    return place + length / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4)


_STEPS: dict[str, Callable[[Velocity, Floats, Floats], Floats]] = {
    "rk4": _rk4,
    "midpoint": _midpoint,
    "euler": _euler,
}


def _push(displacement: Callable[[Floats], Floats], place: Floats, share: Floats) -> Floats:
    """Return places (2, n) after a share (n,) of the interval of a displacement; before it if the share is negative.

    Forward ``X + s D(X)``: D belongs to the place where the parcel starts. Back, the X with ``X + s D(X)`` the place it
    is at, by fixed point; not ``X - s D(X)``, which is off by |s D · ∇D|.
    """
    forward = np.asarray(share >= 0)
    moved = place + np.where(forward, share, 0.0) * displacement(place)
    if forward.all():
        return moved
    found = place.copy()
    for _ in range(_CONTRACTIONS):
        nearer = place + share * displacement(found)
        far = np.asarray((np.abs(nearer - found) > _CLOSE).any(axis=0))
        found = nearer
        if not far[~forward].any():
            break
    found[:, far] = np.nan
    return np.where(forward, moved, found)
