"""Chunks out of their filters: inflated, put back into order, their sums checked."""

from __future__ import annotations

import math
import sys
import zlib
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import CorruptGranuleError
from altiflow.readers.hdf5.tables import ChunkTable

__all__ = ["Unfiltered", "fletcher32", "native", "unfilter_chunk"]

try:
    _FAST: Any = import_module("deflate")
except ImportError:
    _FAST = None

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Unfiltered:
    """The bytes of a chunk out of all filters but the first one, where that is the shuffle.

    Attributes
    ----------
    data
        The bytes.
    table
        What they are of.
    shuffled
        Whether the first bytes of all values come first, then the second ones, and so on.
    """

    data: memoryview
    table: ChunkTable
    shuffled: bool

    def put(self, target: npt.NDArray[np.generic], first: int) -> None:
        """Write the values from number `first` on into contiguous values (n,), each byte once."""
        width = target.dtype.itemsize
        if not self.shuffled:
            target[:] = np.frombuffer(self.data, target.dtype, target.size, first * width)
            return
        planes = np.frombuffer(self.data, np.uint8, len(self.data) // width * width).reshape(width, -1)
        planes = planes[:, first : first + target.size]
        if width in (2, 4, 8) and _compiled_is_at_hand():
            from altiflow.readers.hdf5.compiled import join_planes

            join_planes(planes, target)
            return
        places = target.view(np.uint8).reshape(-1, width)
        for place in range(width):
            places[:, place] = planes[place]

    def values(self) -> npt.NDArray[np.generic]:
        """Return the values in the shape of chunks."""
        values = np.empty(math.prod(self.table.chunk), self.table.dtype)
        self.put(values, 0)
        return values.reshape(self.table.chunk)


def _compiled_is_at_hand() -> bool:
    """Return whether numba is loaded already: loading it takes longer than what it saves in many granules."""
    return "numba" in sys.modules and sys.byteorder == "little"


def unfilter_chunk(data: bytes | memoryview, table: ChunkTable, mask: int, where: str) -> Unfiltered:
    """Return the bytes of a chunk out of its filters; :class:`Unfiltered` puts them into order.

    Parameters
    ----------
    data
        The chunk as it is in the file.
    table
        What it is of.
    mask
        Filters that were left out, bit by bit.
    where
        What errors call it.

    Raises
    ------
    CorruptGranuleError
        If it does not come out right.
    """
    size = table.chunk_bytes
    values, shuffled = memoryview(data), False
    for number in reversed(range(len(table.filters))):
        if mask >> number & 1:
            continue
        name = table.filters[number]
        if name == "deflate":
            values = _inflated(values, size + _sums(table, mask, number), where)
        elif name == "sum":
            values = _summed(values, where)
        elif number == 0:
            shuffled = table.dtype.itemsize > 1
        else:
            values = _unshuffled(np.frombuffer(values, np.uint8), table.dtype.itemsize).data
    if len(values) != size:
        raise CorruptGranuleError(f"{where}: a chunk holds {len(values)} bytes where {size} should be")
    return Unfiltered(values, table, shuffled)


def _sums(table: ChunkTable, mask: int, number: int) -> int:
    """Return the bytes of the checksums that were put after a chunk before filter `number`."""
    return 4 * sum(table.filters[place] == "sum" and not mask >> place & 1 for place in range(number))


def _inflated(data: memoryview, size: int, where: str) -> memoryview:
    """Return what was deflated; hardly a byte more than `size` is made of it."""
    if _FAST is not None:
        try:
            return memoryview(_FAST.zlib_decompress(data, size))
        except _FAST.DeflateError:
            # What is wrong with it is for zlib to say.
            pass
    engine = zlib.decompressobj()
    try:
        values = engine.decompress(data, size + 1)
    except zlib.error as error:
        raise CorruptGranuleError(f"{where}: a chunk cannot be inflated ({error}); the file is damaged") from None
    if not engine.eof:
        raise CorruptGranuleError(f"{where}: a chunk is not whole when inflated; the file is damaged")
    return memoryview(values)


def _unshuffled(data: Bytes, width: int) -> Bytes:
    """Return the bytes of values together that were stored first bytes first; what is left over stays at the end."""
    count = data.size // width
    values = data.copy()
    values[: count * width].reshape(count, width)[:] = data[: count * width].reshape(width, count).T
    return values


def _summed(data: memoryview, where: str) -> memoryview:
    """Return what a sum was put after, checked against it."""
    body, told = data[:-4], int.from_bytes(data[-4:], "little")
    found = fletcher32(body)
    halves = [(value & 0xFFFF) % 65535 for value in (told, told >> 16, found, found >> 16)]
    if len(data) < 4 or halves[:2] != halves[2:]:
        raise CorruptGranuleError(f"{where}: the checksum of a chunk is wrong; the file is damaged")
    return body


def fletcher32(data: bytes | memoryview) -> int:
    """Return Fletcher's checksum of 16-bit big-endian words, as HDF5 forms it (zero and 65535 are one).

    Source: J. G. Fletcher (1982), An Arithmetic Checksum for Serial Transmissions, IEEE Trans. Commun. 30, 247.

    Examples
    --------
    >>> hex(fletcher32(b"abcde"))
    '0x4ff029c7'
    """
    odd = len(data) % 2
    words = np.frombuffer(bytes(data) + b"\0" * odd, ">u2").astype(np.uint64)
    low = int(words.sum())
    # Products stay below 2^64: words below 2^16, counts taken modulo 65535.
    weights = np.arange(words.size, 0, -1, dtype=np.uint64) % np.uint64(65535)
    high = int((words * weights % np.uint64(65535)).sum())
    return high % 65535 << 16 | low % 65535


def native(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return the values in this machine's byte order."""
    order = values.dtype.byteorder
    foreign = order == (">" if sys.byteorder == "little" else "<")
    return values.astype(values.dtype.newbyteorder("=")) if foreign else values
