"""The whole widget: the map, its panels beside it, the picture below, and the code of all that was done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipyleaflet
import ipywidgets
import xarray as xr

from altiflow.errors import InputError
from altiflow.explore.maps.speed import log_limits
from altiflow.explore.service.fields import ServedField
from altiflow.explore.widget.maps import PLANES, Reach, SpeedTiles, field_bounds, speed_legend
from altiflow.explore.widget.points import PointPicker
from altiflow.explore.widget.search import SearchPanel, SearchQuestion
from altiflow.explore.widget.skin.map import MapView
from altiflow.explore.widget.skin.parts import STYLE, CodeBox, close_all
from altiflow.explore.widget.skin.points import PointsView
from altiflow.explore.widget.skin.search import SearchBox
from altiflow.explore.widget.skin.tracking import TrackingView
from altiflow.explore.widget.tracking import TrackingPanel
from altiflow.gridding.remap.layers import read_layer
from altiflow.readers.field import check_field

__all__ = ["Explorer"]

Floats = Any


class Explorer:
    """A map to search, read and look at altimetry and velocity, in JupyterLab or as a page of Voilà.

    Nothing is asked of a network unless a search of an archive, or its imagery, is asked for.

    Parameters
    ----------
    field
        A velocity field that lies under everything: a mosaic, a mean, a layer of a cube. None for land alone.
    source
        Where is searched first: a catalogue in a file or folder, or the address of a service; empty for the archives.
    epsg
        Projection of the map: 3413, 3031 or 3857; that of the field if it is one of them, else 3413.
    region, product
        What is asked first, as in :class:`SearchQuestion`.
    reach
        How the browser reaches the tiles of the field: at this machine, through jupyter-server-proxy, or as files
        that are written below the notebook's folder; see the documentation on hubs.
    height
        Of the map, in CSS.

    Attributes
    ----------
    search, points, tracking
        State of the panels.
    view
        The map.
    box
        The widget.

    Raises
    ------
    InputError
        If an argument means nothing, or ipyleaflet is not installed.
    FieldError
        If `field` is no velocity field.
    """

    def __init__(
        self,
        field: xr.Dataset | None = None,
        *,
        source: str = "",
        epsg: int | None = None,
        region: Any = None,
        product: str = "pairs",
        reach: Reach = "auto",
        height: str = "560px",
    ) -> None:
        checked = None if field is None else check_field(field)
        self._reach = reach
        self._tiles: SpeedTiles | None = None
        self._layer: Any = None
        self._legend = ""
        self.view = MapView(epsg=_usual_epsg(checked) if epsg is None else epsg, height=height)
        self.search = SearchPanel(SearchQuestion(product=product, region=region, source=str(source)))
        self._search_box = SearchBox(self.search, self.view)
        self._code = CodeBox()
        self.tabs = ipywidgets.Tab()
        self._panels: list[Any] = []
        self.add_panel("Search", self.search, self._search_box.box)
        self.points, self.tracking = PointPicker(), TrackingPanel()
        self._points_view = PointsView(self.points, self.view, shown="elsewhere")
        self.add_panel("Points", self.points, self._points_view.box)
        self._tracking_view = TrackingView(self.tracking, self.view, shown="elsewhere")
        self.add_panel("Tracking", self.tracking, self._tracking_view.box)
        self._lent: dict[str, Any] = {}
        self.tabs.observe(lambda _: self._on_tab(), "selected_index")
        self.box = self._frame()
        # From 0 on, the browser counts here how often the widget is seen.
        self.box._view_count, self._is_asleep = 0, False
        self.box.observe(self._on_seen, "_view_count")
        self.search.listen("found", self._on_found)
        self.search.listen("found", self._lend)
        self.view.on_projection(self._on_projection)
        if checked is not None:
            self.show_field(checked)

    def add_panel(self, title: str, panel: Any, box: Any) -> None:
        """Add a tab: its title, its logic, whose code is shown with that of the others, and its widget."""
        self._panels.append(panel)
        self.tabs.children = (*self.tabs.children, box)
        self.tabs.titles = (*self.tabs.titles[: len(self.tabs.children) - 1], title)
        for event in ("changed", "found", "drawn"):
            panel.listen(event, self._on_code)

    def _lend(self) -> None:
        """Let the points panel ask the cube and the segments of the search."""
        for name, take in (("cube", self.points.set_velocity), ("segments", self.points.set_segments)):
            held = self.search.results.get(name)
            if held is not None and held is not self._lent.get(name):
                self._lent[name] = held
                take(held, name)

    def _on_tab(self) -> None:
        """Let clicks on the map pick places while these are looked at, and show the picture of the open panel."""
        chosen = self.tabs.selected_index or 0
        self._points_view.is_listening = self.view.is_picking = self.tabs.titles[chosen] == "Points"
        for number, picture in enumerate(self._pictures):
            picture.layout.display = "flex" if number == chosen else "none"

    @property
    def code(self) -> str:
        """All calls of all panels so far, to be pasted into a script."""
        texts = [panel.code for panel in self._panels if panel.code]
        return "\n\n".join([texts[0], *(text.partition("\n\n")[2] or text for text in texts[1:])]) if texts else ""

    def show_field(self, field: xr.Dataset | None, *, layer: int = 0, look: bool = True) -> None:
        """Lay the ground speed of a layer of a velocity field under everything, None for none.

        Parameters
        ----------
        field
            A velocity field, in memory or not.
        layer
            Which layer, from 0; negative counts from the end.
        look
            Whether the map goes to where it is.

        Raises
        ------
        FieldError
            If it is no velocity field.
        InputError
            If there is no such layer, or the browser cannot reach tiles as asked for.
        """
        self._take_tiles_away()
        if field is None:
            return
        checked = check_field(field)
        limits = _limits(checked, layer)
        self._tiles = SpeedTiles(checked, layer=layer, limits=limits, reach=self._reach)
        self._legend = speed_legend(limits, _plain_unit(str(checked.attrs["units"])))
        self._lay_tiles()
        if look:
            self.view.look_at(field_bounds(checked, self.view.plane.epsg))

    def close(self) -> None:
        """End the server of tiles and what still runs, and let go of the widget."""
        for panel in self._panels:
            panel.work.give_up()
        self._take_tiles_away()
        close_all(self.box)

    def _frame(self) -> Any:
        """Return the widget."""
        layout = ipywidgets.Layout
        projections = ipywidgets.ToggleButtons(
            options={f"{plane.title}": epsg for epsg, plane in PLANES.items()},
            value=self.view.plane.epsg,
            tooltips=[f"EPSG:{epsg}" for epsg in PLANES],
            style={"button_width": "auto"},
        )
        projections.observe(lambda change: self.view.set_projection(change["new"]), "value")
        apart = layout(width="auto", margin="0 0 0 16px")
        self._speed = ipywidgets.Checkbox(True, description="ice speed", indent=False, layout=apart)
        self._imagery = ipywidgets.Checkbox(
            False, description="NASA imagery (needs a network)", indent=False, layout=apart
        )
        self._image_layer: Any = None
        self._speed.observe(lambda _: self._lay_tiles(), "value")
        self._imagery.observe(lambda _: self._lay_imagery(), "value")
        self._speed.disabled = True
        top = ipywidgets.HBox(
            [projections, self._speed, self._imagery], layout=layout(flex_flow="row wrap", align_items="center")
        )
        pictures = (self._search_box.picture, self._points_view.status.picture, self._tracking_view.status.picture)
        self._pictures = tuple(ipywidgets.Box([picture]) for picture in pictures)
        self._on_tab()
        places = {
            "left": ipywidgets.VBox([top, self.view.box]),
            "panels": self.tabs,
            "pictures": ipywidgets.VBox(self._pictures),
        }
        for name, part in places.items():
            part.add_class(f"altiflow-{name}")
        middle = ipywidgets.GridBox(list(places.values())).add_class("altiflow-places")
        folded = ipywidgets.Accordion([self._code.box], titles=("The same in Python",))
        whole = ipywidgets.VBox([ipywidgets.HTML(STYLE), middle, folded], layout=layout(width="100%"))
        return whole.add_class("altiflow")

    def _on_seen(self, change: Any) -> None:
        """End the server of tiles when the widget is seen no more, as when its cell runs again; begin it when it is."""
        if self._tiles is None or (change["new"] and not self._is_asleep):
            return
        self._is_asleep = not change["new"]
        if self._is_asleep:
            self._tiles.close()
        else:
            self._lay_tiles()

    def _on_found(self) -> None:
        """Show the mean of a cube that was built."""
        mean = self.search.mean
        if mean is not None and (self._tiles is None or self._tiles.field is not mean):
            self.show_field(mean)

    def _on_code(self) -> None:
        self._code.show(self.code)

    def _on_projection(self) -> None:
        """Lay tiles of the new projection."""
        for layer in (self._layer, self._image_layer):
            self.view.remove_layer(layer)
        self._layer = self._image_layer = None
        self._lay_imagery()
        self._lay_tiles()

    def _lay_tiles(self) -> None:
        """Show the tiles of the field, or not."""
        if self._layer is not None:
            self.view.remove_layer(self._layer)
            self._layer = None
        self._speed.disabled = self._tiles is None
        is_shown = self._tiles is not None and self._speed.value
        self.view.show_legend(self._legend if is_shown else "")
        if self._tiles is None or not is_shown:
            return
        native = self._tiles.max_native_zoom
        self._layer = ipyleaflet.TileLayer(
            url=self._tiles.url(self.view.plane.epsg),
            tile_size=self.view.plane.tile_pixels,
            min_zoom=0,
            max_zoom=11,
            max_native_zoom=11 if native is None else native,
            no_wrap=True,
            name="ice speed",
            attribution="",
            opacity=0.9,
        )
        self.view.add_layer(self._layer)

    def _lay_imagery(self) -> None:
        """Show NASA's imagery, or not."""
        if self._image_layer is not None:
            self.view.remove_layer(self._image_layer)
            self._image_layer = None
        if self._imagery.value:
            self._image_layer = _imagery(self.view.plane.epsg)
            self.view.add_layer(self._image_layer)
            if self._layer is not None:
                # Speed lies on imagery, whichever came first.
                self._lay_tiles()

    def _take_tiles_away(self) -> None:
        if self._tiles is not None:
            self._tiles.close()
            self._tiles = None
        self._lay_tiles()

    def _repr_mimebundle_(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Any:
        """Return what notebooks show."""
        return self.box._repr_mimebundle_(include=include, exclude=exclude)


def _usual_epsg(field: xr.Dataset | None) -> int:
    """Return the projection of a field if the widget has it, else the one of its hemisphere."""
    if field is None:
        return 3413
    for epsg in PLANES:
        if field.attrs["crs"] == f"EPSG:{epsg}":
            return epsg
    try:
        return 3413 if field_bounds(field, 3857)[3] > 0 else 3031
    except InputError:
        return 3413


def _limits(field: xr.Dataset, layer: int) -> tuple[float, float]:
    """Return round limits of the colours of a layer, of at most some million of its cells."""
    served = ServedField("limits", field)
    count = served.dataset.sizes["time"]
    if not -count <= layer < count:
        raise InputError(f"layer={layer!r} is not there; the field has 0 to {count - 1}")
    step = [max(field.sizes[axis] // 1000, 1) for axis in ("y", "x")]
    sparse = field.isel(y=slice(None, None, step[0]), x=slice(None, None, step[1]))
    vx, vy = read_layer(sparse, layer % count, slice(None), slice(None))[:2]
    return log_limits((vx**2 + vy**2) ** 0.5) or (1.0, 10_000.0)


def _plain_unit(unit: str) -> str:
    """Return a unit as it is read on a screen.

    Examples
    --------
    >>> _plain_unit("m yr-1"), _plain_unit("km/d")
    ('m/yr', 'km/d')
    """
    length, _, time = unit.partition(" ")
    return f"{length}/{time.removesuffix('-1')}" if time.endswith("-1") else unit


def _imagery(epsg: int) -> Any:
    """Return NASA's Blue Marble as a layer, which comes from a network."""
    images = ipyleaflet.basemaps.NASAGIBS
    chosen = {3413: images.BlueMarble3413, 3031: images.BlueMarble3031, 3857: images.BlueMarble}[epsg]
    # The polar pyramids of NASA begin one zoom below those of the widget, with 8192 m.
    polar = {"tile_size": 512, "zoom_offset": -1, "min_zoom": 1, "max_native_zoom": 6} if epsg != 3857 else {}
    return ipyleaflet.TileLayer(
        url=chosen.build_url(),
        attribution=chosen.attribution,
        max_zoom=11,
        no_wrap=True,
        name="Blue Marble",
        **{"max_native_zoom": 8, **polar},
    )
