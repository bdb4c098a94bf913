"""Grids: granules on a grid by month, tallied some at a time in a store that outlives the process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from altiflow.errors import EmptyDataError
from altiflow.explore.work.packing import as_place
from altiflow.files import whole_file
from altiflow.gridding import Grid, TallyStore, tally_files, write_netcdf
from altiflow.gridding.stores import empty_tally
from altiflow.gridding.stores.sources import Place, newest_sources, source_files
from altiflow.progress import progress_bar, watch_progress
from altiflow.readers import Ledger
from altiflow.region import as_region
from altiflow.version import __version__

__all__ = ["make"]

_AT_ONCE = 16
"""Granules between two writes: as many are read anew where work is taken up again."""
_STORE, _ACCOUNT = "tally", "account.json"
_SHOWN = 3
"""Reasons that are told where no granule can be used."""


@dataclass
class _Account:
    """What became of the granules so far.

    Attributes
    ----------
    done
        Granules that are in the store, have no usable segment, or failed.
    missing, reasons
        Names of those that failed, and the first reasons why there is nothing of a granule.
    version
        Of the altiflow that did it: what another did is done anew.
    """

    done: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    version: str = __version__

    @classmethod
    def read(cls, path: Path) -> _Account:
        """Return what a file tells, nothing where it is not there."""
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else cls()

    def write(self, path: Path) -> None:
        """Write the file, which appears whole."""
        with whole_file(path) as part:
            part.write_text(json.dumps(asdict(self)), encoding="utf-8")


def make(plan: Mapping[str, Any], folder: Path, result: Path) -> None:
    """Make the file of gridded granules, the same as that of :func:`altiflow.grid_dataset`.

    Granules that an earlier attempt put into the store in the folder are not read again.

    Raises
    ------
    EmptyDataError
        If no granule has a usable segment.
    AltiflowError
        If granules cannot be gridded together.
    """
    places, _ = newest_sources(source_files([as_place(source) for source in plan["sources"]], absent="keep"))
    account = _Account.read(folder / _ACCOUNT)
    if account.version != __version__:
        shutil.rmtree(folder / _STORE, ignore_errors=True)
        account = _Account()
    store = _open_store(folder / _STORE, plan)
    known = set(account.done)
    left = [place for place in places if str(place) not in known]
    with progress_bar("tallying", len(places), done=len(places) - len(left), quiet=True) as bar:
        for first in range(0, len(left), _AT_ONCE):
            some = left[first : first + _AT_ONCE]
            _tally(plan, store, some, account, _steps(bar.update))
            account.write(folder / _ACCOUNT)
    if not store.granules:
        reasons = "; ".join(account.reasons)
        raise EmptyDataError(f"not one of the {len(places)} files has a usable segment: {reasons}")
    _write(plan, store, account, result)


def _open_store(path: Path, plan: Mapping[str, Any]) -> TallyStore:
    """Return the store in a folder, made if it is not there."""
    if (path / "manifest.json").is_file():
        return TallyStore.open(path)
    return TallyStore.create(path, empty_tally(Grid.named(plan["grid"]), value=plan["value"]))


def _steps(update: Callable[[int], Any]) -> Callable[[str, int, int], None]:
    """Return what hears of the bar of some granules, and moves that of all by as much."""
    before = 0

    def hear(label: str, done: int, total: int) -> None:
        nonlocal before
        if label == "tallying":
            update(done - before)
            before = done

    return hear


def _tally(
    plan: Mapping[str, Any],
    store: TallyStore,
    places: Sequence[Place],
    account: _Account,
    heard: Callable[[str, int, int], None],
) -> None:
    """Put some granules into the store and the account."""
    ledger, region = Ledger(), None if plan["region"] is None else as_region(plan["region"])
    grid = Grid.named(plan["grid"])
    try:
        with watch_progress(heard):
            found = tally_files(list(places), grid, value=plan["value"], region=region, on_error="skip", ledger=ledger)
        told = {name: value for name, value in found.told.items() if name != "missing"}
        # They are there already where the process ended before the account was written.
        store.replace(replace(found, told=told))
    except EmptyDataError:
        # Not one of these has a usable segment: the ledger tells why, and so will the account.
        pass
    account.done += [str(place) for place in places]
    account.missing += [Path(row["path"]).name for row in ledger.rows if row["status"] == "failed"]
    account.reasons = [*account.reasons, *(row["reason"] for row in ledger.rows if row["reason"])][:_SHOWN]


def _write(plan: Mapping[str, Any], store: TallyStore, account: _Account, result: Path) -> None:
    """Write what is in the store by month, and which files are not in it."""
    whole = store.tally()
    if account.missing:
        whole = replace(whole, told=whole.told | {"missing": sorted(set(account.missing))})
    with progress_bar("writing", 1, quiet=True) as bar:
        gridded = whole.to_dataset("MS")
        names = ", ".join(whole.values)
        gridded.attrs["history"] = (
            f"altiflow {__version__}: grid_dataset of {names} weighted by {whole.weight}, freq='MS'"
        )
        write_netcdf(gridded, result)
        bar.update()
