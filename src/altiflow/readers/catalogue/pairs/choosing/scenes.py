"""Scenes: which of a list of images make pairs worth tracking."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from itertools import combinations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.pairs.choosing.words import Months, month_numbers
from altiflow.readers.catalogue.pairs.naming.scene import parse_scene

__all__ = ["pair_scenes", "scene_track"]

_TRACKS = (
    re.compile(r"L[COTEM]0[4-9]_[A-Z0-9]{4}_(?P<track>\d{6})_"),
    re.compile(r"L[COTEM][4-9](?P<track>\d{6})\d{7}"),
    re.compile(r"S2[A-D]_MSIL(?:1C|2A)_\w+?_N\d{4}_(?P<track>R\d{3}_T\d\d[A-Z]{3})_"),
    re.compile(r"S2[A-D]_(?P<track>\d{1,2}[A-Z]{3})_"),
    re.compile(r"NISAR_L1_PR_RSLC_\d{3}_(?P<track>\d{3}_[AD]_\d{3})_"),
)
"""What of a name tells the ground that an image shows: path and row, orbit and tile, track and frame."""

_ORBIT = re.compile(r"S1(?P<sat>[AB])_\w+?_(?P<orbit>\d{6})_[0-9A-F]{6}_[0-9A-F]{4}")
_FIRST = {"A": 73, "B": 27}
"""Relative orbit of Sentinel-1A and B: (absolute - this) mod 175 + 1 (ESA)."""


_HALF_DAY = 0.5


def scene_track(name: str) -> str:
    """Return what of an image's name tells the ground it shows, without the date; "" where it does not tell.

    Examples
    --------
    >>> scene_track("LC08_L1TP_063018_20160718_20200906_02_T1")
    '063018'
    >>> scene_track("S1A_IW_SLC__1SSH_20200104T100000_20200104T100027_030650_03833A_1F2E")
    'orbit 128'
    """
    for pattern in _TRACKS:
        match = pattern.match(name)
        if match:
            return match["track"]
    match = _ORBIT.match(name)
    return f"orbit {(int(match['orbit']) - _FIRST[match['sat']]) % 175 + 1}" if match else ""


def pair_scenes(
    scenes: Iterable[str] | gpd.GeoDataFrame,
    *,
    min_separation: float = 1.0,
    max_separation: float = 400.0,
    multiple_of: float | None = None,
    same_track: bool = True,
    min_overlap: float = 0.0,
    months: Months | None = None,
) -> pd.DataFrame:
    """Return the pairs of a list of images that meet all conditions, sorted by start and end.

    Parameters
    ----------
    scenes
        Names of Landsat, Sentinel-1, Sentinel-2 or NISAR images; or a GeoDataFrame with a column ``scene`` of them and
        their footprints, such as :func:`altiflow.search_scenes` returns: its ``start``, ``track`` and ``url``, where
        there are such columns, count before what names tell.
    min_separation, max_separation
        Fewest and most days between the two, both included.
    multiple_of
        Only separations that are a multiple of these days, to within half a day: 16 for one Landsat.
    same_track
        Only images of one path and row, orbit and tile, or track and frame: then parallax of a wrong elevation
        model cancels.
    min_overlap
        Least share of the smaller footprint that both show; needs footprints.
    months
        Months of the middle, such as "Nov-Feb".

    Returns
    -------
    pandas.DataFrame
        ``first, second, start, end, separation_days, track, overlap`` (NaN without footprints); earlier first. With
        addresses ``first_url, second_url`` as well.

    Raises
    ------
    InputError
        If a name is of no known form or there twice, footprints are wanted and not there, or a limit means nothing.
    EmptyDataError
        If no pair meets the conditions.

    Examples
    --------
    >>> found = pair_scenes(["LC80630182016200LGN00", "LC80630182016216LGN00", "LC80620182016209LGN00"])
    >>> found[["first", "separation_days"]].values.tolist()
    [['LC80630182016200LGN00', 16.0]]
    """
    names, shapes = _take_scenes(scenes)
    if not 0 < min_separation <= max_separation:
        raise InputError(f"separations must be above 0 and in order, got {min_separation!r} to {max_separation!r}")
    if multiple_of is not None and not multiple_of > 0:
        raise InputError(f"multiple_of must be a number of days above 0, got {multiple_of!r}")
    if min_overlap > 0 and shapes is None:
        raise InputError(f"min_overlap={min_overlap!r} needs footprints: give a GeoDataFrame with a column 'scene'")
    allowed = set(range(1, 13)) if months is None else set(month_numbers(months))
    starts, tracks = _told_of(scenes, names)
    told = sorted((start, name, place) for place, (start, name) in enumerate(zip(starts, names, strict=True)))
    rows = []
    for (start, first, one), (end, second, two) in combinations(told, 2):
        days = (end - start).total_seconds() / 86_400
        track = tracks[one] if tracks[one] == tracks[two] else ""
        overlap = np.nan if shapes is None else _overlap(shapes[one], shapes[two])
        conditions = (
            min_separation <= days <= max_separation,
            multiple_of is None or abs(days - round(days / multiple_of) * multiple_of) <= _HALF_DAY,
            not same_track or track != "",
            min_overlap <= 0 or overlap >= min_overlap,
            (start + (end - start) / 2).month in allowed,
        )
        if all(conditions):
            rows.append((first, second, start, end, days, track, overlap))
    if not rows:
        raise EmptyDataError(f"no pair of {len(names)} scenes meets the conditions; loosen them")
    columns = ["first", "second", "start", "end", "separation_days", "track", "overlap"]
    pairs = pd.DataFrame(rows, columns=columns).sort_values(["start", "end", "first"], ignore_index=True)
    if isinstance(scenes, gpd.GeoDataFrame) and "url" in scenes:
        urls = dict(zip(names, scenes["url"], strict=True))
        pairs["first_url"], pairs["second_url"] = pairs["first"].map(urls), pairs["second"].map(urls)
    return pairs


def _told_of(scenes: Iterable[str] | gpd.GeoDataFrame, names: list[str]) -> tuple[list[datetime], list[str]]:
    """Return when and over which ground each image was taken: as a table tells, else as its name does."""
    table = scenes if isinstance(scenes, gpd.GeoDataFrame) else {}
    if "start" in table:
        moments = pd.to_datetime(pd.Series(list(table["start"])), utc=True).dt.tz_localize(None)
        starts = [moment.to_pydatetime() for moment in moments]
    else:
        starts = [parse_scene(name).start for name in names]
    tracks = [str(track) for track in table["track"]] if "track" in table else [scene_track(name) for name in names]
    return starts, tracks


def _take_scenes(scenes: Iterable[str] | gpd.GeoDataFrame) -> tuple[list[str], list[shapely.Geometry] | None]:
    """Return names, and footprints on an equal-area map where there are any."""
    shapes = None
    if isinstance(scenes, gpd.GeoDataFrame):
        if "scene" not in scenes or scenes.crs is None:
            raise InputError("scenes must have a column 'scene' with the names of the images, and a CRS")
        names = [str(name) for name in scenes["scene"]]
        shapes = list(scenes.to_crs(_equal_area(scenes)).geometry)
    else:
        names = [str(name) for name in scenes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"scene {twice[0]!r} is there twice; name each once")
    return names, shapes


def _equal_area(scenes: gpd.GeoDataFrame) -> str:
    """Return an equal-area map about the middle of the scenes."""
    middle = scenes.to_crs(4326).geometry.iloc[0].representative_point()
    return f"+proj=laea +lat_0={middle.y:.4f} +lon_0={middle.x:.4f} +datum=WGS84 +units=m"


def _overlap(one: shapely.Geometry, two: shapely.Geometry) -> float:
    """Return the share of the smaller footprint that both cover."""
    smaller = min(one.area, two.area)
    return float(one.intersection(two).area / smaller) if smaller > 0 else 0.0
