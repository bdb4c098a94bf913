"""Parcels of a tally: each is a record, all of it in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from altiflow.errors import EmptyDataError, InputError
from altiflow.fusion.drift.laid import Laid, digest_arrays
from altiflow.fusion.trajectories.motion import EPOCH
from altiflow.gridding.grids.crs import transformer_between
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import NO_TIME
from altiflow.gridding.tally import Records, Tally, regroup

__all__ = ["PARCEL_PLACES", "RecordCargo", "load_tally"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PARCEL_PLACES = ("parcel_x", "parcel_y")
"""Values of a tally that tell where its segments lie within a cell: map coordinates [m] in the CRS of the tally."""


@dataclass(frozen=True)
class RecordCargo:
    """Parcels (n,) that are records of a tally: what a beam has in a cell and time bin, all of it in one place.

    Attributes
    ----------
    tally, records
        The tally, of one value, and its records.
    order
        Which record each parcel is (n,).
    grid
        Where parcels are put down.
    x, y
        Where each lies [m, CRS of the grid].
    seconds
        When it was measured [s since 2000], ascending.
    weight, count
        Sum of its weights, and number of its segments.
    left_out
        Segments that are in no parcel: without value, weight or time.
    """

    tally: Tally
    records: Records
    order: Ints
    grid: Grid
    x: Floats
    y: Floats
    seconds: Floats
    weight: Floats
    count: Ints
    left_out: int

    def lay(self, chosen: Ints, dx: Floats, dy: Floats, shift: Floats | None = None) -> Laid:
        """Return parcels `chosen` (m,), each moved by dx, dy (m,) [m], `shift` (m,) added to its value, on the grid."""
        row, col = self.grid.rowcol(self.x[chosen] + dx, self.y[chosen] + dy)
        cell = np.where(row >= 0, row * self.grid.shape[1] + col, -1)
        own = self.order[chosen]
        states = self.records.states.copy()
        states["cell"] = -1
        states["cell"][own] = cell
        if shift is not None:
            for name in ("mean", "low", "high"):
                states[name][own] += shift
        moved = Records(states, self.records.details).where(states["cell"] >= 0)
        tally = replace(self.tally, grid=self.grid, records=regroup(moved.states, moved.details))
        there, out = chosen[cell >= 0], chosen[cell < 0]
        return Laid(
            tally=tally,
            parcel=there,
            cell=cell[cell >= 0],
            weight=self.weight[there],
            count=self.count[there],
            mean=np.ascontiguousarray(states["mean"][self.order[there]]),
            outside=int(self.count[out].sum()),
            outside_weight=float(self.weight[out].sum()),
        )

    def fingerprint(self, low: int, high: int) -> str:
        """Return a digest of the parcels from one number to before another, and of what they carry."""
        states = self.records.states[self.order[low:high]]
        numbers = [np.ascontiguousarray(states[name]) for name in ("count", "weight", "mean", "m2", "noise")]
        return digest_arrays(self.x[low:high], self.y[low:high], self.seconds[low:high], *numbers)


def load_tally(tally: Tally, grid: Grid, *, value: str | None = None) -> RecordCargo:
    """Return the parcels of a tally: its records of one value.

    A parcel lies at the mean of its segments where the tally has the values ``PARCEL_PLACES``, else in the middle of
    its cell; and in time in the middle between its first and its last segment.

    Raises
    ------
    InputError
        If the tally has no such value, or no time bins.
    EmptyDataError
        If it holds nothing.
    """
    known = [name for name in tally.values if name not in PARCEL_PLACES]
    value = known[0] if value is None and known else value
    if value not in known:
        raise InputError(f"the tally has no value {value!r}; it has {', '.join(known)}")
    if tally.options.step is None:
        raise InputError("parcels need a tally with time bins; make it with step='D'")
    number = tally.values.index(value)
    picked = tally.records.where(tally.records.states["value"] == number)
    if picked.states.size == 0:
        raise EmptyDataError("the tally holds nothing, so there are no parcels")
    x, y = _record_places(tally, picked.states)
    if not tally.grid.crs.equals(grid.crs):
        x, y = transformer_between(tally.grid.crs_name, grid.crs_name).transform(x, y)
    seconds = _record_seconds(picked.states, tally.options.step)
    order = np.argsort(seconds, kind="stable")
    states = picked.states.copy()
    states["value"] = 0
    left_out = int(tally.passes.left_out[:, number].sum())
    passes = replace(tally.passes, left_out=tally.passes.left_out[:, [number]])
    alone = replace(tally, values=(value,), passes=passes)
    return RecordCargo(
        tally=alone,
        records=Records(states, picked.details),
        order=order,
        grid=grid,
        x=x[order],
        y=y[order],
        seconds=seconds[order],
        weight=np.ascontiguousarray(states["weight"][order]),
        count=np.ascontiguousarray(states["count"][order]),
        left_out=left_out,
    )


def _record_places(tally: Tally, states: npt.NDArray[np.void]) -> tuple[Floats, Floats]:
    """Return where the segments of records lie (n,) [m, CRS of the tally]."""
    if not set(PARCEL_PLACES) <= set(tally.values):
        return tally.grid.xy(*np.divmod(states["cell"], tally.grid.shape[1]))
    keys = ("bin", "cell", "unit")
    found = []
    for name in PARCEL_PLACES:
        own = tally.records.states[tally.records.states["value"] == tally.values.index(name)]
        if own.size != states.size or any((own[key] != states[key]).any() for key in keys):
            raise InputError(f"the tally's {name} is not known for the same segments as its value; make it anew")
        found.append(np.ascontiguousarray(own["mean"]))
    return found[0], found[1]


def _record_seconds(states: npt.NDArray[np.void], step: int) -> Floats:
    """Return the middle of the times of each record (n,) [s since 2000], of its bin where they are not known."""
    first, last = states["first"], states["last"]
    known = first != NO_TIME
    middle = np.where(known, first + (last - first) // 2, (states["bin"] + step // 2) * 10**9)
    return np.asarray((middle - EPOCH.astype(np.int64)) * 1e-9)
