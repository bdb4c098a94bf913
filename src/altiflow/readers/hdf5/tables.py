"""Chunk tables: where each chunk of a data set lies in the file, and what was done to it."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from altiflow.errors import CorruptGranuleError, UnsupportedFormatError
from altiflow.readers.hdf5.wholeness import DEFLATE_RATIO, check_claim

__all__ = ["ChunkTable", "check_table", "describe_data_set"]

_FILTERS = {h5py.h5z.FILTER_SHUFFLE: "shuffle", h5py.h5z.FILTER_DEFLATE: "deflate", h5py.h5z.FILTER_FLETCHER32: "sum"}
_INLINE = 128
"""Data sets up to this size are kept in the table itself [bytes]: less than a request for them costs."""


@dataclass(frozen=True)
class ChunkTable:
    """One data set.

    Attributes
    ----------
    dtype
        Type as in the file, with its byte order.
    shape, chunk
        Of the data set and of a chunk; a data set without chunks is one chunk.
    filters
        What was done to a chunk, in order: "shuffle", "deflate", "sum" (Fletcher's).
    fill
        One value where nothing was written, as bytes.
    places
        Chunks (n, 4) int64: number of the chunk in C order, offset and size in the file [bytes], filters left out
        (bit by bit).
    inline
        The values of a small data set, as bytes; None for others.
    """

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    filters: tuple[str, ...]
    fill: bytes
    places: npt.NDArray[np.int64]
    inline: bytes | None = None

    @property
    def chunk_bytes(self) -> int:
        """Size of a chunk without filters [bytes]."""
        return math.prod(self.chunk) * self.dtype.itemsize

    def corners(self) -> npt.NDArray[np.int64]:
        """Return the first element of each chunk (n, dimensions)."""
        counts = [max(1, -(-size // step)) for size, step in zip(self.shape, self.chunk, strict=True)]
        if not counts:
            return np.zeros((len(self.places), 0), np.int64)
        cells: npt.NDArray[np.int64] = np.stack(np.unravel_index(self.places[:, 0], counts), axis=1)
        return cells * np.array(self.chunk, np.int64)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; :meth:`from_dict` makes the table of it again."""
        told: dict[str, Any] = {
            "dtype": self.dtype.str,
            "shape": self.shape,
            "chunk": self.chunk,
            "filters": self.filters,
            "fill": self.fill.hex(),
            "places": self.places.T.tolist(),
        }
        return told if self.inline is None else told | {"inline": base64.b64encode(self.inline).decode()}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> ChunkTable:
        """Return the table that :meth:`to_dict` wrote.

        Raises
        ------
        ValueError, KeyError, TypeError
            If it is none.
        """
        places = np.array(told["places"], np.int64).reshape(4, -1).T
        inline = base64.b64decode(told["inline"]) if "inline" in told else None
        shape, chunk = (tuple(int(size) for size in told[name]) for name in ("shape", "chunk"))
        dtype = np.dtype(str(told["dtype"]))
        if not {*told["filters"]} <= {*_FILTERS.values()}:
            raise ValueError("no filters of chunks")
        if dtype.kind not in "iuf" or len(shape) != len(chunk) or (places < 0).any() or min((*shape, 0)) < 0:
            raise ValueError("no table of chunks")
        return cls(dtype, shape, chunk, tuple(told["filters"]), bytes.fromhex(told["fill"]), places, inline)


def check_table(table: ChunkTable, size: int | None, where: str) -> None:
    """Refuse a chunk table that cannot be, before memory is made for it.

    Parameters
    ----------
    table
        The table.
    size
        Size of the file [bytes], None where that is not known.
    where
        What errors call it.

    Raises
    ------
    CorruptGranuleError
        If chunks are empty, beyond the file, twice there, or more than could be stored.
    """
    if size is not None:
        check_claim(where, table.shape, table.dtype.itemsize, size)
    wrong = _wrong_inline(table) if table.inline is not None else _wrong_places(table, size)
    if wrong or len(table.fill) != table.dtype.itemsize:
        raise CorruptGranuleError(f"{where}: {wrong or 'the fill value has another type'}; the file is damaged")


def _wrong_inline(table: ChunkTable) -> str:
    """Return what is wrong with values that are kept in the table, "" for nothing."""
    fits = len(table.inline or b"") == math.prod(table.shape) * table.dtype.itemsize
    return "" if fits else f"{len(table.inline or b'')} bytes are not the values of shape {table.shape}"


def _wrong_places(table: ChunkTable, size: int | None) -> str:
    """Return what is wrong with where chunks lie, "" for nothing."""
    if len(table.chunk) != len(table.shape) or min((*table.shape, 0)) < 0 or min((*table.chunk, 1)) < 1:
        return f"chunks {table.chunk} do not fit the shape {table.shape}"
    numbers, offsets, sizes = (table.places[:, column] for column in range(3))
    if not numbers.size:
        return ""
    count = math.prod(-(-whole // step) for whole, step in zip(table.shape, table.chunk, strict=True))
    if numbers.min() < 0 or int(numbers.max()) >= count or np.unique(numbers).size != numbers.size:
        return f"a chunk is there twice, or is none of the {count} there can be"
    end = np.iinfo(np.int64).max if size is None else size
    if sizes.min() < 1 or offsets.min() < 0 or (sizes > end).any() or (offsets > end - sizes).any():
        return f"a chunk is empty, or ends beyond the file of {end} bytes"
    ratio = DEFLATE_RATIO ** table.filters.count("deflate")
    if table.chunk_bytes > ratio * int(sizes.max()):
        return f"chunks of {int(sizes.max())} bytes cannot hold {table.chunk_bytes}"
    return ""


def describe_data_set(node: Any, where: str) -> ChunkTable:
    """Return the chunk table of an h5py data set.

    Parameters
    ----------
    node
        The data set.
    where
        What errors call it.

    Raises
    ------
    UnsupportedFormatError
        If it is not numeric, or filtered in another way.
    """
    if node.dtype.kind not in "iuf" or h5py.check_enum_dtype(node.dtype) is not None:
        raise UnsupportedFormatError(f"{where} is not numeric ({node.dtype})")
    settings = node.id.get_create_plist()
    codes = [settings.get_filter(number)[0] for number in range(settings.get_nfilters())]
    unknown = [code for code in codes if code not in _FILTERS]
    if unknown or node.external:
        raise UnsupportedFormatError(f"{where} is stored with HDF5 filter {unknown or 'external'}; use engine='h5py'")
    filters = tuple(_FILTERS[code] for code in codes)
    fill = np.asarray(node.fillvalue if node.fillvalue is not None else 0, node.dtype).tobytes()
    shape, chunk = tuple(node.shape), tuple(node.chunks or node.shape)
    if node.size * node.dtype.itemsize <= _INLINE or settings.get_layout() == h5py.h5d.COMPACT:
        values = np.ascontiguousarray(node[()]).tobytes()
        return ChunkTable(node.dtype, shape, chunk, filters, fill, np.zeros((0, 4), np.int64), values)
    if node.chunks is None:
        offset = node.id.get_offset()
        place = [] if offset is None else [(0, offset, node.size * node.dtype.itemsize, 0)]
        return ChunkTable(node.dtype, shape, chunk, filters, fill, np.array(place, np.int64).reshape(-1, 4))
    return ChunkTable(node.dtype, shape, chunk, filters, fill, _places(node))


def _places(node: Any) -> npt.NDArray[np.int64]:
    """Return number, offset, size and filter mask of the chunks that were written, in order (n, 4)."""
    rows: list[tuple[int, int, int, int]] = []
    counts = [-(-size // step) for size, step in zip(node.shape, node.chunks, strict=True)]

    def add(chunk: Any) -> None:
        cell = [start // step for start, step in zip(chunk.chunk_offset, node.chunks, strict=True)]
        # What was cut off a data set may leave chunks outside its shape.
        if all(place < count for place, count in zip(cell, counts, strict=True)):
            number = int(np.ravel_multi_index(cell, counts))
            rows.append((number, chunk.byte_offset, chunk.size, chunk.filter_mask))

    node.id.chunk_iter(add)
    return np.array(sorted(rows), np.int64).reshape(-1, 4)
