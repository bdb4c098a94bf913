"""One granule into a data set: read, its parts written, and its row of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from altiflow.errors import AltiflowError, CorruptGranuleError, GranuleError, WriteError
from altiflow.files import whole_file
from altiflow.readers.datasets.geoparquet import (
    INDEX,
    ROW_GROUP_ROWS,
    PointEncoding,
    index_metadata,
    with_geometry,
    write_parquet,
)
from altiflow.readers.datasets.layout import Columns, Settings, split_rows
from altiflow.readers.icesat2.beams import check_beams
from altiflow.readers.icesat2.engines import EngineName
from altiflow.readers.icesat2.granule import GranuleReading, ReadOptions, granule_stem, read_granule
from altiflow.readers.icesat2.products import product_named
from altiflow.readers.icesat2.screens import choose_screens
from altiflow.readers.ledger import Ledger
from altiflow.readers.remote.ranges import ByteSource, RemoteAccess, Sources, Traffic, is_remote
from altiflow.readers.segments import column_order, provenance
from altiflow.region import Region

__all__ = ["Done", "Work", "file_modified", "read_into", "remote_version", "writing_to"]


@dataclass(frozen=True)
class Work:
    """All that a worker needs to know to read a granule.

    Attributes
    ----------
    folder, settings
        The data set, and what it is read with.
    region
        Where segments are kept; None for everywhere.
    engine, access
        How granules are opened, and remote ones as whom.
    """

    folder: Path
    settings: Settings
    region: Region | None
    engine: EngineName
    access: RemoteAccess | None

    def options(self, sources: Sources) -> ReadOptions:
        """Return how granules are read."""
        told = self.settings
        return ReadOptions(
            product=product_named(told.product),
            beams=told.beams if isinstance(told.beams, tuple) else check_beams(told.beams),  # type: ignore[arg-type]
            screens=choose_screens(told.screens),
            region=self.region,
            transition=told.transition,
            engine=self.engine,
            sources=sources,
        )


@dataclass(frozen=True)
class Done:
    """What became of a granule: its row of the ledger, and the error if it failed."""

    row: dict[str, Any]
    error: AltiflowError | None = None


class _Watched(Sources):
    """Shared sources as one granule sees them: it is known afterwards which file was opened."""

    def __init__(self, shared: Sources) -> None:
        super().__init__(shared.access)
        self._shared = shared
        self.opened: ByteSource | None = None

    def open(self, place: str | Path, traffic: Traffic) -> ByteSource:
        """Return the file, opened by what all granules share."""
        self.opened = self._shared.open(place, traffic)
        return self.opened


def read_into(work: Work, place: Path | str, *, sources: Sources | None = None) -> Done:
    """Read one granule, write its parts, and return its row of the ledger; the row says so if it failed.

    Connections are those of `sources`; without them, as in a process of its own, they are made for this granule.

    Raises
    ------
    WriteError
        If the parts cannot be written.
    """
    if sources is None:
        with closing(Sources(work.access)) as own:
            return read_into(work, place, sources=own)
    watched, traffic, began = _Watched(sources), Traffic(), perf_counter()
    ledger = Ledger()
    try:
        modified = file_modified(place)
        reading = read_granule(place, work.options(watched), traffic)
        sources.stop.check()
        parts = _write_parts(work, reading)
        sizes = [str((work.folder / part).stat().st_size) for part in parts]
    except WriteError:
        raise
    except Exception as error:
        # What an interrupt broke off has not failed.
        sources.stop.check()
        typed = _typed(place, error)
        ledger.add_failure(place, typed, traffic=traffic, seconds=perf_counter() - began)
        return Done(ledger.rows[0], typed)
    ledger.add_reading(place, reading)
    told = {"parts": ";".join(parts), "part_sizes": ";".join(sizes), "modified": modified}
    return Done(ledger.rows[0] | told | {"file_version": _version(watched.opened) if is_remote(place) else ""})


def _typed(place: Path | str, error: Exception) -> AltiflowError:
    """Return what kept a granule from being read as an error of the package, naming the granule.

    Libraries make whatever exception comes of damaged bytes, and one granule must not end a run over thousands.
    """
    if isinstance(error, AltiflowError):
        return error
    told = f"{type(error).__name__}: {error}".removesuffix(": ")
    typed: AltiflowError
    if isinstance(error, MemoryError):
        typed = GranuleError(f"{granule_stem(place)} does not fit in memory ({told}); use fewer workers")
    else:
        typed = CorruptGranuleError(f"{granule_stem(place)} cannot be read ({told}); fetch it again")
    typed.__cause__ = error
    return typed


def remote_version(place: str, sources: Sources) -> str:
    """Return what the server now says of the version of a file; "" where it says nothing."""
    try:
        with closing(sources.open(place, Traffic())) as source:
            source.read(0, 8)
            return _version(source)
    except AltiflowError:
        return ""


def file_modified(place: Path | str) -> int:
    """Return when a file of this machine was changed [ns since 1970]; 0 where there is none."""
    if is_remote(place):
        return 0
    return Path(place).stat().st_mtime_ns if Path(place).exists() else 0


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn what keeps files from being written into one typed error."""
    try:
        yield
    except (WriteError, OSError) as error:
        cause = error.__cause__ if isinstance(error, WriteError) else error
        if not isinstance(cause, OSError):
            raise
        raise WriteError(
            f"cannot write to the data set at {folder}: {cause.strerror or cause}; what is in it is whole, and the "
            "same call goes on from there"
        ) from None


