"""Granules into a data set: one after the other, resumable, with an account of each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal

from altiflow.errors import AltiflowError, EmptyDataError, InputError
from altiflow.files import folder_lock
from altiflow.readers.catalogue.names import granule_key
from altiflow.readers.datasets.account import Account, parts_of, with_parts
from altiflow.readers.datasets.geoparquet import PointEncoding
from altiflow.readers.datasets.granules import Done, Work, read_into, writing_to
from altiflow.readers.datasets.layout import (
    PARTITION,
    PartitionWord,
    Settings,
    holds_dataset,
    read_settings,
    write_settings,
)
from altiflow.readers.datasets.planning import Absent, dataset_product, plan_granules
from altiflow.readers.icesat2.beams import BeamChoice, check_beams
from altiflow.readers.icesat2.engines import EngineName, check_engine
from altiflow.readers.icesat2.products import product_named
from altiflow.readers.icesat2.screens import choose_screens
from altiflow.readers.ledger import Ledger
from altiflow.readers.remote.ranges import RemoteAccess, Sources
from altiflow.readers.segments import Granules, granule_places
from altiflow.region import as_region
from altiflow.version import __version__
from altiflow.workers import Kind, Outcome, check_workers, each_done

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
    access: RemoteAccess | None = None,
    workers: int = 1,
    kind: Kind = "threads",
    client: Any = None,
    quiet: bool = True,
) -> Ledger:
    """Read granules into a partitioned GeoParquet data set, and return the ledger of all that is in it.

    No more granules are in memory than there are workers. Of what is in the data set already nothing is read again:
    a run that was killed goes on where it stopped, and the same granules twice change nothing. A granule of another
    revision, or whose file has changed, takes the place of the one there; one that failed is tried again. A file of
    this machine has changed if its size or time has; a remote one has not if its name tells a revision, else the
    server is asked (ETag, time, size).

    Parameters
    ----------
    granules, product, beams, screens, region, transition, engine, access
        As for :func:`altiflow.read_segments`: files, folders, addresses, or a catalogue. Of several revisions of a
        granule the highest is read. Files with one name that is no granule's are refused if their content differs.
    folder
        A folder of its own: empty, not there yet, or that of a data set made with the same settings.
    partition
        Words that make the folders, outermost first: "product", "hemisphere", "year", "month", "day", "beam".
    geometry
        Points as "WKB", which everything opens, or as "point" (x and y), which is smaller and faster.
    on_error
        "raise" stops at a granule that fails, and keeps what was read before; "skip" goes on and says so in the ledger,
        of files that are not there too.
    allow_shrink
        Take out of the data set the granules that `granules` no longer has; else that is refused.
    append
        Leave them in.
    workers, kind, client
        Number of threads or processes, or a :class:`dask.distributed.Client` with the same file system. To processes
        and clusters `access` travels as it is, with all that its session or its function for logins holds.
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
    check_workers(workers, kind)
    if append and allow_shrink:
        raise InputError("append=True keeps granules that are not asked for, allow_shrink=True removes them; use one")
    places = granule_places(granules, absent="keep" if on_error == "skip" else "refuse")
    target, sources = Path(folder), Sources(access)
    area = None if region is None else as_region(region)
    sources.access.check_places(places)
    with closing(sources):
        chosen = Settings(
            product=product_named(product).short_name if product else dataset_product(places, target, sources),
            beams=beams if isinstance(beams, str) else tuple(check_beams(beams)),
            screens=tuple(screen.name for screen in choose_screens(screens)),
            region=None if area is None else area.wkt,
            transition=transition,
            partition=tuple(partition),
            geometry=geometry,
        )
        work = partial(read_into, Work(target, chosen, area, check_engine(engine), access))
        if client is None and (kind == "threads" or workers == 1):
            work = partial(work, sources=sources)
        absent: Absent = "remove" if allow_shrink else "keep" if append else "refuse"
        plan = partial(plan_granules, places, absent=absent, sources=sources)
        done = partial(
            each_done,
            work,
            workers=workers,
            kind=kind,
            client=client,
            stop=sources.stop,
            label="reading",
            quiet=quiet,
        )
        ledger = _filled(target, chosen, plan, done, on_error)
    if not any(row["status"] in ("read", "empty") for row in ledger.rows):
        reasons = "; ".join(row["reason"] for row in ledger.failures[:3])
        raise EmptyDataError(f"not one granule could be read: {reasons}")
    return ledger


def _filled(
    folder: Path,
    chosen: Settings,
    plan: Callable[[Account], list[Path | str]],
    done: Callable[..., Generator[Outcome[Done], None, None]],
    on_error: Literal["raise", "skip"],
) -> Ledger:
    """Return the ledger of the data set in a folder after what is planned was done; nobody else may write meanwhile.

    A problem that ends the run is raised when the granules in work meanwhile are entered.
    """
    problems: list[Exception] = []
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(folder, name=_LOCK):
            account = _opened(folder, chosen)
            try:
                with closing(done(plan(account), halted=lambda: bool(problems))) as outcomes:
                    for outcome in outcomes:
                        problems += _entered(account, outcome, on_error)
            finally:
                # A run that is interrupted, or fails while it writes, leaves files that no row names.
                account.sweep()
                account.close()
            if problems:
                raise problems[0]
    return account.ledger()


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
    account.recover()
    return account


def _entered(account: Account, outcome: Outcome[Done], on_error: Literal["raise", "skip"]) -> list[Exception]:
    """Enter what became of a granule, and return the problem that ends the run, if it is one."""
    done = outcome.result
    if done is None:
        return [outcome.error or AltiflowError("a worker returned nothing")]
    account.enter(_row_after(account, done))
    return [done.error] if done.error is not None and on_error == "raise" else []


def _row_after(account: Account, done: Done) -> dict[str, Any]:
    """Return the row of a granule that was tried: rows read before stay where it failed, and lost files are told."""
    row = done.row
    key = granule_key(row["granule"])
    before, lost = account.rows.get(key), account.lost.get(key, [])
    told = f"{', '.join(lost[:3])}{' ...' if len(lost) > 3 else ''} {'is' if len(lost) == 1 else 'are'} gone or damaged"
    if done.error is None:
        return row | {"reason": f"read again, as {told}"} if lost and not row["reason"] else row
    if before is None or not before["parts"]:
        return row
    whole = [part for part in parts_of(before) if part not in lost]
    costs = {name: row[name] for name in ("bytes", "requests", "retries", "seconds")}
    kept = f"the rows of {before['granule']} read before are {'kept' if whole else 'lost'}"
    reason = f"{row['reason']}; {kept}{f'; {told}' if lost else ''}"
    return before | costs | with_parts(before, whole) | {"status": "failed", "reason": reason}
