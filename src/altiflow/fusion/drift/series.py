"""Series: drift-aware grids of many targets in a folder, a file each, made where they are missing or out of date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.fusion.drift.carrying import Cargo
from altiflow.fusion.drift.gridding import DriftPlan, as_targets, load_cargo
from altiflow.fusion.fields.intervals import layer_bounds
from altiflow.fusion.fields.layers import is_undated
from altiflow.fusion.trajectories.advection import edge_of
from altiflow.fusion.trajectories.motion import EPOCH
from altiflow.fusion.trajectories.seeds import as_seconds, moments_of, seconds_of
from altiflow.gridding.export import write_netcdf
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.stores import TallyStore
from altiflow.gridding.tally import SegmentSource, Tally
from altiflow.readers.field import check_field
from altiflow.readers.gridded import read_attributes
from altiflow.version import __version__
from altiflow.workers import map_each

__all__ = ["DriftSeries", "drift_series"]

Floats = npt.NDArray[np.float64]

_SIGNATURE = "drift_signature"
_DAY = 86_400.0


@dataclass(frozen=True)
class DriftSeries:
    """Files of a series.

    Attributes
    ----------
    paths
        A NetCDF file for each target, in order of time.
    made, kept, empty
        Targets whose file was made now, was there already with the same input, or that have no segment in their window
        and so no file.
    """

    paths: list[Path]
    made: int
    kept: int
    empty: int


@dataclass(frozen=True)
class _Job:
    """What is done for each block of targets."""

    grid: Grid
    folder: Path
    plan: DriftPlan
    value: str | None
    weight: str | None
    parcel: float


@dataclass(frozen=True)
class _Block:
    """Targets [s since 2000] that are worked on together, and the layers and parcels of their windows, or a store."""

    targets: Floats
    field: xr.Dataset | None
    source: Cargo | TallyStore


@dataclass(frozen=True)
class _Blocks(Sequence[_Block]):
    """Blocks of targets, each made when it is taken, so that no more than a few are held at a time."""

    targets: Floats
    size: int
    plan: DriftPlan
    field: xr.Dataset | None
    source: Cargo | TallyStore

    def __len__(self) -> int:
        return -(-self.targets.size // self.size)

    @overload
    def __getitem__(self, number: int) -> _Block: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[_Block]: ...
    def __getitem__(self, number: int | slice) -> _Block | Sequence[_Block]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        targets = self.targets[number * self.size : (number + 1) * self.size]
        window = as_seconds(self.plan.window, "window")
        low, high = float(targets[0] - window), float(targets[-1] + window)
        source = self.source if isinstance(self.source, TallyStore) else self.source.within(low, high)
        return _Block(targets, _cut(self.field, low, high, steady=self.plan.steady), source)


def drift_series(
    source: SegmentSource | Tally | TallyStore,
    field: xr.Dataset | None,
    grid: Grid,
    folder: str | Path,
    *,
    targets: Any,
    plan: DriftPlan | None = None,
    value: str | None = None,
    weight: str | None = "segment_length",
    parcel: float = 6250.0,
    workers: int = 1,
    client: Any = None,
    block: int = 8,
    quiet: bool = True,
) -> DriftSeries:
    """Write the drift-aware grid of each target into a folder, and return the files.

    Parameters
    ----------
    source
        Segments, a tally, or a :class:`~altiflow.TallyStore`, of which only the granules around a few targets are
        loaded at a time. Of segments and tallies a process is sent the parcels around its targets.
    field, grid, value, weight, parcel
        As for :func:`grid_with_drift`.
    folder
        Of the files ``drift_<date>.nc``; ``xarray.open_mfdataset(paths)`` opens them as one.
    targets
        Dates (UTC), such as ``pandas.date_range(...)``.
    plan
        Window, scheme, errors ...; see :class:`DriftPlan`.
    workers
        Number of processes.
    client
        A :class:`dask.distributed.Client` (extra ``dask``), whose workers see the folder, and a store, under the same
        paths.
    block
        Targets of one piece of work: what they need is loaded once.
    quiet
        Show no progress bar.

    Notes
    -----
    A file knows of what it was made: the plan, the grid, and the segments and layers of its window. It is made anew if
    any of these is another, so that a day that comes to a season costs the targets around it; a file of a target that
    has no segment any more is removed. Files that no series made are left alone. Files are the same bits whatever the
    workers, and appear whole or not at all.

    Raises
    ------
    EmptyDataError
        If not one target has a segment in its window.
    InputError, NoOverlapError, FieldError
        As :func:`grid_with_drift` does.
    """
    moments, chosen = as_targets(targets), DriftPlan() if plan is None else plan
    job = _Job(grid, Path(folder), chosen, value, weight, parcel)
    if not block >= 1:
        raise InputError(f"block is a number of targets, 1 or more, got {block!r}")
    if Path(folder).is_file():
        raise InputError(f"folder {folder} is a file; name a folder")
    Path(folder).mkdir(parents=True, exist_ok=True)
    checked = None if field is None else check_field(field)
    if chosen.ice is not None:
        edge_of(chosen.ice, grid.crs_name, chosen.min_ice)
    whole = (
        source
        if isinstance(source, TallyStore)
        else load_cargo(source, grid, value=value, weight=weight, parcel=parcel)
    )
    blocks = _Blocks(moments, block, chosen, checked, whole)
    done = map_each(
        partial(_make_block, job), blocks, workers=workers, kind="processes", client=client, label="drift", quiet=quiet
    )
    made = [each for part in done for each in part]
    paths = [path for path, _ in made if path is not None]
    if not paths:
        raise EmptyDataError(f"no segment lies within {chosen.window} of any of {moments.size} targets")
    words = [word for _, word in made]
    return DriftSeries(paths, words.count("made"), words.count("kept"), words.count("empty"))


def _make_block(job: _Job, block: _Block) -> list[tuple[Path | None, str]]:
    """Return the file of each target of a block, None where there is none, and what was done."""
    targets, field = block.targets, block.field
    window = as_seconds(job.plan.window, "window")
    cargo = _load(job, block, window)
    signatures = [None if cargo is None else _signature(job, cargo, field, target, window) for target in targets]
    paths = [job.folder / f"drift_{_date_name(target)}.nc" for target in targets]
    missing = [
        place
        for place, (path, signature) in enumerate(zip(paths, signatures, strict=True))
        if signature is not None and not _is_made(path, signature)
    ]
    made = iter(()) if cargo is None else job.plan.grids(cargo, field, targets[missing])
    for place, gridded in zip(missing, made, strict=True):
        write_netcdf(gridded.assign_attrs({_SIGNATURE: signatures[place]}), paths[place])
    result: list[tuple[Path | None, str]] = []
    for place, (path, signature) in enumerate(zip(paths, signatures, strict=True)):
        if signature is None:
            if _SIGNATURE in read_attributes(path):
                path.unlink()
            result.append((None, "empty"))
        else:
            result.append((path, "made" if place in missing else "kept"))
    return result


def _load(job: _Job, block: _Block, window: float) -> Cargo | None:
    """Return the parcels around the targets of a block, None for none."""
    if not isinstance(block.source, TallyStore):
        return block.source
    low, high = moments_of(np.array([block.targets[0] - window, block.targets[-1] + window]))
    tally = block.source.tally(low, high + np.timedelta64(1, "s"))
    if tally.records.states.size == 0:
        return None
    return load_cargo(tally, job.grid, value=job.value, weight=job.weight, parcel=job.parcel)


def _signature(job: _Job, cargo: Cargo, field: xr.Dataset | None, target: float, window: float) -> str | None:
    """Return twelve digits of everything that a target's file is made of, None where it has no segment."""
    low = int(np.searchsorted(cargo.seconds, target - window))
    high = int(np.searchsorted(cargo.seconds, target + window, side="right"))
    if high == low:
        return None
    ice = None if job.plan.ice is None else _digest(_cut_ice(job.plan.ice, target - window, target + window))
    plan = replace(job.plan, ice=ice)
    told = [__version__, plan, target, job.grid.signature, job.value, job.weight, job.parcel]
    told += [cargo.fingerprint(low, high), cargo.left_out(target - window, target + window)]
    told.append(json.dumps(cargo.told, sort_keys=True, default=str))
    if field is not None and job.plan.mode != "eulerian":
        told.append(_digest(_cut(field, target - window, target + window, steady=job.plan.steady)))
    return hashlib.sha256("|".join(map(str, told)).encode()).hexdigest()[:12]


