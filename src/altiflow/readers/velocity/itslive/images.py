"""Images: who took the two images of a pair, and when."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import CorruptGranuleError

__all__ = [
    "YEAR_DAYS",
    "granule_stems",
    "image_times",
    "mission_labels",
    "pair_layers",
    "satellite_labels",
    "sort_images",
]

YEAR_DAYS = 365.0
"""Days in the year of a velocity by autoRIFT, which tracked all ITS_LIVE pairs (its source says so; no file does)."""

_MISSIONS = {"L": "landsat", "S1": "sentinel1", "S2": "sentinel2", "N": "nisar"}

Times = npt.NDArray[np.datetime64]
Texts = npt.NDArray[np.str_]


def image_times(values: npt.ArrayLike, what: str) -> Times:
    """Return moments (n,), datetime64[ns] UTC, of dates as ITS_LIVE writes them.

    Raises
    ------
    CorruptGranuleError
        If one is no date.

    Examples
    --------
    >>> image_times(["19841206T12:52:19.377", 20121118.0, "20160814"], "a.nc").astype("M8[s]").astype(str).tolist()
    ['1984-12-06T12:52:19', '2012-11-18T00:00:00', '2016-08-14T00:00:00']
    """
    found = []
    for value in np.atleast_1d(np.asarray(values, dtype=object)):
        text = str(int(value)) if isinstance(value, (int, float, np.number)) else str(value).strip()
        try:
            found.append(pd.Timestamp(text).to_datetime64().astype("datetime64[ns]"))
        except (ValueError, TypeError, OverflowError) as error:
            raise CorruptGranuleError(f"{what} says an image was taken at {value!r}, which is no date") from error
    return np.array(found, dtype="datetime64[ns]")


def sort_images(first: Times, second: Times) -> Times:
    """Return [start, end] of pairs (n, 2), whichever image is the later one.

    The sign of a velocity does not turn with the order of the images: the files divide the displacement from image
    1 to image 2 by the signed time between them.
    """
    return np.stack([np.minimum(first, second), np.maximum(first, second)], axis=1)


def satellite_labels(missions: Texts, satellites: Texts) -> Texts:
    """Return labels (n,), such as L8 and S2A, of mission letters and satellite numbers (n,).

    Examples
    --------
    >>> satellite_labels(np.array(["L", "S", "N"]), np.array(["7.0", "2A", ""])).tolist()
    ['L7', 'S2A', 'N']
    """
    return np.array([f"{m}{s.removesuffix('.0')}" for m, s in zip(missions, satellites, strict=True)], dtype=str)


def mission_labels(first: Texts, second: Texts) -> Texts:
    """Return the missions (n,) of pairs from the labels of their satellites (n,).

    Examples
    --------
    >>> mission_labels(np.array(["L7", "S2A", "L8"]), np.array(["L8", "S2B", "S2A"])).tolist()
    ['landsat', 'sentinel2', 'landsat+sentinel2']
    """
    return join_labels(*(np.array([_mission(label) for label in side], dtype=str) for side in (first, second)))


def join_labels(first: Texts, second: Texts) -> Texts:
    """Return one label (n,) where two agree, else both joined by + in alphabetical order."""
    return np.array(["+".join(sorted({a, b})) for a, b in zip(first, second, strict=True)], dtype=str)


def granule_stems(urls: npt.ArrayLike) -> Texts:
    """Return file names without folder and extension (n,).

    Examples
    --------
    >>> granule_stems(["https://a.b/c/LC08_X_LC08_G0120V02_P016.nc"]).tolist()
    ['LC08_X_LC08_G0120V02_P016']
    """
    names = [PurePosixPath(str(url)).name for url in np.atleast_1d(np.asarray(urls))]
    return np.array([name.removesuffix(".nc") for name in names], dtype=str)


def pair_layers(first: tuple[Any, Any], second: tuple[Any, Any], bounds: Times) -> dict[str, Any]:
    """Return mission, satellite and separation of pairs, by name, from (mission, satellite) of each image (n,)."""
    one, two = (satellite_labels(*(np.atleast_1d(part).astype(str) for part in image)) for image in (first, second))
    return {
        "separation_days": (bounds[:, 1] - bounds[:, 0]) / np.timedelta64(86_400_000_000_000, "ns"),
        "mission": mission_labels(one, two),
        "satellite": join_labels(one, two),
    }


def _mission(label: str) -> str:
    """Return the mission of a satellite's label; the label itself if it is of none that is known."""
    return _MISSIONS.get(label[:2]) or _MISSIONS.get(label[:1]) or label
