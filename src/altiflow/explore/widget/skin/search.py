"""What the search panel looks like: fields, buttons, counts, and what is made of what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets

from altiflow.errors import InputError
from altiflow.explore.widget.search import SearchPanel
from altiflow.explore.widget.skin.map import MapView
from altiflow.explore.widget.skin.parts import TWO_LINES, bars, button, named, note, png_of
from altiflow.region import Region, as_region

__all__ = ["SearchBox"]

_PRODUCTS = {
    "image pairs of ice velocity": "pairs",
    "ATL10 sea ice freeboard": "ATL10",
    "ATL07 sea ice height": "ATL07",
    "ATL06 land ice height": "ATL06",
    "ATL11 land ice height change": "ATL11",
}
_MISSIONS = {"any": "", "Landsat": "landsat", "Sentinel-1": "sentinel1", "Sentinel-2": "sentinel2"}
_PICTURES = {
    "map of footprints": "footprints",
    "counts per year": "counts",
    "mean speed of the cube": "speed",
    "length of track read": "track",
}
_TEXTS = ("start", "end", "months", "source")
_NUMBERS = ("min_separation", "max_separation", "percent_valid_pixels")


class SearchBox:
    """The search panel as ipywidgets.

    Parameters
    ----------
    panel
        Its logic.
    view
        Map on which regions are drawn and footprints shown.

    Attributes
    ----------
    box
        The widget.
    picture
        The figure drawn last, to be put where there is room.
    """

    def __init__(self, panel: SearchPanel, view: MapView) -> None:
        self.panel, self.view = panel, view
        self.picture = ipywidgets.Image(
            format="png", layout=ipywidgets.Layout(max_width="min(100%, 860px)", display="none")
        )
        self._shown: Any = None
        self._told = ""
        self._fields = _make_fields()
        self._actions = _make_actions()
        self._place = ipywidgets.HTML()
        self._forget = button("No region", tip="Take what is drawn away.")
        self._forget.layout.flex = "0 0 auto"
        self._message = ipywidgets.HTML(note("Draw a polygon or a point on the map, or type a region; then search."))
        self._progress = ipywidgets.FloatProgress(min=0.0, max=1.0, layout=ipywidgets.Layout(width="100%"))
        self._facets = ipywidgets.HTML()
        self.box = ipywidgets.VBox(self._rows(), layout=ipywidgets.Layout(width="100%"))
        self._connect()
        self._on_changed()
        if panel.question.region is not None:
            view.show_region(as_region(panel.question.region))
        self._on_work()

    def _rows(self) -> list[Any]:
        """Return the panel from top to bottom."""
        fields, actions, row = self._fields, self._actions, ipywidgets.HBox
        self._of_pairs = ipywidgets.VBox(
            [
                named("separation [d]", row([fields["min_separation"], fields["max_separation"]])),
                named("valid pixels [%]", fields["percent_valid_pixels"]),
                named("months", fields["months"]),
                named("mission", fields["mission"]),
            ]
        )
        filters = ipywidgets.VBox(
            [
                named("months", actions["months"]),
                named("mission", actions["mission"]),
                named("a year at most", actions["cap"]),
                actions["filter"],
            ]
        )
        folded = ipywidgets.Accordion([filters], titles=("Filter what is found",))
        self._of_found = ipywidgets.VBox(
            [
                self._facets,
                folded,
                named("folder", row([actions["folder"], actions["download"]])),
                named("cell [m]", row([actions["cell"], actions["cube"], actions["read"]])),
                named("picture", row([actions["kind"], actions["plot"]])),
            ]
        )
        return [
            named("product", fields["product"]),
            named("region", fields["region"], tip="west,south,east,north, or within 20 km of -49.5,69.2"),
            row([self._place, self._forget], layout=ipywidgets.Layout(align_items="center", min_height=TWO_LINES)),
            named("from, to", row([fields["start"], fields["end"]])),
            self._of_pairs,
            named("source", fields["source"], tip="a file, folder or address; empty for the archives"),
            row([actions["search"], actions["stop"]]),
            self._progress,
            self._message,
            self._of_found,
        ]

    def _connect(self) -> None:
        """Let fields, buttons, the map and the panel hear of each other."""
        for name in (*_TEXTS, *_NUMBERS, "product", "mission"):
            self._fields[name].observe(partial(self._on_field, name), "value")
        self._fields["region"].observe(self._on_typed, "value")
        self.view.on_drawn(self._on_drawn)
        self.view.on_refused(lambda reason: self._say(reason, is_bad=True))
        self._forget.on_click(lambda _: self._on_forgotten())
        panel, actions = self.panel, self._actions
        begin: dict[str, tuple[str, Callable[[], Any]]] = {
            "search": ("search", panel.search),
            "filter": ("filter", self._filter),
            "read": ("reading", panel.read),
            "download": ("download", lambda: panel.download(actions["folder"].value)),
            "cube": ("cube", lambda: panel.build_cube(epsg=self._cube_epsg(), cell=actions["cell"].value)),
            "plot": ("picture", self._plot),
        }
        for name, (title, action) in begin.items():
            actions[name].on_click(partial(self._begin, title, action))
        actions["stop"].on_click(lambda _: panel.work.give_up())
        panel.listen("changed", self._on_changed)
        panel.listen("found", self._on_found)
        panel.listen("failed", self._on_failed)
        panel.work.listen("changed", self._on_work)

    def _begin(self, title: str, action: Callable[[], Any], _: Any) -> None:
        self.panel.start(title, action)

    def _on_field(self, name: str, change: Any) -> None:
        """Take what a field says into the question."""
        value = change["new"]
        if name in _NUMBERS:
            value = _number(value)
        self.panel.question = replace(self.panel.question, **{name: value})

    def _on_typed(self, change: Any) -> None:
        """Take a region that is typed; it is looked at when it is searched."""
        text = str(change["new"]).strip()
        self.panel.question = replace(self.panel.question, region=text or None)
        self.view.clear_drawn()
        self.view.show_region(_region_of(text))

    def _on_drawn(self, region: Region | None) -> None:
        if region is not None and self._fields["region"].value:
            self._fields["region"].value = ""
            # What was typed took what is drawn away.
            self.view.show_region(region)
        self.panel.set_region(region)

    def _on_forgotten(self) -> None:
        self.view.clear_drawn()
        self.view.show_region(None)
        self.panel.set_region(None)

    def _cube_epsg(self) -> int:
        """Return the projection of a cube: that of the map if it is polar, else that of the hemisphere."""
        if self.view.plane.proj4:
            return self.view.plane.epsg
        table = self.panel.table
        return 3031 if table is not None and table.total_bounds[3] < 0 else 3413

    def _filter(self) -> Any:
        actions = self._actions
        cap = int(actions["cap"].value) or None
        return self.panel.filter(months=actions["months"].value, mission=actions["mission"].value, cap=cap)

    def _plot(self) -> None:
        """Draw the picture that is chosen."""
        figure = self.panel.plot(self._actions["kind"].value)
        if figure is not None:
            self.picture.value = png_of(figure)
            self.picture.layout.display = ""
            self._say(self._told)

    def _on_changed(self) -> None:
        """Show the question."""
        question = self.panel.question
        for name in (*_TEXTS, "product", "mission"):
            self._fields[name].value = getattr(question, name)
        for name in _NUMBERS:
            value = getattr(question, name)
            if _number(self._fields[name].value) != value:
                self._fields[name].value = "" if value is None else str(value).removesuffix(".0")
        self._of_pairs.layout.display = "" if question.is_pairs else "none"
        for name in ("cube", "cell"):
            self._actions[name].layout.display = "" if question.is_pairs else "none"
        if isinstance(question.region, str):
            self._fields["region"].value = question.region
        is_drawn = isinstance(question.region, Region)
        self._place.value = note(_place_text(question.region)) if is_drawn else ""
        # Its room stays: typing a region takes it away, and what is pressed next must not move meanwhile.
        self._forget.layout.visibility = "visible" if is_drawn else "hidden"

    def _on_found(self) -> None:
        """Show what is found."""
        table = self.panel.table
        told = self.panel.message
        if table is not None and table is not self._shown:
            shown = self.view.show_footprints(table)
            told += f"; the map shows {shown:,} of {len(table):,}" if shown < len(table) else ""
            self._shown = table
        self._facets.value = bars(self.panel.counts)
        self._of_found.layout.display = "" if table is not None else "none"
        self._told = told
        self._say(told)

    def _on_failed(self) -> None:
        if self.panel.table is None:
            self.view.show_footprints(None)
            self._shown, self._facets.value, self._told = None, "", ""
        self._say(self.panel.message, is_bad=True)

    def _say(self, text: str, *, is_bad: bool = False) -> None:
        self._message.value = note(text, is_bad=is_bad)

    def _on_work(self) -> None:
        """Show how far it is, and let nothing else begin meanwhile."""
        work = self.panel.work
        for name, widget in self._actions.items():
            if isinstance(widget, ipywidgets.Button):
                widget.disabled = work.is_running != (name == "stop")
        self._progress.layout.visibility = "visible" if work.is_running else "hidden"
        self._progress.description = work.step or work.title
        self._progress.value = work.done / work.total if work.total else 0.0
        if self.panel.table is None:
            self._of_found.layout.display = "none"


def _make_fields() -> dict[str, Any]:
    """Return the fields of the question by its names."""
    text = partial(ipywidgets.Text, continuous_update=False)
    return {
        "product": ipywidgets.Dropdown(options=_PRODUCTS),
        "region": text(placeholder="west,south,east,north or drawn on the map"),
        "start": text(placeholder="2015", layout=ipywidgets.Layout(width="50%", min_width="60px")),
        "end": text(placeholder="2019-06-30", layout=ipywidgets.Layout(width="50%", min_width="60px")),
        "min_separation": text(placeholder="least", layout=ipywidgets.Layout(width="50%", min_width="60px")),
        "max_separation": text(placeholder="most", layout=ipywidgets.Layout(width="50%", min_width="60px")),
        "percent_valid_pixels": text(placeholder="least, 0 to 100"),
        "months": text(placeholder="such as Nov-Feb; empty for all"),
        "mission": ipywidgets.Dropdown(options=_MISSIONS),
        "source": text(placeholder="file, folder or address; empty: archives"),
    }


def _make_actions() -> dict[str, Any]:
    """Return buttons, and the fields that belong to them."""
    text = partial(ipywidgets.Text, continuous_update=False)
    wide = ipywidgets.Layout(flex="1 1 auto", width="auto", min_width="60px")
    return {
        "search": button("Search", style="primary"),
        "stop": button("Give up", tip="end after the step that is done now"),
        "months": text(placeholder="such as Nov-Feb; empty for all"),
        "mission": ipywidgets.Dropdown(options=_MISSIONS),
        "cap": ipywidgets.BoundedIntText(value=0, min=0, max=100_000, tooltip="0 for all"),
        "filter": button("Filter"),
        "folder": text(placeholder="data/velocity", layout=wide),
        "download": button("Download"),
        "cell": ipywidgets.Dropdown(options=[120, 240, 480, 960], value=240, layout=ipywidgets.Layout(width="76px")),
        "cube": button("Build cube"),
        "read": button("Read"),
        "kind": ipywidgets.Dropdown(options=_PICTURES, layout=wide),
        "plot": button("Draw"),
    }


def _region_of(text: str) -> Region | None:
    """Return the region that is typed, None for none or if it means nothing, as a search will say."""
    try:
        return as_region(text) if text else None
    except InputError:
        return None


def _number(text: str) -> float | str | None:
    """Return a number that was typed, None where nothing was; what is no number as it is, for the search to refuse."""
    plain = text.strip()
    try:
        return float(plain) if plain else None
    except ValueError:
        return plain


def _place_text(region: Region) -> str:
    """Return a drawn region in words."""
    west, south, east, north = region.bounds
    return f"{region.source}: {west:.2f} to {east:.2f} °E, {south:.2f} to {north:.2f} °N"