def _cut(field: xr.Dataset | None, low: float, high: float, *, steady: bool) -> xr.Dataset | None:
    """Return the layers of a field that motion between two moments [s] can depend on."""
    if field is None or steady or is_undated(field):
        return field
    bounds = (layer_bounds(field).astype("datetime64[ns]") - EPOCH) / np.timedelta64(1, "s")
    # Between the middles of layers also those before and after have a say, and a snapshot is none but in between.
    span = float((bounds[:, 1] - bounds[:, 0]).max(initial=0.0)) + _widest_gap(bounds)
    kept = np.flatnonzero((bounds[:, 1] >= low - span) & (bounds[:, 0] <= high + span))
    return field if kept.size == len(bounds) or kept.size < 2 else field.isel(time=kept)


def _cut_ice(ice: Any, low: float, high: float) -> Any:
    """Return the layers of concentration that parcels can meet between two moments [s]: the nearest, within a pause."""
    if "time" not in ice.dims:
        return ice
    moments = seconds_of(ice["time"].values)
    pause = float(np.diff(np.sort(moments)).max(initial=0.0)) or _DAY
    kept = np.flatnonzero((moments >= low - pause) & (moments <= high + pause))
    return ice.isel(time=kept).assign_attrs(ice.attrs | {"pause": pause})


