"""From columns to records: blocks of whole passes, runs of one cell, records of one pass, cell and time bin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import (
    NO_TIME,
    STATE,
    Engine,
    cell_finder,
    choose_engine,
    run_reducer,
    run_starts,
    sort_rows,
)
from altiflow.gridding.kernel.single import BLOCK
from altiflow.gridding.tally.building.columns import SegmentColumns
from altiflow.gridding.tally.records import DETAIL, RECORD, Records, join_records, regroup

__all__ = ["TallyOptions", "build_records"]

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

_SECOND = 10**9
_SHUFFLED = 0.25
"""A pass with more runs than this per row has its rows sorted first ..."""
_SHORT = 1000
"""... unless it has fewer rows than this."""
_COMPACT = 100_000
"""Runs kept before they are merged into records."""


@dataclass(frozen=True)
class TallyOptions:
    """What a tally keeps beside the moments.

    Attributes
    ----------
    step
        Length of a time bin [s], counted from 1970; None puts all times into one bin.
    quantiles
        None; "exact" keeps every value; a number keeps values to that resolution, in the unit of the value.
    histogram
        Edges of the bins (k + 1,), ascending; () for none.
    """

    step: int | None = 86_400
    quantiles: str | float | None = None
    histogram: tuple[float, ...] = ()


@dataclass
class _Block:
    """Rows of one block that count for one value."""

    cell: Array
    value: Array
    weight: Array
    time: Ints | None
    noise: Array | None
    rows: Any
    unit_starts: Ints
    units: Array
    details: dict[str, Array] = field(default_factory=dict)


def build_records(
    columns: SegmentColumns, grid: Grid, options: TallyOptions, engine: Engine
) -> tuple[Records, Ints, Ints]:
    """Return the records of a table, and of each pass the rows (passes,) and the rows left out (passes, values).

    A row is left out of a value where the value is not finite, the weight not finite and positive, or (with a time
    step) there is no time. Blocks begin and end with passes, and a pass longer than a block is cut at multiples of the
    block from its own beginning: the records of a pass are the same bits whatever other passes come with it.
    """
    chosen = choose_engine(engine)
    edges = _pass_edges(columns)
    if edges.size > max(64, len(columns) // 64):
        columns = columns.ordered(sort_rows(columns.unit))
        edges = _pass_edges(columns)
    find, reduce = cell_finder(grid, chosen), run_reducer(chosen)
    rows = np.zeros(len(columns.passes), np.int64)
    np.add.at(rows, columns.unit[edges], np.diff(edges, append=len(columns)))
    left_out = np.zeros((len(columns.passes), len(columns.values)), np.int64)
    names = _detail_names(columns, options)
    whole, part = _Pile(names), _Pile(names)
    for first, last, closed in _blocks(edges, len(columns)):
        cell = _cells(columns, find, first, last)
        for number, name in enumerate(columns.values):
            block = _clean_block(columns, name, first, last, cell, edges, options, left_out[:, number])
            if block.cell.size:
                part.add(_runs(block, number, columns, options, names, reduce))
        if closed:
            whole.add(part.joined())
            part = _Pile(names)
    return whole.joined(), rows, left_out


class _Pile:
    """Records that come in order, merged now and then so that they do not grow without bound."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._parts = [Records.empty(names)]
        self._held = 0

    def add(self, records: Records) -> None:
        """Put records on the pile."""
        self._parts.append(records)
        self._held += records.states.size
        if self._held > _COMPACT:
            self._parts = [self.joined()]
            self._held = -self._parts[0].states.size

    def joined(self) -> Records:
        """Return what is on the pile as one."""
        full = [part for part in self._parts if part.states.size]
        return join_records(full) if full else self._parts[0]


def _pass_edges(columns: SegmentColumns) -> Ints:
    """Return the rows at which a pass begins."""
    if len(columns) == 0:
        return np.empty(0, np.int64)
    return run_starts(columns.unit[1:] != columns.unit[:-1])


def _detail_names(columns: SegmentColumns, options: TallyOptions) -> tuple[str, ...]:
    """Return which details are kept."""
    kept = {
        "sections": columns.section is not None,
        "samples": options.quantiles is not None,
        "histogram": bool(options.histogram),
    }
    return tuple(name for name, wanted in kept.items() if wanted)


