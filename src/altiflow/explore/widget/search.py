"""The search panel: where, when and what, then what is found, how much of it, and what is made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

import altiflow
from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.widget.calls import Variable
from altiflow.explore.widget.panel import Panel
from altiflow.region import Region, as_region

__all__ = ["PRODUCTS", "SearchPanel", "SearchQuestion"]

PRODUCTS = ("pairs", "ATL10", "ATL07", "ATL06", "ATL11")
"""What can be searched: image pairs of velocity, or granules of a product of altimetry."""

Picture = Literal["footprints", "counts", "speed", "track"]
"""A map of what is found, how many a year, the mean speed of the cube, the length of track that was read."""

_MOST_CELLS = 20_000_000
"""Cells of a cube that is built here; more are for a script."""


@dataclass(frozen=True)
class SearchQuestion:
    """What is searched.

    Attributes
    ----------
    product
        One of ``PRODUCTS``.
    region
        Anything :func:`altiflow.as_region` takes; None for none.
    start, end
        First and last moment, as text; empty for an open side.
    min_separation, max_separation, percent_valid_pixels, months, mission
        Of image pairs, as for :func:`altiflow.search_pairs`; nothing is asked of granules by them.
    source
        A catalogue in a file or folder, or the address of a service; empty for the archives themselves.
    """

    product: str = "pairs"
    region: Any = None
    start: str = ""
    end: str = ""
    min_separation: float | None = None
    max_separation: float | None = None
    percent_valid_pixels: float | None = None
    months: str = ""
    mission: str = ""
    source: str = ""

    @property
    def is_pairs(self) -> bool:
        """Whether image pairs are searched."""
        return self.product == "pairs"


class SearchPanel(Panel):
    """State of the search, without a skin.

    Tells "changed", "found" (also when less is left), "drawn" and "failed".

    Every action is calls of the library that stand in ``code`` once they were made. An action returns its result, or
    None where it failed, and then ``message`` says why; nothing is raised.

    Parameters
    ----------
    question
        What is asked first.
    library
        Whose functions are called; altiflow itself where not given.

    Attributes
    ----------
    message
        What came of the last action, or why it failed.
    counts
        How many rows there are by "year", by "month", and by "mission" or "product".
    work
        What runs in a thread of its own; see :meth:`start`.
    """

    def __init__(self, question: SearchQuestion | None = None, *, library: Any = altiflow) -> None:
        super().__init__(library)
        self._question = question or SearchQuestion()
        self._kind = "pairs"
        self.counts: dict[str, pd.DataFrame] = {}

    @property
    def question(self) -> SearchQuestion:
        """What is asked next."""
        return self._question

    @question.setter
    def question(self, question: SearchQuestion) -> None:
        if question != self._question:
            self._question = question
            self.tell("changed")

    @property
    def table(self) -> gpd.GeoDataFrame | None:
        """What is found, and left by the filter; None before a search."""
        found: gpd.GeoDataFrame | None = self._script.values.get("kept", self._script.values.get(self._kind))
        return found

    @property
    def mean(self) -> xr.Dataset | None:
        """Mean velocity of the cube that was built last, None if there is none."""
        field: xr.Dataset | None = self._script.values.get("mean")
        return field

    def set_region(self, region: Region | None) -> None:
        """Take a region that was drawn, None for none."""
        self.question = replace(self._question, region=region)

    def search(self) -> gpd.GeoDataFrame | None:
        """Search, count what is found, and return it."""
        return self._try(self._search)

    def filter(
        self,
        *,
        start: str = "",
        end: str = "",
        months: str = "",
        mission: str = "",
        max_separation: float | None = None,
        cap: int | None = None,
    ) -> gpd.GeoDataFrame | None:
        """Keep what meets more conditions, of all that was found, and return it.

        Months, mission, separation and `cap` (pairs a year at most, spread evenly) are of image pairs alone.
        """
        named: dict[str, Any] = {"start": start or None, "end": end or None}
        if self._kind == "pairs":
            named |= {"months": months or None, "mission": mission or None, "max_separation": max_separation}
        return self._try(lambda: self._filter(named, cap))

    def read(self) -> Any:
        """Read all segments of the granules in the region, or the velocity of the first image pair."""
        return self._try(self._read)

    def download(self, folder: str | Path) -> Any:
        """Bring the files into a folder, from which they are then read, and return what became of each."""
        return self._try(lambda: self._download(folder))

    def build_cube(self, *, epsg: int = 3413, cell: float = 240.0, store: str | Path | None = None) -> Any:
        """Put the image pairs on one grid over the region, take their mean over all time, and return the cube."""
        return self._try(lambda: self._build_cube(epsg, cell, store))

    def plot(self, picture: Picture = "footprints") -> Any:
        """Return a figure of what is there."""
        return self._drawn(self._try(lambda: self._plot(picture)))

    def _search(self) -> gpd.GeoDataFrame:
        asked = self._question
        if asked.product not in PRODUCTS:
            raise InputError(f"product={asked.product!r} is not searched here; choose {', '.join(PRODUCTS)}")
        place = None if asked.region is None or asked.region == "" else _said(asked.region)
        named: dict[str, Any] = {"region": place, "start": asked.start or None, "end": asked.end or None}
        self._script.forget("pairs", "granules", "kept", "files", "segments", "velocity", "cube", "mean", "grid")
        self.counts = {}
        if asked.is_pairs:
            self._kind = "pairs"
            named |= {
                "min_separation": asked.min_separation,
                "max_separation": asked.max_separation,
                "percent_valid_pixels": asked.percent_valid_pixels,
                "months": asked.months or None,
                "mission": asked.mission or None,
                "source": asked.source or None,
            }
            found = self._script.call("search_pairs", result="pairs", named=named)
        else:
            self._kind = "granules"
            function, given = "search_granules", (asked.product,)
            if asked.source:
                function, given = "search_catalogue", (asked.source,)
                named = {"product": asked.product, **named}
            found = self._script.call(function, *given, result="granules", named=named)
        self._count(self._kind)
        return self._found(found, f"{len(found):,} {'image pairs' if asked.is_pairs else 'granules'} found")

    def _count(self, name: str) -> None:
        """Count a table by year, month, and mission or product."""
        third = "mission" if self._kind == "pairs" else "product"
        self.counts = {
            facet: self._script.call("count_by", Variable(name), facet, result=f"by_{facet}")
            for facet in ("year", "month", third)
        }

    def _filter(self, named: dict[str, Any], cap: int | None) -> gpd.GeoDataFrame:
        whole = self._whole()
        self._script.forget("kept", "files", "segments", "cube", "mean")
        function = "filter_pairs" if self._kind == "pairs" else "filter_catalogue"
        kept = self._script.call(function, Variable(self._kind), result="kept", named=named)
        if cap is not None and self._kind == "pairs":
            kept = self._script.call("cap_per_year", Variable("kept"), cap, result="kept", named={"strategy": "spread"})
        self._count("kept")
        return self._found(kept, f"{len(kept):,} of {len(whole):,} kept")

    def _whole(self) -> gpd.GeoDataFrame:
        """Return all that was found."""
        if self._kind not in self._script.values:
            raise EmptyDataError("nothing is found yet; search first")
        table: gpd.GeoDataFrame = self._script.values[self._kind]
        return table

    def _source(self) -> str:
        """Return the name of the table that is worked on."""
        if self.table is None or self.table.empty:
            raise EmptyDataError("nothing is found, or nothing is left; search first, or filter less")
        return "kept" if "kept" in self._script.values else self._kind

    def _read(self) -> Any:
        name = self._source()
        if self._kind == "granules":
            table = Variable("files" if "files" in self._script.values else name)
            region = self._question.region
            named = {"region": None if region in (None, "") else _said(region), "on_error": "skip"}
            segments = self._script.call("read_segments", table, result="segments", named=named)
            return self._found(segments, f"{len(segments):,} segments read")
        first = str(self._places()[0])
        field = self._script.call("read_velocity", first, result="velocity")
        return self._found(field, f"{Path(first).name} read")

    def _places(self) -> list[Any]:
        """Return where the image pairs are: in the folder they were brought to, else at their addresses."""
        files = self._script.values.get("files")
        return list(files["path"]) if files is not None else list(self._script.values[self._source()]["url"])

    def _download(self, folder: str | Path) -> Any:
        name = self._source()
        if not str(folder).strip():
            raise InputError("folder is not given; name one, such as data/velocity")
        files = self._script.call(
            "download_files", Variable(name), str(folder), result="files", named={"on_error": "skip"}
        )
        failed = int((files["status"] == "failed").sum())
        lost = (
            f", {failed} could not be had: {files.loc[files['status'] == 'failed', 'reason'].iloc[0]}" if failed else ""
        )
        return self._found(files, f"{len(files) - failed} files are in {folder}{lost}")

    def _build_cube(self, epsg: int, cell: float, store: str | Path | None) -> Any:
        name = self._source()
        if self._kind != "pairs":
            raise InputError("cubes are of image pairs; search pairs first")
        if self._question.region in (None, ""):
            raise InputError("region is not given: a cube covers one; draw it on the map, or type it")
        grid = self._script.call("grid_covering", _said(self._question.region), epsg, float(cell), result="grid")
        cells = int(np.prod(grid.shape))
        if cells > _MOST_CELLS:
            raise InputError(
                f"the cube has {cells:,} cells, and {_MOST_CELLS:,} are built here; draw less, or larger cells"
            )
        places = Variable('list(files["path"])' if "files" in self._script.values else f'list({name}["url"])')
        # Pairs of version 1 are in metres of the ground, later ones in those of the map.
        named = {"store": str(store) if store else None, "metric": "map", "on_error": "skip"}
        cube = self._script.call("build_cube", places, Variable("grid"), result="cube", named=named)
        bounds = cube["time_bnds"].values
        days = [str(day) for day in (bounds.min().astype("M8[D]"), bounds.max().astype("M8[D]") + 1)]
        mean = self._script.call("weighted_mean", Variable("cube"), days, result="mean")
        # Unread, every tile and picture would read all image pairs again.
        mean.load()
        failed = len(json.loads(cube.attrs.get("sources_failed", "{}")))
        told = f"a cube of {cube.sizes['time']:,} image pairs, {grid.shape[0]} x {grid.shape[1]} cells of {cell:g} m"
        return self._found(cube, told + (f"; {failed} could not be read" if failed else ""))

    def _plot(self, picture: Picture) -> Any:
        if picture == "speed":
            return self._script.call("draw_speed", self._needed("mean", "build a cube first"), result="figure")
        if picture == "track":
            return self._script.call("draw_coverage", self._needed("segments", "read segments first"), result="figure")
        name, pairs = self._source(), self._kind == "pairs"
        by = "mission" if pairs else "product"
        if picture == "footprints":
            return self._script.call("draw_footprints", Variable(name), result="figure", named={"by": by})
        title = f"{'Image pairs' if pairs else 'Granules'} per year"
        named = {"freq": "YS", "time": "mid" if pairs else "start", "by": by, "title": title}
        # The length is named although it is None, as a length of track is meant where it is not.
        return self._script.call(
            "draw_coverage", Variable(name), result="figure", named={**named, "length": Variable("None")}
        )

    def _needed(self, name: str, fix: str) -> Variable:
        if name not in self._script.values:
            raise EmptyDataError(f"there is nothing to draw; {fix}")
        return Variable(name)


def _said(region: Any) -> Any:
    """Return a region as it is said shortest: circles in the words that they were made from."""
    if isinstance(region, Region) and region.source.startswith("within "):
        return region.source
    if isinstance(region, str):
        as_region(region)
    return region
