"""The skin of the tracking panel: images, the pair, its parameters, the run, and what comes of it."""

from __future__ import annotations

import html
from collections import Counter
from typing import Any

import ipywidgets

from altiflow.explore.widget.skin.map import MapView
from altiflow.explore.widget.skin.parts import TWO_LINES, button, named
from altiflow.explore.widget.skin.status import Shown, Status
from altiflow.explore.widget.tracking import LOOKS, Form, Question, TrackingPanel

__all__ = ["TrackingView"]

_MOST = 300
"""Images that are listed."""

_TITLES = ("How it is searched", "What is known", "How stable ground corrects")


class TrackingView:
    """Lists images, takes two of them and all parameters, tracks, and shows what comes of it.

    Parameters
    ----------
    panel
        What it shows.
    map_view
        Where the part to track is drawn and the images are outlined; None for a panel without a map.
    shown
        Whether picture and code stand in the panel, or elsewhere.

    Attributes
    ----------
    box
        The widget.
    fields
        Fields of the parameters by name.
    """

    def __init__(self, panel: TrackingPanel, map_view: MapView | None = None, *, shown: Shown = "here") -> None:
        self.panel, self._map, self._is_showing = panel, map_view, False
        self._rows: list[int] = []
        self._make_images()
        self._make_parameters()
        self._make_results()
        self.status = Status(panel, self._show, shown)
        self.box = ipywidgets.VBox(
            [self._images, self._pair, self._parameters, self._running, self._results, self.status.box]
        )
        panel.listen("found", self._on_found)
        if map_view is not None:
            map_view.on_drawn(panel.set_region)
        self._show()

    def _make_images(self) -> None:
        """Make what images are listed and chosen with."""
        self.files = ipywidgets.Textarea(placeholder="a folder, or files and addresses, a line each", rows=2)
        self.list_files = button("list", tip="List the images of the folder, or those named.", style="primary")
        self.list_files.on_click(lambda _: self._on_list())
        self.service = ipywidgets.Text(placeholder="address of a STAC service; a public one if empty")
        self.collection = ipywidgets.Text(placeholder="sentinel-2-l2a")
        self.start = ipywidgets.Text(placeholder="2016-07-01")
        self.end = ipywidgets.Text(placeholder="2016-08-31")
        self.cloud = ipywidgets.Text(placeholder="0 to 100, all if empty")
        self.search = button("search", tip="List the images of the service over the region that is drawn.")
        self.search.on_click(lambda _: self._on_search())
        searching = ipywidgets.Accordion(
            [
                ipywidgets.VBox(
                    [
                        named("service", self.service),
                        named("collection", self.collection),
                        named("from", self.start),
                        named("to", self.end),
                        named("most cloud [%]", self.cloud),
                        self.search,
                    ]
                )
            ],
            titles=("Search a service, over the region drawn on the map",),
            selected_index=None,
        )
        self._images = ipywidgets.VBox([named("images", self.files), self.list_files, searching])
        self.first = ipywidgets.Select(options=(), rows=6)
        self.second = ipywidgets.Select(options=(), rows=6)
        self.first.observe(lambda _: self._on_pick(), "value")
        self.second.observe(lambda _: self._on_pick(), "value")
        self.refused = ipywidgets.HTML("")
        self.window = ipywidgets.HTML("", layout=ipywidgets.Layout(min_height=TWO_LINES))
        self.dates = ipywidgets.Text(placeholder="2016-07-18, 2016-08-03")
        self.dates.continuous_update = False
        self.dates.observe(lambda _: self._on_dates(), "value")
        self._pair = ipywidgets.VBox(
            [
                named("first image", self.first),
                named("second image", self.second),
                self.refused,
                named("dates", self.dates),
                self.window,
            ]
        )

    def _make_parameters(self) -> None:
        """Make a field for every parameter, with its help out of the library."""
        self.fields: dict[str, Any] = {}
        parts = [self._section(form) for form in (self.panel.parameters, self.panel.plan, self.panel.rule)]
        chapters = ipywidgets.Accordion(parts, titles=_TITLES, selected_index=None)
        self.file = ipywidgets.Text(placeholder="parameters.json")
        self.load, self.keep = button("read"), button("write")
        self.load.on_click(lambda _: self.panel.read_parameters(self.file.value.strip()))
        self.keep.on_click(lambda _: self.panel.write_parameters(self.file.value))
        self._parameters = ipywidgets.VBox(
            [chapters, named("parameters", self.file), ipywidgets.HBox([self.load, self.keep])]
        )

    def _section(self, form: Form[Any]) -> Any:
        """Return the fields of a form."""
        rows, told = [], []
        for question in form.questions.values():
            field = _field(question, form.answers()[question.name])
            self.fields[question.name] = field
            field.observe(lambda _, name=question.name: self._on_answer(name), "value")
            row = named(question.label, field, tip=question.help)
            row.children[0].layout.width = "136px"
            rows.append(row)
            told.append(f"<dt><b>{html.escape(question.label)}</b></dt><dd>{html.escape(question.help)}</dd>")
        text = f"<details><summary>What these mean</summary><dl class='altiflow-note'>{''.join(told)}</dl></details>"
        return ipywidgets.VBox([*rows, ipywidgets.HTML(text)])

    def _make_results(self) -> None:
        """Make what a run is begun, looked at and kept with."""
        self.run = button("track", tip="Track the pair.", style="primary")
        self.run.on_click(lambda _: self.panel.start("tracking", self.panel.run))
        self._running = self.run
        self.look = ipywidgets.Dropdown(options=LOOKS)
        self.look.observe(lambda _: self._on_look(), "value")
        self.ground = button("stable ground", tip="How velocity gathers and scatters on land.")
        self.ground.on_click(lambda _: self.panel.measure_ground())
        self.out = ipywidgets.Text(placeholder=".nc, .png, .tif, .kmz, or a folder of GeoTIFFs")
        self.save = button("save", tip="Write the velocity; nothing is replaced.")
        self.save.on_click(lambda _: self.panel.write(self.out.value))
        self._results = ipywidgets.VBox(
            [named("look", self.look), named("save as", self.out), ipywidgets.HBox([self.save, self.ground])]
        )

    def _on_list(self) -> None:
        text = self.files.value
        self.panel.start("listing images", lambda: self.panel.list_files(text))

    def _on_search(self) -> None:
        try:
            cloud = float(self.cloud.value) if self.cloud.value.strip() else None
        except ValueError:
            cloud = float("nan")
        asked = {"source": self.service, "collection": self.collection, "start": self.start, "end": self.end}
        texts = {name: field.value.strip() for name, field in asked.items()}
        self.panel.start("searching images", lambda: self.panel.search(max_cloud=cloud, **texts))

    def _on_pick(self) -> None:
        if self._is_showing or self.first.value is None:
            return
        second = self.second.value if self.first.value == self.panel.first else None
        if not self.panel.choose(self.first.value, second):
            self._show()

    def _on_dates(self) -> None:
        first, _, second = self.dates.value.partition(",")
        self.panel.set_dates(first, second)

    def _on_answer(self, name: str) -> None:
        if not self._is_showing:
            self.panel.set(name, self.fields[name].value)
            self._show()

    def _on_look(self) -> None:
        if not self._is_showing and self.panel.granule is not None:
            self._picture()

    def _on_found(self) -> None:
        """Show what was found last: images, or a velocity."""
        if self.panel.granule is None:
            if self._map is not None and self.panel.scenes is not None:
                self._map.show_footprints(self.panel.scenes)
            return
        self._picture()

    def _picture(self) -> None:
        told = self.panel.message
        figure = self.panel.plot(self.look.value)
        self.status.show(figure)
        if figure is not None:
            self.panel.message = told

    def _show(self) -> None:
        """Show the state of the panel."""
        self._is_showing = True
        self._show_images()
        for name, field in self.fields.items():
            value, question = self.panel.answers[name], self.panel.questions[name]
            shown = value if question.kind == "word" else question.shown(value)
            if field.value != shown:
                field.value = shown
        busy, panel = self.panel.work.is_running, self.panel
        self.run.disabled = busy or panel.second is None
        self.list_files.disabled = self.search.disabled = busy
        without = panel.granule is None
        self.save.disabled = self.ground.disabled = self.look.disabled = without
        self.status.say("\n".join(panel.describe_result()))
        if without and not busy:
            self.status.picture.layout.display = "none"
        self._is_showing = False

    def _show_images(self) -> None:
        """Show the images, those that can be the second one, and why others cannot."""
        lines, reasons = self.panel.describe_scenes(), self.panel.partners()
        options = [(line, number) for number, line in enumerate(lines)][:_MOST]
        if list(self.first.options) != options:
            self.first.options = options
        self.first.value = self.panel.first
        chosen = self.panel.first is not None
        partners = [(line, number) for (line, number) in _fitting(lines, reasons) if chosen][:_MOST]
        if list(self.second.options) != partners:
            self.second.options = partners
        self.second.value = self.panel.second
        self.refused.value = _refusals(reasons) if chosen else _left_out(len(lines))
        self.window.value = f"<div class='altiflow-note'>{html.escape(self.panel.window)}</div>"


