"""Blocks: a source read in aligned pieces, of which a bounded number is kept."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict

from altiflow.readers.remote.ranges.sources import Bytes, ByteSource

__all__ = ["BlockCache", "SourceFile"]

BLOCK = 2**23
"""Size of a block [bytes]: granules of 100 MB in a dozen requests, wherever their metadata lie."""


class BlockCache:
    """A source whose blocks are read once, as long as they are kept.

    Parameters
    ----------
    source
        What is read.
    memory
        Bytes kept, at most; one block is kept in any case.
    block
        Size of a block [bytes].

    Attributes
    ----------
    stop
        Told when reading is interrupted.
    """

    def __init__(self, source: ByteSource, *, memory: int, block: int = BLOCK) -> None:
        self._source, self._block, self._room = source, block, max(1, memory // block)
        self.stop = source.lanes.stop
        self._kept: OrderedDict[int, Bytes] = OrderedDict()
        self._busy: dict[int, threading.Lock] = {}
        self._lock = threading.Lock()

    def read(self, start: int, size: int) -> bytes:
        """Return `size` bytes from `start` on, fewer only where the file ends."""
        end, parts = start + max(size, 0), list[memoryview]()
        told = self._source.stamp
        if told is not None and told.size is not None:
            end = min(end, told.size)
        for number in range(start // self._block, -(-end // self._block)):
            first = number * self._block
            parts.append(memoryview(self._fetch(number))[max(start - first, 0) : end - first])
        return b"".join(parts)

    def size(self) -> int:
        """Return the size of the file [bytes]."""
        if self._source.stamp is None:
            self._fetch(0)
        told = self._source.stamp
        return (told.size or 0) if told is not None else 0

    def _fetch(self, number: int) -> Bytes:
        """Return a block, kept or read; threads that want the same one wait for the first of them."""
        with self._lock:
            busy = self._busy.setdefault(number, threading.Lock())
        with busy:
            with self._lock:
                if number in self._kept:
                    self._kept.move_to_end(number)
                    return self._kept[number]
            data = self._source.read(number * self._block, self._block)
            with self._lock:
                self._kept[number] = data
                while len(self._kept) > self._room:
                    self._kept.popitem(last=False)
            return data


class SourceFile(io.RawIOBase):
    """A source as the open file that h5py wants.

    Attributes
    ----------
    error
        What reading last raised; HDF5 puts errors of its own in its place.
    """

    def __init__(self, blocks: BlockCache) -> None:
        super().__init__()
        self._blocks, self._place = blocks, 0
        self.error: BaseException | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._blocks.size()}[whence]
        self._place = base + offset
        return self._place

    def size(self) -> int:
        """Return the size of the file [bytes]."""
        return self._blocks.size()

    def tell(self) -> int:
        """Return the position."""
        return self._place

    def readinto(self, buffer: object) -> int:
        """Fill a buffer from the position on, and return how many bytes that were."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._blocks.read(self._place, len(view))
        except BaseException as error:
            self.error = error
            raise
        view[: len(data)] = data
        self._place += len(data)
        return len(data)
