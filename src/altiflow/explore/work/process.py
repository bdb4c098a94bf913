"""The process of one job: does what its plan says, and ends when the server that began it does."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

from altiflow.errors import AltiflowError, StoreLockedError
from altiflow.explore.work.progress import ProgressFile
from altiflow.files import folder_lock
from altiflow.progress import watch_progress

__all__ = ["PLAN", "REASON", "do_work", "main"]

PLAN, REASON = "plan.json", "reason.txt"
"""Files of a job's folder: what is to be done, and why it could not be."""
MAKING = "making"
"""Folder, in that of a job, of what is made on the way to the result; a later attempt goes on with it."""
_MAKERS = {"cube": "cubes", "grid": "grids", "track": "tracks"}
"""Modules that make the results of each kind of job; what a job does not need is not loaded."""
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
    result, making = folder / str(plan["result"]), folder / MAKING
    if not result.is_file():
        making.mkdir(exist_ok=True)
        maker = import_module(f"altiflow.explore.work.{_MAKERS[plan['kind']]}")
        maker.make(plan, making, result)
    shutil.rmtree(making, ignore_errors=True)
    return result


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