def _blocks(edges: Ints, size: int) -> Iterator[tuple[int, int, bool]]:
    """Yield first and last row of blocks, several whole passes or a piece of a long one, and whether a pass ends."""
    begin = 0
    for first, last in zip(edges.tolist(), [*edges[1:].tolist(), *[size] * bool(size)], strict=True):
        if last - begin <= BLOCK:
            continue
        if first > begin:
            yield begin, first, True
        begin = first
        if last - first > BLOCK:
            for piece in range(first, last, BLOCK):
                yield piece, min(piece + BLOCK, last), piece + BLOCK >= last
            begin = last
    if size > begin:
        yield begin, size, True


def _cells(columns: SegmentColumns, find: Any, first: int, last: int) -> Array:
    """Return the cell of each row of a block, -1 outside."""
    if columns.cell is not None:
        return columns.cell[first:last]
    longitude, latitude = np.asarray(columns.longitude), np.asarray(columns.latitude)
    return np.asarray(find(longitude[first:last], latitude[first:last]))


def _clean_block(
    columns: SegmentColumns,
    name: str,
    first: int,
    last: int,
    cell: Array,
    edges: Ints,
    options: TallyOptions,
    left_out: Ints,
) -> _Block:
    """Return the rows of a block that are inside the grid and usable; count those that are not usable."""
    value = columns.values[name][first:last]
    weight = np.ones(last - first) if columns.weight is None else columns.weight[first:last]
    time = None if columns.time is None else columns.time[first:last]
    rows: Any = slice(first, last)
    begin = int(np.searchsorted(edges, first, side="right")) - 1
    unit_starts = np.maximum(edges[begin : int(np.searchsorted(edges, last))], first)
    units = columns.unit[unit_starts]
    unit_starts = unit_starts - first
    with np.errstate(over="ignore", invalid="ignore"):
        usable = np.isfinite(value) & np.isfinite(weight) & (weight > 0)
    if options.step is not None and time is not None:
        usable &= time != NO_TIME
    if not usable.all():
        np.add.at(left_out, columns.unit[first:last][~usable], 1)
    keep = usable & (cell >= 0)
    if not keep.all():
        kept = np.flatnonzero(keep)
        cell, value, weight, rows = cell[kept], value[kept], weight[kept], first + kept
        time = None if time is None else time[kept]
        unit_starts, units = _kept_units(unit_starts, units, kept)
    order = _cell_order(cell, unit_starts)
    if order is not None:
        cell, value, weight = cell[order], value[order], weight[order]
        rows = np.arange(first, last)[order] if isinstance(rows, slice) else rows[order]
        time = None if time is None else time[order]
    noise = _noise(columns, name, rows, weight)
    return _Block(cell, value, weight, time, noise, rows, unit_starts, units)


def _cell_order(cell: Array, unit_starts: Ints) -> Ints | None:
    """Return the order that sorts by cell the rows of passes that jump between cells; None where none does."""
    if cell.size < _SHORT:
        return None
    differ = cell[1:] != cell[:-1]
    if np.count_nonzero(differ) < _SHUFFLED * _SHORT - 1:
        return None
    jumps = np.concatenate([[0], np.cumsum(differ)])
    ends = np.append(unit_starts[1:], cell.size)
    runs, sizes = jumps[ends - 1] - jumps[unit_starts] + 1, ends - unit_starts
    wild = np.flatnonzero((sizes >= _SHORT) & (runs > _SHUFFLED * sizes))
    if wild.size == 0:
        return None
    order = np.arange(cell.size)
    for begin, end in zip(unit_starts[wild].tolist(), ends[wild].tolist(), strict=True):
        order[begin:end] = begin + sort_rows(cell[begin:end])
    return order


def _kept_units(unit_starts: Ints, units: Array, kept: Ints) -> tuple[Ints, Array]:
    """Return where passes begin among the kept rows, and which they are."""
    places = np.searchsorted(kept, unit_starts)
    ends = np.append(places[1:], kept.size)
    full = ends > places
    return places[full], units[full]


