"""What every engine can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from altiflow.readers.remote.ranges import Thrift

__all__ = ["Array", "Arrays", "Engine", "EngineName", "Rows", "Spans"]

Array = npt.NDArray[np.generic]
EngineName = Literal["auto", "h5coro", "h5py", "indexed"]
Spans = Sequence[tuple[int, int]]
"""Stretches of rows, in order: first row and the one after the last of each."""
Rows = Mapping[str, Spans]
"""Spans of rows, by path, of data sets of which not all rows are wanted."""


class Arrays(Protocol):
    """What gives arrays by path."""

    def read(self, paths: Sequence[str]) -> dict[str, Array | None]:
        """Return the array of each path, None where the granule has no such data set."""


class Engine(Protocol):
    """An open granule: arrays by path, string attributes by group. A context manager."""

    def read(
        self, paths: Sequence[str], rows: Rows | None = None, *, thrift: Thrift = "few_requests"
    ) -> dict[str, Array | None]:
        """Return the array of each path, None where the granule has no such data set.

        Fill values are kept as they are. An engine that can choose spares requests or bytes.

        Raises
        ------
        UnsupportedFormatError, CorruptGranuleError
            If a data set is there and cannot be read rightly.
        """

    def cost(self, paths: Sequence[str], rows: Rows | None = None, *, thrift: Thrift = "few_requests") -> int | None:
        """Return how many bytes :meth:`read` would fetch; None where that is not known beforehand."""

    def shapes(self, paths: Sequence[str]) -> dict[str, tuple[int, ...] | None]:
        """Return the shape of each data set, None where there is none; no data are read.

        Raises
        ------
        UnsupportedFormatError, CorruptGranuleError
            As for reading.
        """

    def expect(self, paths: Sequence[str], attributes: Sequence[tuple[str, str]]) -> None:
        """Take notice of what will be asked for, so that it can be looked for together."""

    def attribute(self, group: str, name: str) -> str | None:
        """Return a string attribute of a group ("/" is the root), None where it is not to be had."""

    def __enter__(self) -> Engine:
        """Return the engine."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