def _widest_gap(bounds: Floats) -> float:
    """Return the longest time between starts of layers [s]."""
    return float(np.diff(np.sort(bounds[:, 0])).max(initial=0.0))


def _digest(data: Any) -> str:
    """Return a digest of a Dataset's or DataArray's numbers, coordinates and attributes."""
    found = hashlib.sha256(json.dumps(data.attrs, sort_keys=True, default=str).encode())
    for name, array, attributes in _arrays(data):
        found.update(json.dumps([name, array.dtype.str, array.shape, attributes], default=str).encode())
        found.update(np.ascontiguousarray(array).view(np.uint8).tobytes())
    return found.hexdigest()


def _arrays(data: Any) -> Iterator[tuple[str, npt.NDArray[Any], dict[Any, Any]]]:
    """Yield the arrays of numbers and times of a Dataset or DataArray by name, with their attributes."""
    whole = data.to_dataset(name="data") if isinstance(data, xr.DataArray) else data
    for name in sorted(map(str, whole.variables)):
        values = np.atleast_1d(np.asarray(whole[name].values))
        if values.dtype.kind in "biufM":
            yield name, values, whole[name].attrs


def _is_made(path: Path, signature: str) -> bool:
    """Return whether a file is there and of the signature.

    Raises
    ------
    InputError
        If there is a file of that name that no series has made.
    """
    if not path.exists():
        return False
    attributes = read_attributes(path)
    if _SIGNATURE not in attributes:
        raise InputError(f"{path} is no file of a series and would be overwritten; move it, or name another folder")
    return bool(attributes[_SIGNATURE] == signature)


def _date_name(target: float) -> str:
    """Return a moment as part of a file name: its date, with the time of day unless that is midnight."""
    moment = pd.Timestamp(moments_of(np.array([target]))[0])
    return moment.strftime("%Y%m%d" if moment == moment.normalize() else "%Y%m%dT%H%M%S")
