"""Scenes: images that are listed or searched, and the two of them that are chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

import altiflow
from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.widget.panel import Panel
from altiflow.readers.scenes import tell_unpaired
from altiflow.region import Region

__all__ = ["ScenePicker"]

_RESULTS = ("pair", "granule", "field", "cells", "layers", "land", "spread", "figure")
"""What the script has of a pair, to be let go of when another one is chosen."""
_DAY = 86_400.0


class ScenePicker(Panel):
    """Images, and the two of them that are chosen. Tells "changed", "found" (images) and "failed".

    Parameters
    ----------
    library
        Whose functions are called; altiflow itself where not given.

    Attributes
    ----------
    first, second
        Numbers of the two images in the list; None where none is chosen.
    dates
        When these were taken, where they do not say: two texts; None where they do.
    region
        Part that is tracked; None for all that both images show.
    """

    def __init__(self, *, library: Any = altiflow) -> None:
        super().__init__(library)
        self.first: int | None = None
        self.second: int | None = None
        self.dates: tuple[str, str] | None = None
        self.region: Region | None = None

    @property
    def scenes(self) -> gpd.GeoDataFrame | None:
        """Images, one row each; None before they are listed."""
        found: gpd.GeoDataFrame | None = self._script.values.get("scenes")
        return found

    def list_files(self, places: str | Path | Sequence[str | Path]) -> gpd.GeoDataFrame | None:
        """List images: files, addresses, or a folder; text may name several, a line each."""
        found: gpd.GeoDataFrame | None = self._try(lambda: self._list("list_scenes", _several(places), {}))
        return found

    def search(
        self,
        region: Any = None,
        *,
        source: str = "",
        collection: str = "",
        asset: str = "",
        start: str = "",
        end: str = "",
        max_cloud: float | None = None,
    ) -> gpd.GeoDataFrame | None:
        """List the images of a STAC service over a region, that of the panel where none is given."""
        where = self.region if region is None else region
        named = {"start": start or None, "end": end or None, "collection": collection or None, "asset": asset or None}
        named |= {"max_cloud": max_cloud, "source": source or None}  # type: ignore[dict-item]

        def action() -> gpd.GeoDataFrame:
            if where is None or where == "":
                raise InputError("region is not given; draw one on the map, or type it")
            return self._list("search_scenes", where, named)

        found: gpd.GeoDataFrame | None = self._try(action)
        return found

    def describe_scenes(self) -> list[str]:
        """Return a line for each image: date, satellite, track, cloud, name."""
        rows = [] if self.scenes is None else self.scenes.to_dict("records")
        return [_line(row) for row in rows]

    def partners(self) -> list[str]:
        """Return for each image why it cannot be the second one, "" where it can."""
        if self.scenes is None or self.first is None:
            return [""] * (0 if self.scenes is None else len(self.scenes))
        return [self._refusal(self.first, number) for number in range(len(self.scenes))]

    def choose(self, first: int, second: int | None = None) -> bool:
        """Take two images of the list, the earlier one first, and return whether they can be tracked."""

        def action() -> bool:
            count = 0 if self.scenes is None else len(self.scenes)
            for number in (first, *(() if second is None else (second,))):
                if not 0 <= number < count:
                    raise InputError(f"there is no image {number}; {count} are listed")
            self.first, self.second = first, None
            self._forget()
            refusal = "" if second is None else self._refusal(first, second)
            if refusal:
                raise InputError(f"these two cannot be tracked: {refusal}")
            self.second = second
            self._changed()
            return True

        return bool(self._try(action))

    def set_dates(self, first: str, second: str) -> None:
        """Say when the two images were taken; empty texts leave it to them."""
        self.dates = (first.strip(), second.strip()) if first.strip() and second.strip() else None
        self._changed()

    def set_region(self, region: Region | None) -> None:
        """Take the part to track, None for all."""
        self.region = region
        self._changed()

    def _list(self, function: str, given: Any, named: Mapping[str, Any]) -> gpd.GeoDataFrame:
        self.first = self.second = None
        self._script.forget("scenes", *_RESULTS)
        found: gpd.GeoDataFrame = self._script.call(function, given, result="scenes", named=named)
        lost = int((found["problem"] != "").sum()) if "problem" in found else 0
        told = f"{len(found):,} image{'' if len(found) == 1 else 's'}"
        self._found(found, told + (f", {lost} of which cannot be tracked" if lost else ""))
        return found

    def _row(self, number: int) -> dict[str, Any]:
        """Return what is known of an image; the dates that were given count before its own."""
        if self.scenes is None:
            raise EmptyDataError("no images are listed; name files, or search")
        row = {str(name): value for name, value in self.scenes.iloc[number].items()}
        if self.dates is not None and number in (self.first, self.second):
            row["start"] = pd.Timestamp(self.dates[0] if number == self.first else self.dates[1])
            # An image that was opened lacks nothing but its date.
            row["problem"] = "" if np.isfinite(float(row.get("pixel", np.nan))) else row.get("problem", "")
        return row

    def _refusal(self, first: int, second: int) -> str:
        """Return why two images cannot be tracked, "" where they can."""
        if first == second:
            return "it is the first image"
        one, two = self._row(first), self._row(second)
        if self.dates is not None and np.isfinite(float(two.get("pixel", np.nan))):
            two |= {"start": pd.Timestamp(self.dates[1]), "problem": ""}
        return tell_unpaired(one, two)

    def _days(self) -> float:
        """Return the time between the two images [d]."""
        if self.first is None or self.second is None:
            raise InputError("two images are not chosen yet; choose them")
        start, end = (pd.Timestamp(self._row(number)["start"]) for number in (self.first, self.second))
        return (end - start).total_seconds() / _DAY

    def _forget(self) -> None:
        self._script.forget(*_RESULTS)


def _several(places: Any) -> Any:
    """Return images that a text names, a line each; the one as it is."""
    if not isinstance(places, str):
        return [str(place) for place in places] if isinstance(places, (list, tuple)) else places
    lines = [line.strip() for line in places.splitlines() if line.strip()]
    if not lines:
        raise InputError("no image is named; give files, addresses or a folder")
    return lines[0] if len(lines) == 1 else lines


def _line(row: Mapping[str, Any]) -> str:
    """Return an image in a line."""
    start = row.get("start")
    date = "no date" if start is None or pd.isna(start) else f"{pd.Timestamp(start):%Y-%m-%d %H:%M}"
    cloud = row.get("cloud_percent", np.nan)
    parts = (
        date,
        str(row.get("satellite") or ""),
        str(row.get("track") or ""),
        "" if pd.isna(cloud) else f"cloud {float(cloud):.0f} %",
        str(row["scene"]),
    )
    return "  ".join(part for part in parts if part)
