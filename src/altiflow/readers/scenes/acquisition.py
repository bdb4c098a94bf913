"""Acquisitions: when an image was taken, by which satellite, and who says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from altiflow.errors import InputError
from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.readers.catalogue.pairs.naming import find_scene
from altiflow.readers.remote import public_url
from altiflow.readers.remote.ranges import is_remote

__all__ = ["Acquisition", "find_acquisition", "given_acquisition"]

TimeSource = Literal["user", "tags", "metadata", "name"]

_TAGS = (
    "acquisition_datetime",
    "acquisition_time",
    "sensing_time",
    "datetime",
    "start_datetime",
    "time_coverage_start",
    "acquisition_date",
    "date_acquired",
)
"""Tags that tell when an image was taken, the plainest first. TIFFTAG_DATETIME tells when the file was made."""

_LINE = re.compile(r"^\s*(DATE_ACQUIRED|SCENE_CENTER_TIME|SCENE_CENTER_SCAN_TIME)\s*=\s*\"?([^\"\s]+)", re.MULTILINE)


@dataclass(frozen=True)
class Acquisition:
    """When and by what an image was taken.

    Attributes
    ----------
    time
        UTC, datetime64[ns]; midnight where only the day is told.
    time_source
        Who says so: the "user", "tags" of the file, the "metadata" file of a Landsat image beside it, or its "name".
    scene, mission, satellite
        Identifier of the image, "landsat" and the like, "L8" and the like; "" where the name does not tell.
    """

    time: np.datetime64
    time_source: TimeSource
    scene: str = ""
    mission: str = ""
    satellite: str = ""


def find_acquisition(place: str | Path, tags: Mapping[str, Any], date: Moment = None) -> Acquisition:
    """Return when an image was taken: as the user says, else its tags, else Landsat's metadata file, else its name.

    Parameters
    ----------
    place
        Path or address of the image.
    tags
        Those of the file.
    date
        What the user says.

    Raises
    ------
    InputError
        If nobody says when, or what is said is no date.

    Examples
    --------
    >>> find_acquisition("LC80630182016200LGN00_B8.TIF", {"TIFFTAG_DATETIME": "2019:01:01 00:00:00"}).time_source
    'name'
    >>> find_acquisition("a.tif", {})
    Traceback (most recent call last):
    altiflow.errors.InputError: a.tif does not tell when it was taken, by tag or by name; pass dates=(first, second)
    """
    scene = find_scene(str(place))
    known = {} if scene is None else {"scene": scene.name, "mission": scene.mission, "satellite": scene.satellite}
    if date is not None:
        return Acquisition(_moment(date, "dates"), "user", **known)
    lower = {str(key).lower(): value for key, value in tags.items()}
    tagged = next((lower[name] for name in _TAGS if str(lower.get(name, "")).strip()), None)
    if tagged is not None:
        return Acquisition(_stamp(tagged, place), "tags", **known)
    written = None if scene is None or is_remote(str(place)) else _landsat_time(Path(place), scene.name)
    if written is not None:
        return Acquisition(written, "metadata", **known)
    if scene is None:
        name = public_url(str(place)).rpartition("/")[2]
        raise InputError(f"{name} does not tell when it was taken, by tag or by name; pass dates=(first, second)")
    return Acquisition(np.datetime64(scene.start, "ns"), "name", **known)


def given_acquisition(date: Moment, argument: str) -> Acquisition:
    """Return the acquisition of an image that is no file."""
    return Acquisition(_moment(date, argument), "user")


def _moment(date: Moment, argument: str) -> np.datetime64:
    moment = as_moment(date, argument, last=False)
    if moment is None:
        raise InputError(f"{argument} has no date for an image; give both, such as ('2016-07-18', '2016-08-03')")
    return np.datetime64(moment, "ns")


def _stamp(text: Any, place: str | Path) -> np.datetime64:
    """Return the moment (UTC) that a tag tells."""
    name = public_url(str(place)).rpartition("/")[2]
    try:
        stamp = pd.Timestamp(str(text))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name} says it was taken at {text!r}, which is no date; pass dates=(first, second)"
        ) from error
    if pd.isna(stamp):
        raise InputError(f"{name} says it was taken at {text!r}, which is no date; pass dates=(first, second)")
    plain = stamp.tz_convert("UTC").tz_localize(None) if stamp.tz else stamp
    return np.datetime64(plain.isoformat(), "ns")


def _landsat_time(path: Path, scene: str) -> np.datetime64 | None:
    """Return the time in the metadata file ``SCENE_MTL.txt`` beside an image, None if there is none."""
    beside = path.parent / f"{scene}_MTL.txt"
    if not beside.is_file():
        return None
    told = dict(_LINE.findall(beside.read_text(encoding="utf-8", errors="replace")))
    time = told.get("SCENE_CENTER_TIME") or told.get("SCENE_CENTER_SCAN_TIME")
    if "DATE_ACQUIRED" not in told or time is None:
        return None
    return _stamp(f"{told['DATE_ACQUIRED']}T{time}", beside)
