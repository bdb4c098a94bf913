"""Carrying: parcels followed to target moments, all of one series in two sweeps, forward and back in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from altiflow.fusion.drift.records import RecordCargo
from altiflow.fusion.drift.rows import RowCargo
from altiflow.fusion.trajectories.advection import IceEdge, Logbook, geodesic_length
from altiflow.fusion.trajectories.motion import Motion
from altiflow.fusion.trajectories.steps import ARRIVED, ICE_EDGE, Parcels, Scheme, advance
from altiflow.gridding.grids.crs import transformer_between

__all__ = ["Arrival", "Cargo", "Carrier", "stay"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Cargo = RowCargo | RecordCargo
"""Parcels in order of time, and what they carry."""

_DAY = 86_400.0


@dataclass(frozen=True)
class Arrival:
    """Where the parcels of a window are at the target moment.

    Attributes
    ----------
    chosen
        Numbers of the parcels (m,), in order of time.
    x, y
        Where they are, the lost ones where they were last [m, CRS of the grid].
    dx, dy
        How far they have moved on the map [m].
    age
        Target less time of measurement [days]; negative for parcels measured later.
    status
        Numbers of ``STATUS_WORDS``.
    distance
        Distance on the ground from where they were measured [m].
    path
        Length of the way on the ground [m].
    sigma
        1-sigma of the place along each axis from errors of the motion [m]; NaN where those are not known.
    ice_known, ice_unknown
        Whether a parcel met a place and moment of known, and of unknown, concentration of ice; None if none is given.
    """

    chosen: Ints
    x: Floats
    y: Floats
    dx: Floats
    dy: Floats
    age: Floats
    status: npt.NDArray[np.int8]
    distance: Floats
    path: Floats
    sigma: Floats
    ice_known: npt.NDArray[np.bool_] | None = None
    ice_unknown: npt.NDArray[np.bool_] | None = None

    @property
    def here(self) -> npt.NDArray[np.bool_]:
        """Whether each parcel has arrived (m,)."""
        return np.asarray(self.status == ARRIVED)


def stay(cargo: Cargo, target: float, window: float) -> Arrival:
    """Return the parcels of a window where they were measured, as if nothing moved; how far it did is not known."""
    low, high = (
        np.searchsorted(cargo.seconds, target - window),
        np.searchsorted(cargo.seconds, target + window, "right"),
    )
    chosen = np.arange(low, high)
    nothing = np.zeros(chosen.size)
    return Arrival(
        chosen=chosen,
        x=cargo.x[low:high],
        y=cargo.y[low:high],
        dx=nothing,
        dy=nothing,
        age=(target - cargo.seconds[low:high]) / _DAY,
        status=np.zeros(chosen.size, np.int8),
        distance=nothing,
        path=nothing,
        sigma=np.full(chosen.size, np.nan),
    )


@dataclass(frozen=True)
class _State:
    """Parcels on their way and what is written down of it."""

    parcels: Parcels
    logbook: Logbook

    def part(self, places: slice) -> _State:
        """Return some of the parcels, to be changed in place."""
        return _State(self.parcels.part(places), self.logbook.part(places))

    def copy(self) -> _State:
        """Return the same parcels, to be changed apart."""
        return _State(self.parcels.copy(), self.logbook.copy())


@dataclass(frozen=True)
class Carrier:
    """Carries parcels with a motion.

    All parcels stop at the same moments on their way: midnights, or the ends of layers of displacements. So a parcel
    takes the same steps, to the bit, whichever targets are asked for.

    Attributes
    ----------
    motion
        The motion.
    cargo
        The parcels.
    dt
        Longest step [s].
    scheme
        "rk4", "midpoint" or "euler".
    sigma
        Error of a day's way along an axis [m]; None takes the errors of the field.
    rho
        Correlation of the errors of one day and the next.
    edge
        Where the ice ends.
    """

    motion: Motion
    cargo: Cargo
    dt: float
    scheme: Scheme
    sigma: float | None
    rho: float
    edge: IceEdge | None
    _start: list[Floats] = field(default_factory=list, repr=False, compare=False)

    def arrivals(self, targets: Sequence[float], window: float) -> Iterator[Arrival]:
        """Yield the parcels within `window` [s] of each target [s since 2000, ascending] where they are at it."""
        later = list(self._sweep(list(reversed(targets)), window, -1))
        for target, after in zip(self._sweep(list(targets), window, 1), reversed(later), strict=True):
            yield self._joined(target, after)

    def _sweep(self, targets: Sequence[float], window: float, sign: int) -> Iterator[tuple[float, slice, _State]]:
        """Yield (target, parcels, their state) of one side of each target, in the order of the sweep."""
        seconds = self.cargo.seconds
        ends = (targets[0] - window, targets[-1]) if sign > 0 else (targets[-1], targets[0] + window)
        stops = self._stops(*ends)[::sign]
        x, y = self._places()
        logbook = Logbook(self.motion, seconds, self.sigma, self.rho, self.edge)
        parcels = Parcels.at(x, y, seconds)
        parcels.status[logbook.stops(np.arange(x.size), x, y, seconds)] = ICE_EDGE
        state = _State(parcels, logbook)
        done = 0
        for target in targets:
            members = _side(seconds, target, window, sign)
            while done < stops.size and sign * stops[done] <= sign * target:
                stop = float(stops[done])
                passed = _side(seconds, stop, np.inf, sign)
                going = slice(max(members.start, passed.start), min(members.stop, passed.stop))
                self._move(state.part(going), stop)
                done += 1
            there = state.part(members).copy()
            self._move(there, target)
            yield target, members, there

    def _stops(self, low: float, high: float) -> Floats:
        """Return the moments between two at which all parcels stop [s since 2000], ascending."""
        if self.motion.moved:
            edges = self.motion.edges
            return edges[(edges >= low) & (edges <= high)]
        return np.arange(np.ceil(low / _DAY), np.floor(high / _DAY) + 1) * _DAY

    def _move(self, state: _State, until: float) -> None:
        """Carry parcels to a moment, and their errors with them."""
        ends = np.full(state.parcels.x.size, until)
        dt = np.inf if self.motion.moved else self.dt
        advance(self.motion, state.parcels, ends, dt=dt, scheme=self.scheme, companion=state.logbook)

    def _places(self) -> tuple[Floats, Floats]:
        """Return where the parcels were measured [m, CRS of the field]."""
        if not self._start:
            here, there = self.cargo.grid.crs_name, str(self.motion.field.attrs["crs"])
            self._start.extend(_through(here, there, self.cargo.x, self.cargo.y))
        return self._start[0], self._start[1]

    def _joined(self, before: tuple[float, slice, _State], after: tuple[float, slice, _State]) -> Arrival:
        """Return the parcels of both sides of a target."""
        target, first, one = before
        _, second, two = after
        chosen = np.concatenate([np.arange(first.start, first.stop), np.arange(second.start, second.stop)])
        x, y = (np.concatenate([getattr(one.parcels, name), getattr(two.parcels, name)]) for name in ("x", "y"))
        status = np.concatenate([one.parcels.status, two.parcels.status])
        began = [place[chosen] for place in self._places()]
        here, grid = str(self.motion.field.attrs["crs"]), self.cargo.grid.crs_name
        old_x, old_y = _through(here, grid, *began)
        new_x, new_y = _through(here, grid, x, y)
        dx, dy = new_x - old_x, new_y - old_y
        return Arrival(
            chosen=chosen,
            x=self.cargo.x[chosen] + dx,
            y=self.cargo.y[chosen] + dy,
            dx=dx,
            dy=dy,
            age=(target - self.cargo.seconds[chosen]) / _DAY,
            status=status,
            distance=geodesic_length(here, began[0], began[1], x, y),
            path=np.concatenate([one.logbook.path, two.logbook.path]),
            sigma=np.concatenate([one.logbook.spread.sigma(), two.logbook.spread.sigma()]),
            ice_known=None if self.edge is None else np.concatenate([one.logbook.known, two.logbook.known]),
            ice_unknown=None if self.edge is None else np.concatenate([one.logbook.unknown, two.logbook.unknown]),
        )


def _side(seconds: Floats, target: float, window: float, sign: int) -> slice:
    """Return the parcels of up to and with the target (+1), or of after it (-1), within the window."""
    middle = int(np.searchsorted(seconds, target, side="right"))
    if sign > 0:
        return slice(int(np.searchsorted(seconds, target - window)), middle)
    return slice(middle, int(np.searchsorted(seconds, target + window, side="right")))


def _through(source: str, target: str, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return places in another CRS, by longitude and latitude: a map of a sphere keeps its latitudes."""
    if source == target:
        return x.copy(), y.copy()
    degrees = transformer_between(source, "EPSG:4326").transform(x, y)
    moved = transformer_between("EPSG:4326", target).transform(*degrees)
    return np.asarray(moved[0], np.float64), np.asarray(moved[1], np.float64)
