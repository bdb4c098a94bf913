"""The skin of the points panel: a list of places, what is asked of them, and the answer as a picture."""

from __future__ import annotations

from typing import Any

import ipywidgets

from altiflow.explore.cartography.style import EDGE, GROUPS
from altiflow.explore.widget.points import PointPicker
from altiflow.explore.widget.skin.map import MapView
from altiflow.explore.widget.skin.parts import button, named
from altiflow.explore.widget.skin.status import Shown, Status

__all__ = ["PointsView"]

_MOST = 500
"""Places that are listed."""

_SPEEDS = ("speed", "vx", "vy")


class PointsView:
    """Picks places on a map, and shows their velocity and the segments about them.

    Parameters
    ----------
    picker
        What it shows.
    map_view
        Where clicks pick places; None for a panel without a map.
    shown
        Whether picture and code stand in the panel, or elsewhere.

    Attributes
    ----------
    box
        The widget.
    is_listening
        Whether clicks on the map pick places.
    """

    def __init__(self, picker: PointPicker, map_view: MapView | None = None, *, shown: Shown = "here") -> None:
        self.picker, self._map, self.is_listening = picker, map_view, True
        self._is_showing = False
        self._filled: Any = None
        self._make_list()
        self._make_sources()
        self._make_results()
        self.status = Status(picker, self._show, shown)
        self.box = ipywidgets.VBox([*self._list_rows(), *self._source_rows(), self.status.box])
        picker.listen("found", self._draw)
        if map_view is not None:
            map_view.on_click(self._on_click)
        self._show()

    def _make_list(self) -> None:
        """Make what places are picked and changed with."""
        self.places = ipywidgets.Select(options=(), rows=6, description="")
        self.places.observe(lambda _: self._on_chosen(), "value")
        self.name = ipywidgets.Text(placeholder="name")
        self.lon = ipywidgets.Text(placeholder="-180 to 360")
        self.lat = ipywidgets.Text(placeholder="-90 to 90")
        self.add = button("add", tip="Pick the place of these degrees.")
        self.change = button("change", tip="Give the chosen place this name, longitude and latitude.")
        self.move = button("move on map", tip="The next click on the map is where the chosen place goes.")
        self.remove = button("delete", tip="Take the chosen place away.")
        self.clear = button("clear", tip="Take all places away.")
        self.file = ipywidgets.Text(placeholder="places.csv")
        self.read = button("read", tip="Add the places of a CSV or a vector file.")
        self.write = button("write", tip="Write the places as a CSV.")
        for made, action in (
            (self.add, self._on_add),
            (self.change, self._on_change),
            (self.move, self._on_move),
            (self.remove, lambda: self.picker.remove(self._chosen)),
            (self.clear, self.picker.clear),
            (self.read, lambda: self.picker.read_file(self.file.value)),
            (self.write, lambda: self.picker.write_file(self.file.value)),
        ):
            made.on_click(lambda _, action=action: action())

    def _make_sources(self) -> None:
        """Make what is asked for."""
        self.velocity = ipywidgets.Text(placeholder="cube.zarr, or http://host:port/fields/NAME")
        self.method = ipywidgets.Dropdown(options=("nearest", "linear"))
        self.segments = ipywidgets.Text(placeholder="segments.parquet, or the folder of a data set")
        self.radius = ipywidgets.BoundedFloatText(value=self.picker.radius_m / 1000, min=0.01, max=500.0, step=1.0)
        self.find_series = button("velocity in time", style="primary")
        self.find_segments = button("segments near", style="primary")
        self.find_series.on_click(lambda _: self._on_series())
        self.find_segments.on_click(lambda _: self._on_segments())

    def _make_results(self) -> None:
        """Make what results are looked at and kept with."""
        self.value = ipywidgets.Dropdown(options=())
        self.value.observe(lambda _: self._on_value(), "value")
        self.out = ipywidgets.Text(placeholder="series.zip, .csv or .parquet")
        self.save = button("save", tip="Write what is drawn; .zip has a CSV of each place.")
        self.save.on_click(lambda _: self._on_save())

    def _list_rows(self) -> list[Any]:
        return [
            named("places", self.places, tip="Click on the map to pick one."),
            named("name", self.name),
            named("longitude [°]", self.lon),
            named("latitude [°]", self.lat),
            _row(self.add, self.change, self.move, self.remove, self.clear),
            named("file of places", self.file),
            _row(self.read, self.write),
        ]

    def _source_rows(self) -> list[Any]:
        return [
            named("velocity", self.velocity),
            named("between cells", self.method),
            named("segments", self.segments),
            named("radius [km]", self.radius),
            _row(self.find_series, self.find_segments),
            named("draw", self.value),
            named("save as", self.out),
            _row(self.save),
        ]

    @property
    def _chosen(self) -> str:
        """Name of the chosen place, "" for none."""
        return str(self.places.value or "")

    def _on_click(self, lon: float, lat: float) -> None:
        if self.is_listening:
            self.picker.click(lon, lat)

    def _degrees(self) -> tuple[float, float]:
        """Return longitude and latitude that are typed; not a number where they are none."""
        values = []
        for field in (self.lon, self.lat):
            try:
                values.append(float(field.value.replace(",", ".")))
            except ValueError:
                values.append(float("nan"))
        return values[0], values[1]

    def _on_add(self) -> None:
        lon, lat = self._degrees()
        name = "" if self.name.value.strip() in self.picker.places else self.name.value
        self.picker.add(lon, lat, name)

    def _on_change(self) -> None:
        chosen, new = self._chosen, self.name.value
        moved = self.picker.move(chosen, *self._degrees())
        if moved is not None and new.strip() != chosen:
            self.picker.rename(chosen, new)

    def _on_move(self) -> None:
        self.picker.moving = self._chosen

    def _on_chosen(self) -> None:
        """Write the chosen place into its fields, once, so that what is typed there stays."""
        place = self.picker.places.get(self._chosen)
        if self._is_showing or place is None or self._filled == (self._chosen, place):
            return
        self._filled = (self._chosen, place)
        self.name.value, self.lon.value, self.lat.value = self._chosen, f"{place[0]:.6f}", f"{place[1]:.6f}"

    def _on_series(self) -> None:
        if self.velocity.value.strip():
            self.picker.set_velocity(self.velocity.value.strip())
        self.picker.method = self.method.value
        self.picker.start("velocity in time", self.picker.find_series)

    def _on_segments(self) -> None:
        if self.segments.value.strip():
            self.picker.set_segments(self.segments.value.strip())
        self.picker.radius_m = self.radius.value * 1000
        self.picker.start("segments near", self.picker.find_segments)

    def _on_value(self) -> None:
        if not self._is_showing and self.value.value:
            self._picture()

    def _on_save(self) -> None:
        write = self.picker.write_series if self.value.value in (*_SPEEDS, None) else self.picker.write_segments
        write(self.out.value)

    def _draw(self) -> None:
        """Draw what was found last."""
        found = self.picker.last
        wanted = "speed" if found == "table" else next(iter(self.picker.columns), None)
        self._show()
        self._is_showing = True
        if wanted in self.value.options:
            self.value.value = wanted
        self._is_showing = False
        self._picture()

    def _picture(self) -> None:
        told = self.picker.message
        figure = self.picker.plot(self.value.value) if self.value.value else None
        self.status.show(figure)
        if figure is not None:
            self.picker.message = told

    def _show(self) -> None:
        """Show the places, in the list and on the map."""
        self._is_showing = True
        names, before, chosen = tuple(self.picker.places)[:_MOST], tuple(self.places.options), self._chosen
        if before != names:
            self.places.options = names
            fresh = [name for name in names if name not in before]
            self.places.value = next(reversed(fresh), chosen if chosen in names else next(iter(names), None))
        options = (_SPEEDS if self.picker.series is not None else ()) + self.picker.columns
        if tuple(self.value.options) != options:
            before = self.value.value
            self.value.options = options
            if before in options:
                self.value.value = before
        self._is_showing = False
        self._on_chosen()
        busy = self.picker.work.is_running
        for made in (self.find_series, self.find_segments):
            made.disabled = busy
        if self._map is not None:
            self._map.mark(tuple(self.picker.places.values()), self._colours())

    def _colours(self) -> tuple[str, ...]:
        """Return the colours of the places on the map: those that they have in the picture."""
        picker = self.picker
        table = picker.series if picker.last == "table" else picker.segments
        drawn = [] if table is None else sorted(set(table["point"].astype(str)))
        if not 0 < len(drawn) <= len(GROUPS):
            return GROUPS
        return tuple(GROUPS[drawn.index(name)] if name in drawn else EDGE for name in picker.places)


def _row(*widgets: Any) -> Any:
    return ipywidgets.HBox(widgets, layout=ipywidgets.Layout(flex_flow="row wrap"))
