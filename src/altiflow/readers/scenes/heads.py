"""Heads: what one image tells of itself, by its name and its first bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from altiflow.errors import AltiflowError
from altiflow.readers.catalogue.pairs.choosing.scenes import scene_track
from altiflow.readers.remote import public_url
from altiflow.readers.remote.ranges import is_remote
from altiflow.readers.scenes.acquisition import find_acquisition
from altiflow.readers.scenes.opening import Place, SceneFile, open_scene
from altiflow.region import enclose_ring

__all__ = ["Row", "scene_row"]

Row = dict[str, Any]

_CLOUD = re.compile(r"^\s*CLOUD_COVER\s*=\s*([\d.]+)", re.MULTILINE)
_EDGE_POINTS = 8
"""Pieces of the longer edge of a footprint: what is straight on the map is bent on the globe."""


def scene_row(place: Place, band: int) -> Row:
    """Return what an image tells of itself, and as ``problem`` why it cannot be tracked."""
    name = public_url(str(place)).rpartition("/")[2] if is_remote(str(place)) else Path(place).name
    stem = name.rpartition(".")[0] or name
    row: Row = {"scene": stem, "url": str(place), "start": pd.NaT, "time_source": "", "mission": "", "satellite": ""}
    row |= {"track": scene_track(name), "cloud_percent": np.nan, "epsg": pd.NA, "pixel": np.nan}
    row |= {"rows": pd.NA, "columns": pd.NA, "map": "", "problem": "", "geometry": None}
    try:
        with open_scene(place, band=band) as image:
            rows, columns = image.shape
            row |= {"pixel": abs(float(image.transform.a)), "rows": rows, "columns": columns, "map": image.crs.name}
            row |= {"epsg": image.crs.to_epsg() or pd.NA, "geometry": _outline(image)}
            taken = find_acquisition(place, image.tags)
    except (AltiflowError, OSError) as error:
        return row | {"problem": str(error).partition(";")[0]}
    row |= {"start": pd.Timestamp(taken.time), "time_source": taken.time_source}
    row |= {"mission": taken.mission, "satellite": taken.satellite}
    return row | {"cloud_percent": _cloud(place, taken.scene)}


def _outline(image: SceneFile) -> Any:
    """Return the footprint of an image."""
    rows, columns = image.shape
    left, top = image.transform @ (0, 0)
    right, bottom = image.transform @ (columns, rows)
    box = shapely.box(left, bottom, right, top)
    ring = shapely.segmentize(box, max(right - left, top - bottom) / _EDGE_POINTS).exterior
    transformer = pyproj.Transformer.from_crs(image.crs, "EPSG:4326", always_xy=True)
    return enclose_ring(*transformer.transform(*shapely.get_coordinates(ring).T))


def _cloud(place: Place, scene: str) -> float:
    """Return the cloud [percent] of Landsat's metadata file beside an image, NaN without."""
    beside = Path(place).parent / f"{scene}_MTL.txt"
    if is_remote(str(place)) or not scene or not beside.is_file():
        return float("nan")
    told = _CLOUD.search(beside.read_text(encoding="utf-8", errors="replace"))
    return float(told[1]) if told else float("nan")
