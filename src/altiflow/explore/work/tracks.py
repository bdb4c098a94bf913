"""Tracks: the velocity between two images, as an archive of the granule and a picture of its speed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from altiflow.errors import EmptyDataError
from altiflow.explore.overlay import write_overlay
from altiflow.explore.work.packing import as_place, pack
from altiflow.progress import progress_bar
from altiflow.region import as_region
from altiflow.tracking import TrackParameters, TrackPlan, track_stages, tracked_name, write_tracked

__all__ = ["make"]

_STAGES, _GRANULE = "stages", "granule"
"""Folders of what each stage of tracking came to, and of what is packed."""


def make(plan: Mapping[str, Any], folder: Path, result: Path) -> None:
    """Make the archive of a tracked pair; a stage that is kept in the folder is not made anew.

    Raises
    ------
    AltiflowError
        If an image cannot be used.
    """
    made = folder / _GRANULE
    shutil.rmtree(made, ignore_errors=True)
    first, second = (as_place(source) for source in plan["sources"])
    how = TrackPlan(
        parameters=TrackParameters.from_json(json.dumps(plan["parameters"])),
        region=None if plan["region"] is None else as_region(plan["region"]),
    )
    dates = None if plan["dates"] is None else tuple(plan["dates"])
    track = partial(track_stages, first, second, folder / _STAGES, plan=how, dates=dates)
    with progress_bar("reading", 1, quiet=True) as bar:
        track(until="prepare")
        bar.update()
    granule = track(until="correct").granule
    if granule is None:
        raise RuntimeError("the stage 'correct' of tracking came to no granule")
    write_tracked(granule, made / tracked_name(granule))
    # Where nothing was found there is no speed to show.
    with suppress(EmptyDataError):
        write_overlay(granule, made / "browse.png")
    pack(sorted(made.iterdir()), made, result, "writing")
