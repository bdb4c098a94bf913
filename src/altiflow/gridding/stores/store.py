"""A tally in a folder that grows: granules come, are replaced and go, and the rest is never computed again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd

from altiflow.errors import AltiflowError, InputError, StoreLockedError
from altiflow.files import folder_lock
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import NO_TIME
from altiflow.gridding.stores.manifest import (
    Entry,
    Manifest,
    granule_spans,
    parts_folder,
    read_manifest,
    sweep_parts,
    write_manifest,
)
from altiflow.gridding.tally.records import Records
from altiflow.gridding.tally.storage import holds_tally, read_tally, write_tally
from altiflow.gridding.tally.tally import Tally, merge_tallies, tally_segments
from altiflow.readers.catalogue.names import granule_key

__all__ = ["TallyStore", "empty_tally", "is_tally", "open_tally"]

_TRIES = 5
"""A reader begins again this often where a writer takes parts away under its hands."""


@dataclass(frozen=True)
class TallyStore:
    """A folder that holds the tally of a growing set of granules.

    Its tally is at any time, to the bit, what a tally of the segments of all its granules would be. What is in the
    store is what its manifest says, and that is replaced in one step: a writer that dies leaves the store as it was,
    and the next one clears away what it left behind. One writer at a time; any number of readers beside it.

    Attributes
    ----------
    path
        The folder: ``manifest.json`` (grid, values, options; the part of each granule), ``parts/`` with tallies as
        :func:`altiflow.gridding.tally.storage.write_tally` writes them, and ``lock``.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> day = {"granule": "a", "longitude": [0.0], "latitude": [80.0], "time": pd.Timestamp("2020-03-01"), "h": [1.0]}
    >>> first = tally_segments(pd.DataFrame(day), Grid.named("EASE2_N25km"), value="h", weight=None)
    >>> second = tally_segments(pd.DataFrame(day | {"granule": "b"}), first.grid, value="h", weight=None)
    >>> store = TallyStore.create(tempfile.mkdtemp() + "/heights", first)
    >>> store.add(second)
    >>> store.granules, store.tally().count
    (('a', 'b'), 2)
    >>> store.add(first)
    Traceback (most recent call last):
    altiflow.errors.InputError: the store has granule a already; ...
    """

    path: Path

    @classmethod
    def create(cls, path: str | Path, first: Tally) -> TallyStore:
        """Return a new store, with the granules of a tally in it.

        Parameters
        ----------
        path
            A folder that is empty or not there.
        first
            What the store begins with; :func:`empty_tally` gives one to begin with nothing.

        Raises
        ------
        InputError
            If there is a store already or anything else in the folder, or the granules have no names.
        """
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        there = {found.name for found in folder.iterdir() if not found.name.startswith(".")}
        if "manifest.json" in there:
            raise InputError(f"there is a store at {folder} already; TallyStore.open opens it")
        strange = sorted(there - {"lock", parts_folder(folder).name})
        if strange:
            raise InputError(f"{folder} holds {strange[0]}; a store needs a folder of its own")
        store = cls(folder)
        parts_folder(folder).mkdir(exist_ok=True)
        with folder_lock(folder):
            store._put(Manifest.of(first), first)
        return store

    @classmethod
    def open(cls, path: str | Path) -> TallyStore:
        """Return the store in a folder.

        Raises
        ------
        InputError
            If there is none.
        UnsupportedFormatError
            If its format is not known.
        """
        read_manifest(Path(path))
        return cls(Path(path))

    @property
    def granules(self) -> tuple[str, ...]:
        """The granules, sorted."""
        return tuple(sorted(read_manifest(self.path).entries))

    @property
    def head(self) -> Tally:
        """Grid, values, weight and options of the store, as a tally of nothing."""
        return read_manifest(self.path).head

    def add(self, tally: Tally) -> None:
        """Put the granules of a tally into the store.

        Raises
        ------
        InputError
            If one of them is there already, they have no names, or the tally counts other things than the store.
        GridMismatchError
            If it is on another grid.
        StoreLockedError
            If another process is writing.
        """
        with folder_lock(self.path):
            manifest = read_manifest(self.path)
            keys = {granule_key(name) for name in tally.granules}
            there = sorted(name for name in manifest.entries if granule_key(name) in keys)
            if there:
                more = f" and {len(there) - 3} more" if len(there) > 3 else ""
                raise InputError(
                    f"the store has granule {', '.join(there[:3])}{more} already; store.replace(tally) puts the new "
                    "in its place, whatever its release"
                )
            self._put(manifest, tally)

    def replace(self, tally: Tally) -> None:
        """Put the granules of a tally in the place of the same ones, of whatever release, revision and subset.

        Granules that are new are added.

        Raises
        ------
        InputError
            If the granules have no names, or the tally counts other things than the store.
        GridMismatchError
            If it is on another grid.
        StoreLockedError
            If another process is writing.
        """
        with folder_lock(self.path):
            manifest = read_manifest(self.path)
            keys = {granule_key(name) for name in tally.granules}
            left = {name: entry for name, entry in manifest.entries.items() if granule_key(name) not in keys}
            self._put(manifest, tally, left)

    def remove(self, granules: str | Iterable[str]) -> None:
        """Take granules out of the store; :meth:`compact` frees the space of those that shared a part with others.

        Raises
        ------
        InputError
            If one of them is not there.
        StoreLockedError
            If another process is writing.
        """
        gone = {granules} if isinstance(granules, str) else set(granules)
        with folder_lock(self.path):
            manifest = read_manifest(self.path)
            unknown = sorted(gone - set(manifest.entries))
            if unknown:
                raise InputError(
                    f"the store has no granule {', '.join(unknown[:3])}; store.granules lists those it has"
                )
            left = {name: entry for name, entry in manifest.entries.items() if name not in gone}
            self._commit(manifest.holding(left))

    def compact(self) -> None:
        """Write one part per month, of the granules that begin in it, in the place of all others.

        Takes the memory of one month. Nothing is written where there is one part per month already.

        Raises
        ------
        StoreLockedError
            If another process is writing.
        """
        with folder_lock(self.path):
            manifest = read_manifest(self.path)
            sweep_parts(self.path, manifest)
            months: dict[str, list[str]] = {}
            for name, entry in sorted(manifest.entries.items()):
                months.setdefault(_month(entry.first), []).append(name)
            moved, sizes = dict(manifest.entries), dict(manifest.sizes)
            for month, names in months.items():
                parts = {manifest.entries[name].part for name in names}
                if len(parts) == 1 and manifest.sizes[next(iter(parts))] == len(names):
                    continue
                part = self._write_part(self._load(manifest, names), month)
                sizes[part] = len(names)
                moved |= {name: replace(moved[name], part=part) for name in names}
            self._commit(replace(manifest, sizes=sizes).holding(moved))

    def tally(self, start: Any = None, end: Any = None) -> Tally:
        """Return the tally of all granules, or of those with segments between two times.

        Parameters
        ----------
        start, end
            From when to before when (UTC): anything :class:`pandas.Timestamp` takes; None for no limit. Granules come
            whole; with a limit, those without a segment in the grid stay away.

        Raises
        ------
        InputError
            If a time makes no sense.
        """
        low, high = _nanoseconds("start", start), _nanoseconds("end", end)
        for _ in range(_TRIES):
            manifest = read_manifest(self.path)
            try:
                return self._load(manifest, [n for n, entry in manifest.entries.items() if entry.touches(low, high)])
            except AltiflowError:
                if read_manifest(self.path).sizes == manifest.sizes:
                    raise
        raise StoreLockedError(f"the store at {self.path} changed {_TRIES} times while it was read; try again later")

    def info(self) -> dict[str, Any]:
        """Return what is in the store: grid, values, weight, options, numbers of granules and parts, bytes, times.

        ``granules_stale`` counts those removed or replaced whose records are still in parts; compact frees them.
        """
        manifest = read_manifest(self.path)
        first = [entry.first for entry in manifest.entries.values() if entry.first is not None]
        last = [entry.last for entry in manifest.entries.values() if entry.last is not None]
        files = [parts_folder(self.path) / part for part in manifest.sizes]
        return {
            "path": str(self.path),
            "grid": manifest.head.grid.name,
            "values": list(manifest.head.values),
            "weight": manifest.head.weight,
            "step": manifest.head.options.step,
            "quantiles": manifest.head.options.quantiles,
            "histogram": list(manifest.head.options.histogram),
            "granules": len(manifest.entries),
            "granules_stale": sum(manifest.sizes.values()) - len(manifest.entries),
            "parts": len(manifest.sizes),
            "bytes": sum(file.stat().st_size for file in files if file.exists()),
            "first": np.datetime64(min(first, default=NO_TIME), "ns"),
            "last": np.datetime64(max(last, default=NO_TIME), "ns"),
        }

    def _put(self, manifest: Manifest, tally: Tally, left: dict[str, Entry] | None = None) -> None:
        """Write a tally as a new part, and the manifest in which its granules are there, and of the old ones `left`."""
        entries, sizes = dict(manifest.entries if left is None else left), dict(manifest.sizes)
        _check_fits(manifest, entries, tally)
        sweep_parts(self.path, manifest)
        if tally.granules:
            spans = granule_spans(tally)
            part = self._write_part(
                tally, _month(min((low for low, _ in spans.values() if low is not None), default=None))
            )
            entries |= {name: Entry(part, low, high, tally.told) for name, (low, high) in spans.items()}
            sizes[part] = len(spans)
            manifest = replace(manifest, details=manifest.details or tuple(tally.records.details))
        self._commit(replace(manifest, sizes=sizes).holding(entries))

    def _write_part(self, tally: Tally, month: str) -> str:
        """Write a tally under a name of its own and return that."""
        name = f"{month}-{uuid4().hex[:12]}.parquet"
        write_tally(tally, parts_folder(self.path) / name)
        return name

    def _commit(self, manifest: Manifest) -> None:
        """Make a manifest the one that holds, and delete the parts that it does not name."""
        write_manifest(self.path, manifest)
        sweep_parts(self.path, manifest)

    def _load(self, manifest: Manifest, granules: Sequence[str]) -> Tally:
        """Return the tally of these granules."""
        parts: dict[str, list[str]] = {}
        for name in granules:
            parts.setdefault(manifest.entries[name].part, []).append(name)
        tallies = [manifest.empty(told) for told in manifest.provenance(granules) or [{}]]
        for part, names in parts.items():
            found = read_tally(parts_folder(self.path) / part)
            found = found if len(found.granules) == len(names) else found.select(names)
            tallies.append(replace(found, told={}))
        return merge_tallies(tallies)


def is_tally(path: str | Path) -> bool:
    """Return whether a path is a tally file or a store."""
    source = Path(path)
    return (source / "manifest.json").is_file() if source.is_dir() else holds_tally(source)


def open_tally(path: str | Path) -> Tally:
    """Return the tally in a file or a store.

    Raises
    ------
    InputError
        If there is neither.
    UnsupportedFormatError
        If the file is no tally.
    """
    return TallyStore.open(path).tally() if Path(path).is_dir() else read_tally(path)


def empty_tally(
    grid: Grid,
    *,
    value: str | Sequence[str],
    weight: str | None = "segment_length",
    step: str | int | None = "D",
    quantiles: str | float | None = None,
    histogram: Sequence[float] = (),
) -> Tally:
    """Return a tally of nothing; the arguments are those of :func:`tally_segments`.

    Raises
    ------
    InputError
        If an argument makes no sense.

    Examples
    --------
    >>> empty_tally(Grid.named("EASE2_N25km"), value="height").granules
    ()
    """
    names = [value] if isinstance(value, str) else [*value]
    row: dict[str, Any] = {name: [1.0] for name in (*names, *([weight] if weight else []))}
    row |= {"longitude": [0.0], "latitude": [0.0], "time": [pd.Timestamp(0)]}
    table = pd.DataFrame(row)
    one = tally_segments(
        table, grid, value=value, weight=weight, step=step, quantiles=quantiles, histogram=histogram, engine="numpy"
    )
    return one.select(())


def _check_fits(manifest: Manifest, entries: dict[str, Entry], tally: Tally) -> None:
    """Refuse a tally that counts other things than the store, or does not say of which granules it is."""
    nothing = replace(tally.select(()), records=Records.empty())
    for told in manifest.provenance(entries) or [{}]:
        merge_tallies([replace(manifest.head, records=Records.empty(), told=told), nothing])
    if "" in tally.granules:
        raise InputError("the tally has segments of a granule without a name; a store needs a column 'granule'")
    ours, theirs = manifest.details, tally.records.details
    if tally.granules and ours is not None and ("sections" in ours) != ("sections" in theirs):
        who = "the store" if "sections" in ours else "the tally"
        raise InputError(
            f"only {who} knows reference-surface sections; columns refsurf_ndx and refsurf_sigma must be in all tables "
            "or in none"
        )


def _month(time: int | None) -> str:
    """Return the month of a time [ns since 1970]."""
    return "undated" if time is None else str(np.datetime64(time, "ns").astype("datetime64[M]"))


def _nanoseconds(name: str, time: Any) -> int | None:
    """Return a time as ns since 1970."""
    if time is None:
        return None
    try:
        stamp = pd.Timestamp(time)
        plain = stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo is not None else stamp
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}={time!r} is no time ({error}); use one such as '2020-03-01'") from error
    if pd.isna(plain):
        raise InputError(f"{name}={time!r} is no time; use one such as '2020-03-01', or None for no limit")
    return int(plain.as_unit("ns").value)
