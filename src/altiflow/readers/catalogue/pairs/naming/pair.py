"""Pair names: what the file name of an ITS_LIVE image pair says, and the name that says it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote, urlsplit

from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs.naming.scene import Scene, TimeResolution, parse_scene

__all__ = ["PairName", "file_name", "join_words", "parse_pair_name"]

_PAIR = re.compile(
    r"(?P<one>.+?)_X_(?P<two>.+)_G(?P<posting>\d{4})V(?P<version>\d\d)_P(?P<percent>\d{3})"
    r"(?P<mark>(_(?!thumb\b)[A-Za-z]\w*)?)(\.nc)?",
    re.ASCII,
)
_FORM = "<image 1>_X_<image 2>_G<posting>V<version>_P<percent valid>.nc"


@dataclass(frozen=True)
class PairName:
    """What the name of an image-pair granule says.

    Attributes
    ----------
    images
        The two scenes in the order of the name; the later one may come first.
    posting
        Spacing of the grid [m], 120 or 240.
    version
        "v00", "v01" or "v02".
    percent_valid
        Share of the ice in the scene with a valid velocity [percent].
    mark
        What some processors add at the end, such as "IL_ASF_OD" or "cropped"; "" for none.
    """

    images: tuple[Scene, Scene]
    posting: int
    version: str
    percent_valid: int
    mark: str = ""

    @property
    def start(self) -> datetime:
        """The earlier acquisition, UTC."""
        return min(scene.start for scene in self.images)

    @property
    def end(self) -> datetime:
        """The later acquisition, UTC."""
        return max(scene.start for scene in self.images)

    @property
    def separation(self) -> timedelta:
        """The time between the acquisitions; whole days where the name tells only days."""
        return self.end - self.start

    @property
    def time_resolution(self) -> TimeResolution:
        """Whether the names tell moments: "instant" if both names tell the time of day, else "day"."""
        return "instant" if all(scene.time_resolution == "instant" for scene in self.images) else "day"

    @property
    def mission(self) -> str:
        """The mission, or two joined by "+"."""
        return join_words(scene.mission for scene in self.images)

    @property
    def satellite(self) -> str:
        """The satellite, or two joined by "+" in alphabetical order."""
        return join_words(scene.satellite for scene in self.images)

    @property
    def stem(self) -> str:
        """The name without folder and extension."""
        tail = f"G{self.posting:04d}V{self.version[1:]}_P{self.percent_valid:03d}"
        return f"{self.images[0].name}_X_{self.images[1].name}_{tail}" + (f"_{self.mark}" if self.mark else "")

    def format(self) -> str:
        """Return the file name as the archive distributes it."""
        return f"{self.stem}.nc"


def parse_pair_name(name: str | Path) -> PairName:
    """Return what the name of an ITS_LIVE image-pair granule says.

    Parameters
    ----------
    name
        File name, path or URL, with or without the extension .nc.

    Raises
    ------
    InputError
        If the name, or an image in it, is of no known form, or more than 100 percent are valid.

    Examples
    --------
    >>> name = "S1A_IW_SLC__1SDH_20200221T095209_20200221T095237_031349_039B9A_CBD7_X_"
    >>> name += "S1B_IW_SLC__1SDH_20200227T095113_20200227T095143_020453_026C13_6119_G0120V02_P098.nc"
    >>> pair = parse_pair_name(f"s3://its-live-data/velocity_image_pair/{name}")
    >>> pair.mission, pair.satellite, pair.version, pair.percent_valid, pair.separation.total_seconds()
    ('sentinel1', 'S1A+S1B', 'v02', 98, 518344.0)
    >>> pair.format() == name
    True
    """
    text = file_name(name)
    match = _PAIR.fullmatch(text)
    if match is None:
        raise InputError(f"granule name {text!r} is not of the form {_FORM}")
    try:
        one, two = parse_scene(match["one"]), parse_scene(match["two"])
    except InputError as error:
        raise InputError(f"granule name {text!r}: {error}") from error
    percent = int(match["percent"])
    if percent > 100:
        raise InputError(f"granule name {text!r} cannot be: P{percent} is more than 100 percent")
    return PairName((one, two), int(match["posting"]), f"v{match['version']}", percent, match["mark"][1:])


def file_name(name: str | Path) -> str:
    r"""Return the last part of a path or URL, without query.

    Examples
    --------
    >>> file_name("https://host/folder/a%20b.nc?token=1"), file_name("C:\\data\\a.nc"), file_name("x/a.zarr/")
    ('a b.nc', 'a.nc', 'a.zarr')
    """
    if isinstance(name, Path):
        return name.name
    parts = urlsplit(name)
    if parts.scheme in {"http", "https", "s3", "file"}:
        return PurePosixPath(unquote(parts.path)).name
    return PureWindowsPath(name).name


def join_words(words: Iterable[str]) -> str:
    """Return the different words, sorted and joined by "+".

    Examples
    --------
    >>> join_words(["S2B", "S2A"]), join_words(["L8", "L8"])
    ('S2A+S2B', 'L8')
    """
    return "+".join(sorted(set(words)))
