"""The h5coro engine, and the checks that turn h5coro's silent failures into typed errors.

h5coro 1.0.7 answers None for what is missing, empty, enumerated or unwritten, reads big-endian numbers as
garbage and strings as their first character. So every data set is looked at before it is read (type, byte order,
shape) and compared with that afterwards. Of damaged bytes h5coro makes whatever exception comes of them, so all of
them are caught around its calls.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from h5coro.filedriver import FileDriver
from h5coro.h5coro import H5Coro
from h5coro.h5dataset import H5Dataset, H5Metadata

from altiflow.errors import AltiflowError, CorruptGranuleError, UnsupportedFormatError
from altiflow.readers.hdf5 import check_claim, open_hdf5, size_of, telling_damage, text_attribute
from altiflow.readers.icesat2.engines.protocol import Array, Rows
from altiflow.readers.remote.ranges import BlockCache, SourceFile, Thrift
from altiflow.stop import Stop

__all__ = ["H5coroEngine"]

_LINE = 2**16
"""Cache lines of h5coro on a remote file [bytes]: it never drops one, so they hold little beside what is read."""

_UNWRITTEN = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
"""Address of data that were never written (HDF5 "undefined address"), 4 and 8 bytes wide."""

_REQUESTS = 500_000
"""Fields that h5coro may read of a data set; one of a full granule takes some thousands."""


@dataclass(frozen=True)
class _Description:
    """What a data set's header says."""

    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    fill: np.generic | None
    written: bool

    def sliced(self, spans: Mapping[str, tuple[int, int]], path: str) -> tuple[int, ...]:
        """Return the shape of the rows that are wanted."""
        if path not in spans:
            return self.shape
        first, last = spans[path]
        return (max(last - first, 0), *self.shape[1:])


class _Header(H5Dataset):  # type: ignore[misc]
    """A data set's header, with the byte order that h5coro itself skips."""

    pos: int
    big_endian = False

    def datatypeMsgHandler(self, *args: Any, **kwargs: Any) -> Any:
        start = self.pos
        class_bits = self.readField(4)
        self.pos = start
        kind, order = class_bits & 0x0F, class_bits >> 8
        # Bit 0 is the byte order of integers and floats; bit 6 marks VAX floats.
        self.big_endian = kind in (0, 1) and bool(order & 0x1 or (kind == 1 and order & 0x40))
        return super().datatypeMsgHandler(*args, **kwargs)


class _Bounded(H5Coro):  # type: ignore[misc]
    """A file of which no more is asked than it holds, and not for ever: damaged addresses may go round in circles."""

    file_size = 2**63
    left = _REQUESTS

    def ioRequest(self, pos: int, size: int, *args: Any, **kwargs: Any) -> Any:
        self.left -= 1
        if size > self.file_size or self.left < 0:
            raise ValueError(f"an address in it leads nowhere ({size} bytes at {pos})")
        return super().ioRequest(pos, size, *args, **kwargs)


class _BlockDriver:
    """The blocks of a remote file as one of h5coro's drivers: it reads, is copied and closed."""

    def __init__(self, blocks: BlockCache) -> None:
        self._blocks = blocks

    def read(self, pos: int, size: int) -> bytes:
        return self._blocks.read(pos, size)

    def copy(self, max_connections: int | None = None) -> _BlockDriver:
        return self

    def close(self) -> None:
        """Do nothing: the blocks are given up with the driver."""


