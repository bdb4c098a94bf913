"""Parcels of a tally: each is a record, all of it in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import EmptyDataError, InputError, NoOverlapError
from altiflow.fusion.drift.laid import Laid, digest_arrays, growth_shift, name_units
from altiflow.fusion.trajectories.motion import EPOCH
from altiflow.gridding.grids.crs import transformer_between
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import NO_TIME, STATE
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

    def lay(self, chosen: Ints, dx: Floats, dy: Floats, grown: tuple[Floats, Floats] | None = None) -> Laid:
        """Return parcels `chosen` (m,), each moved by dx, dy (m,) [m], on the grid.

        With `grown`, rates of growth of cells (cells,) and ages of parcels (m,), values are what they are at age 0.
        """
        row, col = self.grid.rowcol(self.x[chosen] + dx, self.y[chosen] + dy)
        cell = np.where(row >= 0, row * self.grid.shape[1] + col, -1)
        own = self.order[chosen]
        states = self.records.states.copy()
        states["cell"] = -1
        states["cell"][own] = cell
        if grown is not None:
            _refuse_fixed(self.records)
            shift = growth_shift(cell, *grown)
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

    def within(self, start: float, end: float) -> RecordCargo:
        """Return the parcels measured between two moments [s since 2000], with their records, in the same order."""
        low, high = np.searchsorted(self.seconds, start), np.searchsorted(self.seconds, end, side="right")
        kept = np.zeros(self.records.states.size, bool)
        kept[self.order[low:high]] = True
        records, parcels = self.records.where(kept), slice(low, high)
        return replace(
            self,
            tally=replace(self.tally, records=records),
            records=records,
            order=(np.cumsum(kept) - 1)[self.order[parcels]],
            x=self.x[parcels],
            y=self.y[parcels],
            seconds=self.seconds[parcels],
            weight=self.weight[parcels],
            count=self.count[parcels],
        )

    def fingerprint(self, low: int, high: int) -> str:
        """Return a digest of the parcels from one number to before another, and of what they carry."""
        own = self.order[low:high]
        place = np.full(self.records.states.size, -1)
        place[own] = np.arange(own.size)
        unit, names = name_units(self.records.states["unit"][own], self.tally.passes.names)
        numbers = [np.ascontiguousarray(self.records.states[name][own]) for name in STATE.names or ()]
        for detail in self.records.details.values():
            record = place[detail["record"]]
            numbers += [record[record >= 0], *(detail[name][record >= 0] for name in ("key", "amount", "count"))]
        places = (self.x[low:high], self.y[low:high], self.seconds[low:high])
        return digest_arrays(*places, unit, *numbers, told=[*names, list(self.records.details)])

    def left_out(self, start: float, end: float) -> int:
        """Return how many segments of the passes of a time [s since 2000] are in no parcel."""
        low, high = np.searchsorted(self.seconds, start), np.searchsorted(self.seconds, end, side="right")
        units = np.unique(self.records.states["unit"][self.order[low:high]])
        return int(self.tally.passes.left_out[units].sum())

    @property
    def passes(self) -> tuple[tuple[str, str], ...]:
        """Granule and beam of each pass of the tally."""
        return self.tally.passes.names

    @property
    def told(self) -> dict[str, Any]:
        """What is known of the tally."""
        return self.tally.told


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
    NoOverlapError
        If all of it lies on the other hemisphere.
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
    left_out = tally.passes.left_out[:, [number]].copy()
    if not tally.grid.crs.equals(grid.crs):
        x, y = grid.project(*transformer_between(tally.grid.crs_name, "EPSG:4326").transform(x, y))
        there = np.isfinite(x) & np.isfinite(y)
        if not there.any():
            raise NoOverlapError(f"not one record of the tally lies on the hemisphere of grid {grid.name}")
        np.add.at(left_out[:, 0], picked.states["unit"][~there], picked.states["count"][~there])
        picked, x, y = picked.where(there), x[there], y[there]
    seconds = _record_seconds(picked.states, tally.options.step)
    order = np.argsort(seconds, kind="stable")
    states = picked.states.copy()
    states["value"] = 0
    alone = replace(tally, values=(value,), passes=replace(tally.passes, left_out=left_out))
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
    )


def _refuse_fixed(records: Records) -> None:
    """Raise if records keep values one by one, which growth would have to change."""
    kept = [name for name in ("samples", "histogram") if name in records.details]
    if kept:
        raise InputError(
            f"growth cannot be corrected in the {' and '.join(kept)} of a tally; make it without, or give the table"
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
