"""Chunks out of their filters: inflated, put back into order, their sums checked."""

from __future__ import annotations

import sys
import zlib
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import CorruptGranuleError
from altiflow.readers.hdf5.tables import ChunkTable

__all__ = ["decode_chunk", "fletcher32"]

try:
    _INFLATER: Any = import_module("isal.isal_zlib")
except ImportError:
    _INFLATER = zlib

Bytes = npt.NDArray[np.uint8]


def decode_chunk(data: bytes | memoryview, table: ChunkTable, mask: int, where: str) -> npt.NDArray[np.generic]:
    """Return the values of a chunk, in the shape of chunks.

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
    values = memoryview(data)
    for number in reversed(range(len(table.filters))):
        if mask >> number & 1:
            continue
        name = table.filters[number]
        if name == "deflate":
            values = _inflated(values, size, where)
        elif name == "shuffle":
            values = _unshuffled(np.frombuffer(values, np.uint8), table.dtype.itemsize).data
        else:
            values = _summed(values, where)
    if len(values) != size:
        raise CorruptGranuleError(f"{where}: a chunk holds {len(values)} bytes where {size} should be")
    return np.frombuffer(values, table.dtype).reshape(table.chunk)


def _inflated(data: memoryview, size: int, where: str) -> memoryview:
    """Return what was deflated; not a byte more than `size` and four of a sum are made of it."""
    engine = _INFLATER.decompressobj()
    try:
        values = engine.decompress(data, size + 5)
    except (zlib.error, _INFLATER.error) as error:
        raise CorruptGranuleError(f"{where}: a chunk cannot be inflated ({error}); the file is damaged") from None
    if not engine.eof:
        raise CorruptGranuleError(f"{where}: a chunk is not whole when inflated; the file is damaged")
    return memoryview(values)


def _unshuffled(data: Bytes, width: int) -> Bytes:
    """Return the bytes of values together that were stored first bytes first; what is left over stays at the end."""
    count = data.size // width
    if width == 1 or count < 2:
        return data
    values = np.empty(data.size, np.uint8)
    body, planes = values[: count * width].reshape(count, width), data[: count * width].reshape(width, count)
    for place in range(width):
        body[:, place] = planes[place]
    values[count * width :] = data[count * width :]
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
