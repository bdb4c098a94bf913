"""The h5py engine: HDF5's own library, on a file or on the blocks of a remote one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import h5py
import numpy as np

from altiflow.errors import UnsupportedFormatError
from altiflow.readers.hdf5 import check_claim, open_hdf5, size_of, telling_damage, text_attribute
from altiflow.readers.icesat2.engines.protocol import Array, Rows, Spans
from altiflow.readers.remote.ranges import SourceFile, Thrift

__all__ = ["H5pyEngine"]


class H5pyEngine:
    """Reads with h5py, the HDF5 library.

    Parameters
    ----------
    place
        A path, or the blocks of a remote file.
    name
        What errors call it.
    """

    def __init__(self, place: Path | SourceFile, name: str) -> None:
        self._place, self._name = place, name
        self._file = open_hdf5(place, name)
        self._size = size_of(place)

    def read(
        self, paths: Sequence[str], rows: Rows | None = None, *, thrift: Thrift = "few_requests"
    ) -> dict[str, Array | None]:
        """Return the array of each path, None where there is no such data set."""
        return {path: self._read_one(path, (rows or {}).get(path)) for path in paths}

    def cost(self, paths: Sequence[str], rows: Rows | None = None, *, thrift: Thrift = "few_requests") -> int | None:
        """Return None: HDF5 does not tell beforehand."""
        return None

    def _read_one(self, path: str, rows: Spans | None) -> Array | None:
        with telling_damage(self._place, f"{self._name}: {path} cannot be read"):
            node = self._node(path)
            if node is None:
                return None
            check_claim(f"{self._name}: {path}", node.shape or (), node.dtype.itemsize, self._size)
            parts = [node[()]] if rows is None else [node[:0], *(node[first:last] for first, last in rows)]
            values = np.asarray(parts[0]) if len(parts) == 1 else np.concatenate(parts)
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def _node(self, path: str) -> h5py.Dataset | None:
        """Return a numeric data set."""
        node = self._file.get(path)
        if not isinstance(node, h5py.Dataset):
            return None
        if node.dtype.kind not in "iuf" or h5py.check_enum_dtype(node.dtype) is not None:
            raise UnsupportedFormatError(f"{self._name}: {path} is not numeric ({node.dtype})")
        return node

    def shapes(self, paths: Sequence[str]) -> dict[str, tuple[int, ...] | None]:
        """Return the shape of each data set, None where there is none."""
        found: dict[str, tuple[int, ...] | None] = {}
        for path in paths:
            with telling_damage(self._place, f"{self._name}: {path} cannot be read"):
                node = self._node(path)
                found[path] = None if node is None else tuple(node.shape or ())
        return found

    def expect(self, paths: Sequence[str], attributes: Sequence[tuple[str, str]]) -> None:
        """Do nothing: HDF5 looks for one thing after the other."""

    def attribute(self, group: str, name: str) -> str | None:
        """Return a string attribute, None where there is none."""
        with telling_damage(self._place, f"{self._name}: attribute {name} of {group} cannot be read"):
            node = self._file.get(group)
            return None if node is None else text_attribute(node, name)

    def __enter__(self) -> H5pyEngine:
        """Return the engine."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()