class H5coroEngine:
    """Reads with h5coro; every answer checked against the data set's own header.

    Parameters
    ----------
    place
        A path, or the blocks of a remote file.
    name
        What errors call it.
    """

    def __init__(self, place: Path | BlockCache, name: str) -> None:
        self._name = name
        logging.getLogger("h5coro").setLevel(logging.CRITICAL)
        local = isinstance(place, Path)
        self._stop = Stop() if isinstance(place, Path) else place.stop
        driver: Any = FileDriver(str(place), None) if local else _BlockDriver(place)  # type: ignore[arg-type]
        try:
            self._file = _Bounded(name, lambda *_: driver, cacheLineSize=2**22 if local else _LINE)
        except AltiflowError:
            raise
        except Exception as error:
            driver.close()
            raise UnsupportedFormatError(
                f"{name}: h5coro cannot open this HDF5 layout ({error}); use engine='h5py'"
            ) from error
        self._file.file_size = self._size = size_of(place)
        self._h5py_place = place if isinstance(place, Path) else SourceFile(place)
        self._headers: dict[str, _Description | None] = {}
        self._attributes: h5py.File | None = None

    def read(
        self, paths: Sequence[str], rows: Rows | None = None, *, thrift: Thrift = "few_requests"
    ) -> dict[str, Array | None]:
        """Return the array of each path, None where there is no such data set."""
        # h5coro takes one span of each data set at a time.
        asked = {path: list(spans) or [(0, 0)] for path, spans in (rows or {}).items() if path in paths}
        found = self._read_spans(paths, {path: spans[0] for path, spans in asked.items()})
        for number in range(1, max(map(len, asked.values()), default=1)):
            more = {path: spans[number] for path, spans in asked.items() if len(spans) > number}
            for path, part in self._read_spans(list(more), more).items():
                before = found[path]
                found[path] = None if before is None or part is None else np.concatenate([before, part])
        return found

    def cost(self, paths: Sequence[str], rows: Rows | None = None, *, thrift: Thrift = "few_requests") -> int | None:
        """Return None: h5coro does not tell beforehand."""
        return None

    def _read_spans(self, paths: Sequence[str], spans: Mapping[str, tuple[int, int]]) -> dict[str, Array | None]:
        """Return the array of each path, of those named in `spans` that span of rows."""
        found = {path: self._describe(path) for path in paths}
        needed = [path for path, head in found.items() if head and head.written and 0 not in head.sliced(spans, path)]
        answers: Any = {}
        if needed:
            # h5coro changes the dictionaries it is given.
            asked = [{"dataset": p, "hyperslice": [list(spans[p])]} if p in spans else p for p in needed]
            answers = self._tried(
                lambda: self._file.readDatasets(asked, block=True), "cannot be read", _REQUESTS * len(needed)
            )
        return {
            path: None
            if head is None
            else self._checked(path, head, head.sliced(spans, path), answers[path] if path in needed else None)
            for path, head in found.items()
        }

    def shapes(self, paths: Sequence[str]) -> dict[str, tuple[int, ...] | None]:
        """Return the shape of each data set, None where there is none."""
        heads = {path: self._describe(path) for path in paths}
        return {path: None if head is None else head.shape for path, head in heads.items()}

    def expect(self, paths: Sequence[str], attributes: Sequence[tuple[str, str]]) -> None:
        """Do nothing: h5coro looks for all data sets of one call at once anyway."""

    def _tried(self, work: Callable[[], Any], what: str, requests: int) -> Any:
        """Return what h5coro returns within so many requests; what it raises is told in this package's words."""
        self._file.left = requests
        try:
            with self._stop.on_interrupt():
                return work()
        except AltiflowError:
            raise
        except Exception as error:
            raise CorruptGranuleError(f"{self._name} {what}: {error!r}") from error

    def _describe(self, path: str) -> _Description | None:
        """Return what the header of a data set says, None where there is no such data set."""
        if path not in self._headers:
            header = self._tried(
                lambda: _Header(self._file, path, [], earlyExit=True, metaOnly=True, enableAttributes=False),
                f"has a damaged header of {path}",
                _REQUESTS,
            )
            self._headers[path] = self._understood(path, header)
        return self._headers[path]

    def _understood(self, path: str, header: _Header) -> _Description | None:
        """Return the header in NumPy's words, refused where h5coro would read it wrongly."""
        meta = header.meta
        if meta.typeSize == 0 or meta.ndims is None:
            return None
        where = f"{self._name}: {path}"
        numeric = H5Metadata.TO_NUMPY_TYPE.get(meta.type, {}).get(bool(meta.signedval), {}).get(meta.typeSize)
        if numeric is None:
            raise UnsupportedFormatError(f"{where} is not numeric (HDF5 type class {meta.type}); use engine='h5py'")
        if header.big_endian:
            raise UnsupportedFormatError(f"{where} is big-endian, which h5coro misreads; use engine='h5py'")
        dtype = np.dtype(numeric)
        fill = None
        if meta.fillsize == dtype.itemsize:
            fill = np.frombuffer(struct.pack("<Q", meta.fillvalue)[: dtype.itemsize], dtype=dtype)[0]
        shape = tuple(int(size) for size in meta.dimensions)
        check_claim(where, shape, dtype.itemsize, self._size)
        return _Description(dtype, shape, fill, meta.address not in _UNWRITTEN)

    def _checked(self, path: str, head: _Description, shape: tuple[int, ...], values: Any) -> Array:
        """Return the values if they are what the header promised."""
        if 0 in shape:
            return np.empty(shape, head.dtype)
        if not head.written:
            return np.full(shape, 0 if head.fill is None else head.fill, head.dtype)
        array = np.asarray(values) if values is not None else None
        if array is None or array.dtype != head.dtype or array.size != int(np.prod(shape, dtype=int)):
            got = "nothing" if array is None else f"{array.size} values of {array.dtype}"
            raise CorruptGranuleError(
                f"{self._name}: {path} should hold {shape} values of {head.dtype}, h5coro returned {got}"
            )
        return array.reshape(shape)

    def attribute(self, group: str, name: str) -> str | None:
        """Return a string attribute, None where there is none.

        The attribute headers of real granules are beyond h5coro 1.0.7 ("failed to read expected bytes for
        dataspace message"), so h5py reads these few bytes.
        """
        if self._attributes is None:
            self._attributes = open_hdf5(self._h5py_place, self._name)
        with telling_damage(self._h5py_place, f"{self._name}: attribute {name} of {group} cannot be read"):
            node = self._attributes.get(group)
            return None if node is None else text_attribute(node, name)

    def __enter__(self) -> H5coroEngine:
        """Return the engine."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        if self._attributes is not None:
            self._attributes.close()
        self._file.close()