def _version(source: ByteSource | None) -> str:
    """Return the version of a remote file that was read; "" where the server tells none."""
    stamp = None if source is None else source.stamp
    return "" if stamp is None else stamp.version


def _write_parts(work: Work, reading: GranuleReading) -> list[str]:
    """Write the rows of a granule, a file for each partition, and return the names of the files."""
    if not reading.kept:
        return []
    settings = work.settings
    told = provenance(
        [reading],
        reading.product,
        beams=settings.beams,  # type: ignore[arg-type]
        screens=settings.screens,
        region=settings.region,
    )
    parts: list[str] = []
    for place, rows in split_rows(reading.columns, settings.partition, settings.product):
        part = f"{place}/{reading.granule}.parquet".removeprefix("./")
        with writing_to(work.folder):
            _write_part(work.folder / part, reading.columns, rows, told, settings.geometry)
        parts.append(part)
    return parts


def _write_part(path: Path, columns: Columns, rows: Any, told: dict[str, Any], geometry: PointEncoding) -> None:
    """Write the rows of one granule in one partition; the file appears whole or not at all."""
    numbers = np.arange(len(columns["latitude"]), dtype=np.int32)[rows]
    turned, cuts = _stretches(columns["x_atc"][rows].astype(np.float64))
    numbers = numbers[turned]
    chosen = {name: columns[name][numbers] for name in column_order(columns)} | {INDEX: numbers}
    arrow = pa.table({name: _words(v) if v.dtype == object else pa.array(v) for name, v in chosen.items()})
    x, y = (np.asarray(chosen[name], np.float64) for name in ("longitude", "latitude"))
    arrow, geo = with_geometry(arrow, x, y, encoding=geometry)
    metadata = {**index_metadata(), b"altiflow": json.dumps(told, sort_keys=True).encode()}
    with whole_file(path) as part:
        write_parquet(arrow, part, geo=geo, metadata=metadata, cuts=cuts)


def _words(values: npt.NDArray[np.generic]) -> pa.Array:
    """Return text (n,) as an Arrow column, each run of one word converted once."""
    first = np.flatnonzero(np.r_[True, values[1:] != values[:-1]][: values.size])
    lengths = np.diff(np.r_[first, values.size])
    return pa.array(values[first], type=pa.string()).take(pa.array(np.repeat(np.arange(first.size), lengths)))


def _stretches(along: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.intp], list[int]]:
    """Return an order of rows and where its row groups end: each holds a stretch of the track, beam after beam.

    Beams run side by side, so a stretch of all of them has a smaller box than as many rows of one; and rows of one beam
    that stay together compress better than rows in the order of time.
    """
    if along.size <= ROW_GROUP_ROWS:
        return np.arange(along.size), []
    length = -(-along.size // -(-along.size // ROW_GROUP_ROWS))
    stretch = np.empty(along.size, dtype=np.int64)
    stretch[np.argsort(along, kind="stable")] = np.arange(along.size) // length
    return np.argsort(stretch, kind="stable"), list(range(length, along.size, length))
