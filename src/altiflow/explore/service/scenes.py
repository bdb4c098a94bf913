"""Served scenes: images to track that requests know by name alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import InputError, RequestError
from altiflow.explore.service.answers.items import footprint_json, moment_text
from altiflow.readers.catalogue.moments import Moment, as_moment
from altiflow.region import Region

__all__ = ["ServedScenes"]

_COLUMNS = (
    "scene",
    "url",
    "start",
    "time_source",
    "mission",
    "satellite",
    "epsg",
    "pixel",
    "rows",
    "columns",
    "problem",
)


@dataclass(frozen=True, eq=False)
class ServedScenes:
    """Images as requests see them: named, in the order of their times, never with the place of their files.

    Attributes
    ----------
    table
        What :func:`altiflow.list_scenes` returns; those with a problem are left out.

    Raises
    ------
    InputError
        If it is no such table, no image of it can be tracked, or two have one name.
    """

    table: gpd.GeoDataFrame
    _places: dict[str, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no list of images."""
        lacking = sorted({*_COLUMNS, "geometry"} - set(self.table.columns))
        if lacking:
            raise InputError(f"scenes lack the column {lacking[0]}; take what list_scenes returns")
        object.__setattr__(self, "table", self.table[self.table["problem"] == ""].reset_index(drop=True))
        if self.table.empty:
            raise InputError("no image of the scenes can be tracked; list_scenes tells of each why")
        twice = self.table["scene"][self.table["scene"].duplicated()]
        if len(twice):
            raise InputError(f"two of the scenes have the name {twice.iloc[0]}; leave out or rename one of them")
        self._places.update({str(name): place for place, name in enumerate(self.table["scene"])})

    def named(self, name: object) -> Mapping[str, Any]:
        """Return the row of an image.

        Raises
        ------
        RequestError
            If there is none of the name.
        """
        place = self._places.get(name) if isinstance(name, str) else None
        if place is None:
            shown = str(name)[:80]
            raise RequestError("scenes", shown, f"there is no scene {shown!r}", "see /scenes for the names")
        return dict(self.table.iloc[place])

    def find(self, *, region: Region | None, start: Moment, end: Moment) -> npt.NDArray[np.int64]:
        """Return the places of images that meet a region and were taken in a period; a day is meant whole."""
        kept = np.ones(len(self.table), bool)
        first, last = as_moment(start, "start", last=False), as_moment(end, "end", last=True)
        if first is not None:
            kept &= (self.table["start"] >= first).to_numpy()
        if last is not None:
            kept &= (self.table["start"] <= last).to_numpy()
        if region is not None:
            kept &= region.meets(self.table.geometry.to_numpy())
        return np.flatnonzero(kept).astype(np.int64)

    def describe(self, place: int) -> dict[str, Any]:
        """Return what the world is told of an image, None for what is not known."""
        row = self.table.iloc[place]
        return {
            "name": str(row["scene"]),
            "time": moment_text(row["start"].to_pydatetime()),
            "mission": str(row["mission"]),
            "satellite": str(row["satellite"]),
            "epsg": _number(row["epsg"], int),
            "pixel": _number(row["pixel"], float),
            "rows": _number(row["rows"], int),
            "columns": _number(row["columns"], int),
            "geometry": footprint_json(row["geometry"]),
        }


def _number(value: Any, kind: type) -> Any:
    """Return a number as JSON has it, None where it is not told."""
    return None if pd.isna(value) or np.isinf(value) else kind(value)
