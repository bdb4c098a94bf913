"""Stages of tracking, each kept in a folder: prepare, track, filter, correct, export."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.cubes.building.stamps import file_stamp
from altiflow.readers.catalogue.moments import Moment
from altiflow.readers.remote import public_url
from altiflow.readers.remote.ranges import is_remote
from altiflow.tracking.displacements import Offsets
from altiflow.tracking.neighbours.screens import screen_offsets
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.plan import TrackPlan
from altiflow.tracking.preparation import PreparedPair
from altiflow.tracking.product import add_velocity, tracked_name, write_tracked
from altiflow.tracking.product.velocity import SIGNATURE
from altiflow.tracking.staged.store import (
    as_offsets,
    as_prepared,
    keep_arrays,
    kept_arrays,
    of_offsets,
    of_prepared,
)
from altiflow.version import __version__

__all__ = ["STAGES", "Stage", "Staged", "track_stages"]

Stage = Literal["prepare", "track", "filter", "correct", "export"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""In order."""

_SCREENS = (
    "corr_min",
    "del_corr_min",
    "corr_always",
    "snr_min",
    "median_threshold",
    "coherence",
    "coherence_share",
    "touching",
    "residual_threshold",
    "opening",
    "min_clump",
    "fill_gaps",
    "filling",
)
"""Parameters of the filter stage; all others are those of tracking."""
_LATER = ("rule", "units", "year_days", "packing", "parameters")
"""What the stage of preparation knows nothing of."""


@dataclass(frozen=True)
class Staged:
    """What became of the stages.

    Attributes
    ----------
    stages
        "made" or "there" by stage, in order, as far as was asked for.
    granule
        What the stage "correct" comes to; None before it.
    path
        The granule that was written; None before "export".
    """

    stages: dict[Stage, str]
    granule: xr.Dataset | None = None
    path: Path | None = None


def track_stages(
    first: str | Path,
    second: str | Path,
    folder: str | Path,
    *,
    plan: TrackPlan | None = None,
    dates: tuple[Moment, Moment] | None = None,
    until: Stage = "export",
    out: str | Path | None = None,
    overwrite: bool = False,
    quiet: bool = True,
) -> Staged:
    """Track two images stage by stage, and return what became of the stages.

    Each stage is kept in the folder and made again only where something that it is made of has changed: another
    threshold filters anew and tracks nothing, another rule of correction does not even filter. The granule is that of
    :func:`altiflow.track_pair` to the bit.

    Parameters
    ----------
    first, second, dates
        As for :func:`altiflow.read_scene_pair`.
    folder
        Where stages are kept; one pair at a time.
    plan
        How to read and track.
    until
        The last stage: "prepare" (images, ground, prior), "track" (all displacements), "filter" (screens, gaps),
        "correct" (stable ground, velocity) or "export" (the file).
    out
        Where the granule is written, a .nc or a folder; needed for "export".
    overwrite
        Whether a granule that is there may be replaced.
    quiet
        Show no progress bar.

    Raises
    ------
    InputError
        If a stage is not known, or "export" has nowhere to write; and as the stages.
    """
    if until not in STAGES:
        raise InputError(f"until={until!r} is no stage; use one of {', '.join(STAGES)}")
    if until == "export" and out is None:
        raise InputError("out is where the granule is written; give it, or stop at until='correct'")
    used, place = plan or TrackPlan(), Path(folder)
    keys = _keys(first, second, dates, used)
    done: dict[Stage, str] = {}
    ready = _prepared(first, second, dates, used, place, keys["prepare"], done)
    if until == "prepare":
        return Staged(done)
    measured, seconds = _measured(ready, place, keys["track"], done, quiet=quiet)
    if until == "track":
        return Staged(done)
    kept, counts = _screened(measured, ready.parameters, place, keys["filter"], done)
    if until == "filter":
        return Staged(done)
    granule = add_velocity(ready.granule(kept, counts), rule=used.rule, units=used.units, year_days=used.year_days)
    granule = granule.assign_attrs({"track_seconds": seconds, SIGNATURE: used.signature})
    # It takes no longer to make than to read.
    done["correct"] = "made"
    if until == "correct" or out is None:
        return Staged(done, granule)
    target = Path(out) if Path(out).suffix else Path(out) / tracked_name(granule)
    done["export"] = "made"
    return Staged(done, granule, write_tracked(granule, target, packing=used.packing, overwrite=overwrite))


def _keys(first: str | Path, second: str | Path, dates: Any, plan: TrackPlan) -> dict[str, str]:
    """Return what tells each kept stage from any other."""
    told = plan.told()
    parameters = told["parameters"]
    matching = {name: value for name, value in parameters.items() if name not in _SCREENS}
    images = [public_url(str(place)) if is_remote(place) else _stamp(place) for place in (first, second)]
    before = {name: value for name, value in told.items() if name not in _LATER}
    lattice = {"spacing": parameters["spacing"], "radius": parameters["radius"]}
    # What another version kept may have been made in another way.
    prepare = _digest(
        {"version": __version__, "images": images, "dates": [str(each) for each in dates or ()], **before, **lattice}
    )
    track = _digest({"prepare": prepare, **matching})
    return {"prepare": prepare, "track": track, "filter": _digest({"track": track, **parameters})}


def _stamp(place: str | Path) -> str:
    """Return path, size and time of an image; its path where it is not there, which reading it tells of."""
    try:
        return file_stamp(place)
    except OSError:
        return str(place)


def _digest(told: Any) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _prepared(
    first: str | Path, second: str | Path, dates: Any, plan: TrackPlan, folder: Path, key: str, done: dict[Stage, str]
) -> PreparedPair:
    """Return the prepared pair, kept or made."""
    path = folder / "prepared.npz"
    kept = kept_arrays(path, key)
    done["prepare"] = "made" if kept is None else "there"
    if kept is not None:
        return as_prepared(*kept, replace(plan.parameters, radius=kept[1]["radius"]))
    ready = plan.prepare(plan.read(first, second, dates))
    keep_arrays(path, key, *of_prepared(ready))
    return ready


def _measured(
    ready: PreparedPair, folder: Path, key: str, done: dict[Stage, str], *, quiet: bool
) -> tuple[Offsets, float]:
    """Return all displacements, kept or made, and the seconds it took to make them."""
    path = folder / "measured.npz"
    kept = kept_arrays(path, key)
    done["track"] = "made" if kept is None else "there"
    if kept is not None:
        return as_offsets(kept[0]), float(kept[1]["seconds"])
    began = time.perf_counter()
    measured = ready.measure(quiet=quiet)
    seconds = round(time.perf_counter() - began, 3)
    keep_arrays(path, key, of_offsets(measured), {"seconds": seconds})
    return measured, seconds


def _screened(
    measured: Offsets, parameters: TrackParameters, folder: Path, key: str, done: dict[Stage, str]
) -> tuple[Offsets, dict[str, int]]:
    """Return the displacements that are kept, kept or made, and what the screens left out."""
    path = folder / "filtered.npz"
    kept = kept_arrays(path, key)
    done["filter"] = "made" if kept is None else "there"
    if kept is not None:
        return as_offsets(kept[0]), dict(kept[1]["screened"])
    found, counts = screen_offsets(measured, parameters)
    keep_arrays(path, key, of_offsets(found), {"screened": counts})
    return found, counts
