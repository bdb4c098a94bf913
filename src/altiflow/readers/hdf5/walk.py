"""The walk: HDF5's own library led through a remote file's metadata, all paths a step at a time.

h5py is given the blocks that are at hand. Where it wants another one, it is stopped; the blocks that all paths want
next are then fetched together, and it begins again. So nothing is waited for while HDF5's lock is held, and the number
of round trips is the depth of the deepest path, not the number of blocks.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import h5py

from altiflow.errors import CorruptGranuleError, UnsupportedFormatError
from altiflow.readers.hdf5.attributes import text_attribute
from altiflow.readers.hdf5.index import ChunkIndex
from altiflow.readers.hdf5.tables import check_table, describe_data_set
from altiflow.readers.hdf5.wholeness import DAMAGE, check_claim, check_head
from altiflow.readers.remote.ranges import Bytes, ByteSource, Extent, Thrift, coalesce, read_all
from altiflow.readers.remote.ranges.extents import WASTE

__all__ = ["Walker"]


@dataclass(frozen=True)
class _Steps:
    """How a walk goes.

    Attributes
    ----------
    head
        First request [bytes]; it holds the metadata of most files made for the cloud.
    block
        Smallest piece [bytes].
    waste
        Bytes nobody asked for over those asked for, of metadata.
    after
        The same of chunks, after the walk.
    small
        Largest file that is fetched whole once its metadata turn out to be scattered [bytes].
    """

    head: int
    block: int
    waste: float
    after: float
    small: int


_WAYS: dict[Thrift, _Steps] = {
    "few_requests": _Steps(head=2**21, block=2**18, waste=3.0, after=1.0, small=2**27),
    "few_bytes": _Steps(head=2**20, block=2**16, waste=WASTE, after=WASTE, small=0),
}
_TRIED = 3
"""Requests after which metadata are held to be scattered."""
_PARTS = 6
"""Requests a whole file is fetched in."""


class _Held(io.RawIOBase):
    """The blocks at hand as an open file; what is wanted beyond them is noted."""

    def __init__(self, blocks: dict[int, memoryview], block: int, size: int) -> None:
        super().__init__()
        self._blocks, self._block, self._size, self._place = blocks, block, size, 0
        self.missed: set[int] = set()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        end = min(self._place + len(view), self._size)
        numbers = range(self._place // self._block, -(-end // self._block))
        self.missed.update(number for number in numbers if number not in self._blocks)
        if self.missed:
            raise OSError("not at hand yet")
        data = _cut(self._blocks, self._block, self._place, end)
        view[: len(data)] = data
        self._place = end
        return len(data)


def _cut(blocks: dict[int, memoryview], block: int, start: int, end: int) -> bytes | memoryview:
    """Return the bytes from start to end out of blocks."""
    numbers = range(start // block, -(-end // block))
    if len(numbers) == 1:
        return blocks[numbers[0]][start % block : end - numbers[0] * block]
    return b"".join(blocks[n][max(start - n * block, 0) : end - n * block] for n in numbers)


class Walker:
    """What finds out where the data sets of a file lie.

    Parameters
    ----------
    source
        The file.
    path
        Where it is, if it is on this machine; HDF5 then reads it itself.
    thrift
        What is spared.

    Attributes
    ----------
    waste
        Bytes nobody asked for over those asked for, when chunks are fetched now.
    """

    def __init__(self, source: ByteSource, path: Path | None = None, thrift: Thrift = "few_requests") -> None:
        self._source, self._path, self._size = source, path, 0
        self._way = _WAYS[thrift]
        self._blocks: dict[int, memoryview] = {}
        self._requests = 0

    def begin(self) -> ChunkIndex:
        """Return an empty index of the file, once its head shows that it is whole HDF5.

        Raises
        ------
        GranuleError
            If it is not, or cannot be read.
        """
        head = self._source.read(0, self._way.head if self._path is None else 96)
        stamp = self._source.stamp
        size = (stamp.size if stamp is not None else None) or len(head)
        check_head(self._source.name.rpartition("/")[2], bytes(head[:96]), size)
        self._size = size
        if self._path is None:
            self._keep(Extent(0, len(head)), head)
        if stamp is None:  # pragma: no cover - a source that was read has a stamp
            raise CorruptGranuleError(f"{self._source.name} tells no version")
        return ChunkIndex(stamp)

    def learn(self, index: ChunkIndex, paths: Iterable[str], attributes: Iterable[tuple[str, str]] = ()) -> None:
        """Add data sets and attributes to an index; what it holds already is not looked for.

        Raises
        ------
        CorruptGranuleError
            If the metadata cannot be read.
        """
        wanted: list[tuple[str, str | None]] = [(path, None) for path in paths if path not in index.tables]
        wanted += [key for key in attributes if key not in index.attributes]
        if wanted and not self._size:
            self.begin()
        while wanted:
            wanted, missed = self._step(index, list(dict.fromkeys(wanted)))
            if missed:
                self._fetch(missed)

    @property
    def waste(self) -> float:
        """More once bytes were fetched to find things, as that took requests already."""
        return self._way.after if self._blocks else WASTE

    def holds(self, start: int, size: int) -> bool:
        """Return whether the walk brought these bytes already."""
        block = self._way.block
        return bool(self._blocks) and all(n in self._blocks for n in range(start // block, -(-(start + size) // block)))

    def cut(self, start: int, size: int) -> bytes | memoryview:
        """Return bytes that it brought."""
        return _cut(self._blocks, self._way.block, start, start + size)

    def _step(
        self, index: ChunkIndex, wanted: list[tuple[str, str | None]]
    ) -> tuple[list[tuple[str, str | None]], set[int]]:
        """Return what could not be found yet, and the blocks that it takes."""
        held, missed = _Held(self._blocks, self._way.block, self._size), set[int]()
        name = self._source.name
        try:
            file = h5py.File(held if self._path is None else self._path, "r")
        except DAMAGE as error:
            if held.missed:
                return wanted, held.missed
            raise CorruptGranuleError(f"{name} cannot be opened as HDF5: {error}") from error
        left = []
        with file:
            for path, attribute in wanted:
                held.missed.clear()
                if not self._find(index, file, path, attribute, lambda: bool(held.missed)):
                    left.append((path, attribute))
                    missed |= held.missed
        return left, missed

    def _find(
        self, index: ChunkIndex, file: h5py.File, path: str, attribute: str | None, stopped: Callable[[], bool]
    ) -> bool:
        """Add one data set or attribute to the index; return False if the blocks at hand do not suffice."""
        where = f"{self._source.name.rpartition('/')[2]}: {path}"
        found: object = None
        try:
            node = file.get(path)
            if attribute is not None:
                found = None if node is None else text_attribute(node, attribute)
            elif isinstance(node, h5py.Dataset):
                check_claim(where, node.shape or (), node.dtype.itemsize, self._size)
                found = describe_data_set(node, where)
                check_table(found, self._size, where)
        except UnsupportedFormatError as error:
            found = str(error)
        except DAMAGE as error:
            if not stopped():
                raise CorruptGranuleError(f"{where} cannot be read: {error}") from error
        if stopped():
            return False
        if attribute is not None:
            index.attributes[path, attribute] = found  # type: ignore[assignment]
        else:
            index.tables[path] = found  # type: ignore[assignment]
        return True

    def _fetch(self, missed: set[int]) -> None:
        """Bring blocks; or all that is missing, where a small file has its metadata all over it."""
        extents = self._extents(missed)
        if self._size <= self._way.small and self._requests + len(extents) > _TRIED:
            block = self._way.block
            span = -(-self._size // (_PARTS * block)) * block
            everything = {n for n in range(-(-self._size // block)) if n not in self._blocks}
            extents = self._extents(everything, span)
        for extent, data in zip(extents, read_all(self._source, extents), strict=True):
            self._keep(extent, data)

    def _extents(self, numbers: set[int], largest: int = 2**23) -> list[Extent]:
        """Return the extents of whole blocks, cut off at the end of the file."""
        block = self._way.block
        starts = [number * block for number in sorted(numbers)]
        sizes = [min(block, self._size - start) for start in starts]
        return coalesce(starts, sizes, largest=largest, waste=self._way.waste)

    def _keep(self, extent: Extent, piece: Bytes) -> None:
        """Keep the blocks of an extent."""
        self._requests += 1
        data, block = memoryview(piece), self._way.block
        if len(data) != min(extent.size, self._size - extent.start):
            raise CorruptGranuleError(f"{self._source.name} ended early")
        for first in range(0, len(data), block):
            whole = len(data) - first >= block or extent.start + len(data) == self._size
            if whole:
                self._blocks[(extent.start + first) // block] = data[first : first + block]
