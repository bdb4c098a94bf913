"""Engines: two ways to get arrays out of an HDF5 granule, behind one protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

import h5py
import numpy as np
import numpy.typing as npt

from altiflow.errors import CorruptGranuleError, InputError, UnsupportedFormatError
from altiflow.readers.icesat2.engines.attributes import text_attribute
from altiflow.readers.icesat2.engines.h5coro_engine import H5coroEngine
from altiflow.readers.icesat2.engines.hdf5 import check_hdf5

__all__ = ["Engine", "EngineName", "H5pyEngine", "open_engine"]

Array = npt.NDArray[np.generic]
EngineName = Literal["h5coro", "h5py"]


class Engine(Protocol):
    """An open granule: arrays by path, string attributes by group. A context manager."""

    def read(self, paths: Sequence[str]) -> dict[str, Array | None]:
        """Return the array of each path, None where the granule has no such data set.

        Fill values are kept as they are.

        Raises
        ------
        UnsupportedFormatError, CorruptGranuleError
            If a data set is there and cannot be read rightly.
        """

    def attribute(self, group: str, name: str) -> str | None:
        """Return a string attribute of a group ("/" is the root), None where it is not to be had."""

    def __enter__(self) -> Engine:
        """Return the engine."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""


class H5pyEngine:
    """Reads with h5py, the HDF5 library."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise CorruptGranuleError(f"{path.name} cannot be opened as HDF5: {error}") from error

    def read(self, paths: Sequence[str]) -> dict[str, Array | None]:
        """Return the array of each path, None where there is no such data set."""
        return {path: self._read_one(path) for path in paths}

    def _read_one(self, path: str) -> Array | None:
        try:
            node = self._file.get(path)
            if not isinstance(node, h5py.Dataset):
                return None
            if node.dtype.kind not in "iuf" or h5py.check_enum_dtype(node.dtype) is not None:
                raise UnsupportedFormatError(f"{self._name}: {path} is not numeric ({node.dtype})")
            values = np.asarray(node[()])
        except (OSError, RuntimeError, KeyError) as error:
            raise CorruptGranuleError(f"{self._name}: {path} cannot be read: {error}") from error
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def attribute(self, group: str, name: str) -> str | None:
        """Return a string attribute, None where there is none."""
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


def open_engine(path: Path, engine: EngineName = "h5coro") -> Engine:
    """Return an open granule.

    Parameters
    ----------
    path
        A local file.
    engine
        "h5coro" or "h5py".

    Raises
    ------
    InputError
        If there is no such file or engine.
    UnsupportedFormatError
        If the file is not HDF5.
    CorruptGranuleError
        If it is truncated.
    """
    check_hdf5(path)
    if engine == "h5py":
        return H5pyEngine(path)
    if engine == "h5coro":
        return H5coroEngine(path)
    raise InputError(f"engine={engine!r} is not known; use 'h5coro' or 'h5py'")
