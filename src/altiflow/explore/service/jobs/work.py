"""The work of one job, in a process of its own: ``python -m altiflow.explore.service.jobs.work FOLDER PARENT``."""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

from altiflow.errors import AltiflowError, StoreLockedError
from altiflow.files import folder_lock, whole_file
from altiflow.gridding import Grid, build_cube, grid_covering, grid_dataset, write_netcdf
from altiflow.region import as_region

__all__ = ["PLAN", "do_work", "main"]

PLAN, REASON = "plan.json", "reason.txt"
"""Files of a job's folder: what is to be done, and why it could not be."""
_ORPHAN = 3
"""Exit code of work whose server is gone."""
_HANDOVER = 30.0
"""Longest wait [s] for the process of a stopped server to end."""


def do_work(plan: Mapping[str, Any], folder: Path) -> Path:
    """Return the result of a plan; what a stopped process did already is not done anew.

    Raises
    ------
    AltiflowError
        If no file can be used.
    """
    result = folder / str(plan["result"])
    if result.is_file():
        shutil.rmtree(folder / "cube.zarr", ignore_errors=True)
        return result
    if plan["kind"] == "cube":
        return _make_cube(plan, folder, result)
    gridded = grid_dataset(
        [_place(source) for source in plan["sources"]],
        Grid.named(plan["grid"]),
        value=plan["value"],
        freq="MS",
        region=None if plan["region"] is None else as_region(plan["region"]),
        on_error="skip",
    )
    return write_netcdf(gridded, result)


def _make_cube(plan: Mapping[str, Any], folder: Path, result: Path) -> Path:
    """Return the archive of a cube."""
    region = as_region(plan["region"])
    store = folder / "cube.zarr"
    if not store.exists():
        grid = grid_covering(region, plan["epsg"], plan["cell"])
        sources = [_place(source) for source in plan["sources"]]
        build_cube(sources, grid, store=store, metric="ground", on_error="skip")
    with whole_file(result) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(store.rglob("*")):
            if file.is_file():
                archive.write(file, Path(store.name) / file.relative_to(store))
    shutil.rmtree(store)
    return result


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
            with folder_lock(place):
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