def _noise(columns: SegmentColumns, name: str, rows: Any, weight: Array) -> Array | None:
    """Return w^2 sigma^2 of each row, times how often segments cover its ground; NaN where sigma is not known."""
    sigma = columns.sigmas[name]
    if sigma is None:
        return None
    noise = (weight.astype(np.float64) * sigma[rows].astype(np.float64)) ** 2
    overlap = columns.overlaps[name]
    return np.asarray(noise if overlap is None else noise * overlap[rows])


def _runs(
    block: _Block, number: int, columns: SegmentColumns, options: TallyOptions, names: tuple[str, ...], reduce: Any
) -> Records:
    """Return the records of one block and value."""
    starts, bins = _bin_runs(block, columns.time_unit, options.step)
    found = reduce(starts, block.value, block.weight, noise=block.noise, time=block.time)
    states = np.zeros(starts.size, RECORD)
    for name in STATE.names or ():
        states[name] = found[name]
    for name in ("first", "last"):
        known = found[name] != NO_TIME
        states[name] = np.where(known, found[name] * np.where(known, columns.time_unit, 1), NO_TIME)
    if columns.sigmas[list(columns.values)[number]] is None:
        states["noise"] = np.nan
    states["value"], states["bin"], states["cell"] = number, bins, block.cell[starts]
    states["unit"] = block.units[np.searchsorted(block.unit_starts, starts, side="right") - 1]
    if not names:
        return regroup(states, {})
    run = np.repeat(np.arange(starts.size), np.diff(starts, append=block.cell.size))
    return regroup(states, {name: _details(name, run, block, number, columns, options) for name in names})


def _bin_runs(block: _Block, time_unit: int, step: int | None) -> tuple[Ints, Any]:
    """Return where runs of one pass, cell and time bin start, and the start of each one's bin [s since 1970]."""
    starts = np.union1d(run_starts(block.cell[1:] != block.cell[:-1]), block.unit_starts)
    if step is None or block.time is None:
        return starts, 0
    length = step * _SECOND // time_unit
    low = np.minimum.reduceat(block.time, starts) // length
    high = np.maximum.reduceat(block.time, starts) // length
    cut = np.flatnonzero(low != high)
    if cut.size == 0:
        return starts, low * step
    counts = np.diff(starts, append=block.cell.size)
    more = []
    for run in cut.tolist():
        bins = block.time[starts[run] : starts[run] + counts[run]] // length
        more.append(starts[run] + 1 + np.flatnonzero(bins[1:] != bins[:-1]))
    starts = np.union1d(starts, np.concatenate(more))
    return starts, block.time[starts] // length * step


def _details(
    name: str, run: Ints, block: _Block, number: int, columns: SegmentColumns, options: TallyOptions
) -> npt.NDArray[np.void]:
    """Return one kind of detail of the runs of a block, a row each; equal keys are added up later."""
    weight = block.weight.astype(np.float64)
    if name == "sections":
        value = list(columns.values)[number]
        if value != "freeboard" or columns.section is None or columns.section_sigma is None:
            return np.empty(0, DETAIL)
        key, amount = columns.section[block.rows], weight * columns.section_sigma[block.rows]
    elif name == "samples":
        key, amount = block.value.astype(np.float64), weight
        if isinstance(options.quantiles, float):
            key = np.rint(key / options.quantiles) * options.quantiles
    else:
        edges = np.asarray(options.histogram)
        place = np.searchsorted(edges, block.value, side="right") - 1
        place = np.where(block.value == edges[-1], edges.size - 2, place)
        inside = (place >= 0) & (place < edges.size - 1)
        run, key, amount = run[inside], place[inside].astype(np.float64), weight[inside]
    return _collapsed(run, np.asarray(key, np.float64), amount)


def _collapsed(run: Ints, key: Array, amount: Array) -> npt.NDArray[np.void]:
    """Return details (m,) of rows, neighbours of one run and key added up."""
    if run.size == 0:
        return np.empty(0, DETAIL)
    starts = run_starts((run[1:] != run[:-1]) | (key[1:] != key[:-1]))
    details = np.empty(starts.size, DETAIL)
    details["record"], details["key"] = run[starts], key[starts]
    details["amount"] = np.add.reduceat(amount, starts)
    details["count"] = np.diff(starts, append=run.size)
    return details
