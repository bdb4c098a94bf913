"""The work of one job, in a process of its own: ``python -m altiflow.explore.service.jobs.work FOLDER PARENT``."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

from altiflow.errors import AltiflowError, EmptyDataError, StoreLockedError
from altiflow.explore.overlay import write_overlay
from altiflow.explore.service.jobs.progress import ProgressFile
from altiflow.files import folder_lock, whole_file
from altiflow.gridding import Grid, build_cube, grid_covering, grid_dataset, write_netcdf
from altiflow.progress import progress_bar, watch_progress
from altiflow.readers.scenes import read_scene_pair
from altiflow.region import Region, as_region
from altiflow.tracking import TrackParameters, track_pair, tracked_name, write_tracked

__all__ = ["PLAN", "do_work", "main"]

PLAN, REASON = "plan.json", "reason.txt"
"""Files of a job's folder: what is to be done, and why it could not be."""
_STORE, _GRANULE = "cube.zarr", "granule"
"""Folders of what is made before it is packed."""
_ORPHAN = 3
"""Exit code of work whose server is gone."""
_HANDOVER = 30.0
"""Longest wait [s] for the process of a stopped server to end."""


def do_work(plan: Mapping[str, Any], folder: Path) -> Path:
    """Return the result of a plan; what a stopped process did already is not done anew where the library can go on.

    Raises
    ------
    AltiflowError
        If no file can be used.
    """
    result = folder / str(plan["result"])
    if result.is_file():
        for left in (_STORE, _GRANULE):
            shutil.rmtree(folder / left, ignore_errors=True)
        return result
    makers = {"cube": _make_cube, "grid": _make_grid, "track": _make_track}
    return makers[plan["kind"]](plan, folder, result)


def _make_grid(plan: Mapping[str, Any], folder: Path, result: Path) -> Path:
    """Return the grid of granules."""
    gridded = grid_dataset(
        [_place(source) for source in plan["sources"]],
        Grid.named(plan["grid"]),
        value=plan["value"],
        freq="MS",
        region=_region(plan),
        on_error="skip",
    )
    with progress_bar("writing", 1, quiet=True):
        return write_netcdf(gridded, result)


def _make_cube(plan: Mapping[str, Any], folder: Path, result: Path) -> Path:
    """Return the archive of a cube."""
    store = folder / _STORE
    if not store.exists():
        grid = grid_covering(as_region(plan["region"]), plan["epsg"], plan["cell"])
        sources = [_place(source) for source in plan["sources"]]
        build_cube(sources, grid, store=store, metric="ground", on_error="skip")
    _pack(sorted(file for file in store.rglob("*") if file.is_file()), folder, result, "packing")
    shutil.rmtree(store)
    return result


def _make_track(plan: Mapping[str, Any], folder: Path, result: Path) -> Path:
    """Return the archive of a tracked granule and a picture of its speed."""
    made = folder / _GRANULE
    shutil.rmtree(made, ignore_errors=True)
    first, second = (_place(source) for source in plan["sources"])
    with progress_bar("reading", 1, quiet=True) as bar:
        dates = None if plan["dates"] is None else tuple(plan["dates"])
        pair = read_scene_pair(first, second, region=_region(plan), dates=dates)
        bar.update()
    granule = track_pair(pair, parameters=TrackParameters.from_json(json.dumps(plan["parameters"])))
    write_tracked(granule, made / tracked_name(granule))
    # Where nothing was found there is no speed to show.
    with suppress(EmptyDataError):
        write_overlay(granule, made / "browse.png")
    _pack(sorted(made.iterdir()), made, result, "writing")
    shutil.rmtree(made)
    return result


def _pack(files: Sequence[Path], folder: Path, result: Path, label: str) -> None:
    """Put files into an archive, by their names in a folder."""
    with (
        progress_bar(label, len(files), quiet=True) as bar,
        whole_file(result) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive,
    ):
        for file in files:
            archive.write(file, file.relative_to(folder))
            bar.update()


def _region(plan: Mapping[str, Any]) -> Region | None:
    """Return where, None for everywhere."""
    return None if plan["region"] is None else as_region(plan["region"])


def _place(source: str) -> str | Path:
    """Return an address as it is, and a path as one."""
    return source if "://" in source else Path(source)


def main(folder: str, parent: str) -> int:
    """Do the work of a folder and return the exit code; end at once when the server that began it, `parent`, does."""
    begun_by = os.getppid()
    # On Windows a launcher may stand between the two.
    if begun_by != int(parent) and sys.platform != "win32":
        return _ORPHAN
    Thread(target=_end_with_parent, args=(begun_by,), daemon=True).start()
    place = Path(folder)
    plan = json.loads((place / PLAN).read_text(encoding="utf-8"))
    deadline = monotonic() + _HANDOVER
    while True:
        try:
            with folder_lock(place), watch_progress(ProgressFile(place, plan["kind"]).hear):
                do_work(plan, place)
            return 0
        except StoreLockedError:
            if monotonic() > deadline:
                raise
            sleep(0.2)
        except (AltiflowError, OSError) as error:
            (place / REASON).write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
            return 1


def _end_with_parent(parent: int) -> None:
    """End this process when its parent is gone: a restarted server begins the work anew."""
    while os.getppid() == parent:
        sleep(0.2)
    os._exit(_ORPHAN)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