def _fitting(lines: list[str], reasons: list[str]) -> list[tuple[str, int]]:
    """Return the images that can be the second one, with their numbers."""
    return [(line, number) for number, (line, reason) in enumerate(zip(lines, reasons, strict=True)) if not reason]


def _field(question: Question, value: Any) -> Any:
    """Return the field of a question."""
    if question.kind == "word":
        return ipywidgets.Dropdown(options=question.words, value=value, tooltip=question.help)
    empty = "empty: " + (question.shown(question.default) or "left open")
    return ipywidgets.Text(
        value=question.shown(value), placeholder=empty, continuous_update=False, tooltip=question.help
    )


def _refusals(reasons: list[str]) -> str:
    """Return why images cannot be the second one, and how many, as HTML."""
    counts = Counter(reason for reason in reasons if reason and reason != "it is the first image")
    if not counts:
        return ""
    items = "".join(f"<li>{count:,}: {html.escape(reason)}</li>" for reason, count in counts.most_common(8))
    return (
        f"<details class='altiflow-note'><summary>{sum(counts.values()):,} cannot</summary><ul>{items}</ul></details>"
    )


def _left_out(count: int) -> str:
    """Return how many images are not shown, as HTML."""
    return "" if count <= _MOST else f"<div class='altiflow-note'>the first {_MOST} of {count:,}; search less</div>"
