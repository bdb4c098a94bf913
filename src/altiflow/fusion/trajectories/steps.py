"""Steps: parcels carried by a motion from moment to moment, cut where the motion changes its rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.fusion.trajectories.motion import Motion
from altiflow.gridding.kernel import Engine, choose_engine

__all__ = ["STATUS_WORDS", "Companion", "Parcels", "Scheme", "advance"]

Scheme = Literal["rk4", "midpoint", "euler"]
"""Runge-Kutta of fourth, second and first order."""

STATUS_WORDS = ("arrived", "left_field", "left_period", "no_velocity", "ice_edge")
"""What became of a parcel: it got where it was to; it stopped at its last place with a velocity; the field has no layer
for the time that follows; it had no velocity to begin with; it stopped at its last place within the ice."""

ARRIVED, LEFT_FIELD, LEFT_PERIOD, NO_VELOCITY, ICE_EDGE = range(5)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_SHORT = 1e-6
"""Seconds below which a moment is reached: half the resolution of moments as floats is 1e-7."""

_MANY = 2000
"""Parcels for which it is worth loading what compiles."""

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

    def part(self, places: slice) -> Parcels:
        """Return some of the parcels, to be changed in place."""
        return Parcels(self.x[places], self.y[places], self.seconds[places], self.status[places], self.started[places])

    def copy(self) -> Parcels:
        """Return the same parcels, to be changed apart."""
        return Parcels(self.x.copy(), self.y.copy(), self.seconds.copy(), self.status.copy(), self.started.copy())


class Companion(Protocol):
    """What goes along with parcels: it may stop them, and it sees each of their steps."""

    def stops(self, which: Ints, x: Floats, y: Floats, seconds: Floats) -> npt.NDArray[np.bool_]:
        """Return which of the parcels `which` (n,) may not go on to places and moments (n,)."""

    def note(self, parcels: Parcels, which: Ints, x: Floats, y: Floats, seconds: Floats, span: int) -> None:
        """See parcels before they go on to places and moments (n,)."""


def advance(
    motion: Motion,
    parcels: Parcels,
    until: Floats,
    *,
    dt: float,
    scheme: Scheme,
    companion: Companion | None = None,
    engine: Engine = "auto",
) -> None:
    """Carry parcels to moments (n,) [s], forward or back, in steps of at most `dt` seconds.

    A step ends where the motion changes its rule: no step straddles the middle or the end of a layer. A step counts if
    every velocity it needs is there and its end has one too; else the parcel stops where it was. Spans are gone through
    in order of time, so that each layer of the field is read once. Both engines give the same bits; "auto" compiles for
    many parcels only.
    """
    if scheme not in get_args(Scheme):
        raise InputError(f"scheme must be one of {get_args(Scheme)}, got {scheme!r}")
    way = until - parcels.seconds
    going = (parcels.status == ARRIVED) & (np.abs(way) > _SHORT)
    many = engine == "numba" or int(np.count_nonzero(going)) >= _MANY
    compiled = choose_engine(engine) == "numba" and many
    for sign in (1.0, -1.0):
        journey = _Journey(motion, parcels, until, sign, dt, scheme, compiled, companion)
        journey.sweep(np.flatnonzero(going & (way * sign > 0)))


@dataclass(frozen=True)
class _Journey:
    """Parcels that all go forward (+1) or all back (-1) in time; see :func:`advance`."""

    motion: Motion
    parcels: Parcels
    until: Floats
    sign: float
    dt: float
    scheme: Scheme
    compiled: bool
    companion: Companion | None

    def sweep(self, which: Ints) -> None:
        """Carry parcels (n,) from span to span."""
        which, span = self._enter(which)
        while which.size:
            number = int(span.min() if self.sign > 0 else span.max())
            here = span == number
            crossed, entered = self._enter(self._cross(which[here], number))
            which = np.concatenate([which[~here], crossed])
            span = np.concatenate([span[~here], entered])

    def _enter(self, which: Ints) -> tuple[Ints, Ints]:
        """Return the parcels that enter a span with layers, and the span; stop the others."""
        seconds = _nudged(self.motion, self.parcels.seconds[which], self.sign)
        span = self.motion.span(seconds, np.full(which.size, self.sign))
        dated = self.motion.is_dated(span)
        self.parcels.status[which[~dated]] = LEFT_PERIOD
        return which[dated], span[dated]

    def _cross(self, which: Ints, span: int) -> Ints:
        """Carry parcels (n,) to the end of a span; return those that are there and have to go on."""
        parcels, arrived = self.parcels, []
        while which.size:
            length, knot, reached = self._step_length(which, span)
            x, y = self._carry(which, span, length)
            here = np.isfinite(x)
            self._stop_without_field(which[~here], span)
            which, x, y, knot, reached = which[here], x[here], y[here], knot[here], reached[here]
            parcels.started[which] = True
            if self.companion is not None:
                held = self.companion.stops(which, x, y, knot)
                parcels.status[which[held]] = ICE_EDGE
                which, x, y, knot, reached = which[~held], x[~held], y[~held], knot[~held], reached[~held]
                self.companion.note(parcels, which, x, y, knot, span)
            parcels.x[which], parcels.y[which], parcels.seconds[which] = x, y, knot
            arrived.append(which[reached])
            which = which[~reached]
        there = np.concatenate(arrived) if arrived else which
        return there[np.abs(self.until[there] - parcels.seconds[there]) > _SHORT]

    def _step_length(self, which: Ints, span: int) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Return the signed lengths of the next steps (n,) [s], the moments they end at, and which are the last."""
        seconds, until = self.parcels.seconds[which], self.until[which]
        edge = self.motion.edges[span + 1 if self.sign > 0 else span]
        limit = np.minimum(edge, until) if self.sign > 0 else np.maximum(edge, until)
        length = np.minimum(np.abs(limit - seconds), self.dt)
        reached = np.abs(limit - seconds) <= self.dt * (1 + 1e-9)
        return self.sign * length, np.where(reached, limit, seconds + self.sign * length), reached

    def _carry(self, which: Ints, span: int, length: Floats) -> Floats:
        """Return where parcels come to (2, n), NaN where they lose the field."""
        motion, seconds = self.motion, self.parcels.seconds[which]
        place = np.stack([self.parcels.x[which], self.parcels.y[which]])
        if motion.moved:
            share = length / (motion.edges[span + 1] - motion.edges[span])
            return _push(lambda at: motion.values(at[0], at[1], seconds, span), place, share)
        if self.compiled:
            return _compiled_step(motion, span, place, seconds, length, self.scheme)

        def velocity(at_x: Floats, at_y: Floats, later: Floats) -> Floats:
            return motion.values(at_x, at_y, seconds + later, span)

        moved = _STEPS[self.scheme](velocity, place, length)
        moved[:, ~np.isfinite(velocity(moved[0], moved[1], length)).all(axis=0)] = np.nan
        return moved

    def _stop_without_field(self, which: Ints, span: int) -> None:
        """Stop parcels (n,) where they are: they leave the field, or never had a velocity."""
        if which.size == 0:
            return
        parcels = self.parcels
        first = self.motion.values(parcels.x[which], parcels.y[which], parcels.seconds[which], span)
        parcels.started[which] |= np.isfinite(first).all(axis=0)
        parcels.status[which] = np.where(parcels.started[which], LEFT_FIELD, NO_VELOCITY)


def _compiled_step(motion: Motion, span: int, place: Floats, seconds: Floats, length: Floats, scheme: Scheme) -> Floats:
    """Return where parcels come to (2, n), by compiled code."""
    from altiflow.fusion.trajectories.compiled import carry_parcels

    cells, middles = motion.cells(span), motion.middles[span]
    return carry_parcels(place, seconds, length, lattice=motion.lattice, cells=cells, middles=middles, scheme=scheme)


def _nudged(motion: Motion, seconds: Floats, sign: float) -> Floats:
    """Return moments moved onto the edge of a span where they are within rounding of it."""
    place = np.clip(np.searchsorted(motion.edges, seconds + sign * _SHORT), 0, motion.edges.size - 1)
    result = seconds
    for near in (place, np.maximum(place - 1, 0)):
        result = np.where(np.abs(motion.edges[near] - seconds) <= _SHORT, motion.edges[near], result)
    return np.asarray(result)


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
