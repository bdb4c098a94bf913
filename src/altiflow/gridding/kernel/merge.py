"""States of many partials put together, cell by cell, without sorting them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from altiflow.gridding.kernel.states import FAR, NO_TIME, STATE, run_starts, sort_rows

__all__ = ["merge_cells"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
States = npt.NDArray[np.void]

_CHUNK = 4096
"""States taken together: so few that they stay in the cache while their fields are added one after the other."""
_SPARSE = 16
"""A range of cell numbers this many times as long as there are states is looked up by sorting."""
_NEVER = np.iinfo(np.int64).max
_SUMS = ("weight", "weight2", "noise", "m2")


def merge_cells(
    cells: Sequence[npt.NDArray[Any]], parts: Sequence[States], *, engine: Literal["numpy", "numba"] = "numpy"
) -> tuple[Ints, States]:
    """Return cell numbers (m,), ascending, and their states (m,), merged in the order of the parts.

    Parameters
    ----------
    cells
        Cell numbers of each part (n,), in any order, and more than once if need be.
    parts
        States of each part (n,), of dtype STATE.
    engine
        "numba" is compiled; the two differ in the last digits.

    Notes
    -----
    Chan, Golub and LeVeque (1983): compiled, state by state; else for all states of a cell at once, with differences
    from the first mean, and a second time from the joint mean where that lies far from the first.

    Examples
    --------
    >>> from altiflow.gridding.kernel import reduce_runs
    >>> one = reduce_runs(np.array([0, 1]), np.array([1.0, 5.0]), np.array([1.0, 1.0]))
    >>> other = reduce_runs(np.array([0]), np.array([9.0]), np.array([3.0]))
    >>> cell, states = merge_cells([np.array([4, 2]), np.array([2])], [one, other])
    >>> cell.tolist(), states["mean"].tolist(), states["m2"].tolist()
    ([2, 4], [8.0, 1.0], [12.0, 0.0])
    """
    if not sum(part.size for part in parts):
        return np.empty(0, np.int64), np.empty(0, STATE)
    numbers, slot = _slots(np.concatenate(cells))
    if engine == "numba":
        from altiflow.gridding.kernel import compiled

        merged = np.zeros(numbers.size, STATE)
        begin = 0
        for part in parts:
            compiled.merge_into(slot[begin : begin + part.size], part, merged)
            begin += part.size
        return numbers, merged
    sums = _Sums(numbers.size)
    for place, fields in _chunks(parts, slot):
        sums.add(place, fields)
    return numbers, sums.states()


class _Sums:
    """What grows while states are added, each (m,)."""

    def __init__(self, size: int) -> None:
        self._fields: dict[str, npt.NDArray[Any]] = {name: np.zeros(size) for name in _SUMS}
        self._fields["count"] = np.zeros(size, np.int64)
        self._fields["low"], self._fields["high"] = np.full(size, np.inf), np.full(size, -np.inf)
        self._fields["first"], self._fields["last"] = np.full(size, _NEVER), np.full(size, NO_TIME)
        self._shift = np.full(size, np.nan)
        self._moments = np.zeros(size), np.zeros(size)
        self._seen: list[tuple[Ints, Floats, Floats]] = []

    def add(self, place: Ints, fields: dict[str, npt.NDArray[Any]]) -> None:
        """Add states (n,), a column each, to their places (n,)."""
        for name in (*_SUMS, "count"):
            np.add.at(self._fields[name], place, fields[name])
        np.minimum.at(self._fields["low"], place, fields["low"])
        np.maximum.at(self._fields["high"], place, fields["high"])
        first = fields["first"]
        if first.max() != NO_TIME:
            np.minimum.at(self._fields["first"], place, np.where(first == NO_TIME, _NEVER, first))
            np.maximum.at(self._fields["last"], place, fields["last"])
        mean, shift = fields["mean"], self._shift[place]
        new = np.flatnonzero(np.isnan(shift))
        if new.size:
            # Backwards, so that of several the first one stays.
            self._shift[place[new[::-1]]] = mean[new[::-1]]
            shift = self._shift[place]
        _add_moments(self._moments, place, fields["weight"], mean - shift)
        self._seen.append((place, fields["weight"], mean))

    def states(self) -> States:
        """Return all as states (m,)."""
        mean, between = self._joint(self._shift, self._moments)
        weight, fields = self._fields["weight"], self._fields
        far = np.flatnonzero(weight * (mean - self._shift) ** 2 > FAR * between)
        if far.size:
            again, closer = self._joint(mean, self._second_look(mean, far))
            mean[far], between[far] = again[far], closer[far]
        fields["mean"], fields["m2"] = mean, fields["m2"] + between
        fields["first"] = np.where(fields["last"] == NO_TIME, NO_TIME, fields["first"])
        merged = np.empty(mean.size, STATE)
        for begin in range(0, mean.size, _CHUNK):
            for name, field in fields.items():
                merged[name][begin : begin + _CHUNK] = field[begin : begin + _CHUNK]
        return merged

    def _joint(self, shift: Floats, moments: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """Return mean and sum of squares about it (m,), from the sums of differences from `shift` (m,)."""
        weight = self._fields["weight"]
        offset = moments[0] / weight
        mean = np.clip(shift + offset, self._fields["low"], self._fields["high"])
        return mean, np.maximum(moments[1] - weight * offset**2, 0.0)

    def _second_look(self, mean: Floats, far: Ints) -> tuple[Floats, Floats]:
        """Return the sums of w d and w d^2 (m,), d the difference from `mean` (m,), of the cells that are far."""
        moments, wanted = (np.zeros(mean.size), np.zeros(mean.size)), np.zeros(mean.size, bool)
        wanted[far] = True
        for place, weight, means in self._seen:
            rows = np.flatnonzero(wanted[place])
            if rows.size:
                _add_moments(moments, place[rows], weight[rows], means[rows] - mean[place[rows]])
        return moments


def _add_moments(moments: tuple[Floats, Floats], place: Ints, weight: Floats, away: Floats) -> None:
    """Add w d and w d^2 of states (n,) to their places."""
    product = weight * away
    np.add.at(moments[0], place, product)
    np.add.at(moments[1], place, product * away)


def _slots(cell: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Return the cell numbers that are there (m,), ascending, and the place of each row among them (n,)."""
    low = int(cell.min())
    span = int(cell.max()) - low + 1
    if span > _SPARSE * cell.size:
        order = sort_rows(cell)
        ordered = cell[order]
        starts = run_starts(ordered[1:] != ordered[:-1])
        place = np.empty(cell.size, np.int64)
        place[order] = np.repeat(np.arange(starts.size), np.diff(starts, append=cell.size))
        return ordered[starts].astype(np.int64), place
    there = np.zeros(span, bool)
    there[cell - low] = True
    held = np.flatnonzero(there)
    lookup = np.empty(span, np.int32)
    lookup[held] = np.arange(held.size)
    return held + low, lookup[cell - low].astype(np.int64)


def _chunks(parts: Sequence[States], slot: Ints) -> Iterator[tuple[Ints, dict[str, npt.NDArray[Any]]]]:
    """Yield places and states, a column for each field, some thousands at a time."""
    begin, held = 0, 0
    waiting: list[States] = []
    for number, part in enumerate(parts):
        waiting.append(part)
        held += part.size
        if held >= _CHUNK or number == len(parts) - 1:
            # As bytes, since NumPy compares the fields of structured arrays pair by pair.
            together = np.concatenate([np.ascontiguousarray(each).view(np.uint8) for each in waiting]).view(STATE)
            for inner in range(0, held, 2 * _CHUNK):
                states = together[inner : inner + 2 * _CHUNK]
                yield slot[begin + inner : begin + inner + states.size], _columns(states)
            begin += held
            waiting, held = [], 0


def _columns(states: States) -> dict[str, npt.NDArray[Any]]:
    """Return each field of states (n,) by itself; all of them have eight bytes."""
    names = STATE.names or ()
    turned = np.ascontiguousarray(states.view(np.int64).reshape(-1, len(names)).T)
    return {name: row.view(STATE[name]) for name, row in zip(names, turned, strict=True)}
