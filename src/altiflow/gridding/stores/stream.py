"""From many files to one tally: one file at a time in memory, on one core, many, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from altiflow.errors import AltiflowError, EmptyDataError, InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import Engine, choose_engine
from altiflow.gridding.stores.merging import Batch, FileError, MergeTree, run_here, run_on_cluster, split_batches
from altiflow.gridding.stores.sources import Place, Source, file_name, is_table, newest_sources, source_files
from altiflow.gridding.stores.store import empty_tally
from altiflow.gridding.tally.tally import Tally, merge_tallies, tally_segments
from altiflow.readers.icesat2.beams import BeamChoice
from altiflow.readers.icesat2.engines import EngineName, check_engine
from altiflow.readers.ledger import Ledger
from altiflow.readers.remote.ranges import RemoteAccess
from altiflow.readers.segments import read_segments
from altiflow.readers.table import read_arrow
from altiflow.version import __version__

__all__ = ["grid_dataset", "tally_files"]


Left = list[tuple[Place, Place]]
"""Files that were left alone, each with the one chosen in its place."""


@dataclass(frozen=True)
class _Job:
    """What is done with each file."""

    grid: Grid
    values: tuple[str, ...]
    weight: str | None
    step: str | int | None
    quantiles: str | float | None
    histogram: tuple[float, ...]
    engine: Engine
    beams: BeamChoice | None
    screens: str | Sequence[str] | None
    region: Any
    reader: EngineName
    access: RemoteAccess | None
    on_error: Literal["raise", "skip"]


@dataclass(frozen=True)
class _Part:
    """Tally of some files, None where they have no usable segment, and a row of the ledger for each."""

    tally: Tally | None
    rows: list[dict[str, Any]]


def tally_files(
    source: Source,
    grid: Grid,
    *,
    value: str | Sequence[str],
    weight: str | None = "segment_length",
    step: str | int | None = "D",
    quantiles: str | float | None = None,
    histogram: Sequence[float] = (),
    engine: Engine = "auto",
    beams: BeamChoice | None = None,
    screens: str | Sequence[str] | None = None,
    region: Any = None,
    reader: EngineName = "auto",
    access: RemoteAccess | None = None,
    workers: int = 1,
    client: Any = None,
    batch: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    ledger: Ledger | None = None,
    quiet: bool = True,
) -> Tally:
    """Return the tally of the segments in many files, more than fit into memory.

    The files are merged two by two in the order of their names, so that the same files give the same bits whatever
    the workers, batches and accidents on the way. Where every beam lies whole in one file it is also the same bits
    for any other partition into files.

    Parameters
    ----------
    source
        GeoParquet tables with columns longitude and latitude, or granules: a folder with all folders below it, a
        file, an https:// or s3:// address of a granule, a list of these, or a catalogue. Of several releases,
        revisions or copies of a granule the newest file is read, as :func:`altiflow.read_segments` does; tables that
        hold one granule in two releases are refused.
    grid, value, weight, step, quantiles, histogram, engine
        As for :func:`altiflow.gridding.tally.tally_segments`.
    beams, screens, region
        Of granules, as for :func:`altiflow.read_segments` and with its defaults; tables are taken as they are.
    reader, access
        How granules are opened, and remote ones as whom: as `engine` and `access` of :func:`altiflow.read_segments`.
        To other processes `access` travels with all that its session or its function for logins holds.
    workers
        Number of processes; each holds one file.
    client
        A :class:`dask.distributed.Client` (extra ``dask``): the files are read and merged by its workers, which must
        see them under the same paths.
    batch
        Files per task, rounded down to a power of two; chosen by their number and size where not given.
    on_error
        "raise" stops at the first file that fails; "skip" leaves it out and says so in the ledger and in
        ``tally.told["missing"]``.
    ledger
        Rows are appended to it, one per file; with "raise" and a failure, that of the file that failed.
    quiet
        Show no progress bar.

    Raises
    ------
    InputError
        For an argument that means nothing here, or files that cannot be merged.
    EmptyDataError
        If there is no file, or none with a usable segment.
    AltiflowError
        With ``on_error="raise"``: the file that failed and why; or workers die again and again.

    Examples
    --------
    >>> import tempfile
    >>> import pandas as pd
    >>> rows = {"granule": ["a", "b"], "longitude": 0.0, "latitude": 80.0, "h": [1.0, 3.0]}
    >>> table = pd.DataFrame(rows | {"time": pd.Timestamp("2020-03-01")})
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name, part in table.groupby("granule"):
    ...     part.to_parquet(folder / f"{name}.parquet")
    >>> found = tally_files(folder, Grid.named("EASE2_N25km"), value="h", weight=None)
    >>> found.granules, found.records.states["mean"].tolist()
    (('a', 'b'), [1.0, 3.0])
    """
    if on_error not in ("raise", "skip"):
        raise InputError(f"on_error={on_error!r} means nothing; use 'raise' or 'skip'")
    plan = empty_tally(grid, value=value, weight=weight, step=step, quantiles=quantiles, histogram=histogram)
    job = _Job(
        grid=grid,
        values=plan.values,
        weight=weight,
        step=step,
        quantiles=quantiles,
        histogram=plan.options.histogram,
        # Workers with and without numba would give other bits, so the choice is made here.
        engine=choose_engine(engine),
        beams=beams,
        screens=screens,
        region=region,
        reader=check_engine(reader),
        access=access,
        on_error=on_error,
    )
    account = Ledger() if ledger is None else ledger
    try:
        whole = _run(job, source, workers=workers, client=client, batch=batch, quiet=quiet)
    except FileError as failed:
        account.add_failure(failed.place, failed.error)
        raise failed.error from failed
    account.rows.extend(whole.rows)
    missing = sorted({Path(row["path"]).name for row in whole.rows if row["status"] == "failed"})
    if whole.tally is None:
        reasons = "; ".join(row["reason"] for row in whole.rows[:3])
        raise EmptyDataError(f"not one of the {len(whole.rows)} files has a usable segment: {reasons}")
    return replace(whole.tally, told=whole.tally.told | {"missing": missing}) if missing else whole.tally


def grid_dataset(
    source: Source,
    grid: Grid,
    *,
    value: str | Sequence[str],
    weight: str | None = "segment_length",
    freq: str | None = None,
    step: str | int | None = "D",
    quantiles: str | float | None = None,
    histogram: Sequence[float] = (),
    engine: Engine = "auto",
    beams: BeamChoice | None = None,
    screens: str | Sequence[str] | None = None,
    region: Any = None,
    reader: EngineName = "auto",
    access: RemoteAccess | None = None,
    workers: int = 1,
    client: Any = None,
    batch: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    ledger: Ledger | None = None,
    quiet: bool = True,
) -> xr.Dataset:
    """Return the statistics per cell and period of the segments in many files.

    Parameters
    ----------
    source, grid, value, weight, step, histogram, engine, beams, screens, region, reader, access
        As for :func:`tally_files`.
    freq
        Periods, as for :meth:`altiflow.gridding.tally.Tally.to_dataset`: "D", "MS" ..., or None for one layer.
    quantiles
        "exact" or a resolution gives also median, median absolute deviation and mode.
    workers, client, batch, on_error, ledger, quiet
        As for :func:`tally_files`.

    Returns
    -------
    xarray.Dataset
        As :meth:`altiflow.gridding.tally.Tally.to_dataset` gives it; the attribute ``files_missing`` names files
        that were left out.

    Raises
    ------
    InputError, EmptyDataError, AltiflowError
        As :func:`tally_files` does.

    Examples
    --------
    >>> grid_dataset([], Grid.named("EASE2_N25km"), value="freeboard")
    Traceback (most recent call last):
    altiflow.errors.InputError: source: no path is given; name files, or folders that hold *.parquet or *.h5 files
    """
    found = tally_files(
        source,
        grid,
        value=value,
        weight=weight,
        step=step,
        quantiles=quantiles,
        histogram=histogram,
        engine=engine,
        beams=beams,
        screens=screens,
        region=region,
        reader=reader,
        access=access,
        workers=workers,
        client=client,
        batch=batch,
        on_error=on_error,
        ledger=ledger,
        quiet=quiet,
    )
    gridded = found.to_dataset(freq, quantiles=() if quantiles is None else (0.5,))
    names = ", ".join(found.values)
    gridded.attrs["history"] = f"altiflow {__version__}: grid_dataset of {names} weighted by {weight}, freq={freq!r}"
    return gridded


def _run(job: _Job, source: Source, *, workers: int, client: Any, batch: int | None, quiet: bool) -> _Part:
    """Return the part of all files."""
    make = partial(_tally_batch, job)
    if client is None:
        batches, left = _plan(job, source, workers, 1 if workers <= 1 and batch is None else batch)
        return _with_left(run_here(make, _merge_parts, batches, workers=workers, quiet=quiet), left)
    # The workers of a cluster see files that whoever asks may not.
    batches, left = client.submit(_plan, job, source, sum(client.nthreads().values()), batch, pure=False).result()
    whole: _Part = run_on_cluster(client, make, _merge_parts, batches, quiet=quiet)
    return _with_left(whole, left)


def _with_left(whole: _Part, left: Left) -> _Part:
    """Return a part with rows of the ledger for files that were left alone."""
    account = Ledger()
    for place, other in left:
        account.add_superseded(place, file_name(other))
    return _Part(whole.tally, sorted([*whole.rows, *account.rows], key=lambda row: Path(row["path"]).name))


def _plan(job: _Job, source: Source, workers: int, batch: int | None) -> tuple[list[Batch], Left]:
    """Return the files in batches, and those left alone, each with the one chosen in its place."""
    places, left = newest_sources(source_files(source, absent="keep" if job.on_error == "skip" else "refuse"))
    if job.access is not None:
        job.access.check_places(places)
    tables = [file_name(place) for place in places if is_table(place)]
    if tables and any(choice is not None for choice in (job.beams, job.screens, job.region)):
        raise InputError(
            f"beams, screens and region choose what is read of granules, but {tables[0]} is a table; choose when "
            "tables are made, with read_segments"
        )
    return split_batches(places, workers=workers, batch=batch), left


def _tally_batch(job: _Job, places: Batch) -> _Part:
    """Return the part of some files, one after the other."""
    tree: MergeTree[_Part] = MergeTree(len(places))
    for index, place in enumerate(places):
        tree.add(index, _tally_file(job, place), _merge_parts)
    return tree.root


def _merge_parts(one: _Part, other: _Part) -> _Part:
    """Return the part of the files of both."""
    rows = [*one.rows, *other.rows]
    if one.tally is None or other.tally is None:
        return _Part(one.tally or other.tally, rows)
    knows = ["sections" in part.tally.records.details for part in (one, other) if part.tally is not None]
    if knows[0] != knows[1]:
        raise InputError(
            f"only some of the files from {rows[0]['path']} to {rows[-1]['path']} know reference-surface sections; "
            "columns refsurf_ndx and refsurf_sigma must be in all or in none"
        )
    return _Part(merge_tallies([one.tally, other.tally]), rows)


def _tally_file(job: _Job, place: Place) -> _Part:
    """Return the part of one file."""
    account, name = Ledger(), file_name(place)
    try:
        tally = _tally_table(job, Path(place), account) if is_table(place) else _tally_granule(job, place, account)
        return _Part(tally, account.rows)
    except EmptyDataError as error:
        if not account.rows:
            account.add_failure(place, error)
        account.rows[-1] |= {"status": "empty", "reason": f"{name}: {error}"}
        return _Part(None, account.rows)
    except AltiflowError as error:
        named = error if Path(name).stem in str(error) else type(error)(f"{name}: {error}")
        if job.on_error == "raise":
            raise FileError(place, named) from error
        failure = Ledger()
        failure.add_failure(place, named)
        if account.failures:
            # What it cost is known where the granule itself failed.
            failure.rows = [account.failures[-1] | {"reason": failure.rows[0]["reason"]}]
        return _Part(None, failure.rows)


def _tally_table(job: _Job, path: Path, account: Ledger) -> Tally:
    """Return the tally of a GeoParquet table, and enter it."""
    timed = job.step is not None
    needed = ["longitude", "latitude", *job.values, *([job.weight] if job.weight else []), *(["time"] if timed else [])]
    optional = ["granule", "beam", "time", *(f"{value}_sigma" for value in job.values)]
    if job.weight == "segment_length":
        optional.append("x_atc")
    if "freeboard" in job.values:
        optional += ["refsurf_ndx", "refsurf_sigma"]
    table = read_arrow(path, columns=needed, optional=optional)
    account.add_failure(path, EmptyDataError("no rows"))
    account.rows[-1] |= {"status": "read", "reason": "", "segments_found": len(table), "segments_kept": len(table)}
    return _tally_rows(job, table)


def _tally_granule(job: _Job, place: Place, account: Ledger) -> Tally:
    """Return the tally of a granule, and enter it."""
    table = read_segments(
        place,
        beams="strong" if job.beams is None else job.beams,
        screens="default" if job.screens is None else job.screens,
        region=job.region,
        engine=job.reader,
        access=job.access,
        ledger=account,
    )
    return _tally_rows(job, table)


def _tally_rows(job: _Job, table: Any) -> Tally:
    return tally_segments(
        table,
        job.grid,
        value=job.values,
        weight=job.weight,
        step=job.step,
        quantiles=job.quantiles,
        histogram=job.histogram,
        engine=job.engine,
    )
