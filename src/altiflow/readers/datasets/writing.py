"""Granules into a data set: one after the other, resumable, with an account of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from altiflow.errors import AltiflowError, EmptyDataError, InputError, WriteError
from altiflow.files import folder_lock, whole_file
from altiflow.readers.catalogue.names import granule_key, parse_granule_name
from altiflow.readers.datasets.account import Account
from altiflow.readers.datasets.geoparquet import (
    INDEX,
    ROW_GROUP_ROWS,
    PointEncoding,
    index_metadata,
    with_geometry,
    write_parquet,
)
from altiflow.readers.datasets.layout import (
    PARTITION,
    Columns,
    PartitionWord,
    Settings,
    holds_dataset,
    read_settings,
    split_rows,
    write_settings,
)
from altiflow.readers.icesat2.beams import BeamChoice, check_beams
from altiflow.readers.icesat2.engines import EngineName, check_engine
from altiflow.readers.icesat2.granule import ReadOptions, granule_product, granule_stem, read_granule
from altiflow.readers.icesat2.products import product_named
from altiflow.readers.icesat2.screens import choose_screens
from altiflow.readers.ledger import Ledger
from altiflow.readers.segments import Granules, column_order, granule_paths, provenance
from altiflow.region import Region, as_region
from altiflow.version import __version__
from altiflow.workers import Kind, Outcome, each_done

__all__ = ["read_to_dataset"]

_LOCK = "_lock"


def read_to_dataset(
    granules: Granules,
    folder: str | Path,
    *,
    product: str | None = None,
    beams: BeamChoice = "strong",
    screens: str | Sequence[str] = "default",
    region: Any = None,
    partition: Sequence[PartitionWord] = PARTITION,
    geometry: PointEncoding = "WKB",
    on_error: Literal["raise", "skip"] = "raise",
    allow_shrink: bool = False,
    append: bool = False,
    transition: Literal["refuse", "keep"] = "refuse",
    engine: EngineName = "auto",
    workers: int = 1,
    kind: Kind = "threads",
    client: Any = None,
    quiet: bool = True,
) -> Ledger:
    """Read granules into a partitioned GeoParquet data set, and return the ledger of all that is in it.

    No more granules are in memory than there are workers. Of what is in the data set already nothing is read again:
    a run that was killed goes on where it stopped, and the same granules twice change nothing. A granule of another
    revision, or whose file has changed, takes the place of the one there; one that failed is tried again.

    Parameters
    ----------
    granules, product, beams, screens, region, transition, engine
        As for :func:`altiflow.read_segments`, but files of this machine only. Of several revisions of a granule the
        highest is read.
    folder
        A folder of its own: empty, not there yet, or that of a data set made with the same settings.
    partition
        Words that make the folders, outermost first: "product", "hemisphere", "year", "month", "day", "beam".
    geometry
        Points as "WKB", which everything opens, or as "point" (x and y), which is smaller and faster.
    on_error
        "raise" stops at a granule that fails, and keeps what was read before; "skip" goes on and says so in the ledger.
    allow_shrink
        Take out of the data set the granules that `granules` no longer has; else that is refused.
    append
        Leave them in.
    workers, kind, client
        Number of threads or processes, or a :class:`dask.distributed.Client` with the same file system.
    quiet
        Show no progress bar.

    Raises
    ------
    InputError
        If an argument means nothing, the folder holds something else or was made with other settings, or the set of
        granules shrank.
    EmptyDataError
        If there is no granule, or not one could be read.
    GranuleError
        With ``on_error="raise"``: the granule that failed and why.
    WriteError
        If the disk is full or may not be written to; what was written before stays and is whole.
    StoreLockedError
        If another process is writing to the folder.

    Notes
    -----
    Each part file holds one granule's rows of one partition, beams left to right and segments as in the file, and is
    renamed into place when whole. ``_ledger.parquet`` names the files of each granule.
    """
    if on_error not in ("raise", "skip"):
        raise InputError(f"on_error={on_error!r} means nothing; use 'raise' or 'skip'")
    if append and allow_shrink:
        raise InputError("append=True keeps granules that are not asked for, allow_shrink=True removes them; use one")
    paths = granule_paths(granules)
    target = Path(folder)
    area = None if region is None else as_region(region)
    chosen = Settings(
        product=product_named(product).short_name if product else _product_of(paths, target),
        beams=beams if isinstance(beams, str) else tuple(check_beams(beams)),
        screens=tuple(screen.name for screen in choose_screens(screens)),
        region=None if area is None else area.wkt,
        transition=transition,
        partition=tuple(partition),
        geometry=geometry,
    )
    work = partial(_read_one, _Work(target, chosen, area, check_engine(engine)))
    with _written(target):
        target.mkdir(parents=True, exist_ok=True)
        with folder_lock(target, name=_LOCK):
            account = _opened(target, chosen)
            try:
                todo = _planned(paths, account, "remove" if allow_shrink else "keep" if append else "refuse")
                with closing(
                    each_done(work, todo, workers=workers, kind=kind, client=client, label="reading", quiet=quiet)
                ) as outcomes:
                    for outcome in outcomes:
                        _enter(account, todo[outcome.index], outcome, on_error)
            finally:
                account.close()
    ledger = account.ledger()
    if not any(row["status"] in ("read", "empty") for row in ledger.rows):
        reasons = "; ".join(row["reason"] for row in ledger.failures[:3])
        raise EmptyDataError(f"not one granule could be read: {reasons}")
    return ledger


@dataclass(frozen=True)
class _Work:
    """All that a worker needs to know to read a granule."""

    folder: Path
    settings: Settings
    region: Region | None
    engine: EngineName

    @property
    def options(self) -> ReadOptions:
        """How granules are read."""
        told = self.settings
        return ReadOptions(
            product=product_named(told.product),
            beams=told.beams if isinstance(told.beams, tuple) else check_beams(told.beams),  # type: ignore[arg-type]
            screens=choose_screens(told.screens),
            region=self.region,
            transition=told.transition,
            engine=self.engine,
        )


def _read_one(work: _Work, path: Path) -> dict[str, Any]:
    """Read one granule, write its parts, and return its row of the ledger."""
    modified = _modified(path)
    reading = read_granule(path, work.options)
    parts: list[str] = []
    told = provenance(
        [reading],
        reading.product,
        beams=work.options.beams,
        screens=work.settings.screens,
        region=work.settings.region,
    )
    if reading.kept:
        for place, rows in split_rows(reading.columns, work.settings.partition, work.settings.product):
            part = f"{place}/{reading.granule}.parquet".removeprefix("./")
            with _written(work.folder):
                _write_part(work.folder / part, reading.columns, rows, told, work.settings.geometry)
            parts.append(part)
    ledger = Ledger()
    ledger.add_reading(path, reading)
    return ledger.rows[0] | {"parts": ";".join(parts), "modified": modified}


def _write_part(path: Path, columns: Columns, rows: Any, told: dict[str, Any], geometry: PointEncoding) -> None:
    """Write the rows of one granule in one partition; the file appears whole or not at all."""
    numbers = np.arange(len(columns["latitude"]), dtype=np.int32)[rows]
    turned, cuts = _stretches(columns["x_atc"][rows].astype(np.float64))
    numbers = numbers[turned]
    chosen = {name: columns[name][numbers] for name in column_order(columns)} | {INDEX: numbers}
    arrow = pa.table({name: pa.array(v, type=pa.string() if v.dtype == object else None) for name, v in chosen.items()})
    x, y = (np.asarray(chosen[name], np.float64) for name in ("longitude", "latitude"))
    arrow, geo = with_geometry(arrow, x, y, encoding=geometry)
    metadata = {**index_metadata(), b"altiflow": json.dumps(told, sort_keys=True).encode()}
    with whole_file(path) as part:
        write_parquet(arrow, part, geo=geo, metadata=metadata, cuts=cuts)


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


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """Turn what keeps files from being written into one typed error."""
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"cannot write to the data set at {folder}: {error.strerror or error}; what is in it is whole, and the "
            "same call goes on from there"
        ) from error


def _opened(folder: Path, chosen: Settings) -> Account:
    """Return the account of the data set in a folder, a new one if the folder is empty."""
    if holds_dataset(folder):
        differing = chosen.differences(read_settings(folder))
        if differing:
            raise InputError(
                f"the data set at {folder} was read otherwise: this run has {'; '.join(differing)}; use the same "
                "settings, or a folder of its own"
            )
    else:
        strange = sorted(found.name for found in folder.iterdir() if found.name[0] != "." and found.name != _LOCK)
        if strange:
            raise InputError(f"{folder} holds {strange[0]} and is no data set; use a folder of its own")
        write_settings(folder, chosen, __version__)
    account = Account(folder)
    account.sweep()
    return account


def _planned(paths: Sequence[Path], account: Account, absent: Literal["refuse", "remove", "keep"]) -> list[Path]:
    """Return the granules to read, enter those that another revision supersedes, and see to those no longer there."""
    asked: dict[str, Path] = {}
    left: list[tuple[Path, str]] = []
    for path in sorted(paths, key=lambda path: _revision(granule_stem(path)), reverse=True):
        key = granule_key(granule_stem(path))
        newer = asked.get(key)
        known = account.rows.get(key)
        if newer is not None:
            left.append((path, newer.name))
        elif known and known["parts"] and _revision(known["granule"]) > _revision(granule_stem(path)):
            left.append((path, known["granule"]))
            asked[key] = Path(known["path"])
        else:
            asked[key] = path
    gone = sorted(key for key in account.rows if key not in asked)
    good = [account.rows[key]["granule"] for key in gone if account.rows[key]["status"] != "failed"]
    if good and absent == "refuse":
        more = f" and {len(good) - 3} more" if len(good) > 3 else ""
        raise InputError(
            f"the data set has {', '.join(good[:3])}{more}, which this run does not ask for; pass allow_shrink=True "
            "to take out what is not asked for, or append=True to leave it in"
        )
    for key in gone if absent != "keep" else ():
        account.remove(key)
    account.supersede(left)
    return [path for key, path in sorted(asked.items()) if _missing(path, account.rows.get(key), dict(left))]


def _missing(path: Path, row: dict[str, Any] | None, left: dict[Path, str]) -> bool:
    """Return whether a granule has to be read: it is new, failed before, or another file than the one read."""
    if row is None or row["status"] == "failed":
        return True
    if row["granule"] in left.values():
        return False
    same = row["granule"] == granule_stem(path) and row["bytes"] == path.stat().st_size
    return not (same and row["modified"] == _modified(path))


def _enter(account: Account, path: Path, outcome: Outcome[dict[str, Any]], on_error: Literal["raise", "skip"]) -> None:
    """Enter what became of a granule; raise what must be raised."""
    if outcome.result is not None:
        account.enter(outcome.result)
        return
    if isinstance(outcome.error, WriteError) or not isinstance(outcome.error, AltiflowError):
        raise outcome.error or AltiflowError(f"{path.name}: nothing came back")
    ledger = Ledger()
    ledger.add_failure(path, outcome.error)
    row = ledger.rows[0]
    before = account.rows.get(granule_key(row["granule"]))
    if before and before["parts"]:
        row = before | {
            "status": "failed",
            "reason": f"{row['reason']}; the rows of {before['granule']} read before are kept",
        }
    account.enter(row)
    if on_error == "raise":
        raise outcome.error


def _product_of(paths: Sequence[Path], folder: Path) -> str:
    """Return the product of a data set, else of the first granule that tells it."""
    if holds_dataset(folder):
        return read_settings(folder).product
    problem: AltiflowError | None = None
    for path in paths:
        try:
            return product_named(parse_granule_name(path.name).product).short_name
        except InputError:
            try:
                return granule_product(path).short_name
            except AltiflowError as error:
                problem = problem or error
    raise problem or EmptyDataError("granules: there is none")


def _revision(name: str) -> tuple[str, int]:
    """Return release and revision that the name of a granule tells, by which they are in order."""
    try:
        found = parse_granule_name(name)
    except InputError:
        return "", 0
    return found.version, found.revision


def _modified(path: Path) -> int:
    """Return when a file was changed [ns since 1970]; 0 where there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0
