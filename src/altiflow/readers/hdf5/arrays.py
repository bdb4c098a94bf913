"""Arrays out of chunks: all that are wanted fetched together, decoded in the threads that fetched them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from altiflow.errors import CorruptGranuleError
from altiflow.readers.hdf5.decode import Unfiltered, native, unfilter_chunk
from altiflow.readers.hdf5.tables import ChunkTable, check_table
from altiflow.readers.hdf5.walk import Walker
from altiflow.readers.remote.ranges import ByteSource, Extent, Thrift, coalesce
from altiflow.readers.remote.ranges.extents import FREE, WASTE

__all__ = ["count_bytes", "read_arrays"]

Array = npt.NDArray[np.generic]
Spans = Sequence[tuple[int, int]]
Rows = Mapping[str, Spans]
_ALIGNED = 64
"""Where arrays begin in a common piece of memory [bytes]."""
_TIGHT = (0.01, 2**12)
"""Share of bytes nobody asked for, and bytes always allowed, where bytes are spared rather than requests."""


class _Errand(NamedTuple):
    """One chunk that is wanted: where it lies, and what it is of."""

    path: str
    corner: tuple[int, ...]
    offset: int
    size: int
    mask: int


def read_arrays(
    source: ByteSource,
    tables: Mapping[str, ChunkTable],
    *,
    rows: Rows | None = None,
    walker: Walker | None = None,
    thrift: Thrift = "few_requests",
) -> dict[str, Array]:
    """Return the values of data sets, in this machine's byte order; their memory is one piece.

    Parameters
    ----------
    source
        The file.
    tables
        Chunk table of each data set, by path.
    rows
        Spans of rows, in order, of data sets of which not all rows are wanted: first row and the one after the last.
    walker
        The walk that found the tables; bytes that it brought are not asked for again.
    thrift
        What is spared.

    Raises
    ------
    GranuleError
        If the file cannot be read, a table cannot be of this file, or a chunk is damaged.
    """
    stamp = source.stamp
    for path, table in tables.items():
        check_table(table, None if stamp is None else stamp.size, f"{source.name.rpartition('/')[2]}: {path}")
    spans = _spans(tables, rows)
    arrays = _made(tables, spans)
    wanted = _wanted(tables, spans)
    extents, batches = _batches(wanted, walker, thrift)

    def place(errand: _Errand, data: bytes | memoryview) -> None:
        table = tables[errand.path]
        chunk = unfilter_chunk(data, table, errand.mask, f"{source.name.rpartition('/')[2]}: {errand.path}")
        _paste(arrays[errand.path], chunk, errand.corner, spans[errand.path])

    _run(source, extents, batches, place)
    fetched = {id(errand) for batch in batches for errand in batch}
    for errand in wanted:
        if walker is not None and id(errand) not in fetched:
            place(errand, walker.cut(errand.offset, errand.size))
    return {path: native(array) for path, array in arrays.items()}


def count_bytes(
    tables: Mapping[str, ChunkTable],
    *,
    rows: Rows | None = None,
    walker: Walker | None = None,
    thrift: Thrift = "few_requests",
) -> int:
    """Return how many bytes :func:`read_arrays` would fetch."""
    return sum(extent.size for extent in _batches(_wanted(tables, _spans(tables, rows)), walker, thrift)[0])


def _spans(tables: Mapping[str, ChunkTable], rows: Rows | None) -> dict[str, Spans]:
    """Return the spans of rows of each data set that are wanted."""
    asked = rows or {}
    return {path: _within(table, asked.get(path)) for path, table in tables.items()}


def _wanted(tables: Mapping[str, ChunkTable], spans: Mapping[str, Spans]) -> list[_Errand]:
    """Return all chunks that are wanted, as they lie in the file."""
    wanted = [errand for path, table in tables.items() for errand in _errands(path, table, spans[path])]
    return sorted(wanted, key=lambda errand: errand.offset)


def _batches(
    wanted: Sequence[_Errand], walker: Walker | None, thrift: Thrift
) -> tuple[list[Extent], list[list[_Errand]]]:
    """Return the extents to fetch and the chunks of each; what is at hand is fetched where it saves a request."""
    held = [walker is not None and walker.holds(errand.offset, errand.size) for errand in wanted]
    waste, free = walker.waste if walker is not None else WASTE, FREE
    if thrift == "few_bytes":
        wanted = [errand for errand, here in zip(wanted, held, strict=True) if not here]
        held, (waste, free) = [False] * len(wanted), _TIGHT
    places, sizes = [errand.offset for errand in wanted], [errand.size for errand in wanted]
    extents = coalesce(places, sizes, waste=waste, free=free)
    starts = np.array([extent.start for extent in extents], np.int64)
    numbers = np.searchsorted(starts, np.array(places, np.int64), side="right") - 1
    batches: list[list[_Errand]] = [[] for _ in extents]
    needed = [False] * len(extents)
    for errand, here, number in zip(wanted, held, numbers.tolist(), strict=True):
        batches[number].append(errand)
        needed[number] |= not here
    rest = [number for number, need in enumerate(needed) if need]
    return [extents[number] for number in rest], [batches[number] for number in rest]


def _run(
    source: ByteSource,
    extents: Sequence[Extent],
    batches: Sequence[Sequence[_Errand]],
    place: Callable[[_Errand, memoryview], None],
) -> None:
    """Fetch all extents at once, and put the chunks of each where they belong as soon as it is there."""
    room = _room([extent.size for extent in extents])

    def fetch(number: int) -> None:
        extent = extents[number]
        data = memoryview(source.read(extent.start, extent.size, room[number].data))
        if len(data) != extent.size:
            raise CorruptGranuleError(f"{source.name} ends at byte {extent.start + len(data)}, before all its data")
        for errand in batches[number]:
            first = errand.offset - extent.start
            place(errand, data[first : first + errand.size])

    source.lanes.run(fetch, len(extents))


def _within(table: ChunkTable, rows: Spans | None) -> Spans:
    """Return the spans of rows that are wanted, cut to those there are; (0, 1) of a scalar."""
    if rows is None or not table.shape:
        return [(0, table.shape[0] if table.shape else 1)]
    return [(max(first, 0), max(min(last, table.shape[0]), first, 0)) for first, last in rows]


def _made(tables: Mapping[str, ChunkTable], spans: Mapping[str, Spans]) -> dict[str, Array]:
    """Return the arrays where nothing was written; those of small data sets as they are."""
    made: dict[str, Array] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for path, table in tables.items():
        if table.inline is not None:
            values: Array = np.frombuffer(table.inline, table.dtype).reshape(table.shape).copy()
            made[path] = np.concatenate([values[:0], *(values[a:b] for a, b in spans[path])]) if table.shape else values
        else:
            count = sum(last - first for first, last in spans[path])
            shapes[path] = (count, *table.shape[1:]) if table.shape else ()
    room = _room([math.prod(shape) * tables[path].dtype.itemsize for path, shape in shapes.items()])
    for (path, shape), part in zip(shapes.items(), room, strict=True):
        table = tables[path]
        made[path] = part.view(table.dtype).reshape(shape)
        if len(table.places) != math.prod(-(-s // c) for s, c in zip(table.shape, table.chunk, strict=True) if c):
            made[path][...] = np.frombuffer(table.fill, table.dtype)[0]
    return made


def _room(sizes: Sequence[int]) -> list[npt.NDArray[np.uint8]]:
    """Return memory for each size [bytes], cut from one piece.

    NumPy asks the system for large pages where a piece is large, which spares most of what fresh memory costs.
    """
    steps = [-(-size // _ALIGNED) * _ALIGNED for size in sizes]
    whole = np.empty(sum(steps), np.uint8)
    ends = np.cumsum(steps).tolist()
    return [whole[end - step : end - step + size] for end, step, size in zip(ends, steps, sizes, strict=True)]


def _errands(path: str, table: ChunkTable, spans: Spans) -> list[_Errand]:
    """Return the chunks that hold rows of some span."""
    if not len(table.places):
        return []
    corners = table.corners()
    if table.shape:
        reach = np.zeros(len(corners), dtype=bool)
        for first, last in spans:
            reach |= (corners[:, 0] < last) & (corners[:, 0] + table.chunk[0] > first) & (first < last)
    else:
        reach = np.ones(len(corners), dtype=bool)
    return [
        _Errand(path, tuple(corner), offset, size, mask)
        for corner, (_, offset, size, mask) in zip(corners[reach].tolist(), table.places[reach].tolist(), strict=True)
    ]


def _paste(target: Array, found: Unfiltered, corner: tuple[int, ...], spans: Spans) -> None:
    """Put a chunk into the array of these spans of rows; what lies outside is left out."""
    place = 0
    for first, last in spans:
        part = target[place : place + last - first] if corner else target
        if not corner or (corner[0] < last and corner[0] + found.table.chunk[0] > first):
            _paste_span(part, found, corner, first)
        place += last - first


def _paste_span(target: Array, found: Unfiltered, corner: tuple[int, ...], first: int) -> None:
    """Put a chunk into the array whose first row is `first`; what lies outside is left out."""
    if len(corner) == 1:
        low, high = max(corner[0], first), min(corner[0] + found.table.chunk[0], first + target.size)
        if low < high:
            found.put(target[low - first : high - first], low - corner[0])
        return
    chunk = found.values()
    if not corner:
        target[()] = chunk.reshape(())
        return
    begin = (corner[0] - first, *corner[1:])
    lows = [max(start, 0) for start in begin]
    highs = [min(start + size, whole) for start, size, whole in zip(begin, chunk.shape, target.shape, strict=True)]
    if all(low < high for low, high in zip(lows, highs, strict=True)):
        into = tuple(slice(low, high) for low, high in zip(lows, highs, strict=True))
        out = tuple(slice(low - start, high - start) for low, high, start in zip(lows, highs, begin, strict=True))
        target[into] = chunk[out]
