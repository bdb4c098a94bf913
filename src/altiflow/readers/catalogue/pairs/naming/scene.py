"""Scene identifiers: which satellite took an image, and when."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from altiflow.errors import InputError

__all__ = ["Mission", "Scene", "TimeResolution", "find_scene", "parse_scene"]

Mission = Literal["landsat", "sentinel1", "sentinel2", "nisar"]
TimeResolution = Literal["instant", "day"]


@dataclass(frozen=True)
class Scene:
    """What the identifier of an image says.

    Attributes
    ----------
    name
        The identifier as the agency writes it.
    mission
        "landsat", "sentinel1", "sentinel2" or "nisar".
    satellite
        "L4" to "L9", "S1A", "S2B", "NISAR"; "S1" for bursts and "S2" for band files, whose names do not tell which.
    start
        Begin of the acquisition, UTC; midnight where only the day is told.
    time_resolution
        "instant" where the time of day is told, else "day".
    """

    name: str
    mission: Mission
    satellite: str
    start: datetime
    time_resolution: TimeResolution


@dataclass(frozen=True)
class _Form:
    """One way to write a scene: its pattern, with the group `time`, and how to read satellite and time."""

    mission: Mission
    pattern: re.Pattern[str]
    satellite: Callable[[Mapping[str, str]], str]
    time: str


def _form(mission: Mission, pattern: str, satellite: Callable[[Mapping[str, str]], str], time: str) -> _Form:
    return _Form(mission, re.compile(pattern, re.ASCII), satellite, time)


_INSTANT, _DAY, _DAY_OF_YEAR = "%Y%m%dT%H%M%S", "%Y%m%d", "%Y%j"
_T = r"\d{8}T\d{6}"

_FORMS = (
    # Collections 1 and 2: sensor, satellite, level, path and row, acquired, processed, collection, tier (USGS).
    _form(
        "landsat",
        r"L[COTEM]0(?P<sat>[4-9])_[A-Z0-9]{4}_\d{6}_(?P<time>\d{8})_\d{8}_\d\d_(T1|T2|RT|A1|A2)",
        lambda part: f"L{part['sat']}",
        _DAY,
    ),
    # Before collections: sensor, satellite, path, row, year, day of the year, ground station, version (USGS).
    _form(
        "landsat",
        r"L[COTEM](?P<sat>[4-9])\d{6}(?P<time>\d{7})[A-Z]{3}\d\d",
        lambda part: f"L{part['sat']}",
        _DAY_OF_YEAR,
    ),
    # Mode, polarisation, start, stop, absolute orbit, data take, checksum (ESA).
    _form(
        "sentinel1",
        rf"(?P<sat>S1[A-D])_(IW|EW|WV|S[1-6])_SLC__1S[A-Z]{{2}}_(?P<time>{_T})_{_T}_\d{{6}}_[0-9A-F]{{6}}_[0-9A-F]{{4}}",
        lambda part: part["sat"],
        _INSTANT,
    ),
    # Ground-range images: mode and resolution, polarisation, start; crops often lack what follows (ESA).
    _form(
        "sentinel1",
        rf"(?P<sat>S1[A-D])_(IW|EW|S[1-6])_GRD[FHM]_1S[A-Z]{{2}}_(?P<time>{_T})"
        rf"(_{_T}_\d{{6}}_[0-9A-F]{{6}}_[0-9A-F]{{4}})?",
        lambda part: part["sat"],
        _INSTANT,
    ),
    # Burst number, swath, start, polarisation, checksum of the scene (ASF).
    _form(
        "sentinel1",
        rf"S1_\d{{6}}_(IW|EW)\d_(?P<time>{_T})_(VV|VH|HH|HV)_[0-9A-F]{{4}}-BURST",
        lambda part: "S1",
        _INSTANT,
    ),
    # Level, start, baseline, relative orbit, tile, made (ESA, since December 2016).
    _form(
        "sentinel2",
        rf"(?P<sat>S2[A-D])_MSIL(1C|2A)_(?P<time>{_T})_N\d{{4}}_R\d{{3}}_T\d\d[A-Z]{{3}}_{_T}",
        lambda part: part["sat"],
        _INSTANT,
    ),
    # Tile and start alone: band files, whose names do not tell which satellite (ESA).
    _form("sentinel2", rf"T\d\d[A-Z]{{3}}_(?P<time>{_T})", lambda part: "S2", _INSTANT),
    # Tile, day, number, level: the short form of the public cloud archives.
    _form(
        "sentinel2",
        r"(?P<sat>S2[A-D])_\d{1,2}[A-Z]{3}_(?P<time>\d{8})_\d+_L(1C|2A)",
        lambda part: part["sat"],
        _DAY,
    ),
    # Cycle, track, direction, frame, modes, start, stop, release and quality (NASA).
    _form(
        "nisar",
        rf"NISAR_L1_PR_RSLC_\d{{3}}_\d{{3}}_[AD]_\d{{3}}_[0-9A-Z]{{4}}_[A-Z]{{4}}_[A-Z]_(?P<time>{_T})_{_T}"
        r"_[A-Z]\d{5}_[A-Z]_[A-Z]_[A-Z]_\d{3}",
        lambda part: "NISAR",
        _INSTANT,
    ),
)


def parse_scene(name: str) -> Scene:
    """Return what the identifier of an image says.

    Parameters
    ----------
    name
        Identifier of a Landsat 4 to 9 (collections 1 and 2, and before), Sentinel-1, Sentinel-2 or NISAR image.

    Raises
    ------
    InputError
        If it is of no known form, or tells a date that cannot be.

    Notes
    -----
    The forms are those of the United States Geological Survey, the European Space Agency, the Alaska Satellite
    Facility (bursts) and NASA (NISAR).

    Examples
    --------
    >>> parse_scene("LC80630182016200LGN00").start
    datetime.datetime(2016, 7, 18, 0, 0)
    >>> scene = parse_scene("S2B_MSIL1C_20181008T190459_N0206_R127_T02CMU_20181008T232024")
    >>> scene.satellite, scene.time_resolution
    ('S2B', 'instant')
    """
    for form in _FORMS:
        match = form.pattern.fullmatch(name)
        if match:
            return _scene(form, match)
    raise InputError(
        f"scene {name!r} is of no known form: Landsat 4 to 9 (LC08_L1TP_..., LC8...), Sentinel-1 (S1A_IW_SLC__...), "
        "Sentinel-2 (S2A_MSIL1C_..., S2A_24WWU_...) or NISAR (NISAR_L1_PR_RSLC_...)"
    )


def find_scene(path: str) -> Scene | None:
    """Return the image that a path or address names, in the file's name or else in a folder's; None if it names none.

    Raises
    ------
    InputError
        If the name tells a date that cannot be.

    Examples
    --------
    >>> find_scene("crops/LC80630182016200LGN00_B8_yahtse.TIF").start
    datetime.datetime(2016, 7, 18, 0, 0)
    >>> find_scene("https://host.org/S2A_24WWU_20200704_0_L2A/B08.tif").satellite
    'S2A'
    >>> find_scene("image1.tif") is None
    True
    """
    for part in reversed(path.replace("\\", "/").split("/")):
        for form in _FORMS:
            match = form.pattern.search(part)
            if match:
                return _scene(form, match)
    return None


def _scene(form: _Form, match: re.Match[str]) -> Scene:
    """Return what a match of a form says."""
    parts = match.groupdict()
    try:
        start = datetime.strptime(parts["time"], form.time)
    except ValueError as error:
        raise InputError(f"scene {match[0]!r} cannot be: {parts['time']} is no date") from error
    told: TimeResolution = "instant" if form.time == _INSTANT else "day"
    return Scene(match[0], form.mission, form.satellite(parts), start, told)
