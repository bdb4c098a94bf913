"""Arrays: places and moments carried by a motion, with the way they went and how sure it is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj

from altiflow.errors import InputError
from altiflow.fusion.trajectories.advection.edge import IceEdge
from altiflow.fusion.trajectories.advection.spread import Spread, check_rho
from altiflow.fusion.trajectories.motion import Motion
from altiflow.fusion.trajectories.steps import ICE_EDGE, Parcels, Scheme, advance
from altiflow.gridding.kernel import Engine

__all__ = ["Advected", "Logbook", "advect_arrays", "geodesic_length"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_DAY = 86400.0


@dataclass(frozen=True)
class Advected:
    """Where parcels came to.

    Attributes
    ----------
    x, y
        Last valid places (n,) [m, the field's CRS].
    seconds
        Moments there (n,) [s since 2000].
    status
        Numbers of ``STATUS_WORDS`` (n,): 0 arrived.
    path_m
        Length of the way on the ground (n,) [m].
    distance_m
        From the start to the end on the ground, by the geodesic of the field's ellipsoid (n,) [m].
    sigma_m
        Standard error of the place along an axis that came on the way (n,) [m]; NaN where not known.
    ice_known, ice_unknown
        Whether a parcel met a place and moment of known, and of unknown, concentration (n,).
    """

    x: Floats
    y: Floats
    seconds: Floats
    status: npt.NDArray[np.int8]
    path_m: Floats
    distance_m: Floats
    sigma_m: Floats
    ice_known: npt.NDArray[np.bool_]
    ice_unknown: npt.NDArray[np.bool_]


def advect_arrays(
    motion: Motion,
    x: Floats,
    y: Floats,
    seconds: Floats,
    until: Floats,
    *,
    dt: float = _DAY,
    scheme: Scheme = "rk4",
    sigma: float | None = None,
    rho: float = 0.0,
    edge: IceEdge | None = None,
    engine: Engine = "auto",
) -> Advected:
    """Return where parcels at places x, y (n,) [m, the field's CRS] and moments (n,) are at the moments `until` (n,).

    Parameters
    ----------
    motion
        What :func:`~altiflow.fusion.trajectories.motion_of` returned.
    x, y, seconds, until
        Each (n,); moments in seconds since 2000-01-01.
    dt
        Longest step [s].
    scheme
        "rk4", "midpoint" or "euler".
    sigma
        Error of a day's way along an axis [m]; None takes the errors of the field, along the way.
    rho
        Correlation of the errors of one day and the next.
    edge
        Where parcels stop, as :func:`~altiflow.fusion.trajectories.advection.edge_of` returned it.
    engine
        "numba" (extra ``fast``), "numpy", or "auto"; the same bits by both.

    Raises
    ------
    InputError
        If the scheme, the step or `rho` is not possible.

    Notes
    -----
    A parcel's own days count from its start, forward or back: ``S² = sum_i sum_j s_i s_j rho^|i-j|`` over them, an
    incomplete day by its share. Errors of the field are those of its layers, common to all days of one: a layer of T
    days counts as one with ``T s``, and the next is correlated with it by ``rho^T``.
    """
    if not dt > 0:
        raise InputError(f"dt is the longest step in seconds, above 0, got {dt!r}")
    parcels = Parcels.at(x, y, seconds)
    logbook = Logbook(motion, seconds, sigma, rho, edge)
    parcels.status[logbook.stops(np.arange(x.size), x, y, seconds)] = ICE_EDGE
    step = np.inf if motion.moved else float(dt)
    advance(motion, parcels, until, dt=step, scheme=scheme, companion=logbook, engine=engine)
    return Advected(
        parcels.x,
        parcels.y,
        parcels.seconds,
        parcels.status,
        logbook.path,
        geodesic_length(str(motion.field.attrs["crs"]), x, y, parcels.x, parcels.y),
        logbook.spread.sigma(),
        logbook.known,
        logbook.unknown,
    )


class Logbook:
    """What is written down of every step: length on the ground and error; and the edge of the ice."""

    def __init__(self, motion: Motion, start: Floats, sigma: float | None, rho: float, edge: IceEdge | None) -> None:
        self.motion, self.start, self.constant, self.edge = motion, start.copy(), sigma, edge
        # Errors that are given are those of days; those of a field belong to its layers.
        self.period = 1.0 if sigma is not None else motion.error_days
        self.spread = Spread(start.size, check_rho(rho) ** self.period)
        self.path = np.zeros(start.size)
        self.known, self.unknown = np.zeros(start.size, bool), np.zeros(start.size, bool)

    def part(self, places: slice) -> Logbook:
        """Return that of some of the parcels, to be written into."""
        return self._picked(lambda array: array[places])

    def copy(self) -> Logbook:
        """Return the same, to be written into apart."""
        return self._picked(lambda array: array.copy())

    def _picked(self, pick: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Logbook:
        other = copy.copy(self)
        other.start, other.path = pick(self.start), pick(self.path)
        other.known, other.unknown = pick(self.known), pick(self.unknown)
        other.spread = self.spread.picked(pick)
        return other

    def stops(self, which: Ints, x: Floats, y: Floats, seconds: Floats) -> npt.NDArray[np.bool_]:
        """Return which parcels would leave the ice; where its concentration is not known, none would."""
        if self.edge is None:
            return np.zeros(x.size, bool)
        share = self.edge.sample(x, y, seconds)
        known = np.isfinite(share)
        self.known[which] |= known
        self.unknown[which] |= ~known
        return np.asarray(share < self.edge.least)

    def note(self, parcels: Parcels, which: Ints, x: Floats, y: Floats, seconds: Floats, span: int) -> None:
        """Add a step to the length and to the error."""
        from_x, from_y, before = parcels.x[which], parcels.y[which], parcels.seconds[which]
        self.path[which] += self.motion.ground_length(from_x, from_y, x, y)
        if self.constant is None:
            sigma = self.motion.sigma_per_day(from_x, from_y, before, span)
        else:
            sigma = np.full(which.size, self.constant)
        start, period = self.start[which], self.period * _DAY
        self.spread.add(which, np.abs(before - start) / period, np.abs(seconds - start) / period, sigma * self.period)


def geodesic_length(crs: str, x: Floats, y: Floats, to_x: Floats, to_y: Floats) -> Floats:
    """Return the length of the geodesics [m] between places (n,) of a map, on its ellipsoid; NaN where off the map."""
    projected = pyproj.CRS(crs)
    geographic = pyproj.Transformer.from_crs(projected, projected.geodetic_crs, always_xy=True)
    start, end = geographic.transform(x, y), geographic.transform(to_x, to_y)
    known = np.isfinite(np.stack([*start, *end])).all(axis=0)
    result = np.full(x.size, np.nan)
    ellipsoid = projected.get_geod() or pyproj.Geod(ellps="WGS84")
    result[known] = ellipsoid.inv(*(part[known] for part in (*start, *end)))[2]
    return result
