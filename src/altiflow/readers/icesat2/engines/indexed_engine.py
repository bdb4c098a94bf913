"""The indexed engine: chunks by their known positions, all at once, without HDF5's library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from altiflow.errors import CorruptGranuleError, GranuleError, UnsupportedFormatError
from altiflow.readers.hdf5 import (
    ChunkIndex,
    ChunkTable,
    Walker,
    count_bytes,
    drop_index,
    load_index,
    read_arrays,
    save_index,
)
from altiflow.readers.icesat2.engines.protocol import Array, Rows
from altiflow.readers.remote.ranges import ByteSource, Thrift

__all__ = ["IndexedEngine", "StaleIndexError"]


class StaleIndexError(GranuleError):
    """The index that was kept is of another version of the file."""


class IndexedEngine:
    """Reads chunks by their positions, which are kept from one run to the next.

    Parameters
    ----------
    source
        The file.
    path
        Where it is, if it is on this machine.
    folder
        Where indexes are kept; None keeps none.
    thrift
        What is spared without one.
    fresh
        Do not use an index that was kept.
    """

    def __init__(
        self,
        source: ByteSource,
        path: Path | None,
        *,
        folder: Path | None,
        thrift: Thrift = "few_requests",
        fresh: bool = False,
    ) -> None:
        self._source, self._folder = source, folder
        self._walker = Walker(source, path, thrift)
        kept = None if fresh else load_index(folder, source.name)
        self._trusted = kept is not None
        try:
            self._index: ChunkIndex = kept or self._walker.begin()
            self._known = self._index.known() if self._trusted else 0
            self._check_version()
        except BaseException:
            source.close()
            raise

    def read(
        self, paths: Sequence[str], rows: Rows | None = None, *, thrift: Thrift = "few_requests"
    ) -> dict[str, Array | None]:
        """Return the array of each path, None where there is no such data set."""
        tables = self._tables(paths)
        try:
            arrays = read_arrays(self._source, tables, rows=rows, walker=self._walker, thrift=thrift)
        finally:
            # Chunks of another version look damaged; that is told first.
            self._check_version()
        return {path: arrays.get(path) for path in paths}

    def cost(self, paths: Sequence[str], rows: Rows | None = None, *, thrift: Thrift = "few_requests") -> int:
        """Return how many bytes reading would fetch."""
        return count_bytes(self._tables(paths), rows=rows, walker=self._walker, thrift=thrift)

    def shapes(self, paths: Sequence[str]) -> dict[str, tuple[int, ...] | None]:
        """Return the shape of each data set, None where there is none."""
        tables = {path: self._table(path) for path in self._learnt(paths)}
        return {path: None if table is None else table.shape for path, table in tables.items()}

    def expect(self, paths: Sequence[str], attributes: Sequence[tuple[str, str]]) -> None:
        """Look for all of them together."""
        self._walker.learn(self._index, paths, attributes)
        self._check_version()

    def attribute(self, group: str, name: str) -> str | None:
        """Return a string attribute, None where there is none."""
        self.expect((), [(group, name)])
        return self._index.attributes[group, name]

    def _learnt(self, paths: Sequence[str]) -> Sequence[str]:
        self.expect(paths, ())
        return paths

    def _tables(self, paths: Sequence[str]) -> dict[str, ChunkTable]:
        """Return what is known of the data sets that are there."""
        found = {path: self._table(path) for path in self._learnt(paths)}
        return {path: table for path, table in found.items() if table is not None}

    def _table(self, path: str) -> ChunkTable | None:
        """Return what is known of a data set, refused where it cannot be read."""
        table = self._index.tables[path]
        if isinstance(table, str):
            raise UnsupportedFormatError(table)
        return table

    def _check_version(self) -> None:
        """Refuse an index of another version than the file that was read meanwhile."""
        read = self._source.stamp
        if self._trusted and read is not None and read != self._index.stamp:
            raise self._stale("is of another version of the file")

    def _stale(self, why: str) -> StaleIndexError:
        """Throw the index away that was kept, and return what says why."""
        self._trusted = False
        drop_index(self._folder, self._source.name)
        return StaleIndexError(f"{self._source.name}: the index that was kept {why}")

    def _confirm_version(self) -> None:
        """Refuse an index of another version, though nothing was read yet that shows it."""
        if self._source.stamp is None:
            self._source.read(0, 8)
            self._check_version()

    def __enter__(self) -> IndexedEngine:
        """Return the engine."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what was learnt, and close the file.

        Raises
        ------
        StaleIndexError
            If an index that was kept is of another version, or the file looks damaged by it: a file that became
            shorter gives no bytes that would tell its version.
        """
        try:
            if kind is None:
                self._confirm_version()
                if self._index.known() > self._known:
                    save_index(self._folder, self._index)
            elif self._trusted and isinstance(error, CorruptGranuleError):
                raise self._stale("does not fit the file") from error
            elif self._trusted and isinstance(error, GranuleError) and type(error) is not GranuleError:
                # What is said to be missing or of another product may be so in the old version alone.
                self._confirm_version()
        finally:
            self._source.close()
